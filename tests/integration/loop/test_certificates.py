"""Every ended job has a certificate on main, and verify says what holds and what does not."""

from __future__ import annotations

import base64
import json
import os
import random
import stat
import time

import pytest

pytestmark = pytest.mark.sandbox


def path_of(job: str) -> str:
    return f"certificates/{job}.sigstore.json"


def payload(platform, job: str) -> dict:
    bundle = json.loads(platform.git("show", f"main:{path_of(job)}"))
    return json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))


def root(platform) -> str:
    return str(platform.home / "signing/trusted_root.json")


def checks(platform, *arguments: str, code: int = 0) -> dict[str, list[str]]:
    done = platform.run(
        "verify", *arguments, "--offline", "--trust-root", root(platform), "--format", "json",
        code=code,
    )  # fmt: skip
    document = json.loads(done.stdout)
    assert document["valid"] == (code == 0)
    found: dict[str, list[str]] = {}
    for check in document["checks"]:
        found.setdefault(check["state"], []).append(check["name"])
    return found


@pytest.fixture
def done(platform):
    """A job of two datasets that succeeded, and its fetched results."""
    job = platform.job("done", platform.put("a\n", "b\n"))
    platform.reconcile()
    platform.run("fetch", "--no-fetch", "done", "../results")
    return job


def test_a_finished_job_is_certified_and_verifies(platform, done):
    results = platform.repo.parent / "results"
    found = checks(platform, "done", str(results))
    assert "failed" not in found
    assert checks(platform, done, str(results)) == found
    assert found["ok"] == [
        "signature", "certificate", "log", "identity", "statement", "origin", "trust", "registry",
        "blueprint", "published", "outputs", "records", "parameters", "nothing else",
    ]  # fmt: skip
    assert platform.git("status", "--porcelain") == ""
    statement = payload(platform, done)
    names = [subject["name"] for subject in statement["subject"]]
    assert names == ["001-work/result.json", "002-work/result.json"]
    # The file that fetch brings is the one on main, and is enough without any repository.
    file = results / "certificate.sigstore.json"
    assert file.read_bytes() == platform.repo.joinpath(path_of(done)).read_bytes()
    alone = checks(platform, str(file), str(results), "--repo", str(platform.repo))
    assert alone == found


def test_without_a_repository_it_says_what_nobody_looked_at(platform, done):
    file = platform.repo.parent / "results/certificate.sigstore.json"
    platform.repo = platform.repo.parent / "results"
    found = checks(platform, str(file))
    assert found["unchecked"] == ["registry", "outputs", "replay"]


def test_a_second_reconcile_signs_nothing_again(platform, done):
    head = platform.git("rev-parse", "main")
    log = platform.home.joinpath("signing/log")
    before = {p: p.read_bytes() for p in log.rglob("*") if p.is_file()}
    assert "nothing to do" in platform.reconcile().stderr
    assert "nothing to do" in platform.run("certify", "--no-fetch").stderr
    assert platform.git("rev-parse", "main") == head
    assert {p: p.read_bytes() for p in log.rglob("*") if p.is_file()} == before


def test_failed_and_cancelled_jobs_are_certified_too(platform):
    failed = platform.job("bad", platform.put("a\n"), parameters={"mode": "exit3"})
    platform.reconcile(code=12)
    statement = payload(platform, failed)
    assert [s["name"] for s in statement["subject"]] == ["logs/001-work.log"]
    assert "failed" not in checks(platform, "bad")
    cancelled = platform.job("never", platform.put("b\n"))
    manifest = platform.repo / f"registry/jobs/{cancelled}.yaml"
    manifest.write_text(manifest.read_text() + "cancelled: {reason: a mistake}\n")
    platform.commit("Cancel")
    platform.reconcile()
    statement = payload(platform, cancelled)
    assert [s["name"] for s in statement["subject"]] == ["job-record.json"]
    assert "failed" not in checks(platform, "never")
    text = platform.run("inspect", "never").stdout
    assert "never: cancelled" in text
    assert "a mistake" in text


