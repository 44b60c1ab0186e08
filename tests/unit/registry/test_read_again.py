"""A file that was just read is not parsed again, and is never taken for another."""

from __future__ import annotations

import pytest

from neurocaas_ci.registry import Registry, registry
from neurocaas_ci.registry.single import OneFile

GROUP = b"schema: neurocaas/group/v1\nname: lab\ntitle: A lab, read %d times\n"


@pytest.fixture
def parsed(monkeypatch):
    """Return the paths that are parsed from now on."""
    paths = []

    def parse(path, content):
        paths.append(path)
        return real(path, content)

    real = registry.parse
    monkeypatch.setattr(registry, "parse", parse)
    return paths


def test_the_same_bytes_at_the_same_path_are_parsed_once(parsed):
    path, content = "registry/groups/lab.yaml", GROUP % 2
    first, second = (Registry(OneFile(path, content)).group("lab") for _ in range(2))
    assert parsed == [path]
    assert second == first
    Registry(OneFile(path, GROUP % 3)).group("lab")
    Registry(OneFile("registry/groups/other.yaml", content)).group("other")
    assert parsed == [path, path, "registry/groups/other.yaml"]


def test_a_large_file_is_not_kept(parsed):
    path, content = "registry/groups/lab.yaml", GROUP % 4 + b"# " + b"x" * (1 << 16) + b"\n"
    for _ in range(2):
        Registry(OneFile(path, content)).group("lab")
    assert parsed == [path, path]
