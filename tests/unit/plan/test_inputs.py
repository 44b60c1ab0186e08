"""Who keeps a dataset that its job would let go."""

from __future__ import annotations

import pytest

from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.registry import Dataset
from neurocaas_ci.plan.inputs import Holder, decide

DATASET = Dataset("store:mouse.npz", Sha256("a" * 64), 9)
MINE = Holder("ada/1/mine", certified=True, keeps=False)


@pytest.mark.parametrize(
    ("others", "names", "results", "why", "later"),
    [
        ([], ["mouse.npz"], (), "", False),
        ([], [], (), "", False),
        ([Holder("b/1/x", certified=True, keeps=False)], ["mouse.npz"], (), "", False),
        ([Holder("b/1/x", certified=False, keeps=False)], [], (), "b/1/x has not ended", True),
        ([Holder("b/1/x", certified=True, keeps=True)], [], (), "b/1/x keeps its inputs", False),
        # Who has not ended may keep them as well: that is asked again.
        ([Holder("b/1/x", certified=False, keeps=True)], [], (), "b/1/x has not ended", True),
        ([], ["mouse.npz", "again.npz"], (), "store:again.npz is the same", False),
        ([], [], {DATASET.sha256}, "it is also a result of a job", False),
    ],
)
def test_a_dataset_goes_only_when_nobody_needs_it(others, names, results, why, later):
    found = decide(DATASET, [MINE, *others], names, {DATASET.uri}, results)
    assert (found.why, found.later) == (why, later)
