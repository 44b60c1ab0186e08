"""A certified job is run again from its pinned commit; what differs is shown, what is missing named."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from contextlib import nullcontext
from pathlib import Path

import pytest

from neurocaas_ci.audit import replay as module
from neurocaas_ci.audit.certificate import read_certificate
from neurocaas_ci.audit.signature import read_payload
from neurocaas_ci.errors import BuildError
from neurocaas_ci.executors.local import LocalExecutor
from neurocaas_ci.run import machine
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.sandbox import Sandbox

pytestmark = pytest.mark.sandbox


def replay(platform, *arguments: str, code: int = 0) -> dict:
    done = platform.audit("replay", *arguments, "--format", "json", code=code)
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout)


def state_of(platform) -> dict:
    folder = platform.home / "store/state"
    return {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def outputs(document: dict) -> dict[str, dict]:
    return {o["name"]: o for run in document["runs"] for o in run["outputs"]}


@pytest.mark.parametrize("protocol", ["probe", "chain", "ensemble"])
def test_a_sound_job_comes_out_the_same_and_leaves_no_trace(platform, protocol):
    platform.job("sound", platform.put("a\n", "b\n"), blueprint=protocol)
    platform.reconcile()
    before, head = state_of(platform), platform.git("rev-parse", "main")
    document = replay(platform, "sound")
    assert document["verdict"] == "identical"
    assert {run["now"] for run in document["runs"]} == {"succeeded"}
    assert all(o["verdict"] == "identical" for o in outputs(document).values())
    assert len(outputs(document)) == {"probe": 2, "chain": 4, "ensemble": 6}[protocol]
    assert state_of(platform) == before
    assert platform.git("rev-parse", "main") == head
    assert list((platform.home / "store/scratch").iterdir()) == []


@pytest.mark.parametrize(
    ("mode", "key"), [("random", "random"), ("time", "time"), ("threads", "turns")]
)
def test_chance_in_a_workflow_is_different_and_shown(platform, mode, key):
    platform.job("chance", platform.put("a\n"), parameters={"mode": mode})
    platform.reconcile()
    done = platform.audit("replay", "chance", code=14)
    assert "different   001-work/result.json  (exact)" in done.stdout
    assert key in done.stdout
    assert "1 of 1 outputs differ" in done.stdout
    document = replay(platform, "chance", code=14)
    details = "\n".join(outputs(document)["001-work/result.json"]["details"])
    original, digest, _ = platform.record("ada/2026-11/chance", "001-work")["outputs"][0]
    assert original == "result.json"
    before = json.loads(platform.blob(digest).read_bytes())[key]
    assert str(before[0] if isinstance(before, list) else before) in details


def test_a_difference_within_the_declared_tolerance_is_equivalent(platform):
    platform.job("jitter", platform.put("a\n"), blueprint="noisy", parameters={"mode": "jitter"})
    platform.reconcile()
    document = replay(platform, "jitter")
    assert document["verdict"] == "equivalent"
    (output,) = outputs(document).values()
    assert output["kind"] == "array"
    assert output["verdict"] == "equivalent"


def test_a_difference_beyond_the_tolerance_is_different(platform):
    platform.job("drift", platform.put("a\n"), blueprint="noisy", parameters={"mode": "drift"})
    platform.reconcile()
    done = platform.audit("replay", "drift", code=14)
    assert "different   001-work/values.csv  (array)" in done.stdout
    assert "99" in done.stdout


def test_a_failure_that_fails_again_is_the_same(platform):
    platform.job("bad", platform.put("a\n"), parameters={"mode": "exit3"})
    platform.reconcile(code=12)
    document = replay(platform, "bad")
    assert document["verdict"] == "identical"
    assert document["runs"][0]["now"] == "failed (nonzero_exit, exit status 3)"


def test_one_dataset_alone(platform):
    platform.job("two", platform.put("a\n", "b\n"), blueprint="ensemble")
    platform.reconcile()
    document = replay(platform, "two", "--dataset", "d001.txt")
    assert [run["run"] for run in document["runs"]] == ["002-fit-r0", "002-fit-r1", "002-join"]
    assert "no dataset" in platform.audit("replay", "two", "--dataset", "x", code=2).stderr


def test_it_runs_the_job_as_it_was_not_as_main_is_now(platform):
    platform.job("old", platform.put("a\n"))
    platform.reconcile()
    path = platform.repo / "registry/blueprints/probe.yaml"
    text = path.read_text().replace("version: 1.0.0", "version: 2.0.0")
    path.write_text(text.replace("default: ok", "default: exit3"))
    manifest = platform.repo / "registry/jobs/ada/2026-11/old.yaml"
    manifest.write_text(manifest.read_text() + "cancelled: {reason: too late}\n")
    platform.commit("Main goes on")
    (platform.repo / "iae/probe/workflow.py").write_text("in work")
    assert replay(platform, "old")["verdict"] == "identical"


def test_an_input_that_is_gone_is_impossible_and_named(platform):
    data = platform.put("a\n", "b\n")
    platform.job("gone", data)
    platform.reconcile()
    platform.blob(data[1]["sha256"]).unlink()
    document = replay(platform, "gone", code=15)
    assert document["verdict"] == "impossible"
    assert data[1]["uri"] in document["reason"]
    assert data[1]["sha256"] in document["reason"]
    assert data[0]["uri"] not in document["reason"]
    assert replay(platform, "gone", "--dataset", "d000.txt")["verdict"] == "identical"


def test_a_damaged_input_is_never_used(platform):
    data = platform.put("a\n")
    platform.job("damaged", data)
    platform.reconcile()
    blob = platform.blob(data[0]["sha256"])
    blob.chmod(0o644)
    blob.write_text("A\n")
    assert data[0]["sha256"] in replay(platform, "damaged", code=15)["reason"]


def test_a_commit_that_the_clone_lacks_is_impossible_and_named(platform):
    job = platform.job("unknown", platform.put("a\n"))
    platform.reconcile()
    commit = platform.job_record(job)["plan"]["registry_commit"]
    certificate = platform.repo.parent / "kept.json"
    shutil.copy(platform.repo / f"certificates/{job}.sigstore.json", certificate)
    shallow = platform.repo.parent / "shallow"
    subprocess.run(
        ["git", "clone", "-q", "--depth", "1", f"file://{platform.repo}", str(shallow)],
        check=True, env=platform.env,
    )  # fmt: skip
    platform.repo = shallow
    document = replay(platform, str(certificate), code=15)
    assert f"commit {commit} is not in this clone" in document["reason"]


def test_originals_may_come_from_a_folder(platform):
    job = platform.job("random", platform.put("a\n"), parameters={"mode": "random"})
    platform.reconcile()
    platform.run("fetch", "--no-fetch", "random", "../results")
    _, digest, _ = platform.record(job, "001-work")["outputs"][0]
    platform.blob(digest).unlink()
    without = outputs(replay(platform, "random", code=14))["001-work/result.json"]
    assert without["details"] == []
    assert digest[:12] in without["summary"]
    shown = outputs(replay(platform, "random", str(platform.repo.parent / "results"), code=14))
    assert shown["001-work/result.json"]["details"]


def test_a_tolerance_needs_the_original_bytes(platform):
    job = platform.job(
        "lost", platform.put("a\n"), blueprint="noisy", parameters={"mode": "jitter"}
    )
    platform.reconcile()
    _, digest, _ = platform.record(job, "001-work")["outputs"][0]
    platform.blob(digest).unlink()
    document = replay(platform, "lost", code=15)
    assert "could not be compared" in document["reason"]
    assert "not here to compare" in outputs(document)["001-work/values.csv"]["summary"]


def test_an_invalid_certificate_is_not_replayed(platform):
    job = platform.job("tampered", platform.put("a\n"))
    platform.reconcile()
    file = platform.repo / f"certificates/{job}.sigstore.json"
    bundle = json.loads(file.read_bytes())
    payload = base64.b64decode(bundle["dsseEnvelope"]["payload"]).replace(
        b"probe@1.0.0", b"other@1.0.0"
    )
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
    kept = platform.repo.parent / "kept.json"
    kept.write_text(json.dumps(bundle))
    done = platform.audit("replay", str(kept), code=13)
    assert "FAILED  signature" in done.stderr
    assert "is not replayed" in done.stderr


def test_the_verdict_is_signed_beside_the_certificate(platform):
    job = platform.job("attested", platform.put("a\n"))
    platform.reconcile()
    platform.audit("replay", "attested", "--attest")
    (path,) = platform.repo.glob(f"certificates/{job}.replays/*.sigstore.json")
    statement = json.loads(read_payload(path.read_bytes()))
    certificate = read_certificate(
        read_payload((platform.repo / f"certificates/{job}.sigstore.json").read_bytes())
    )
    assert statement["predicateType"] == "https://in-toto.io/attestation/svr/v0.1"
    assert statement["predicate"]["properties"] == ["NEUROCAAS_REPLAY_IDENTICAL"]
    assert statement["subject"][0]["digest"]["sha256"] == certificate.sha256
    assert statement["subject"][1]["name"] == "001-work/result.json"
    # Attested again it is a second witness, not the first one replaced.
    platform.audit("replay", "attested", "--attest")
    assert len(list(path.parent.iterdir())) == 2
    assert "2 identical" in platform.audit("audit").stdout


class _NoImages:
    """Images that can no longer be had."""

    def ensure(self, tree, iae_name, expect=None, *, verify="fingerprint"):
        raise BuildError(
            "debian no longer has libssl3 3.0.1", where="iae/probe/base.lock", hint="archive it"
        )

    def find(self, image, *, verify="fingerprint"):
        raise AssertionError


class _Quiet:
    def job_started(self, job, done):
        pass

    def run_ended(self, record):
        pass

    def run_unfinished(self, problem):
        pass

    def job_ended(self, job, status, message):
        pass


@pytest.fixture
def in_process(platform):
    """A certified job, its certificate, and a replayer in this process."""
    job = platform.job("inside", platform.put("a\n"))
    platform.reconcile()
    file = platform.repo / f"certificates/{job}.sigstore.json"
    home = Home(platform.home, Path(platform.env["NEUROCAAS_CACHE"]))
    replayer = module.Replayer(
        repo=platform.repo,
        home=home,
        images=module.Images(home.cache),
        sandbox=lambda scratch: Sandbox.probe("sandbox", scratch),
        executors=lambda _home, _head: (
            lambda runs: LocalExecutor(runs, cpus=1, memory=1 << 30, ahead=1)
        ),
        apart=lambda folder: nullcontext(Home(folder, home.cache)),
        observer=_Quiet(),
        cpus=1,
    )
    return replayer, read_certificate(read_payload(file.read_bytes()))


def test_an_environment_that_no_longer_builds_is_impossible_and_named(in_process):
    replayer, certificate = in_process
    assert replayer.replay(certificate).verdict == "identical"
    broken = module.Replayer(**{**vars(replayer), "images": _NoImages()})
    result = broken.replay(certificate)
    assert result.verdict == "impossible"
    assert "iae/probe/base.lock: debian no longer has libssl3 3.0.1" in result.reason
    assert "archive it" in result.reason


def test_a_processor_without_what_the_profile_needs_is_impossible(in_process, monkeypatch):
    replayer, certificate = in_process
    monkeypatch.setitem(machine._NEEDED, "none", ("avx9000",))
    result = replayer.replay(certificate)
    assert result.verdict == "impossible"
    assert "this CPU lacks avx9000, which determinism profile none needs" in result.reason
