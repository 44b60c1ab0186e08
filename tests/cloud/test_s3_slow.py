"""S3 answers, but later than anybody waits for, or refuses a condition that holds: nothing is lost."""

from __future__ import annotations

import io
import itertools
import os
import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from botocore import auth
from proxy import Harm

from neurocaas_ci.errors import BackendUnavailableError
from neurocaas_ci.stores import s3_client, s3_errors
from neurocaas_ci.stores.s3_blobs import S3Blobs
from neurocaas_ci.stores.s3_state import S3State

pytestmark = pytest.mark.slow

PART = 5 << 20
TOO_LATE = 1.3


@pytest.fixture
def client(proxy, monkeypatch):
    """A client that waits for a second."""
    monkeypatch.setattr(s3_client, "_READ_SECONDS", 1)
    return s3_client.make_client()


def late(method, part="", times=1):
    """The server does it, and says so when the client has given up."""
    return Harm(lambda m, p: m == method and part in p, times, forward=True, late=TOO_LATE)


def versions(aws, bucket):
    return len(aws.client("s3").list_object_versions(Bucket=bucket).get("Versions", []))


@pytest.mark.parametrize("size", [10, PART + 1])
def test_what_was_stored_when_nobody_waited_any_more_is_stored_once(
    client, proxy, bucket, aws, size
):
    aws.client("s3").put_bucket_versioning(
        Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    blobs = S3Blobs(bucket, "p", client, part_size=PART)
    proxy.harms += [late("PUT"), late("POST", "uploadId")]
    blob = blobs.put(io.BytesIO(os.urandom(size)))
    assert blobs.verify(blob.sha256, size)
    assert versions(aws, bucket) == 1
    assert not aws.client("s3").list_multipart_uploads(Bucket=bucket).get("Uploads")


def test_a_download_that_hangs_is_asked_for_again(client, proxy, bucket, tmp_path):
    blobs = S3Blobs(bucket, "p", client)
    blob = blobs.put(io.BytesIO(b"content"))
    proxy.harms.append(late("GET", times=2))
    assert blobs.place(blob.sha256, tmp_path / "t") == 7
    assert (tmp_path / "t").read_bytes() == b"content"
    assert [p.name for p in tmp_path.iterdir()] == ["t"]


def test_a_claim_and_a_document_that_were_written_late_are_ours(client, proxy, bucket):
    state, other = (S3State(bucket, "p", client, lease_s=60) for _ in range(2))
    proxy.harms += [late("PUT", "/locks/"), late("PUT", "/state/")]
    with state.claim("run", wait=False) as claim:
        assert claim is not None
        state.write("record", b"1", claim=claim)
        with other.claim("run", wait=False) as second:
            assert second is None
    assert state.read("record") == b"1"
    assert not state.held("run")


def test_renewals_that_are_answered_late_keep_a_claim(client, proxy, bucket, aws):
    """Of each renewal the first answer is late; the time counts from when it was asked for."""
    state = S3State(bucket, "p", client, lease_s=6)
    other = S3State(bucket, "p", aws.client("s3"), lease_s=6)
    turns = itertools.cycle([True, False])
    with state.claim("run", wait=False) as claim:
        harm = late("PUT", times=100)
        harm.when = lambda m, p: m == "PUT" and "/locks/" in p and next(turns)
        proxy.harms.append(harm)
        until = time.monotonic() + 9
        while time.monotonic() < until:
            assert claim.alive()
            with other.claim("run", wait=False) as second:
                assert second is None
            time.sleep(0.5)
        proxy.harms.clear()


def test_a_claim_that_cannot_be_renewed_in_time_is_not_relied_on(client, proxy, bucket):
    state = S3State(bucket, "p", client, lease_s=2)
    with state.claim("run", wait=False) as claim:
        proxy.harms.append(Harm(lambda m, _p: m == "PUT", delay=TOO_LATE, cut=0))
        time.sleep(2.2)
        assert not claim.alive()
        proxy.harms.clear()
        state.write("record", b"1", claim=claim)
        assert claim.alive(), "nobody took it meanwhile"


def test_a_refusal_that_nobody_caused_is_no_loss(client, proxy, bucket):
    state = S3State(bucket, "p", client, lease_s=60)

    def refused(part):
        return Harm(lambda m, p: m == "PUT" and part in p, 2, status=412)

    proxy.harms.append(refused("/locks/"))
    with state.claim("run", wait=False) as claim:
        assert claim is not None
        proxy.harms += [refused("/locks/"), refused("/state/")]
        state.write("record", b"1", claim=claim)
        assert claim.alive()
    assert state.read("record") == b"1"
    proxy.harms.append(refused("/blobs/"))
    blobs = S3Blobs(bucket, "p", client)
    with pytest.raises(BackendUnavailableError, match="there, and that it is not"):
        blobs.put(io.BytesIO(b"x"))


def test_a_clock_that_is_wrong_is_named(client, proxy, bucket, monkeypatch):
    wrong = datetime.now(UTC) - timedelta(hours=3)
    # Signatures want it without a zone.
    monkeypatch.setattr(auth, "get_current_datetime", lambda: wrong.replace(tzinfo=None))

    class Behind(datetime):
        @classmethod
        def now(cls, tz=None):
            return wrong

    monkeypatch.setattr(s3_errors, "datetime", Behind)
    proxy.strict_clock = True
    with pytest.raises(
        BackendUnavailableError, match=r"the clock of this machine is wrong"
    ) as error:
        S3Blobs(bucket, "p", client).put(io.BytesIO(b"x"))
    assert re.search(r"by [23]:\d\d:\d\d \(behind\)", error.value.message)
    assert "timedatectl" in error.value.hint
