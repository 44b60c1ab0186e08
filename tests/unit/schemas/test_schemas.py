"""Our checker against `jsonschema`, and its messages."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from jsonschema import Draft7Validator

from neurocaas_ci import schemas
from neurocaas_ci.schemas.check import KEYWORDS, check
from neurocaas_ci.schemas.fits import fits, fitting

DIGEST = "ab" * 32
SOUND: dict[str, dict[str, Any]] = {
    "blueprint": {
        "schema": "neurocaas/blueprint/v1",
        "name": "demo",
        "version": "1.0.0",
        "title": "Demo",
        "summary": "Counts.",
        "subfield": "Counting",
        "references": [{"citation": "Counter 1999", "url": "https://example.org"}],
        "license": "BSD-3-Clause AND MIT",
        "maintainers": ["ada"],
        "stage": "open",
        "groups": ["lab"],
        "protocol": "parallel",
        "steps": [
            {
                "id": "count",
                "iae": "demo",
                "hardware": {"default": "m5.large", "allowed": ["m5.large"]},
                "max_runtime": "1h30m",
                "limits": {
                    "memory": "1.5GiB",
                    "cpus": 1,
                    "processes": 64,
                    "output_size": "1GB",
                    "output_files": 10,
                    "file_size": "1GB",
                    "log_size": "1MB",
                    "tmp_size": "1GB",
                },
            }
        ],
        "datasets": {"suffixes": [".npz"], "max_size": "2GB"},
        "parameters": {"type": "object"},
        "outputs": [
            {
                "path": "a/*.npz",
                "compare": {"kind": "array", "norm": "l2", "rtol": 1e-8, "atol": 0},
            },
            {"path": "b.png", "compare": {"kind": "ignore"}, "required": False},
            {"path": "c.gz", "compare": {"kind": "canonical", "format": "gzip"}},
            {
                "path": "d.csv",
                "compare": {
                    "kind": "table",
                    "format": "csv",
                    "norm": "max",
                    "atol": 1,
                    "key": ["id"],
                    "columns": {"x": {"norm": "l2", "rtol": 0, "atol": 0}, "y": {"ignore": True}},
                },
            },
        ],
        "limits": {"max_parallel": 10, "max_cost_usd": 1.5},
    },
    "iae": {
        "schema": "neurocaas/iae/v1",
        "name": "demo",
        "platform": "linux/amd64",
        "base": {"kind": "deb", "packages": ["python3.11", "libstdc++6"]},
        "python": "3.11",
        "entrypoint": ["/usr/bin/python3.11", "-I", "/iae/workflow.py"],
        "determinism": "x86-64-v3",
        "shared_wheels": ["torch"],
        "environment": {"A_B": "c"},
        "sample": "sample",
    },
    "iae-lock": {
        "schema": "neurocaas/iae-lock/v1",
        "recipe": DIGEST,
        "image": f"sha256:{DIGEST}",
        "config": DIGEST,
        "reproducible": True,
    },
    "hardware": {
        "schema": "neurocaas/hardware/v1",
        "id": "m5.large",
        "provider": "aws",
        "vcpus": 2,
        "memory": "8GiB",
        "gpus": 0,
        "price_usd_per_hour": {"standard": 0.096, "save": 0.04},
        "source": "price list",
        "date": "2026-11-23",
    },
    "user": {
        "schema": "neurocaas/user/v1",
        "login": "ada",
        "forge_id": 1,
        "name": "Ada",
        "budget_usd": 10,
        "groups": ["lab"],
    },
    "policy": {"schema": "neurocaas/policy/v1", "maintainers": ["ada"]},
    "group": {
        "schema": "neurocaas/group/v1",
        "name": "lab",
        "title": "Lab",
        "budget_usd": 10.5,
        "members": ["ada"],
        "blueprints": ["demo"],
    },
    "job": {
        "schema": "neurocaas/job/v1",
        "name": "first",
        "user": "ada",
        "group": "lab",
        "blueprint": "demo@1.0.0",
        "datasets": [{"uri": "store:one.csv", "sha256": DIGEST, "size": 10}],
        "parameters": {"anything": [1, {"x": None}]},
        "pricing": "save",
        "hardware": {"count": "m5.large"},
        "max_runtime": "30m",
        "retry_of": "ada/2026-10/zero",
        "cancelled": {"reason": "wrong"},
    },
}
_STRANGE: tuple[Any, ...] = (
    None, True, 0, -1, 1, 3.5, 1e12, "", "x", "X y", "x\ny", "3.11", "1.0.0", "2GB", "1h", "..", "/a",
    "../b", "a" * 400, [], ["x"], ["x", "x"], [1], {}, {"kind": "oci"}, {"x": 1}, "store:x", "store:x/",
    "demo@" + "a" * 40, DIGEST.upper(), "host", "deb", "open",
)  # fmt: skip


def _places(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield at
    children = value.items() if isinstance(value, Mapping) else ()
    if isinstance(value, list):
        children = enumerate(value)
    for key, child in children:
        yield from _places(child, (*at, key))


def _replaced(data: Any, at: tuple[str | int, ...], value: Any) -> Any:
    if not at:
        return copy.deepcopy(value)
    data = copy.deepcopy(data)
    inner = data
    for step in at[:-1]:
        inner = inner[step]
    inner[at[-1]] = value
    return data


def _removed(data: Any, at: tuple[str | int, ...]) -> Any:
    data = copy.deepcopy(data)
    inner = data
    for step in at[:-1]:
        inner = inner[step]
    del inner[at[-1]]
    return data


def _variants(data: Any) -> Iterator[Any]:
    yield data
    for at in _places(data):
        if at:
            yield _removed(data, at)
        for value in _STRANGE:
            yield _replaced(data, at, value)
        inside = data
        for step in at:
            inside = inside[step]
        if isinstance(inside, dict):
            yield _replaced(data, at, {**inside, "unknown": 1})


def _whole_floats(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_whole_floats, value.values()))
    if isinstance(value, list):
        return any(map(_whole_floats, value))
    return isinstance(value, float) and value.is_integer()


@pytest.mark.parametrize("kind", schemas.KINDS)
def test_the_schemas_are_draft_07_and_use_only_what_the_checker_knows(kind: str) -> None:
    schema = schemas.load(kind)
    Draft7Validator.check_schema(schema)
    assert schema["$id"] == f"urn:neurocaas:{kind}:v1"
    assert schema["additionalProperties"] is False

    def walk(part: Any) -> None:
        if not isinstance(part, Mapping):
            return
        assert set(part) <= KEYWORDS, part
        if part.get("type") == "string" and "pattern" in part:
            assert part["x-expects"]
        for key in ("properties", "definitions"):
            for child in part.get(key, {}).values():
                walk(child)
        for key in ("items", "additionalProperties", "propertyNames", "if", "then"):
            walk(part.get(key))
        for child in part.get("allOf", ()):
            walk(child)

    walk(schema)


@pytest.mark.parametrize("kind", schemas.KINDS)
def test_the_checker_agrees_with_jsonschema(kind: str) -> None:
    schema = schemas.load(kind)
    judge = Draft7Validator(schema)
    assert check(schema, SOUND[kind]) == []
    verdicts = {True: 0, False: 0}
    for data in _variants(SOUND[kind]):
        if _whole_floats(data):
            # draft-07 calls 3.0 an integer; we ask for 3.
            continue
        expected = judge.is_valid(data)
        assert (not check(schema, data)) == expected, data
        assert fits(kind)(data) == expected, data
        verdicts[expected] += 1
    assert verdicts[False] > 100
    assert verdicts[True] > 1


def test_a_definition_that_contains_itself_is_compiled() -> None:
    tree = {"type": "array", "items": {"$ref": "#/definitions/tree"}}
    test = fitting({"$ref": "#/definitions/tree"}, {"tree": tree})
    assert test([[], [[]]])
    assert not test([[], [1]])


@pytest.mark.parametrize("kind", schemas.KINDS)
def test_every_issue_says_what_to_do_without_the_words_of_a_validator(kind: str) -> None:
    for data in _variants(SOUND[kind]):
        for issue in check(schemas.load(kind), data):
            assert issue.message
            assert issue.fix
            text = issue.message + issue.fix
            assert text.isprintable()
            assert not any(
                word in text for word in ("oneOf", "is not valid under", "schema'", "None")
            )


def _texts(kind: str, **changes: Any) -> list[tuple[str, str]]:
    data = {**SOUND[kind], **changes}
    return [(issue.message, issue.fix) for issue in check(schemas.load(kind), data)]


def test_messages_are_in_plain_words() -> None:
    assert _texts("job", pricng="save") == [
        (
            "`pricng` is not a key of the file",
            "known keys: " + ", ".join(schemas.load("job")["properties"]),
        )
    ]
    data = {**SOUND["job"], "pricng": "save"}
    del data["pricing"]
    assert [i.fix for i in check(schemas.load("job"), data)] == ["did you mean `pricing`?"]
    assert _texts("job", pricing="sav") == [
        ('`pricing` is "sav", but must be `standard` or `save`', "did you mean `save`?")
    ]
    assert _texts("iae", python=3.11) == [
        (
            '`python` is 3.11, but must be a Python version in quotes, such as "3.11"',
            'write a Python version in quotes, such as "3.11"; quotes make it text',
        )
    ]
    assert _texts("job", max_runtime=30)[0][0] == (
        "`max_runtime` is 30, but must be a duration such as 90s, 30m, 1h or 1h30m"
    )
    assert _texts("user", name=None)[0][0] == "`name` is empty, but must be one line of text"
    assert _texts("iae", base={"kind": "oci", "packages": ["a1"]}) == [
        ("`packages` does not go with the other values of `base`", "remove it"),
        ("`base` has no key `image`", "add `image: ...`"),
    ]
    assert _texts("blueprint", steps=[]) == [
        ("`steps` has 0 entries, but needs at least 1", "add or remove entries")
    ]


def _compare(**compare: Any) -> list[tuple[str, str]]:
    texts = _texts("blueprint", outputs=[{"path": "a", "compare": compare}])
    where = "outputs[0].compare"
    return [(m.replace(where, "HERE"), f.replace(where, "HERE")) for m, f in texts]


@pytest.mark.parametrize(
    ("compare", "keys"),
    [
        ({"kind": "exact"}, ("format", "norm", "rtol", "atol", "key", "columns")),
        ({"kind": "ignore"}, ("format", "norm", "rtol", "atol", "key", "columns")),
        ({"kind": "canonical"}, ("norm", "rtol", "atol", "key", "columns")),
        ({"kind": "array"}, ("key", "columns")),
    ],
)
def test_each_kind_of_comparison_has_keys_of_its_own(
    compare: dict[str, Any], keys: tuple[str, ...]
) -> None:
    values = {"format": "zip", "norm": "l2", "rtol": 0, "atol": 0, "key": ["x"], "columns": {}}
    assert _compare(**compare) == []
    for key in keys:
        message = f"`{key}` does not go with the other values of `HERE`"
        assert _compare(**compare, **{key: values[key]}) == [(message, "remove it")]


def test_a_format_goes_with_its_kind() -> None:
    assert _compare(kind="canonical", format="zp") == [
        (
            (
                '`HERE.format` is "zp", but must be `gzip`, `hdf5`, `json`, `mat`, `npy`, `png`, '
                "`tar`, `xml` or `zip`"
            ),
            "did you mean `zip`?",
        )
    ]
    assert _compare(kind="array", format="npz") == []
    assert _compare(kind="table", format="npz")[0][0] == (
        '`HERE.format` is "npz", but must be `csv` or `tsv`'
    )


def test_a_column_is_ignored_or_has_a_tolerance() -> None:
    assert _compare(kind="table", columns={"x": {"ignore": True, "rtol": 1}}) == [
        ("`rtol` does not go with the other values of `HERE.columns.x`", "remove it")
    ]
    assert _compare(kind="table", columns={"x": {"rtl": 1}}) == [
        ("`rtl` is not a key of `HERE.columns.x`", "did you mean `rtol`?")
    ]


def test_a_comparison_without_a_kind_has_one_issue() -> None:
    assert [message for message, _ in _compare(rtol=1)] == ["`HERE` has no key `kind`"]


def test_the_number_of_issues_is_bounded() -> None:
    data = {**SOUND["group"], **{f"k{i}": i for i in range(5000)}}
    assert len(check(schemas.load("group"), data)) == 100


def test_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(KeyError):
        schemas.load("../secrets")


@pytest.mark.parametrize(
    ("uri", "accepted"),
    [
        ("store:a.csv", True),
        ("store:my folder/a b.csv", True),
        ("file:///data/..csv", True),
        ("https://example.org/x.npz", True),
        ("store:..", False),
        ("store:a/..", False),
        ("store:.", False),
        ("store:a/", False),
        ("store:", False),
        ("store:a\nb", False),
        ("store:a ", False),
        ("ftp://example.org/x", False),
        ("store:" + "x" * 201, False),
    ],
)
def test_a_dataset_address_ends_with_a_safe_file_name(uri: str, *, accepted: bool) -> None:
    issues = _texts("job", datasets=[{"uri": uri, "sha256": DIGEST, "size": 1}])
    assert (issues == []) == accepted
