"""Contents on S3: created once, in parts, resumed, and never taken on trust."""

from __future__ import annotations

import hashlib
import http.client
import io
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from ministack_server import ministack_server
from proxy import Harm

from neurocaas_ci.errors import BackendUnavailableError, IntegrityError, UsageError
from neurocaas_ci.model.digest import sha256_bytes
from neurocaas_ci.stores.interface import Blob
from neurocaas_ci.stores.s3_blobs import S3Blobs
from neurocaas_ci.stores.s3_client import make_client, parse_place
from neurocaas_ci.stores.s3_upload import Upload

PART = 5 << 20
LARGE = os.urandom(3 * PART + 12345)


@pytest.fixture
def blobs(bucket, tmp_path):
    return S3Blobs(bucket, "p", make_client(), spool=tmp_path, part_size=PART)


@pytest.fixture(scope="module")
def second(tmp_path_factory):
    with ministack_server(tmp_path_factory.mktemp("ministack")) as found:
        yield found


@pytest.fixture
def strict_bucket(second, monkeypatch):
    """A bucket of the stand-in that checks sums; clients that are made from now on go there."""
    for name, value in second.environment.items():
        monkeypatch.setenv(name, value)
    return second.new_bucket()


class Pipe:
    """A stream that cannot be rewound."""

    def __init__(self, data):
        self._stream = io.BytesIO(data)

    def read(self, count=-1, /):
        return self._stream.read(count)


def stored(blobs, digest):
    return blobs._client.get_object(Bucket=blobs._place.bucket, Key=blobs.key(digest))


@pytest.mark.parametrize("stream", [io.BytesIO, Pipe])
def test_a_large_content_goes_up_in_parts_and_comes_back(blobs, tmp_path, stream):
    blob = blobs.put(stream(LARGE))
    assert blob == Blob(sha256_bytes(LARGE), len(LARGE))
    assert stored(blobs, blob.sha256)["ETag"].endswith('-4"')
    assert blobs.verify(blob.sha256, len(LARGE))
    assert blobs.place(blob.sha256, tmp_path / "t") == len(LARGE)
    assert (tmp_path / "t").read_bytes() == LARGE
    assert (tmp_path / "t").stat().st_mode & 0o777 == 0o444
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t"], "nothing half-written is left"


def test_objects_carry_their_sha256_where_s3_can_check_it(blobs):
    blob = blobs.put(io.BytesIO(b"small"))
    assert stored(blobs, blob.sha256)["Metadata"] == {"sha256": blob.sha256}
    assert blobs.key(blob.sha256) == f"p/blobs/sha256/{blob.sha256[:2]}/{blob.sha256}"


def put_at_once(blobs, data, count):
    barrier = threading.Barrier(count)

    def put(_):
        barrier.wait(20)
        return blobs.put(io.BytesIO(data))

    with ThreadPoolExecutor(count) as pool:
        assert set(pool.map(put, range(count))) == {Blob(sha256_bytes(data), len(data))}


def versions(s3, bucket):
    found = s3.list_object_versions(Bucket=bucket)
    return len(found["Versions"])