def test_results_are_kept_when_signing_fails_and_certify_finishes(platform):
    signing = platform.home / "signing"
    signing.mkdir(parents=True)
    signing.joinpath("log.key").write_text("half an instance\n")
    signing.chmod(0o700)
    job = platform.job("kept", platform.put("a\n"))
    done = platform.reconcile(code=None)
    assert done.returncode in {2, 13, 16}
    assert "has results" in done.stderr or "have results" in done.stderr
    assert "Traceback" not in done.stderr
    assert platform.job_record(job)["status"] == "succeeded"
    attempts = platform.state(job, "runs", "001-work", "attempt").read_bytes()
    signing.joinpath("log.key").unlink()
    signing.rmdir()
    assert "certificates/ada" in platform.run("certify", "--no-fetch", "kept").stderr
    assert "failed" not in checks(platform, "kept")
    assert platform.state(job, "runs", "001-work", "attempt").read_bytes() == attempts


def test_reconcile_finishes_what_was_not_certified(platform):
    job = platform.job("later", platform.put("a\n"))
    platform.reconcile("--no-certify")
    assert platform.run("verify", "later", code=2).stderr.count("no certificate") == 1
    assert "nothing to do" in platform.reconcile("--no-certify").stderr
    assert "has results, but no certificate" in platform.reconcile().stderr
    assert payload(platform, job)["predicateType"] == "https://slsa.dev/provenance/v1"


def test_a_job_that_has_not_ended_cannot_be_certified(platform):
    platform.job("open", platform.put("a\n"))
    assert "has not ended" in platform.run("certify", "--no-fetch", "open", code=2).stderr


def test_a_repaired_output_keeps_the_certificate_true(platform, done):
    _, digest, _ = platform.record(done, "001-work")["outputs"][0]
    blob = platform.blob(digest)
    blob.chmod(0o644)
    blob.write_bytes(b"x" + blob.read_bytes()[1:])
    platform.reconcile("--verify")
    platform.run("fetch", "--no-fetch", "done", "../again")
    assert "failed" not in checks(platform, "done", str(platform.repo.parent / "again"))


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _changed(results):
    flip(results / "001-work/result.json")


def _missing(results):
    (results / "002-work/result.json").unlink()


def _extra(results):
    (results / "001-work/more.json").write_text("{}")


def _symlink(results):
    target = results / "001-work/result.json"
    target.rename(results.parent / "moved.json")
    target.symlink_to(results.parent / "moved.json")


def _pipe(results):
    (results / "001-work/result.json").unlink()
    os.mkfifo(results / "001-work/result.json")


def _linked_folder(results):
    (results / "001-work").rename(results.parent / "001-work")
    (results / "001-work").symlink_to(results.parent / "001-work")


def _record(results):
    flip(results / "records/001-work.json")


def _log(results):
    (results / "logs/001-work.log").write_text("nothing happened\n")


def _parameters(results):
    text = (results / "parameters.yaml").read_text()
    (results / "parameters.yaml").write_text(text.replace('"ok"', '"no"'))


def _almost_parameters(results):
    text = (results / "parameters.yaml").read_text()
    (results / "parameters.yaml").write_text(text.replace('"seconds": 0', '"seconds": false'))


def _foreign_certificate(results):
    (results / "certificate.sigstore.json").write_text("{}")


def _unreadable(results):
    (results / "001-work/result.json").unlink()
    (results / "001-work/result.json").mkdir()


