"""A file reaches the store from somebody without an account, and only the file that was granted."""

from __future__ import annotations

import hashlib
import http.client
import json
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from neurocaas_ci.model.digest import sha256_bytes
from neurocaas_ci.stores.s3_blobs import S3Blobs
from neurocaas_ci.stores.s3_client import make_client

CONTENT = b"recorded elsewhere\n" * 1000


@pytest.fixture
def lab(bucket, tmp_path, monkeypatch):
    monkeypatch.setenv("NEUROCAAS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NEUROCAAS_STORE", f"s3://{bucket}/lab")
    return S3Blobs(bucket, "lab", make_client())


@pytest.fixture
def guest(monkeypatch, tmp_path):
    """Become somebody who has the grant and nothing else."""

    def become():
        for name in ("NEUROCAAS_STORE", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("NEUROCAAS_HOME", str(tmp_path / "guest"))

    return become


def run(*arguments, code=0):
    done = subprocess.run(
        [sys.executable, "-m", "neurocaas_ci.cli.main", "data", *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done


def grant_for(tmp_path, data, name="mouse.csv"):
    digest, size = hashlib.sha256(data).hexdigest(), str(len(data))
    made = run("grant", name, "--sha256", digest, "--size", size).stdout
    (tmp_path / "grant.json").write_text(made)
    return json.loads(made)


@pytest.mark.slow
def test_a_guest_stores_the_granted_file(lab, guest, tmp_path):
    file = tmp_path / "mine.csv"
    file.write_bytes(CONTENT)
    grant = grant_for(tmp_path, CONTENT)
    assert "if-none-match%3Bx-amz-checksum-sha256%3Bx-amz-meta-sha256" in grant["url"]
    assert not lab.verify(sha256_bytes(CONTENT), len(CONTENT))
    guest()
    for _ in range(2):
        done = run("put", str(file), "--grant", str(tmp_path / "grant.json"))
        assert done.stdout == f"store:mouse.csv {sha256_bytes(CONTENT)} {len(CONTENT)}\n"
    assert lab.verify(sha256_bytes(CONTENT), len(CONTENT))


@pytest.mark.slow
def test_another_file_is_not_sent(lab, guest, tmp_path):
    file = tmp_path / "other.csv"
    file.write_bytes(b"other")
    grant_for(tmp_path, CONTENT)
    guest()
    refused = run("put", str(file), "--grant", str(tmp_path / "grant.json"), code=2)
    assert "sha256sum" in refused.stderr
    (tmp_path / "grant.json").write_text("{}")
    assert "not an upload grant" in run(
        "put", str(file), "--grant", str(tmp_path / "grant.json"), code=2
    ).stderr  # fmt: skip


@pytest.mark.slow
def test_an_old_grant_is_not_used(lab, guest, tmp_path):
    file = tmp_path / "mine.csv"
    file.write_bytes(CONTENT)
    grant = grant_for(tmp_path, CONTENT)
    grant["expires"] = "2026-01-01T00:00:00+00:00"
    (tmp_path / "grant.json").write_text(json.dumps(grant))
    guest()
    assert "expired" in run(
        "put", str(file), "--grant", str(tmp_path / "grant.json"), code=2
    ).stderr  # fmt: skip


def test_a_presigned_address_replaces_nothing(lab, tmp_path):
    """Whoever sends something else to the address, past our own checks, finds it taken."""
    from neurocaas_ci.stores.interface import Blob

    digest = sha256_bytes(CONTENT)
    url, headers = lab.presign(Blob(digest, len(CONTENT)), 60)
    parts = urlsplit(url)
    for status in (200, 412):
        connection = http.client.HTTPConnection(parts.netloc, timeout=10)
        connection.request("PUT", f"{parts.path}?{parts.query}", CONTENT, headers)
        assert connection.getresponse().status == status
        connection.close()
    assert lab.verify(digest, len(CONTENT))


@pytest.mark.slow
def test_a_folder_gives_no_grants(tmp_path, monkeypatch):
    monkeypatch.setenv("NEUROCAAS_HOME", str(tmp_path))
    monkeypatch.delenv("NEUROCAAS_STORE", raising=False)
    done = run("grant", "d.csv", "--sha256", "0" * 64, "--size", "1", code=2)
    assert "NEUROCAAS_STORE" in done.stderr
