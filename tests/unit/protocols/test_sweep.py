"""A sweep is a tree: no step is run twice for the same values, and a table comes last."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot
from test_protocols import blueprint, job

from neurocaas_ci.protocols import expand
from neurocaas_ci.protocols.bounds import TooManyRunsError, UnfitJobError

SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer", "default": 3}, "x": {"type": "integer", "default": 7}},
}
CHAIN = ["prepare", "fit", "table"]


def runs_of(count, **parameters):
    return expand(blueprint("sweep", CHAIN, SCHEMA), job(count, parameters))


def test_later_steps_branch_off_earlier_ones():
    sweep = {"prepare": {"x": [1, 2]}, "fit": {"b": [5], "a": ["u", "v"]}}
    assert [(r.id, r.parameters, dict(r.needs)) for r in runs_of(1, sweep=sweep)] == snapshot(
        [
            ("001-prepare-c1", {"n": 3, "x": 1}, {}),
            ("001-prepare-c2", {"n": 3, "x": 2}, {}),
            ("001-fit-c1", {"n": 3, "x": 1, "a": "u", "b": 5}, {"steps/prepare": "001-prepare-c1"}),
            ("001-fit-c2", {"n": 3, "x": 1, "a": "v", "b": 5}, {"steps/prepare": "001-prepare-c1"}),
            ("001-fit-c3", {"n": 3, "x": 2, "a": "u", "b": 5}, {"steps/prepare": "001-prepare-c2"}),
            ("001-fit-c4", {"n": 3, "x": 2, "a": "v", "b": 5}, {"steps/prepare": "001-prepare-c2"}),
            (
                "001-table",
                None,
                {
                    "combinations/1": "001-fit-c1",
                    "combinations/2": "001-fit-c2",
                    "combinations/3": "001-fit-c3",
                    "combinations/4": "001-fit-c4",
                },
            ),
        ]
    )


def test_without_a_sweep_it_is_a_chain_and_a_table():
    assert [(r.id, r.parameters, dict(r.needs)) for r in runs_of(1, n=4)] == snapshot(
        [
            ("001-prepare-c1", {"n": 4, "x": 7}, {}),
            ("001-fit-c1", {"n": 4, "x": 7}, {"steps/prepare": "001-prepare-c1"}),
            ("001-table", None, {"combinations/1": "001-fit-c1"}),
        ]
    )


axes = st.dictionaries(
    st.sampled_from(["prepare", "fit"]),
    st.dictionaries(
        st.sampled_from("abc"), st.lists(st.integers(), min_size=1, max_size=3, unique=True)
    ),
)


@given(axes, st.integers(1, 3))
def test_every_combination_is_there_once_and_none_is_computed_twice(sweep, count):
    names = [set(sweep.get(step, ())) for step in CHAIN[:2]]
    if names[0] & names[1]:
        with pytest.raises(UnfitJobError, match="twice"):
            runs_of(count, sweep=sweep)
        return
    runs = runs_of(count, sweep=sweep)
    by_id = {run.id: run for run in runs}
    assert len(by_id) == len(runs)
    sizes = [1, 1]
    for at, step in enumerate(CHAIN[:2]):
        for tried in sweep.get(step, {}).values():
            sizes[at] *= len(tried)
    tables = [run for run in runs if run.step == "table"]
    assert len(tables) == count
    for table in tables:
        assert table.parameters is None
        ends = [by_id[table.needs[f"combinations/{n + 1}"]] for n in range(sizes[0] * sizes[1])]
        assert len(table.needs) == len(ends)
        points = [tuple(sorted(run.parameters.items())) for run in ends]
        assert len(set(points)) == len(points)
        for end in ends:
            # What the earlier step was given, the later one was given too.
            start = by_id[end.needs["steps/prepare"]]
            assert all(end.parameters[name] == start.parameters[name] for name in names[0])
            assert all(start.parameters.get(name, SCHEMA) is SCHEMA for name in names[1])
    assert sum(run.step == "prepare" for run in runs) == count * sizes[0]


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"sweep": [1]}, "must be a mapping of steps"),
        ({"sweep": {"table": {"n": [1]}}}, "is over prepare, fit"),
        ({"sweep": {"fit": [1]}}, "mapping of parameters"),
        ({"sweep": {"fit": {"n": []}}}, "list of values"),
        ({"sweep": {"fit": {"n": [1]}}, "n": 2}, "given as well"),
        ({"sweep": {"fit": {"n": [1]}, "prepare": {"n": [1]}}}, "twice"),
    ],
)
def test_what_is_no_sweep(parameters, says):
    with pytest.raises(UnfitJobError, match=says):
        runs_of(1, **parameters)


def test_too_many_are_refused_before_they_are_made():
    huge = {"fit": {name: list(range(1000)) for name in "abcdefgh"}}
    with pytest.raises(TooManyRunsError):
        runs_of(1, sweep=huge)


def test_a_lone_step_is_no_sweep():
    with pytest.raises(ValueError, match="makes the table"):
        expand(blueprint("sweep", ["table"]), job(1))
