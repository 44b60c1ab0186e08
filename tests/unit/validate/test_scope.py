"""A change is blamed for what it breaks, there and elsewhere, and for nothing else."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from builder import (
    BLUEPRINT,
    JOB,
    NEW_JOB,
    VALID,
    Case,
    Edit,
    MemoryTree,
    new_job,
    published,
    put,
    recipe_of,
    rm,
    sub,
)

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.changes import of_entries
from neurocaas_ci.registry.tree import TreeEntry
from neurocaas_ci.validate.engine import judge
from neurocaas_ci.validate.scope import Scope, reach, whole, within

ADA = "registry/users/ada.yaml"
LAB = "registry/groups/lab.yaml"


class Watched(MemoryTree):
    """A tree that remembers which files were read."""

    def __init__(self, files: dict[str, str]) -> None:
        super().__init__(files)
        self.seen: set[str] = set()

    def read(self, path: str, limit: int | None = None) -> bytes | None:
        self.seen.add(path)
        return super().read(path, limit)


def _files(*edits: Edit) -> dict[str, str]:
    return dict(Case(edits).files())


def _judge(before: Iterable[Edit], after: Iterable[Edit]) -> list[tuple[str, str]]:
    """Return rule and place of what the second edits add to the state after the first."""
    base, head = MemoryTree(_files(*before)), MemoryTree(_files(*before, *after))
    changes = of_entries(base.entries(), head.entries())
    findings = judge(
        Registry(base), Registry(head), changes, recipe_of=recipe_of, published=published
    )
    return [(finding.rule, finding.location.path) for finding in findings]


BROKEN = put(LAB, VALID[LAB].replace("members: [ada, grace]", "members: [ada, grace, nobody]"))


def test_an_error_of_an_untouched_file_is_not_reported() -> None:
    assert _judge([BROKEN], [new_job()]) == []
    assert _judge([BROKEN], [sub(ADA, "name: ", "name: Dr ")]) == []


def test_an_error_of_a_touched_file_is_reported_though_it_was_there() -> None:
    assert _judge([BROKEN], [sub(LAB, "title: ", "title: The ")]) == [("NC-U001", LAB)]


def test_what_a_removal_breaks_elsewhere_is_reported() -> None:
    found = _judge([], [rm(LAB)])
    assert ("NC-B005", BLUEPRINT) in found
    assert ("NC-U001", ADA) in found


def test_a_new_error_beside_an_old_one_in_an_untouched_file_is_reported() -> None:
    blueprint = sub(BLUEPRINT, "maintainers: [ada]", "maintainers: [ada, nobody]")
    found = _judge([blueprint], [rm(LAB)])
    assert ("NC-B005", BLUEPRINT) in found
    assert ("NC-B001", BLUEPRINT) not in found


def test_a_new_job_is_judged_without_reading_what_it_does_not_name() -> None:
    more = [put(f"registry/users/u{n}.yaml", VALID[ADA].replace("ada", f"u{n}")) for n in range(9)]
    base, head = Watched(_files(*more)), Watched(_files(*more, new_job()))
    changes = of_entries(base.entries(), head.entries())
    judge(Registry(base), Registry(head), changes, recipe_of=recipe_of, published=published)
    assert NEW_JOB in head.seen
    assert JOB not in head.seen
    assert not any(path.startswith("registry/users/u") for path in head.seen | base.seen)
    assert not any(path.startswith("iae/") for path in head.seen)


def test_many_jobs_are_all_judged_and_not_kept() -> None:
    text = _files(new_job())[NEW_JOB]
    files = _files()
    for number in range(2_500):
        name = f"many-{number}"
        wrong = "rounds: 500" if number in {3, 1_700, 2_499} else "rounds: 5"
        files[f"registry/jobs/ada/2026-11/{name}.yaml"] = text.replace("second", name).replace(
            "rounds: 5", wrong
        )
    registry = Registry(MemoryTree(files))
    findings = judge(None, registry, recipe_of=recipe_of, published=published)
    assert {(f.rule, f.location.path.rsplit("-", 1)[1]) for f in findings} == {
        ("NC-J009", f"{number}.yaml") for number in (3, 1_700, 2_499)
    }
    assert not [path for path in registry.loaded_paths() if "/many-" in path]


def _paths(findings: tuple[Finding, ...]) -> set[str]:
    return {finding.location.path for finding in findings}


def test_named_paths_are_judged_whether_they_changed_or_not() -> None:
    files = _files(BROKEN, sub(JOB, "rounds: 5", "rounds: 500"))
    tree = MemoryTree(files)
    both = judge(None, Registry(tree), recipe_of=recipe_of, published=published)
    assert _paths(both) == {LAB, JOB}
    for path in (LAB, JOB, "registry/groups", "registry/jobs/ada"):
        found = judge(
            Registry(tree),
            Registry(tree),
            (),
            recipe_of=recipe_of,
            published=published,
            paths=[path],
        )
        assert _paths(found) == {LAB if "groups" in path else JOB}


def test_a_scope_is_cut_down_to_what_is_wanted() -> None:
    everything = whole(Registry(MemoryTree(_files())))
    assert within(everything, [""]) == everything
    cut = within(everything, ["registry/jobs/ada", "iae/demo/src"])
    assert cut.jobs == everything.jobs
    assert cut.iaes == ("demo",)
    assert "users" not in cut.kinds
    assert within(everything, ["registry/users/ada.yaml"]).kinds == {"users", "policy"}


@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        ("registry/users/x.yaml", {"users", "groups", "blueprints", "policy"}),
        ("registry/hardware/x.yaml", {"hardware", "blueprints"}),
        ("iae/x/iae.lock", {"iae", "blueprints"}),
        ("certificates/ada/2026-11/first.sigstore.json", set()),
        ("README.md", set()),
        ("registry", set()),
        ("registry/unknown/x.yaml", set()),
    ],
)
def test_what_a_changed_path_can_break(path: str, kinds: set[str]) -> None:
    changes = of_entries([], [TreeEntry(path, "100644", "1" * 40)])
    assert reach(changes) == Scope(frozenset(kinds), ("x",) if "iae" in kinds else (), ())


def test_a_file_that_breaks_a_rule_endlessly_is_cut_short_and_says_so() -> None:
    lock = "iae/demo/requirements.lock"
    files = _files(put(lock, "loose\n" * 5_000))
    findings = judge(None, Registry(MemoryTree(files)), recipe_of=recipe_of, published=published)
    loose = [finding for finding in findings if finding.rule == "NC-I002"]
    assert len(loose) == 1_001
    assert "no more are listed" in loose[0].message
