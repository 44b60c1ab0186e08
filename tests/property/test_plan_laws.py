"""Laws of plans: one answer whatever the order, nothing left to do once applied, bounded comments."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit" / "validate"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit" / "plan"))

from builder import BLUEPRINT, ENSEMBLE, JOB, LOCK, MemoryTree, new_job, put, rm, sub
from plan_samples import with_names
from plans import ADA, BASE, EVE, EVE_FILE, PLATFORM, POLICY, plan, plan_between

from neurocaas_ci.model.plan import Plan
from neurocaas_ci.plan.build import apply
from neurocaas_ci.plan.difference import difference, patched, text_of
from neurocaas_ci.plan.state import PlatformState, observe, touched
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.changes import of_entries
from neurocaas_ci.report.plan_json import as_json
from neurocaas_ci.report.plan_markdown import MAX_BYTES, as_markdown
from neurocaas_ci.report.plan_text import as_text

_OPEN = {path: text for path, text in BASE.items() if not path.startswith("certificates/")}
_EDITS = (
    new_job(),
    sub(JOB, "pricing:", "cancelled: {reason: enough}\npricing:"),
    sub(BLUEPRINT, "version: 1.0.0", "version: 1.1.0"),
    sub(BLUEPRINT, "default: 3", "default: 4"),
    sub(BLUEPRINT, ", cpus: 2", ""),
    sub(BLUEPRINT, "max_parallel: 10", "max_parallel: 10, budget_usd: 3"),
    sub(LOCK, "image: sha256:1", "image: sha256:3"),
    sub(POLICY, "[grace]", "[ada, grace]"),
    sub("registry/groups/lab.yaml", "budget_usd: 100", "budget_usd: 1"),
    sub("registry/hardware/large.yaml", ", save: 1.5", ""),
    put("registry/users/zoe.yaml", BASE[EVE_FILE].replace("eve", "zoe")),
    put("registry/groups/broken.yaml", "{"),
    put("iae/demo/workflow.py", "print('other')\n"),
    rm(ENSEMBLE),
    rm(EVE_FILE),
    rm("registry/hardware/small.yaml"),
)
_CHOSEN = st.sets(st.integers(0, len(_EDITS) - 1)).map(lambda ns: [_EDITS[n] for n in sorted(ns)])
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("a~/0", max_size=2), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip
_OBJECTS = st.dictionaries(st.text("ab~/0", max_size=2), _VALUES, max_size=4)


def _head(edits):
    files = dict(_OPEN)
    for edit in edits:
        edit(files)
    return files


@given(_CHOSEN, st.randoms(use_true_random=False), st.sampled_from([ADA, EVE, PLATFORM, None]))
@settings(max_examples=60, deadline=None)
def test_a_plan_does_not_depend_on_the_order_of_the_changes(edits, chance, author) -> None:
    head = _head(edits)
    changes = list(of_entries(MemoryTree(_OPEN).entries(), MemoryTree(head).entries()))
    first = plan_between(_OPEN, head, changes, author=author)
    chance.shuffle(changes)
    again = plan_between(_OPEN, dict(reversed(head.items())), changes, author=author)
    for form in (as_text, as_markdown, as_json):
        assert form(first) == form(again)


@given(_CHOSEN)
@settings(max_examples=60, deadline=None)
def test_nothing_is_left_to_do_once_a_plan_is_applied(edits) -> None:
    head = _head(edits)
    changes = of_entries(MemoryTree(_OPEN).entries(), MemoryTree(head).entries())
    names = touched(changes, Registry(MemoryTree(head)))
    proposed = plan_between(_OPEN, head, changes)
    after = apply(proposed, observe(Registry(MemoryTree(_OPEN)), names))
    assert plan_between(_OPEN, head, changes, state=after).actions == ()
    # The same for a platform that looks at everything, and so for what changes cannot tell.
    running = apply(plan_between(None, _OPEN, None), PlatformState())
    catching_up = plan_between(None, head, None, state=running)
    assert catching_up.actions == proposed.actions
    assert plan_between(None, head, None, state=apply(catching_up, running)).actions == ()


@given(_OBJECTS, _OBJECTS)
@settings(deadline=None)
def test_a_difference_leads_from_one_object_to_the_other(before, after) -> None:
    changes = difference(before, after)
    assert text_of(patched(before, changes)) == text_of(after)
    assert (changes == ()) == (text_of(before) == text_of(after))
    assert len({change.pointer for change in changes}) == len(changes)


@given(st.text(max_size=300) | st.text("`~<>@\n#&", max_size=300), st.integers(1, 3_000))
@settings(max_examples=60, deadline=None)
def test_a_comment_is_bounded_and_balanced_whatever_the_names(text, times) -> None:
    one = with_names(text)
    many = Plan(None, None, None, one.actions * times, one.approvals * 30)
    for shown in (as_markdown(one), as_markdown(many)):
        assert len(shown.encode()) <= MAX_BYTES
        assert shown.count("\n<details>\n<summary>") == shown.count("\n</details>\n")
        fences = [line for line in shown.split("\n") if line.startswith("```")]
        assert len(fences) % 2 == 0
        for start, end in zip(fences[::2], fences[1::2], strict=True):
            assert start == f"{end}text"
            assert set(end) == {"`"}
            body = shown.split(f"\n{start}\n", 1)[1].split(f"\n{end}\n", 1)[0]
            assert end not in body


def test_the_edits_of_these_laws_are_edits() -> None:
    assert all(plan(edit, files=_OPEN).approvals for edit in _EDITS)
