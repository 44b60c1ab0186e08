"""Laws of the loader: whatever the bytes are, it answers; what it reads is what was written."""

from __future__ import annotations

import json
import time
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurocaas_ci import schemas
from neurocaas_ci.registry.document import Node
from neurocaas_ci.registry.parse import parse
from neurocaas_ci.registry.registry import load
from neurocaas_ci.registry.tree import TreeEntry
from neurocaas_ci.schemas.check import check
from neurocaas_ci.schemas.fits import fits

_FEW = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)

_WORDS = st.sampled_from(
    [
        "no",
        "on",
        "1:30",
        "0x1f",
        "1e5",
        ".5",
        "~",
        "null",
        "true",
        "-",
        "a b",
        "<<",
        "é",
        "日本",
        "- x",
    ]
)
_texts = (
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=20) | _WORDS
)
_numbers = st.integers(-(10**17), 10**17) | st.floats(
    allow_nan=False, allow_infinity=False, width=32
)
_values = st.recursive(
    st.none() | st.booleans() | _numbers | _texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_texts, inner, max_size=4),
    max_leaves=20,
)
_TOKENS = st.lists(
    st.sampled_from(
        ["a", ": ", "\n", "  ", "- ", "[", "]", "{", "}", ",", "&x ", "*x", "!!str ", "!x ", "'", '"', "|\n",
         ">", "#", "---\n", "...\n", "%YAML 1.1\n", "? ", "\t", "no", "1:30", ".nan", "\\", "\x00", "\x1b", "é",
         "<<", "~", "0", "é\n", "\r\n", "\u2028", "@", "`"]
    ),
    max_size=60,
).map("".join)  # fmt: skip


class _OneFile:
    def __init__(self, content: bytes) -> None:
        self.content = content

    def read(self, path: str, limit: int | None = None) -> bytes | None:
        return self.content[: None if limit is None else limit + 1]

    def entries(self, prefix: str = "") -> list[TreeEntry]:
        return []


def _answers(content: bytes) -> None:
    start = time.process_time()
    for kind in schemas.KINDS:
        loaded = load(_OneFile(content), "some/file.yaml", kind, dict)
        assert (loaded.value is None) == bool(loaded.findings)
        lines = content.count(b"\n") + content.count(b"\r") + content.count("\u2028".encode()) + 1
        for finding in loaded.findings:
            assert 1 <= finding.location.line <= lines + content.count(b"\xc2\x85") + 1
            assert finding.location.column >= 1
            assert finding.message
            assert finding.fix
    assert time.process_time() - start < 5


@_FEW
@given(st.binary(max_size=300))
def test_any_bytes_get_an_answer(content: bytes) -> None:
    _answers(content)


@_FEW
@given(_TOKENS)
def test_any_sequence_of_yaml_tokens_gets_an_answer(text: str) -> None:
    _answers(text.encode())


@_FEW
@given(_values)
def test_json_is_read_as_json(value: Any) -> None:
    document, findings = parse("f", json.dumps(value, ensure_ascii=False).encode())
    # The only thing in which JSON text is refused: characters that hide what a file says.
    if not any(f.rule == "NC-F003" for f in findings):
        assert findings == ()
        assert document.data == value


def _plain(value: Any) -> bool:
    """Tell whether YAML 1.1, which wrote the file, and 1.2 agree about every scalar."""
    if isinstance(value, dict):
        return all(_plain(v) for pair in value.items() for v in pair)
    if isinstance(value, list):
        return all(map(_plain, value))
    return not isinstance(value, str) or value not in {"1e5", "0x1f"}


@_FEW
@given(_values.filter(_plain))
def test_what_another_program_writes_is_read_back(value: Any) -> None:
    text = yaml.safe_dump(value, allow_unicode=True)
    document, findings = parse("f", text.encode())
    if not any(f.rule == "NC-F003" for f in findings):
        assert [f for f in findings if f.rule not in {"NC-F007", "NC-F008"}] == []
        assert document.data == value


@_FEW
@given(_values)
def test_every_value_stands_where_its_place_says(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=1)
    document, findings = parse("f", text.encode())
    if findings:
        return
    lines = text.split("\n")

    def walk(node: Node, data: Any, steps: tuple[str | int, ...]) -> None:
        place = document.locate(steps)
        rest = "\n".join([lines[place.line - 1][place.column - 1 :], *lines[place.line :]])
        assert json.JSONDecoder().raw_decode(rest)[0] == data
        for key, child in (node.fields or {}).items():
            on_key = document.locate((*steps, key), key=True)
            line = lines[on_key.line - 1][on_key.column - 1 :]
            assert json.JSONDecoder().raw_decode(line)[0] == key
            walk(child, data[key], (*steps, key))
        for index, item in enumerate(node.items or []):
            walk(item, data[index], (*steps, index))

    if document.root is not None and not any(c in text for c in "\x85\u2028\u2029"):
        walk(document.root, document.data, ())


@_FEW
@given(st.sampled_from(schemas.KINDS), _values)
def test_any_value_is_judged_by_any_schema(kind: str, value: Any) -> None:
    issues = check(schemas.load(kind), value)
    assert all(issue.fix for issue in issues)
    assert fits(kind)(value) == (not issues)
