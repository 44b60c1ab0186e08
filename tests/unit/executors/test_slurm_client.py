"""What Slurm's commands print becomes tasks and errors; a real Slurm is in tests/slurm."""

from __future__ import annotations

import pytest

from neurocaas_ci.errors import BackendUnavailableError
from neurocaas_ci.executors.slurm_client import GatheredSlurm, SlurmCommands, Task
from neurocaas_ci.executors.slurm_states import in_words, placement_state

WITH = "AccountingStorageType = accounting_storage/slurmdbd\nMaxArraySize            = 1001\n"
WITHOUT = "AccountingStorageType = accounting_storage/none\nMaxArraySize = 11\n"


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Put programs on the path that print what is wanted, or fail."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def put(name, output="", error="", code=0):
        path = tmp_path / name
        path.write_text(
            f"#!/bin/sh\n/bin/cat <<'E'\n{output}E\n/bin/cat >&2 <<'E'\n{error}\nE\nexit {code}\n"
        )
        path.chmod(0o755)

    return put


def test_the_queue_before_the_accounting(programs):
    programs("scontrol", WITH)
    programs("squeue", "7|0|RUNNING|n1|None\n7|1|PENDING||launch failed requeued held\n")
    programs("sacct", "7_0|COMPLETED|n1\n7_2|CANCELLED by 0|None assigned\n7_[3-9%2]|PENDING|\n")
    assert SlurmCommands().tasks(["7"]) == {
        "7_0": Task("7_0", "RUNNING", "None", "n1"),
        "7_1": Task("7_1", "PENDING", "launch failed requeued held", ""),
        "7_2": Task("7_2", "CANCELLED by 0", "", ""),
    }


def test_an_array_that_the_controller_forgot_is_no_error(programs):
    programs("scontrol", WITHOUT)
    programs("squeue", error="slurm_load_jobs error: Invalid job id specified", code=1)
    assert SlurmCommands().tasks(["7"]) == {}
    assert SlurmCommands().max_array_size() == 11


def test_a_name_is_looked_for_in_the_accounting_too(programs):
    programs("scontrol", WITH)
    programs("squeue")
    programs("sacct", "12_0\n12_1\n")
    assert SlurmCommands().find("neurocaas-x") == "12"
    programs("sacct")
    assert SlurmCommands().find("neurocaas-x") is None


def test_a_refusal_is_given_in_slurms_words(programs):
    programs("sbatch", error="sbatch: error: invalid partition specified: x", code=1)
    with pytest.raises(BackendUnavailableError, match="invalid partition specified: x") as error:
        SlurmCommands().submit(["--array=0-1"], "#!/bin/sh\n", None)
    assert error.value.where == "sbatch"
    programs("sbatch", "41;cluster\n")
    assert SlurmCommands().submit([], "#!/bin/sh\n", None) == "41"


def test_a_submission_without_an_id_is_an_error_in_words(programs):
    for said in ("", "welcome to the cluster\n"):
        programs("sbatch", said)
        with pytest.raises(BackendUnavailableError, match="gave no id"):
            SlurmCommands().submit([], "#!/bin/sh\n", None)


def test_sbatch_is_given_what_is_slurms_and_no_secret(programs, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "for nobody")
    monkeypatch.setenv("SLURM_CONF", "/etc/here")
    monkeypatch.setenv("SBATCH_ACCOUNT", "lab")
    (tmp_path / "sbatch").write_text(f"#!/bin/sh\n/usr/bin/env >{tmp_path}/seen\necho 7\n")
    (tmp_path / "sbatch").chmod(0o755)
    assert SlurmCommands().submit([], "#!/bin/sh\n", None) == "7"
    seen = dict(line.split("=", 1) for line in (tmp_path / "seen").read_text().splitlines())
    assert seen["SLURM_CONF"] == "/etc/here"
    assert seen["SBATCH_ACCOUNT"] == "lab"
    assert {"PATH", "HOME"} <= seen.keys()
    assert "AWS_SECRET_ACCESS_KEY" not in seen


def test_no_slurm_at_all(programs):
    with pytest.raises(BackendUnavailableError, match="this machine has no Slurm"):
        SlurmCommands().find("x")


@pytest.mark.parametrize(
    ("word", "reason", "state", "text"),
    [
        ("PENDING", "JobArrayTaskLimit", "queued", "as many runs of the job as it allows are"),
        ("PENDING", "None", "queued", "waits to be looked at by the scheduler"),
        ("PENDING", "ReqNodeNotAvail, UnavailableNodes:n1", "queued", "down, drained or reserved"),
        ("PENDING", "SomethingNew", "queued", "SomethingNew"),
        ("PENDING", "DependencyNeverSatisfied", "ended", "did not succeed"),
        ("REQUEUE_HOLD", "launch failed requeued held", "queued", "scontrol release"),
        ("RUNNING", "None", "running", ""),
        ("COMPLETING", "None", "running", ""),
        ("CANCELLED by 1000", "", "ended", "cancelled in Slurm (CANCELLED)"),
        ("NODE_FAIL", "None", "ended", "its node failed (NODE_FAIL)"),
        ("OUT_OF_MEMORY", "", "ended", "more memory than it asked for"),
        ("UNHEARD_OF", "", "ended", "UNHEARD_OF"),
    ],
)
def test_words_of_slurm(word, reason, state, text):
    assert placement_state(word, reason) == state
    assert text in in_words(word, reason)


def test_jobs_that_are_looked_at_in_turns_are_asked_for_together(monkeypatch):
    asked = []

    def tasks(_self, arrays):
        asked.append(tuple(arrays))
        return {
            f"{array}_{k}": Task(f"{array}_{k}", "RUNNING", "", "n1")
            for array in arrays
            for k in range(2)
        }

    monkeypatch.setattr(SlurmCommands, "tasks", tasks)
    now = [0.0]
    monkeypatch.setattr("neurocaas_ci.executors.gathering.time.monotonic", lambda: now[0])
    slurm = GatheredSlurm(fresh=2.0)
    for _ in range(2):
        assert sorted(slurm.tasks(["1", "2"])) == ["1_0", "1_1", "2_0", "2_1"]
        assert sorted(slurm.tasks(["3"])) == ["3_0", "3_1"]
        now[0] += 5
    assert asked == [("1", "2"), ("3",), ("1", "2", "3")]
