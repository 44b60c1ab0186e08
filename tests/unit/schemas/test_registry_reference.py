"""docs/reference/registry.md says what the schemas say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from neurocaas_ci import schemas
from neurocaas_ci.registry.parse import parse
from neurocaas_ci.schemas.check import check

_TEXT = (Path(__file__).parents[3] / "docs" / "reference" / "registry.md").read_text()
_SECTIONS = re.split(r"^## ", _TEXT, flags=re.MULTILINE)


def _section(kind: str) -> str:
    marker = f"schema: neurocaas/{kind}/v1"
    (found,) = [part for part in _SECTIONS if marker in part]
    return found


def _keys(schema: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, bool, str]]:
    for name, rule in schema["properties"].items():
        if rule is False:
            continue
        yield prefix + name, name in schema.get("required", ()), rule.get("description", "")
        items = rule.get("items", {})
        if rule.get("type") == "object" and rule.get("properties"):
            yield from _keys(rule, f"{prefix}{name}.")
        elif items.get("properties"):
            yield from _keys(items, f"{prefix}{name}[].")


@pytest.mark.parametrize("kind", schemas.KINDS)
def test_the_tables_have_all_keys_and_no_others(kind: str) -> None:
    rows = re.findall(r"^\| `([^`]+)` \| (yes|) \| .+ \| (.*) \|$", _section(kind), re.MULTILINE)
    assert [(name, needed == "yes", text) for name, needed, text in rows] == list(
        _keys(schemas.load(kind))
    )


@pytest.mark.parametrize("kind", schemas.KINDS)
def test_the_examples_are_valid(kind: str) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", _section(kind), re.DOTALL)
    document, findings = parse("example.yaml", example.encode())
    assert findings == ()
    assert check(schemas.load(kind), document.data) == []
