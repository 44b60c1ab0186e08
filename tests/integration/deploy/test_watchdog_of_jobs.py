"""What a job had for itself is ended when it is over: as the deploying role, with the rights of that in force."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from cloudformation import ACCOUNT, REGION, client, cloud
from deploy_world import commit, small
from web_identity import guarded

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "signing"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "unit/audit"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "unit/certify"))
from certify_facts import ORIGIN, digest, make_facts, make_record
from sigstore_server import running
from usage_jobs import make_unsigned

from neurocaas_ci.certify.statement import CommittedFile, make_statement
from neurocaas_ci.cli.cloud_identity import taken_on
from neurocaas_ci.cli.deploy import command
from neurocaas_ci.deploy.apply import Clock
from neurocaas_ci.deploy.aws.job_places import end_cell
from neurocaas_ci.deploy.aws.session import Clients
from neurocaas_ci.deploy.aws.watchdog import BatchWatchdog
from neurocaas_ci.errors import FindingsError
from neurocaas_ci.executors.batch.rights import job_role, stream_prefix
from neurocaas_ci.model.deploy import Leftover
from neurocaas_ci.model.run import OutputFile
from neurocaas_ci.stores.s3_cell import cell_id

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
SUBJECT = "lab@1/platform@2"
BUCKET = f"neurocaas-{ACCOUNT}-{REGION}"
STORE, LOGS = "groups/lab", "/neurocaas/groups/lab"
DAY = 24 * 3600


def job(name: str) -> str:
    return f"ada/2026-11/{name}"


def certificate(name: str, **changes) -> str:
    """Return the certificate of a job with one run, which nobody has signed."""
    facts = make_facts(
        make_record(job=job(name), **changes), job=job(name),
        manifest=CommittedFile(f"registry/jobs/{job(name)}.yaml", "1" * 40, "4" * 40, digest("5")),
    )  # fmt: skip
    return make_unsigned(make_statement(facts, ORIGIN)).decode()


CERTIFICATES = {
    "done": certificate("done"),
    # What its cell holds never came to the store.
    "lost": certificate("lost", outputs=(OutputFile("x.csv", digest("e"), 1),)),
    # There is no log of its run but that of its worker.
    "silent": certificate("silent", log=None),
    "busy": certificate("busy"),
    # It is being replayed, in a place of its own but for the logs.
    "replayed": certificate("replayed"),
    "broken": "{}",
}
HELD = {
    "done": "ab8",
    "lost": "e8",
    "silent": "8",
    "busy": "a",
    "broken": "a",
    "going": "a8",
    "replayed": "a",
}


def content(letter: str, below: str) -> str:
    return f"{below}/sha256/{letter * 2}/{digest(letter)}"


def fill() -> None:
    """Leave what jobs leave: cells and streams of each, and the results that were brought home."""
    s3, logs = client("s3"), client("logs")
    for letter in "abc":
        s3.put_object(Bucket=BUCKET, Key=content(letter, f"{STORE}/blobs"), Body=letter.encode())
    for name, letters in HELD.items():
        cell = cell_id(job(name))
        for letter in letters:
            key = content(letter, f"{STORE}/cells/{cell}/contents")
            for body in (b"old", letter.encode()):
                s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        for task in ("1", "2"):
            stream = f"{stream_prefix('ada', cell)}/default/{task}"
            logs.create_log_stream(logGroupName=LOGS, logStreamName=stream)
            event = {"timestamp": int(time.time() * 1000), "message": name}
            logs.put_log_events(logGroupName=LOGS, logStreamName=stream, logEvents=[event])
    # Of a time when streams had the name of the user alone.
    logs.create_log_stream(logGroupName=LOGS, logStreamName="ada/default/3")


def keep_busy(monkeypatch) -> None:
    from moto.batch.models import Job

    monkeypatch.setattr(Job, "run", lambda self: setattr(self, "status", "RUNNABLE"))
    stores = {"busy": f"s3://{BUCKET}/{STORE}", "replayed": f"s3://{BUCKET}/{STORE}/replays/1"}
    batch = client("batch")
    for name, store in stores.items():
        batch.register_job_definition(
            jobDefinitionName=f"neurocaas-{name}", type="container",
            containerProperties={
                "image": "x", "vcpus": 1, "memory": 128,
                "jobRoleArn": f"arn:aws:iam::{ACCOUNT}:role/neurocaas/{job_role(store, job(name))}",
                "logConfiguration": {"logDriver": "awslogs", "options": {
                    "awslogs-group": LOGS,
                    "awslogs-stream-prefix": stream_prefix("ada", cell_id(job(name))),
                }},
            },
        )  # fmt: skip
        batch.submit_job(
            jobName=name, jobQueue="neurocaas-m5-large-standard", jobDefinition=f"neurocaas-{name}"
        )


def cells_left() -> set[str]:
    names = {cell_id(job(name)): name for name in HELD}
    pages = client("s3").get_paginator("list_object_versions").paginate(Bucket=BUCKET)
    every = [
        one["Key"] for p in pages for one in (*p.get("Versions", ()), *p.get("DeleteMarkers", ()))
    ]
    return {names[key.split("/")[3]] for key in every if "/cells/" in key}


def logs_left() -> set[str]:
    names = {cell_id(job(name)): name for name in HELD}
    found = client("logs").describe_log_streams(logGroupName=LOGS)["logStreams"]
    parts = [one["logStreamName"].split("/") for one in found]
    return {names.get(words[1], words[1]) for words in parts}


@pytest.fixture
def watchdog(tmp_path, monkeypatch):
    """Return a function that lets the watchdog look, after so many days, as the deploying role."""
    registry = tmp_path / "registry"
    registry.mkdir()
    commit(registry, small())
    with running(tmp_path / "issuer") as issuer, cloud(), guarded(issuer) as gate:
        monkeypatch.setattr(
            "neurocaas_ci.cli.deploying._CLOCK", Clock(time.monotonic, lambda _s: None)
        )

        def deploy(*arguments):
            called = [*arguments, "--repo", str(registry), "--no-fetch"]
            return CliRunner().invoke(command, called, catch_exceptions=True)

        for arguments in (("--foundation", "--subject", SUBJECT), ()):
            made = deploy("--apply", *arguments)
            assert made.exit_code == 0, made.output
        files = {f"certificates/{job(n)}.sigstore.json": text for n, text in CERTIFICATES.items()}
        going = {f"registry/jobs/{job('going')}.yaml": "schema: neurocaas/job/v1\n"}
        commit(registry, {**files, **going})
        keep_busy(monkeypatch)
        fill()
        issuer.claims |= {"sub": f"repo:{SUBJECT}:environment:deploy", "ref": "refs/heads/main"}
        role = f"arn:aws:iam::{ACCOUNT}:role/neurocaas/neurocaas-deploy"
        monkeypatch.setattr("neurocaas_ci.deploy.leftover.WAITING", 1000 * DAY)

        def look(*arguments, days, leave=()):
            # Of the watchdog alone: a token of another day would be refused.
            later = SimpleNamespace(time=lambda: time.time() + days * DAY)
            monkeypatch.setattr("neurocaas_ci.cli.deploying.time", later)
            place = {
                **issuer.environment(),
                "NEUROCAAS_AWS_ROLE": role,
                "RUNNER_TEMP": str(tmp_path),
            }
            with pytest.MonkeyPatch.context() as patch:
                for name, value in place.items():
                    patch.setenv(name, value)
                with taken_on(os.environ, print):
                    return deploy("--watchdog", *arguments)

        yield look, gate


def test_cells_and_logs_of_jobs_that_are_over_are_shown_and_then_ended(watchdog):
    look, gate = watchdog
    everybody = set(HELD)
    # They may be there for a day.
    assert look(days=0.9).stdout == "nothing is left over\n"
    shown = look(days=1.1)
    assert isinstance(shown.exception, FindingsError), shown.output
    lines = shown.stdout.splitlines()
    cell = f"s3://{BUCKET}/{STORE}/cells/{cell_id(job('done'))}"
    first = f"would end cell {cell}: of the job {job('done')}, whose certificate is there"
    assert any(line.startswith(first) for line in lines)
    assert sum(line.startswith("would end cell") for line in lines) == 3
    assert sum(line.startswith("would end logs") for line in lines) == 2
    (kept,) = [line for line in lines if line.startswith("reported")]
    assert job("lost") in kept
    assert "1 results that the certificate names are in it, and not in the store" in kept
    assert "what ada/2026-11/broken has left is not looked at" in shown.stderr
    # A first look changes nothing.
    assert cells_left() == everybody
    assert logs_left() == {*everybody, "default"}

    ended = look("--end", days=1.1)
    assert ended.stdout.count("ended     cell") == 3
    assert ended.stdout.count("ended     logs") == 2
    assert cells_left() == everybody - {"done", "silent", "replayed"}
    assert logs_left() == {*everybody, "default"} - {"done", "lost"}
    assert [line for line in look("--end", days=1.1).stdout.splitlines() if "ended " in line] == []
    # What the worker wrote is all that there is of this run, until CloudWatch drops it.
    assert look("--end", days=92).stdout.count("ended     logs") == 1
    assert "silent" not in logs_left()
    assert {"going", "broken", "busy"} <= cells_left() & logs_left()
    assert "replayed" in logs_left()

    assert gate.refused == []
    assert {role for role, _, _ in gate.asked} == {"neurocaas-deploy"}
    # No content was read for that.
    assert {a for _, a, _ in gate.asked if a.startswith("s3:")} == {
        "s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads",
        "s3:DeleteObjectVersion",
    }  # fmt: skip
    removed = {place for _, a, place in gate.asked if a == "s3:DeleteObjectVersion"}
    ours = [f"/cells/{cell_id(job(name))}/" for name in ("done", "silent", "replayed")]
    assert all(any(one in place for one in ours) for place in removed)
    stored = client("s3").list_objects_v2(Bucket=BUCKET, Prefix=f"{STORE}/blobs/")["Contents"]
    assert len(stored) == 3


def test_with_a_right_too_few_it_is_said_and_nothing_is_lost(watchdog):
    look, gate = watchdog
    iam, name = client("iam"), "neurocaas-deploy"
    (policy,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
    from moto.iam.models import iam_backends

    document = iam_backends[ACCOUNT]["aws"].get_role_policy(name, policy)[1]
    document = json.loads(document) if isinstance(document, str) else document
    document["Statement"] = [s for s in document["Statement"] if s.get("Sid") != "EndCells"]
    before = cells_left()
    found = look("--end", days=1.1)
    assert found.exit_code != 0
    assert cells_left() == before
    assert any("s3:DeleteObject" in line for line in gate.refused), gate.refused


def test_what_is_no_cell_is_never_cleared(watchdog):
    for name in (f"s3://{BUCKET}", f"s3://{BUCKET}/{STORE}", f"s3://{BUCKET}/{STORE}/blobs"):
        with pytest.raises(ValueError, match="is no cell"):
            end_cell(Clients(), name)
    dog = BatchWatchdog(Clients(), time.time(), Clock(time.monotonic, time.sleep))
    # Ended in the meantime by somebody else.
    dog.end(Leftover("cell", f"s3://{BUCKET}/{STORE}/cells/{'0' * 20}", ""))
    dog.end(Leftover("logs", f"{LOGS}:ada/{'0' * 20}", ""))
    dog.end(Leftover("logs", f"/neurocaas/groups/nobody:ada/{'0' * 20}", ""))
