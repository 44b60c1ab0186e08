"""Records, specs and plans survive the way to disk and back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurocaas_ci.model.blueprint import RunLimits
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.run import (
    InputFile,
    Isolation,
    LogFile,
    OutputFile,
    RunRecord,
    RunSpec,
    Usage,
)
from neurocaas_ci.run import records

A, B = Sha256("a" * 64), Sha256("b" * 64)
text = st.text(max_size=20)
files = st.lists(st.tuples(text, st.sampled_from([A, B]), st.integers(0, 2**60)), max_size=4)

run_records = st.builds(
    RunRecord,
    job=text,
    run=text,
    step=text,
    identity=st.just(A),
    status=st.sampled_from(["succeeded", "failed", "cancelled", "skipped"]),
    reason=st.sampled_from(["exited", "memory_limit"]),
    message=text,
    exit_code=st.none() | st.integers(0, 255),
    image=st.just(B),
    inputs=files.map(lambda rows: tuple(InputFile(*row) for row in rows)),
    outputs=files.map(lambda rows: tuple(OutputFile(*row) for row in rows)),
    log=st.none() | st.just(LogFile(A, 10, 3)),
    usage=st.builds(
        Usage,
        wall_s=st.floats(0, 1e6),
        cpu_s=st.floats(0, 1e6),
        memory_peak=st.integers(0, 2**50),
        samples=st.just(((0.5, 0.25, 1024), (1.5, 1.0, 2048))),
    ),
    isolation=st.just(Isolation("sandbox", True, False, True, "v1", ("memory", "pids"))),
    hardware=text,
    started=text,
    ended=text,
    taken_from=st.none() | text,
    attempt=st.integers(1, 9),
    stages=st.dictionaries(text, st.floats(0, 10), max_size=3),
    machine=st.none() | st.dictionaries(text, text, max_size=2),
)


@given(run_records)
def test_records_round_trip(record):
    assert records.decode_record(records.encode_record(record)) == record


def spec(**changes):
    values = {
        "job": "ada/2026-11/j", "run": "001-s", "step": "s", "image": A, "command": ("/bin/x",),
        "environment": {"A": "1"}, "config": {"parameters": {"n": 1}},
        "inputs": (InputFile("dataset/d.csv", B, 5),), "needs": {"steps/a": "001-a"},
        "outputs_required": ("x.npz",), "limits": RunLimits(cpus=2), "max_runtime": 60,
        "hardware": "laptop", "determinism": "none",
    }  # fmt: skip
    return RunSpec(**{**values, **changes})


def test_specs_round_trip():
    assert records.decode_spec(records.encode_spec(spec())) == spec()


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b'{"schema": "neurocaas/run-record/v1"}', b"\xff", b'{"schema": 1}'],
)
def test_what_is_no_spec_is_refused(data):
    with pytest.raises((ValueError, KeyError, TypeError)):
        records.decode_spec(data)


IDENTITY_CHANGES = {
    "image": {"image": B},
    "command": {"command": ("/bin/x", "-v")},
    "environment": {"environment": {"A": "2"}},
    "parameters": {"config": {"parameters": {"n": 2}}},
    "content": {"inputs": (InputFile("dataset/d.csv", A, 5),)},
    "name": {"inputs": (InputFile("dataset/e.csv", B, 5),)},
}


@pytest.mark.parametrize("change", IDENTITY_CHANGES)
def test_identity_changes_with_everything_that_a_run_can_see(change):
    other = spec(**IDENTITY_CHANGES[change])
    assert other.identity(other.inputs) != spec().identity(spec().inputs)


@pytest.mark.parametrize(
    "change", [{"job": "x"}, {"run": "y"}, {"max_runtime": 9}, {"hardware": "m5.large"}]
)
def test_identity_does_not_change_with_what_a_run_cannot_see(change):
    assert spec(**change).identity(spec().inputs) == spec().identity(spec().inputs)


def test_a_record_is_small():
    record = records.encode_record(
        RunRecord(
            job="ada/2026-11/job-01", run="001-smooth", step="smooth", identity=A,
            status="succeeded", reason="exited", message="", exit_code=0, image=B,
            inputs=(InputFile("dataset/d.csv", B, 5),), outputs=(OutputFile("o", A, 1),),
            log=LogFile(A, 1), usage=Usage(), isolation=Isolation("sandbox"), hardware="laptop",
            started="", ended="",
        )
    )  # fmt: skip
    assert len(record) < 1500
    assert json.loads(record)["schema"] == "neurocaas/run-record/v1"
