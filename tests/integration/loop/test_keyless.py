"""Certificates signed with GitHub's word, against services on loopback, and whom an auditor accepts."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "signing"))
from sigstore_instance import RUN
from sigstore_server import CERTIFICATE, ENTRIES, FOREIGN_ISSUER, TOKEN, running

pytestmark = pytest.mark.sandbox

REPOSITORY = "https://github.com/lab/study"


@pytest.fixture
def github(platform, tmp_path):
    """A registry whose origin is on GitHub, with a merged job, in a workflow run there."""
    platform.git("remote", "add", "origin", f"{REPOSITORY}.git")
    platform.job("signed", platform.put("a\n"))
    with running(tmp_path / "instance") as server:
        server.claims["sha"] = platform.git("rev-parse", "HEAD")
        platform.env |= server.environment()
        yield server


def reconcile(platform, server, code=0):
    config = str(server.trust_config)
    done = platform.reconcile("--signer", "sigstore", "--trust-config", config, code=code)
    assert "Traceback" not in done.stderr
    return done


def verify(platform, server, *options: str, code: int = 0) -> dict[str, list[str]]:
    done = platform.run(
        "verify", "signed", "--offline", "--trust-root", str(server.trusted_root), "--format",
        "json", *options, code=code,
    )  # fmt: skip
    found: dict[str, list[str]] = {}
    for check in json.loads(done.stdout)["checks"]:
        found.setdefault(check["state"], []).append(check["name"])
    return found


def test_a_workflow_run_signs_and_an_auditor_believes_it(platform, github):
    reconcile(platform, github)
    assert "failed" not in verify(platform, github)
    said = json.loads(platform.run("inspect", "signed", "--offline", "--format", "json").stdout)
    assert said["registry"]["repository"] == REPOSITORY
    assert said["registry"]["main"] == github.claims["sha"]
    assert said["builder"]["id"] == "urn:neurocaas:builder:github-hosted:v1"
    assert said["invocation"] == RUN
    assert not (platform.home / "signing").exists()
    document = platform.run(
        "audit", "--offline", "--trust-root", str(github.trusted_root), "--format", "json"
    )
    assert json.loads(document.stdout)["valid"]


@pytest.mark.parametrize(
    "options",
    [
        ("--repository", "https://github.com/lab/other"),
        ("--workflow", ".github/workflows/validate.yml"),
        ("--workflow", "lab/tools/.github/workflows/run.yml@refs/heads/main"),
        ("--signer-ref", "refs/tags/v1"),
    ],
)
def test_another_signer_is_not_accepted(platform, github, options):
    reconcile(platform, github)
    assert verify(platform, github, *options, code=13)["failed"] == ["identity"]


def test_a_self_hosted_runner_is_accepted_only_when_it_was_asked_for(platform, github):
    github.claims["runner_environment"] = "self-hosted"
    reconcile(platform, github)
    assert verify(platform, github, code=13)["failed"] == ["identity"]
    assert "failed" not in verify(platform, github, "--allow-self-hosted")


def test_the_workflow_of_a_pull_request_is_never_accepted(platform, github):
    github.claims["event_name"] = "pull_request"
    reconcile(platform, github)
    assert verify(platform, github, code=13)["failed"] == ["identity"]


def _no_permission(platform, server):
    del platform.env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]


def _outside(platform, server):
    del platform.env["GITHUB_ACTIONS"]


def _fault(path, status):
    def damage(platform, server):
        server.faults[path] = status

    return damage


def _claim(name, value):
    def damage(platform, server):
        server.claims[name] = value

    return damage


def _expired(platform, server):
    server.token_seconds = -60


@pytest.mark.parametrize(
    ("damage", "code", "words"),
    [
        (_no_permission, 16, "id-token: write"),
        (_outside, 16, "outside of GitHub Actions"),
        (_fault(TOKEN, 401), 16, "id-token: write"),
        (_fault(CERTIFICATE, 400), 13, "was refused"),
        (_fault(CERTIFICATE, 503), 16, "out of order"),
        (_fault(ENTRIES, 400), 13, "was refused"),
        (_fault(ENTRIES, 500), 16, "out of order"),
        (_claim("iss", FOREIGN_ISSUER), 13, FOREIGN_ISSUER),
        (_claim("sha", "b" * 40), 13, "b" * 40),
        (_claim("repository", "lab/other"), 13, "lab/other"),
        (_expired, 16, "expired"),
    ],
    ids=[
        "no permission", "outside", "token refused", "fulcio refuses", "fulcio down",
        "rekor refuses", "rekor down", "foreign issuer", "other commit", "other repository",
        "expired",
    ],
)  # fmt: skip
def test_what_cannot_be_signed_now_is_kept_and_finished_later(
    platform, github, damage, code, words
):
    before, claims = dict(platform.env), dict(github.claims)
    damage(platform, github)
    done = reconcile(platform, github, code=code)
    assert words in done.stderr
    assert "have results but no certificate" in done.stderr
    assert "runtime-secret" not in done.stderr
    assert platform.job_record("ada/2026-11/signed")["status"] == "succeeded"
    # The next run of the workflow, on a good day.
    platform.env, github.faults, github.claims, github.token_seconds = before, {}, claims, 300
    config = str(github.trust_config)
    platform.run("certify", "--no-fetch", "--signer", "sigstore", "--trust-config", config)
    assert "failed" not in verify(platform, github)
    assert platform.state("ada/2026-11/signed", "runs/001-work/attempt").read_bytes() == b"1"
