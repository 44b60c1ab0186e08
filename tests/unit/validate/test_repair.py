"""Repairs: what they mend, that they mend nothing else, and that they refuse when in doubt."""

from __future__ import annotations

import pytest
from builder import (
    BLUEPRINT,
    ENSEMBLE,
    LINK,
    NEW_JOB,
    VALID,
    Case,
    MemoryTree,
    findings_of,
    new_job,
    put,
    sub,
)
from cases import CASES
from cases_support import ADA, LAB

from neurocaas_ci.model.finding import Finding, Rename, Replace
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.overlay import OverlayTree
from neurocaas_ci.registry.source import Source
from neurocaas_ci.registry.tree import Tree
from neurocaas_ci.validate.engine import judge
from neurocaas_ci.validate.repair import repair_all, replaced

SMALL = "registry/hardware/small.yaml"


def _edit(path: str, old: str, new: str) -> Case:
    return Case((sub(path, old, new),))


# What the loader finds; the rules' own cases are in cases.py.
LOADED = {
    "unknown key": (_edit(SMALL, "memory:", "memroy:"), SMALL, "memory: 4GB"),
    "unknown key in quotes": (_edit(SMALL, "memory:", '"memroy":'), SMALL, '"memory": 4GB'),
    "unknown key in a flow": (
        _edit(SMALL, "{standard: 1}", "{sandard: 1}"), SMALL, "price_usd_per_hour: {standard: 1}"
    ),
    "choice": (_edit(SMALL, "provider: local", "provider: locla"), SMALL, "provider: local\n"),
    "choice in quotes": (_edit(SMALL, "provider: local", "provider: 'loca'"), SMALL, "'local'\n"),
    "YAML 1.1 word": (_edit(ADA, "name: Ada", "name: No  # the name"), ADA, 'name: "No"  # the name'),
    "YAML 1.1 time": (_edit(ADA, "name: Ada", "name: 1:30"), ADA, 'name: "1:30"\n'),
    "YAML 1.1 word in a flow": (_edit(LAB, "title: Laboratory", "title: on"), LAB, 'title: "on"\n'),
    "key": (
        _edit("iae/demo/iae.yaml", "{MODE: fast}", "{MODE: fast, y: a, on: b}"),
        "iae/demo/iae.yaml",
        '{MODE: fast, y: a, "on": b}',
    ),
    "tag": (_edit(ADA, "name: Ada", "name: !who Ada"), ADA, "name: Ada\n"),
    "tag of a list": (_edit(ADA, "groups: [", "groups: !!set ["), ADA, "groups: [lab]\n"),
}  # fmt: skip
_FIXABLE = [
    (f"{rule}-{number}", bad.case)
    for rule, (bads, _) in CASES.items()
    for number, bad in enumerate(bads)
    if any(finding.repair for finding in findings_of(bad.case))
] + [(name, case) for name, (case, _, _) in LOADED.items()]


def _kinds(findings: tuple[Finding, ...]) -> set[tuple[str, str, str]]:
    return {(f.rule, f.location.path, f.message) for f in findings}


@pytest.mark.parametrize("case", [c for _, c in _FIXABLE], ids=[name for name, _ in _FIXABLE])
def test_a_repair_mends_its_finding_and_brings_no_other(case: Case) -> None:
    before = findings_of(case)
    result = repair_all(MemoryTree(case.files()), lambda tree: findings_of(case, tree))
    mended = {(f.rule, f.location.path, f.message) for f in before if f.repair}
    after = _kinds(result.findings)
    assert result.repairs >= 1
    assert not mended & after
    # A file that was not looked at before may have problems of its own.
    new = {
        finding for finding in after - _kinds(before) if finding[1] not in result.renamed.values()
    }
    assert new == set()
    assert not any(finding.repair for finding in result.findings)


@pytest.mark.parametrize("case", [c for _, c in _FIXABLE], ids=[name for name, _ in _FIXABLE])
def test_each_repair_alone_changes_only_what_it_says(case: Case) -> None:
    files = case.files()
    for finding in findings_of(case):
        repair = finding.repair
        if not isinstance(repair, Replace):
            continue
        content = files[repair.path].encode()
        fresh, count = replaced(content, [repair])
        assert count == 1
        assert replaced(fresh, [])[0] == fresh
        old, new = repair.old.encode(), repair.new.encode()
        start = next(
            i for i, (a, b) in enumerate(zip(content, fresh + b"\0" * 99, strict=False)) if a != b
        )
        # Byte for byte: one piece of the file is another one, the rest is as it was.
        assert any(
            content[at : at + len(old)] == old
            and content[:at] + new + content[at + len(old) :] == fresh
            for at in range(max(0, start - len(old)), start + 1)
        )


