from __future__ import annotations

import time
import tracemalloc

import pytest

from neurocaas_ci.model.finding import Location
from neurocaas_ci.registry.decode import MAX_BYTES
from neurocaas_ci.registry.parse import parse


def _rules(content: bytes) -> list[tuple[str, int, int]]:
    _, findings = parse("f.yaml", content)
    assert all(f.fix and f.message for f in findings)
    return [(f.rule, f.location.line, f.location.column) for f in findings]


def test_every_key_and_value_has_its_place() -> None:
    document, findings = parse("f.yaml", b"a: 1\nb:\n  - x\n  - {c: [2, 'd']}\n'e/~': \"f\"\n")
    assert findings == ()
    assert document.data == {"a": 1, "b": ["x", {"c": [2, "d"]}], "e/~": "f"}
    assert document.locate() == Location("f.yaml", 1, 1)
    assert document.locate(["a"]) == Location("f.yaml", 1, 4, "/a")
    assert document.locate(["a"], key=True) == Location("f.yaml", 1, 1, "/a")
    assert document.locate(["b", 1, "c", 1]) == Location("f.yaml", 4, 13, "/b/1/c/1")
    assert document.locate(["b", 1, "c"], key=True) == Location("f.yaml", 4, 6, "/b/1/c")
    assert document.locate(["e/~"]) == Location("f.yaml", 5, 8, "/e~1~0")


def test_a_pointer_that_leads_nowhere_gives_the_deepest_place_on_the_way() -> None:
    document, _ = parse("f.yaml", b"a:\n  b: [1]\n")
    assert document.locate(["a", "b", 7, "x"]) == Location("f.yaml", 2, 6, "/a/b")
    assert document.locate(["a", 0]) == Location("f.yaml", 2, 3, "/a")
    assert parse("f.yaml", b"")[0].locate(["a"]) == Location("f.yaml")


def test_columns_count_characters_and_a_byte_order_mark_counts_nothing() -> None:
    document, findings = parse("f.yaml", "\ufeffä: {ö: 日本, b: 1}\r\nc: 2\r\n".encode())
    assert findings == ()
    assert document.locate(["ä", "b"]) == Location("f.yaml", 1, 15, "/ä/b")
    assert document.locate(["c"]) == Location("f.yaml", 2, 4, "/c")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", [("NC-F005", 1, 1)]),
        (b"# only a comment\n", [("NC-F005", 1, 1)]),
        (b"a: 1\n---\nb: 2\n", [("NC-F005", 2, 1)]),
        (b"a: \xff\n", [("NC-F003", 1, 4)]),
        ("a: é".encode("latin-1"), [("NC-F003", 1, 4)]),
        ("a: b\n".encode("utf-16"), [("NC-F003", 1, 1)]),
        (b"a: b\x00\n", [("NC-F003", 1, 5)]),
        (b"a: 1\nb: \x1b[31m\n", [("NC-F003", 2, 4)]),
        ("a: x\u202ey\n".encode(), [("NC-F003", 1, 5)]),
        (b"a: [1, 2\nb: 3\n", [("NC-F004", 2, 2)]),
        (b"a: b: c\n", [("NC-F004", 1, 5)]),
        (b"\ta: 1\n", [("NC-F004", 1, 1)]),
        (b"a: 'open\n", [("NC-F004", 2, 1)]),
        (b"a: 1\nb: 2\na: 3\n", [("NC-F006", 3, 1)]),
        (b"{a: {x: 1, x: [2, {y: 3}]}, a: 2}", [("NC-F006", 1, 12), ("NC-F006", 1, 29)]),
        (b"1: a\n", [("NC-F007", 1, 1)]),
        (b"true: a\n~: b\n", [("NC-F007", 1, 1), ("NC-F007", 2, 1)]),
        (b"? [a]\n: b\n", [("NC-F007", 1, 3)]),
        (b"? {a: b}\n: c\n", [("NC-F007", 1, 3)]),
        (b"a: &x 1\n*x : 2\n", [("NC-F007", 2, 1)]),
        (b"a: &x {b: 1}\nc:\n  <<: *x\n", [("NC-F007", 3, 3)]),
        (b"on: 1\n", [("NC-F007", 1, 1)]),
        (b"a: no\nb: 1:30\nc: 0777\n", [("NC-F008", 1, 4), ("NC-F008", 2, 4), ("NC-F008", 3, 4)]),
        (
            b"a: .nan\nb: [1, -.inf]\nc: 1e999\n",
            [("NC-F009", 1, 4), ("NC-F009", 2, 8), ("NC-F009", 3, 4)],
        ),
        (b"a: !!python/object:os.system x\n", [("NC-F010", 1, 4)]),
        (b"a: !!timestamp 2001-01-01\nb: !x {}\n", [("NC-F010", 1, 4), ("NC-F010", 2, 4)]),
        (b"a: !!int 'x'\n", [("NC-F010", 1, 4)]),
        (b"a: *x\n", [("NC-F011", 1, 4)]),
        (b"a: &x [*x]\n", [("NC-F011", 1, 8)]),
        (b"[" * 60 + b"]" * 60, [("NC-F012", 1, 51)]),
        (b"x" * (MAX_BYTES + 1), [("NC-F002", 1, 1)]),
    ],
)
def test_what_is_wrong_with_a_file_has_a_rule_and_a_place(
    content: bytes, expected: list[tuple[str, int, int]]
) -> None:
    assert _rules(content) == expected


