from __future__ import annotations

from pathlib import Path

import pytest
from builder import VALID, Case, MemoryTree, findings_of
from cases import CASES
from cases_support import Bad

from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.rulebook import PAGES
from neurocaas_ci.validate.catalogue import as_markdown, pages
from neurocaas_ci.validate.engine import judge, rules

_BAD = [(rule, bad) for rule, (bads, _) in CASES.items() for bad in bads]
_GOOD = [(rule, case) for rule, (_, goods) in CASES.items() for case in goods]


def test_the_registry_that_the_cases_start_from_has_no_finding() -> None:
    assert findings_of(Case()) == ()
    assert findings_of(Case(against=False)) == ()


@pytest.mark.parametrize(("rule", "bad"), _BAD)
def test_a_rule_finds_what_breaks_it(rule: str, bad: Bad) -> None:
    findings = findings_of(bad.case)
    hits = [f for f in findings if f.rule == rule and str(f.location) == bad.where]
    shown = [f"{f.location} {f.rule} {f.message}" for f in findings]
    assert len(hits) == 1, shown
    assert bad.says in hits[0].message
    assert hits[0].fix
    if bad.alone:
        assert {f.rule for f in findings} == {rule}, shown


@pytest.mark.parametrize(("rule", "case"), _GOOD)
def test_a_rule_is_silent_near_by(rule: str, case: Case) -> None:
    assert [f for f in findings_of(case) if f.rule == rule] == []


def test_every_rule_has_a_bad_and_a_good_case() -> None:
    ids = [rule.id for rule in rules()]
    assert sorted(ids) == sorted(CASES)
    assert len(ids) == len(set(ids))
    assert all(bads and goods for bads, goods in CASES.values())


def test_every_rule_has_a_page_that_says_how_to_fix_it() -> None:
    for page in pages().values():
        assert page.title, page.id
        assert "Fix: " in page.text, page.id
    assert set(PAGES) <= set(pages())


def test_the_reference_is_that_of_the_rules() -> None:
    reference = Path(__file__).parents[3] / "docs" / "reference" / "rules.md"
    assert reference.read_text() == as_markdown(), (
        "run `neurocaas explain --markdown > docs/reference/rules.md`"
    )


def test_all_problems_of_all_files_come_at_once() -> None:
    files = dict(VALID)
    for path in list(files):
        if path.startswith("registry/"):
            files[path] = files[path].replace("schema:", "scheme:", 1)
    findings = judge(None, Registry(MemoryTree(files)))
    broken = [path for path in files if path.startswith("registry/")]
    assert {f.location.path for f in findings} == set(broken)
    unknown = [f for f in findings if f.rule == "NC-S001"]
    assert {f.fix for f in unknown} == {"did you mean `schema`?"}
    assert len(unknown) == len([f for f in findings if f.rule == "NC-S002"]) == len(broken)


def test_only_changed_jobs_are_judged_unless_all_are_asked_for() -> None:
    files = {**VALID, "registry/jobs/ada/2026-11/first.yaml": "broken: [\n"}
    head = Registry(MemoryTree(files))
    assert judge(Registry(MemoryTree(files)), head, ()) == ()
    every = judge(Registry(MemoryTree(files)), head, (), every_job=True)
    assert [f.rule for f in every] == ["NC-F004"]