def test_the_families_of_repairs_are_all_there() -> None:
    rules = {name.rpartition("-")[0] for name, _ in _FIXABLE}
    assert {"NC-R001", "NC-R003", "NC-R007", "NC-U001", "NC-B014", "NC-B015", "NC-B016"} <= rules


@pytest.mark.parametrize(("case", "path", "says"), LOADED.values(), ids=LOADED)
def test_what_the_loader_mends(case: Case, path: str, says: str) -> None:
    result = repair_all(MemoryTree(case.files()), lambda tree: findings_of(case, tree))
    file = result.files[path]
    assert file is not None
    assert says in file.content.decode()
    assert result.findings == ()


def _mended(path: str, text: str) -> str:
    """Return the file after all repairs, judged alone."""
    files = {**VALID, path: text}

    def again(tree: Tree) -> tuple[Finding, ...]:
        return judge(None, Registry(tree))

    return (
        OverlayTree(MemoryTree(files), repair_all(MemoryTree(files), again).files)
        .read(path)
        .decode()
    )


def test_comments_layout_line_breaks_and_other_alphabets_survive() -> None:
    text = (
        "\ufeff# Größe: 日本\r\nschema:   neurocaas/hardware/v1   # kind\r\nid: small\r\n"
        "provider: locla\t# 日本 locla\r\nvcpus:  2\r\n\r\n\r\nmemroy: 4GB\r\n"
        "price_usd_per_hour: {standard: 1}\r\nsource: 'größer'\r\ndate: 2026-11-01"
    )
    expected = text.replace("provider: locla", "provider: local").replace("memroy", "memory")
    assert _mended(SMALL, text) == expected


def test_what_stands_before_in_the_line_may_be_any_text() -> None:
    text = VALID[LAB].replace("title: Laboratory\n", "")
    text = text.replace("schema: neurocaas/group/v1", "{schema: neurocaas/group/v1, title: 日本 é,")
    text = text.replace("\nname: lab\n", ' name: lab, "memebrs": [ada, grace],\n')
    text = text.replace("budget_usd: 100\n", "budget_usd: 100}\n").partition("members")[0]
    assert _mended(LAB, text) == text.replace("memebrs", "members")


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ("members: [grace]\n", "members: [ada, grace]\n"),
        ("members: []\n", "members: [grace, ada]\n"),
        ("members: [ # who\n  grace]\n", "members: [ada,  # who\n  grace]\n"),
        ("members:\n  - grace # first\n", "members:\n  - ada\n  - grace # first\n"),
        ("members:\r\n- grace\r\n", "members:\r\n- ada\r\n- grace\r\n"),
        ("members: &m\n  - grace\n", "members: &m\n  - grace\n"),
    ],
)
def test_a_member_is_added_in_the_style_of_the_list(members: str, expected: str) -> None:
    text = VALID[LAB].replace("members: [ada, grace]\n", members)
    assert _mended(LAB, text) == text.replace(members, expected)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("groups: [lab]\n", "groups: [lab]\n"),
        ("\ngroups: [lab]\n", "\ngroups: [lab]"),
        ("\ngroups: [lab]\n", "  # the end\n\n"),
        ("\ngroups: [lab]\n", "\r\n"),
    ],
)
def test_a_list_that_is_missing_is_added_as_the_last_line(old: str, new: str) -> None:
    text = VALID[ADA].replace(old, new)
    mended = _mended(ADA, text)
    assert Registry(MemoryTree({ADA: mended})).user("ada").value.groups == ("lab",)
    assert mended.startswith(text.rstrip())


@pytest.mark.parametrize("name", ["010", "0b11_", "1_000", "-0777", "01.5"])
def test_numbers_that_readers_disagree_about_stay_numbers(name: str) -> None:
    text = VALID[ADA].replace("budget_usd: 10", f"budget_usd: {name}")
    mended = _mended(ADA, text)
    value = Registry(MemoryTree({ADA: text})).user("ada").document.data["budget_usd"]
    assert mended == (text if not isinstance(value, str) else text.replace(name, f'"{name}"'))