def test_quotes_make_text_of_everything() -> None:
    document, findings = parse("f", b"""{a: "no", b: '1:30', "1": ".nan", c: !!str 5, d: ! 6}""")
    assert findings == ()
    assert document.data == {"a": "no", "b": "1:30", "1": ".nan", "c": "5", "d": "6"}


def test_the_first_of_two_equal_keys_counts() -> None:
    document, _ = parse("f", b"a: 1\na: {x: [1, 2]}\nb: 3\n")
    assert document.data == {"a": 1, "b": 3}


def test_small_aliases_are_expanded_where_they_stand() -> None:
    document, findings = parse("f", b"a: &x {k: [1, 2]}\nb: *x\nc: [*x, &y t, *y]\n")
    assert findings == ()
    assert document.data["c"] == [{"k": [1, 2]}, "t", "t"]
    assert document.locate(["b", "k", 1]).line == 1


_LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
)

HOSTILE = {
    "billion laughs": _LAUGHS.encode(),
    "open brackets": b"[" * 999_999,
    "open braces": b"{a: " * 249_999,
    "nested dashes": b"- " * 499_999,
    "nested questions": b"? " * 499_999,
    "many anchors": b"".join(b"- &a%d x\n" % i for i in range(70_000)),
    "many aliases": b"- &a x\n" + b"- *a\n" * 190_000,
    "many values": b"- x\n" * 249_999,
    "many documents": b"---\n" * 249_999,
    "long plain": b"a: " + b"x" * 999_000,
    "long quoted": b'a: "' + b"\\n" * 499_000 + b'"',
    "unclosed quote": b'a: "' + b"x\n" * 499_000,
    "long key": b"x" * 999_000 + b": 1",
    "digits": b"a: " + b"9" * 999_000,
    "dots": b"a: " + b"1." * 499_000,
    "colons": b"a: " + b"1:" * 499_000,
    "underscores": b"a: 1" + b"_1" * 490_000,
    "comments": b"#\n" * 499_000,
    "tags": b"- !<" + b"x" * 900_000 + b"> a",
    "same tags": b"- !!x y\n" * 120_000,
    "duplicate keys": b"a: 1\n" * 199_000,
    "control characters": b"\x01" * 999_000,
    "spaces": b" " * 999_000,
    "tabs": b"a:\t" * 300_000,
    "commas": b"[" + b"," * 999_000,
    "directive": b"%YAML 9.9\n---\na: 1\n",
    "tag directives": b"%TAG !a! tag:x\n" * 60_000 + b"---\na",
    "block scalar": b"a: |\n" + b" x\n" * 330_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_cost_bounded_time_and_memory(name: str) -> None:
    content = HOSTILE[name]
    assert len(content) <= MAX_BYTES
    tracemalloc.start()
    start = time.process_time()
    _, findings = parse("f", content)
    spent = time.process_time() - start
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert spent < 10
    assert peak < 200e6
    assert len(findings) <= 101
    accepted = {"long plain", "long quoted", "many anchors", "block scalar", "dots"}
    assert bool(findings) == (name not in accepted)


@pytest.mark.parametrize(
    ("text", "read"),
    [("-999999999999999999", True), ("999999999999999999", True), ("+1", True),
     ("-1000000000000000000", False), ("1000000000000000000", False)],
)  # fmt: skip
def test_a_sign_is_no_digit(text: str, *, read: bool) -> None:
    document, findings = parse("f", text.encode())
    assert [f.rule for f in findings] == ([] if read else ["NC-F009"])
    assert document.data == (int(text) if read else 0)
