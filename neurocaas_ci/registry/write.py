"""Data to the YAML of the registry's files, exactly as it is read back; I/O is not handled here.

PyYAML follows YAML 1.1: it reads `1e3` as text and `no` as false. The registry follows YAML 1.2.
"""

from __future__ import annotations

import json
from typing import Any

import yaml

from neurocaas_ci.registry.scalars import is_ambiguous, resolve


def dump(document: dict[str, Any]) -> bytes:
    """Return a document as the YAML of a manifest."""
    text = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text.encode()


def scalar(text: str) -> str:
    """Return a text as it stands in YAML, in quotes where it would be taken for something else."""
    return text if _is_text(text) else json.dumps(text)


def _is_text(text: str) -> bool:
    try:
        return isinstance(resolve(text), str) and not is_ambiguous(text)
    except ValueError:
        return False


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, None if _is_text(text) else "'")


_Dumper.add_representer(str, _represent_text)
