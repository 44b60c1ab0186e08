"""A website reaches GitHub Pages once it is complete, and whoever asks is told what is missing."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import zlib
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "signing"))
from adapter_world import connected
from fake import archive
from sigstore_server import running

from neurocaas_ci.errors import BackendUnavailableError, UsageError
from neurocaas_ci.forges.github_identity import identity_token
from neurocaas_ci.forges.github_pages import publish_pages

COMMIT = "1" * 40


@pytest.fixture
def issuer(hub, tmp_path):
    with running(tmp_path / "sigstore") as made:
        hub.issuer = made
        made.claims |= {"repository": "acme/registry", "environment": "github-pages"}
        yield made


@pytest.fixture
def artifact(repo, tmp_path):
    """Upload a website, as a run under way does; return the id."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for name in ("./index.html", "./style.css"):
            member = tarfile.TarInfo(name)
            member.size = len(name)
            tar.addfile(member, io.BytesIO(name.encode()))
    content = archive({"artifact.tar": target.getvalue()})
    repo.uploads = tmp_path / "uploads"
    repo.uploads.mkdir()
    (repo.uploads / "github-pages.zip").write_bytes(content)
    return zlib.crc32(content)


@pytest.fixture
def pages(hub, issuer):
    """The adapter of a job that may publish, and a clock that counts what it waits."""
    token = hub.token("", kind="GITHUB_TOKEN", permissions={"contents": "read", "pages": "write"})
    yield connected(hub, token)
    assert hub.violations == []


def publish(pages, issuer, artifact, waited=None):
    identity = identity_token(issuer.environment())
    sleep = (lambda _: None) if waited is None else waited.append
    return publish_pages(pages, artifact, COMMIT, identity, sleep=sleep)


def test_a_website_is_there_once_github_says_so(hub, repo, pages, issuer, artifact):
    repo.pages.unfinished = 3
    waited: list[float] = []
    assert publish(pages, issuer, artifact, waited) == "https://acme.github.io/registry/"
    assert len(waited) == 3
    assert repo.pages.files == {"index.html": b"./index.html", "style.css": b"./style.css"}
    assert hub.violations == []


def test_it_is_published_again_when_the_answer_was_lost(hub, repo, pages, issuer, artifact):
    hub.drop("repos/create-pages-deployment", after=True)
    assert publish(pages, issuer, artifact)
    assert list(repo.pages.deployments) == [COMMIT]


@pytest.mark.parametrize("ends", ["deployment_failed", "deployment_content_failed"])
def test_what_github_cannot_publish_is_an_error(repo, pages, issuer, artifact, ends):
    repo.pages.ends = ends
    with pytest.raises(BackendUnavailableError, match=ends):
        publish(pages, issuer, artifact)
    assert repo.pages.cancelled == []


def test_what_takes_too_long_is_taken_back(repo, pages, issuer, artifact):
    repo.pages.unfinished = 10_000
    waited: list[float] = []
    with pytest.raises(BackendUnavailableError, match="deployment_in_progress"):
        publish(pages, issuer, artifact, waited)
    assert sum(waited) == 600
    assert repo.pages.cancelled == [COMMIT]


def test_where_pages_are_off_it_is_said_how_to_switch_them_on(repo, pages, issuer, artifact):
    repo.pages.enabled = False
    with pytest.raises(UsageError) as caught:
        publish(pages, issuer, artifact)
    assert caught.value.hint == "Settings > Pages > Source: GitHub Actions"


def test_an_identity_of_another_repository_publishes_nothing(repo, pages, issuer, artifact):
    issuer.claims["repository"] = "mallory/registry"
    with pytest.raises(UsageError, match="Invalid OIDC token"):
        publish(pages, issuer, artifact)
    assert repo.pages.files == {}


def test_a_token_without_the_right_publishes_nothing(hub, repo, issuer, artifact):
    token = hub.token("", kind="GITHUB_TOKEN", permissions={"contents": "write"})
    with pytest.raises(UsageError, match="not accessible"):
        publish(connected(hub, token), issuer, artifact)
    assert repo.pages.files == {}


def test_a_job_without_an_identity_says_which_permission_it_lacks():
    with pytest.raises(UsageError) as caught:
        identity_token({})
    assert "id-token: write" in caught.value.hint


def test_an_issuer_that_does_not_answer_is_worth_another_try(issuer):
    wrong = {**issuer.environment(), "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "wrong"}
    with pytest.raises(BackendUnavailableError) as caught:
        identity_token(wrong)
    assert caught.value.exit_code == 16


def test_the_command_prints_where_the_website_is(hub, repo, pages, issuer, artifact, tmp_path):
    subprocess.run(["git", "init", "-q", str(tmp_path / "clone")], check=True)
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "GITHUB_"))},
        **issuer.environment(), "GITHUB_TOKEN": pages.address.token, "GITHUB_API_URL": hub.base,
        "GITHUB_REPOSITORY": "acme/registry", "GITHUB_SHA": COMMIT,
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "neurocaas_ci.cli.main", "publish", str(artifact)],
        cwd=tmp_path / "clone", env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "https://acme.github.io/registry/\n"), done.stderr