@pytest.mark.parametrize(
    "text",
    [
        'schema: neurocaas/hardware/v1\nid: small\nprovider: "lo\\x63la"\n',
        "schema: neurocaas/hardware/v1\n? 'provi\n  dre'\n: local\n",
        "schema: neurocaas/hardware/v1\nmemory: !!int 5\nvcpus: !!str 5\n",
        "schema: neurocaas/hardware/v1\n*x : 1\n",
        "schema: neurocaas/hardware/v1\n<<: {a: 1}\n",
        "schema: neurocaas/hardware/v1\n: 1\n",
        "schema: neurocaas/hardware/v1\nprovider: |\n  locla\n",
        "\x00", "", "[", "\u2028", "no", "!x", "? no\n: 1\n",
    ],
)  # fmt: skip
def test_what_is_written_in_another_way_is_left_alone(text: str) -> None:
    assert _mended(SMALL, text) == text or text in {"no", "? no\n: 1\n"}


def test_a_word_between_two_known_ones_is_left_alone() -> None:
    text = VALID[SMALL].replace("memory: 4GB", "memory: 4GB\ngpu: 0\ngpuss: 0")
    findings = judge(None, Registry(MemoryTree({**VALID, SMALL: text})))
    assert [f.repair is not None for f in findings if f.rule == "NC-S001"] == [True, True]
    # Both would become `gpus`: the second one is refused by the parser, and nothing loops.
    assert _mended(SMALL, text).count("gpus:") == 2


def test_repairs_that_overlap_or_do_not_fit_are_left() -> None:
    def at(column: int, old: str, new: str) -> Replace:
        return Replace("a", 1, column, old, new)

    text = b"abcdef\n"
    assert replaced(text, [at(2, "bcd", "X"), at(3, "c", "Y"), at(5, "e", "Z")]) == (b"aXZf\n", 2)
    assert (
        replaced(text, [at(1, "abd", "X"), at(9, "a", "X"), at(0, "a", "X"), at(1, "", "X")])[1]
        == 0
    )
    assert replaced(b"\xff", [at(1, "a", "X")]) == (b"\xff", 0)
    assert Source("a\nb").offset(2, 2) == 3
    assert Source("a\nb").offset(2, 3) is None
    assert Source("a\nb").offset(3, 1) is None


def test_a_file_is_not_renamed_onto_another_one() -> None:
    case = Case((put("registry/hardware/small.yml", VALID[SMALL]),))
    assert [f.repair for f in findings_of(case)] == [None]
    case = Case((put("registry/hardware/tiny.yml", VALID[SMALL].replace("small", "tiny")),))
    assert [f.repair for f in findings_of(case)] == [
        Rename("registry/hardware/tiny.yml", "registry/hardware/tiny.yaml")
    ]


def test_nothing_outside_of_the_registry_and_no_link_is_repaired() -> None:
    files = {**VALID, "setup.py": "a\n", SMALL: f"{LINK}/etc/passwd"}
    asked = tuple(
        Finding(
            "NC-X",
            "error",
            findings_of(new_bad())[0].location,
            "m",
            "f",
            Replace(path, 1, 1, "a", "b"),
        )
        for path in ("setup.py", "registry/../setup.py", "/etc/passwd", SMALL, "registry/none.yaml")
    )
    assert repair_all(MemoryTree(files), lambda _: asked).files == {}


def new_bad() -> Case:
    return Case((new_job(("name: second", "name: third")),))


def test_repairs_that_never_end_are_stopped() -> None:
    def judge_(tree: Tree) -> list[Finding]:
        text = (tree.read(SMALL) or b"").decode()
        place = findings_of(new_bad())[0].location
        return [
            Finding(
                "NC-X", "error", place, "m", "f", Replace(SMALL, 1, 1, text[:6], f"x{text[:6]}")
            )
        ]

    result = repair_all(MemoryTree(VALID), judge_)
    assert result.repairs == 10


def test_a_version_is_raised_as_far_as_the_change_asks() -> None:
    for old, new, version in (
        ("default: 3", "default: 4", "1.0.1"),
        ("maximum: 9", "maximum: 8", "2.0.0"),
    ):
        case = Case((sub(BLUEPRINT, old, new), sub(BLUEPRINT, "1.0.0", '"1.0.0"  # now')))
        result = repair_all(
            MemoryTree(case.files()), lambda tree, case=case: findings_of(case, tree)
        )
        assert result.findings == ()
        assert f'version: "{version}"  # now' in result.files[BLUEPRINT].content.decode()
    assert NEW_JOB not in result.files
    assert ENSEMBLE not in result.files


def test_a_file_of_slips_gives_a_bounded_number_of_findings_and_repairs() -> None:
    text = "".join(f"verson{number}: no\n" for number in range(50_000))
    findings = judge(None, Registry(MemoryTree({BLUEPRINT: text})))
    assert len(findings) <= 200
    content, count = replaced(text.encode(), [f.repair for f in findings if f.repair])
    assert count == len({(f.repair.line, f.repair.column) for f in findings if f.repair})
    assert content.count(b"\n") == 50_000