@pytest.mark.parametrize(
    ("damage", "failing"),
    [
        (_changed, ["outputs"]),
        (_missing, ["outputs"]),
        (_extra, ["nothing else"]),
        (_symlink, ["outputs", "nothing else"]),
        (_pipe, ["outputs", "nothing else"]),
        (_linked_folder, ["outputs", "nothing else"]),
        (_record, ["records"]),
        (_log, ["records"]),
        (_parameters, ["parameters"]),
        (_almost_parameters, ["parameters"]),
        (_foreign_certificate, ["nothing else"]),
        (_unreadable, ["outputs"]),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
def test_every_change_of_the_results_is_seen(platform, done, damage, failing):
    results = platform.repo.parent / "results"
    for file in results.rglob("*"):
        file.chmod(0o755 if file.is_dir() else stat.S_IRUSR | stat.S_IWUSR)
    damage(results)
    assert checks(platform, "done", str(results), code=13)["failed"] == failing


def test_another_certificate_on_main_is_seen(platform, done):
    other = platform.job("other", platform.put("c\n"))
    platform.reconcile()
    file = platform.repo / path_of(done)
    content = file.read_bytes()
    file.write_bytes(platform.repo.joinpath(path_of(other)).read_bytes())
    platform.commit("Swap")
    saved = platform.repo.parent / "mine.json"
    saved.write_bytes(content)
    assert checks(platform, str(saved), code=13)["failed"] == ["published"]


def test_a_registry_whose_history_lacks_the_job_is_seen(platform, done):
    saved = platform.repo.parent / "mine.json"
    saved.write_bytes(platform.repo.joinpath(path_of(done)).read_bytes())
    platform.git("reset", "-q", "--hard", "HEAD~2")
    found = checks(platform, str(saved), code=13)
    assert found["failed"] == ["registry"]


def test_another_registry_is_seen(platform, done, tmp_path):
    saved = platform.repo.parent / "mine.json"
    saved.write_bytes(platform.repo.joinpath(path_of(done)).read_bytes())
    platform.repo = tmp_path / "other"
    platform.write("registry/file", "x")
    platform.git("init", "-q", "-b", "main")
    platform.commit("Another")
    assert checks(platform, str(saved), code=13)["failed"] == ["registry"]


def test_the_root_decides_what_is_believed(platform, done, tmp_path):
    public = platform.run("verify", "done", "--offline", code=13)
    assert "local instance" in public.stdout
    other = tmp_path / "elsewhere"
    platform.env["NEUROCAAS_HOME"] = str(other)
    mine = platform.home
    assert "signed nothing yet" in platform.run("trust", "export", code=2).stderr
    platform.env["NEUROCAAS_HOME"] = str(mine)
    exported = tmp_path / "root.json"
    platform.run("trust", "export", str(exported))
    assert exported.read_bytes() == (mine / "signing/trusted_root.json").read_bytes()
    bad = tmp_path / "bad.json"
    bad.write_text("{}")
    done = platform.run("verify", "done", "--trust-root", str(bad), code=2)
    assert "no trusted root" in done.stderr


def test_the_log_agrees_with_the_certificates_until_it_is_changed(platform, done):
    shown = platform.run("trust", "check", "--no-fetch")
    assert "1 entries agree with" in shown.stderr
    checkpoint = platform.repo.parent / "checkpoint"
    checkpoint.write_text(shown.stdout)
    platform.job("second", platform.put("z\n"))
    platform.reconcile()
    platform.run("trust", "check", "--no-fetch", "--checkpoint", str(checkpoint))
    leaves = next(
        p for p in (platform.home / "signing/log").iterdir() if b'"body"' in p.read_bytes()
    )
    lines = leaves.read_bytes().splitlines(keepends=True)
    leaves.write_bytes(b"".join(lines[1:]))
    assert "missing" in platform.run("trust", "check", "--no-fetch", code=13).stderr


@pytest.mark.timeout(200)
def test_kill_9_while_certifying(platform):
    """However often it is killed: one certificate of each job, a whole log, a clean checkout."""
    jobs = [platform.job(f"job-{k}", platform.put(f"{k}\n")) for k in range(3)]
    platform.reconcile("--no-certify")
    generator = random.Random(11)
    for _ in range(20):
        process = platform.start("certify", "--no-fetch")
        time.sleep(generator.uniform(0.1, 0.7))
        process.kill()
        process.communicate(timeout=30)
        if len(list(platform.repo.glob("certificates/*/*/*.json"))) == 3:
            jobs.append(platform.job(f"job-{len(jobs)}", platform.put(f"{len(jobs)}\n")))
            platform.reconcile("--no-certify", jobs[-1])
    platform.run("certify", "--no-fetch")
    assert platform.git("status", "--porcelain") == ""
    history = platform.git(
        "log", "--format=%s", "--diff-filter=A", "--name-only", "--", "certificates"
    )
    names = [line for line in history.split("\n") if line.endswith(".sigstore.json")]
    assert sorted(names) == sorted(path_of(job) for job in jobs)
    platform.run("trust", "check", "--no-fetch")
    document = json.loads(platform.audit("audit", "--format", "json").stdout)
    assert document["valid"]
    assert len(document["files"]) == len(jobs)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"\xff\xfe", b'{"a":1,"a":2}', b"[" * 100_000, b"null"]
)
def test_what_is_no_certificate_is_invalid(platform, done, tmp_path, content):
    file = tmp_path / "cert.json"
    file.write_bytes(content)
    for words in (["verify", str(file), "--trust-root", root(platform)], ["inspect", str(file)]):
        result = platform.run(*words, "--offline", code=13)
        assert "Traceback" not in result.stderr
        assert "internal error" not in result.stderr