@pytest.mark.slow
def test_many_who_store_the_same_create_one_object(blobs, bucket, aws):
    s3 = aws.client("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    put_at_once(blobs, b"small", 32)
    assert versions(s3, bucket) == 1


@pytest.mark.slow
def test_many_who_store_the_same_in_parts_create_one_object(strict_bucket):
    """On ministack: moto looks whether the object is there long before it makes it."""
    s3 = make_client()
    s3.put_bucket_versioning(Bucket=strict_bucket, VersioningConfiguration={"Status": "Enabled"})
    blobs = S3Blobs(strict_bucket, "p", s3, part_size=PART)
    put_at_once(blobs, LARGE, 4)
    assert versions(s3, strict_bucket) == 1
    assert not s3.list_multipart_uploads(Bucket=strict_bucket).get("Uploads")


def test_what_is_there_is_not_sent_again(blobs, proxy):
    seen = S3Blobs(blobs._place.bucket, "p", make_client(), part_size=PART)
    seen.put(io.BytesIO(LARGE))
    before = proxy.count("PUT")
    seen.put(io.BytesIO(LARGE))
    assert proxy.count("PUT") == before == 4


def test_another_content_in_the_place_of_a_digest_is_said(blobs, aws, bucket, tmp_path):
    digest = sha256_bytes(b"right")
    aws.client("s3").put_object(
        Bucket=bucket, Key=blobs.key(digest), Body=b"wrong", Metadata={"sha256": digest}
    )
    with pytest.raises(IntegrityError) as caught:
        blobs.place(digest, tmp_path / "t")
    assert caught.value.where == f"sha256:{digest}"
    with pytest.raises(IntegrityError), blobs.open(digest) as stream:
        stream.read()
    assert not blobs.verify(digest, 5)


def test_an_object_without_our_mark_does_not_count_as_stored(blobs, aws, bucket):
    digest = sha256_bytes(b"right")
    aws.client("s3").put_object(Bucket=bucket, Key=blobs.key(digest), Body=b"other")
    with pytest.raises(IntegrityError):
        blobs.put(io.BytesIO(b"right"))


def test_a_file_that_changes_while_it_is_stored_is_not_stored(blobs, bucket, aws):
    class Changing(io.BytesIO):
        def seek(self, *where):
            found = super().seek(*where)
            if where == (0,) and self.tell() == 0:
                self.getbuffer()[-1] ^= 1
            return found

    with pytest.raises(IntegrityError, match="changed while"):
        blobs.put(Changing(LARGE))
    s3 = aws.client("s3")
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    assert not s3.list_multipart_uploads(Bucket=bucket).get("Uploads")


@pytest.mark.parametrize("cut", [0, 1, 100_000])
def test_a_download_goes_on_after_the_connection_broke(proxy, bucket, tmp_path, cut):
    blobs = S3Blobs(bucket, "p", make_client(), part_size=PART)
    blob = blobs.put(io.BytesIO(LARGE))
    proxy.harms.append(Harm(lambda m, p: m == "GET", 3, cut=cut))
    assert blobs.place(blob.sha256, tmp_path / "t") == len(LARGE)
    assert (tmp_path / "t").read_bytes() == LARGE
    assert proxy.count("GET", f"/{blob.sha256}") == 4


def test_a_download_that_never_gets_on_leaves_nothing(proxy, bucket, tmp_path):
    blobs = S3Blobs(bucket, "p", make_client(), part_size=PART)
    blob = blobs.put(io.BytesIO(b"x" * 1000))
    proxy.harms.append(Harm(lambda m, p: m == "GET", 1, cut=1))
    proxy.harms.append(Harm(lambda m, p: m == "GET", status=503))
    with pytest.raises(BackendUnavailableError) as caught:
        blobs.place(blob.sha256, tmp_path / "t")
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_an_answer_that_got_lost_is_a_stored_content(proxy, bucket):
    blobs = S3Blobs(bucket, "p", make_client(), part_size=PART)
    for data in (b"small", LARGE):
        proxy.harms.append(Harm(lambda m, p: m == "PUT", 1, cut=0, forward=True))
        proxy.harms.append(Harm(lambda m, p: m == "POST" and "uploadId" in p, 1, status=500, forward=True))  # fmt: skip
        blob = blobs.put(io.BytesIO(data))
        assert blobs.verify(blob.sha256, len(data))


@pytest.mark.parametrize("status", [500, 503, 409])
def test_s3_out_of_order_for_a_moment_is_not_noticed(proxy, bucket, status):
    blobs = S3Blobs(bucket, "p", make_client(), part_size=PART)
    proxy.harms.append(Harm(lambda m, p: m == "PUT", 1, status=status))
    if status == 409:
        # Somebody else is creating it at this moment; whether they will is not known.
        with pytest.raises(BackendUnavailableError):
            blobs.put(io.BytesIO(b"x"))
    blob = blobs.put(io.BytesIO(b"x"))
    assert blobs.verify(blob.sha256, 1)


@pytest.mark.slow
def test_s3_out_of_order_for_long_is_an_error_to_try_again(proxy, bucket):
    blobs = S3Blobs(bucket, "p", make_client(), part_size=PART)
    proxy.harms.append(Harm(lambda m, p: True, status=503))
    with pytest.raises(BackendUnavailableError) as caught:
        blobs.put(io.BytesIO(b"x"))
    assert caught.value.exit_code == 16
    assert "later" in caught.value.hint
    assert proxy.count("PUT") == 5


def test_forbidden_and_missing_buckets_are_clear(proxy, bucket):
    blobs = S3Blobs(bucket, "p", make_client())
    proxy.harms.append(Harm(lambda m, p: m == "PUT", 1, status=403))
    with pytest.raises(BackendUnavailableError) as caught:
        blobs.put(io.BytesIO(b"x"))
    assert "s3:ListBucket" in caught.value.hint
    with pytest.raises(UsageError, match="bucket"):
        S3Blobs("no-such-bucket", "p", make_client()).put(io.BytesIO(b"x"))
    with pytest.raises(UsageError, match="bucket"):
        S3Blobs("no-such-bucket", "p", make_client()).open(sha256_bytes(b"x"))


def test_nobody_there_is_clear(monkeypatch, aws):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(BackendUnavailableError, match="cannot be reached"):
        S3Blobs("bucket", "p", make_client()).put(io.BytesIO(b"x"))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(UsageError, match="credentials"):
        S3Blobs("bucket", "p", make_client()).put(io.BytesIO(b"x"))


@pytest.mark.slow
def test_a_wrong_sum_is_refused_by_a_server_that_checks(strict_bucket):
    """moto takes any sum; this shows that what we send is what S3 compares."""
    client = make_client()
    digest = sha256_bytes(b"right")
    upload = Upload(client, strict_bucket, "k", digest, 5)
    assert upload.send(b"right")
    assert not upload.send(b"right")
    put = client.put_object

    def flipped(**arguments):
        return put(**{**arguments, "Body": b"wrung"})

    client.put_object = flipped
    with pytest.raises(BackendUnavailableError, match="BadDigest"):
        Upload(client, strict_bucket, "other", digest, 5).send(b"right")
    assert "Contents" not in client.list_objects_v2(Bucket=strict_bucket, Prefix="other")


@pytest.mark.slow
def test_a_presigned_address_takes_no_other_content(strict_bucket):
    blobs = S3Blobs(strict_bucket, "p", make_client())
    digest = sha256_bytes(b"right")
    url, headers = blobs.presign(Blob(digest, 5), 60)
    parts = urlsplit(url)
    bare = {name: text for name, text in headers.items() if name != "If-None-Match"}
    for body, sent, status in (
        (b"wrung", headers, 400),
        (b"right", bare, 403),
        (b"right", headers, 200),
        (b"right", headers, 412),
    ):
        connection = http.client.HTTPConnection(parts.netloc, timeout=10)
        connection.request("PUT", f"{parts.path}?{parts.query}", body, sent)
        assert connection.getresponse().status == status
        connection.close()
    assert blobs.verify(digest, 5)


@pytest.mark.slow
def test_an_upload_that_broke_off_goes_on_where_it_was(strict_bucket):
    client = make_client()
    blobs = S3Blobs(strict_bucket, "p", client, part_size=PART)
    send, sent, broke = client.upload_part, [], []

    def third_fails(**arguments):
        sent.append(arguments["PartNumber"])
        if arguments["PartNumber"] == 3 and not broke:
            broke.append(True)
            raise OSError(5, "the machine went down")
        return send(**arguments)

    client.upload_part = third_fails
    with pytest.raises(OSError, match="went down"):
        blobs.put(io.BytesIO(LARGE))
    first = set(sent)
    sent.clear()
    blob = blobs.put(io.BytesIO(LARGE))
    assert 3 in sent
    assert len(sent) < 4, f"sent {sorted(first)} before, and {sorted(sent)} again"
    with blobs.open(blob.sha256) as stream:
        assert hashlib.sha256(stream.read()).hexdigest() == blob.sha256
    assert blobs.verify(blob.sha256, len(LARGE))


@pytest.mark.parametrize("uri", ["s3://", "s3:/b/p", "http://b", "s3://B/p", "s3://bucket/a/../b"])
def test_what_is_no_address_of_a_store_is_refused(uri):
    with pytest.raises(UsageError):
        parse_place(uri)


def test_addresses_of_stores():
    assert parse_place("s3://bucket") == ("bucket", "")
    assert parse_place("s3://bucket/") == ("bucket", "")
    assert parse_place("s3://bucket/a/b/") == ("bucket", "a/b")


def test_what_is_there_is_listed_with_size_and_time(aws, bucket):
    blobs = S3Blobs(bucket, "store", aws.client("s3"))
    first, second = (blobs.put(io.BytesIO(data)) for data in (b"one", b"three"))
    aws.client("s3").put_object(Bucket=bucket, Key="store/state/x", Body=b"x")
    found = {name: (size, time) for name, size, time in blobs.listed()}
    assert {name: size for name, (size, _) in found.items()} == {first.sha256: 3, second.sha256: 5}
    assert all(abs(at - time.time()) < 60 for _, at in found.values())
