"""Runs become job arrays whose dependencies never let a run start too early."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurocaas_ci.executors.arrays import After, job_arrays
from neurocaas_ci.model.blueprint import RunLimits
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.run import RunSpec


def spec(run, step="s", needs=(), cpus=1):
    return RunSpec(
        job="ada/2026-11/j", run=run, step=step, image=Sha256("0" * 64), command=("x",),
        environment={}, config={}, inputs=(), needs={f"n/{n}": n for n in needs},
        outputs_required=(), limits=RunLimits(cpus=cpus), max_runtime=60, hardware="laptop",
        determinism="none",
    )  # fmt: skip


def shape(arrays):
    return [([s.run for s in a.specs], a.after) for a in arrays]


def test_independent_runs_are_one_array():
    arrays = job_arrays([spec(f"{i}") for i in range(70)], 1000)
    assert [len(a.specs) for a in arrays] == [70]


def test_a_chain_goes_on_task_by_task():
    first = [spec(f"{i}a", "a") for i in range(3)]
    second = [spec(f"{i}b", "b", [f"{i}a"]) for i in range(3)]
    mixed = [s for pair in zip(first, second, strict=True) for s in pair]
    assert shape(job_arrays(mixed, 1000)) == [
        (["0a", "1a", "2a"], ()),
        (["0b", "1b", "2b"], (After(0, "each"),)),
    ]


def test_a_long_chain_is_cut_at_the_same_places():
    specs = [spec(f"{i}a", "a") for i in range(5)]
    specs += [spec(f"{i}b", "b", [f"{i}a"]) for i in range(5)]
    assert shape(job_arrays(specs, 2)) == [
        (["0a", "1a"], ()),
        (["2a", "3a"], ()),
        (["4a"], ()),
        (["0b", "1b"], (After(0, "each"),)),
        (["2b", "3b"], (After(1, "each"),)),
        (["4b"], (After(2, "each"),)),
    ]


def test_a_consensus_waits_for_all_replicas():
    specs = [spec(f"r{i}", "train") for i in range(4)]
    specs.append(spec("c", "consensus", [s.run for s in specs]))
    assert shape(job_arrays(specs, 3)) == [
        (["r0", "r1", "r2"], ()),
        (["r3"], ()),
        (["c"], (After(0, "all"), After(1, "each"))),
    ]


def test_what_has_ended_is_no_dependency():
    specs = [spec("1a", "a"), spec("0b", "b", ["0a"]), spec("1b", "b", ["1a"])]
    assert shape(job_arrays(specs, 1000)) == [
        (["1a"], ()),
        (["0b"], ()),
        (["1b"], (After(0, "each"),)),
    ]


def test_runs_that_ask_for_different_machines_are_apart():
    assert len(job_arrays([spec("0"), spec("1", cpus=2), spec("2")], 1000)) == 2


def test_a_circle_is_an_error():
    with pytest.raises(ValueError, match="circle"):
        job_arrays([spec("0", needs=["1"]), spec("1", needs=["0"])], 10)


@st.composite
def graphs(draw):
    specs = []
    for number in range(draw(st.integers(1, 25))):
        earlier = [s.run for s in specs] + ["ended"]
        needs = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=4))
        step = draw(st.sampled_from("abc"))
        specs.append(spec(f"{number}", step, needs, cpus=draw(st.integers(1, 2))))
    return draw(st.permutations(specs)), draw(st.integers(1, 8))


@given(graphs())
def test_every_run_is_there_once_and_waits_for_what_it_needs(drawn):
    specs, most = drawn
    arrays = job_arrays(specs, most)
    assert sorted(s.run for a in arrays for s in a.specs) == sorted(s.run for s in specs)
    place = {s.run: (n, t) for n, a in enumerate(arrays) for t, s in enumerate(a.specs)}
    for number, array in enumerate(arrays):
        assert 1 <= len(array.specs) <= most
        assert len({(s.step, s.limits) for s in array.specs}) == 1
        waits = {after.array: after.relation for after in array.after}
        assert all(earlier < number for earlier in waits)
        for task, one in enumerate(array.specs):
            for needed in one.needs.values():
                if needed in place:
                    source, position = place[needed]
                    assert waits[source] == "all" or position == task
