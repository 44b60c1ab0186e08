"""Packages come from mirrors over HTTP, which break in every way; all of them local."""

import hashlib

import pytest
from local_server import status, whole

from neurocaas_ci.build.download import Wanted, fetch_all
from neurocaas_ci.errors import BackendUnavailableError, BuildError

pytestmark = pytest.mark.sandbox

CONTENT = bytes(range(256)) * 1000


def cut(content, after):
    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[:after])
        handler.close_connection = True

    return answer


def rest(content):
    def answer(handler):
        start = int(handler.headers["Range"].removeprefix("bytes=").rstrip("-"))
        handler.send_response(206)
        handler.send_header("Content-Length", str(len(content) - start))
        handler.end_headers()
        handler.wfile.write(content[start:])

    return answer


def fetch(tmp_path, *addresses):
    item = Wanted("a 1", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT),
                  tuple(f"{a}/a.deb" for a in addresses), tmp_path / "debs" / "a")  # fmt: skip
    fetch_all([item], say=lambda _: None, backoff=0.01)
    return item.target.read_bytes()


def test_an_interrupted_download_is_resumed(tmp_path, serve):
    server = serve({"/a.deb": [cut(CONTENT, 100_000), rest(CONTENT)]})
    assert fetch(tmp_path, server.address) == CONTENT
    ranges = [headers.get("Range") for _, headers in server.seen]
    assert ranges == [None, "bytes=100000-"]


def test_a_server_that_ignores_ranges(tmp_path, serve):
    server = serve({"/a.deb": [cut(CONTENT, 100_000), whole(CONTENT)]})
    assert fetch(tmp_path, server.address) == CONTENT


def test_a_busy_server_is_asked_again(tmp_path, serve):
    server = serve({"/a.deb": [status(503), status(503), whole(CONTENT)]})
    assert fetch(tmp_path, server.address) == CONTENT


def test_a_mirror_without_the_package_is_passed_over(tmp_path, serve):
    empty, good = serve({}), serve({"/a.deb": [whole(CONTENT)]})
    assert fetch(tmp_path, empty.address, good.address) == CONTENT
    assert len(empty.seen) == 1


def test_a_mirror_that_is_always_busy(tmp_path, serve):
    with pytest.raises(BackendUnavailableError, match="503"):
        fetch(tmp_path, serve({"/a.deb": [status(503)]}).address)


def test_a_mirror_that_is_down(tmp_path):
    with pytest.raises(BackendUnavailableError) as caught:
        fetch(tmp_path, "http://127.0.0.1:9")
    assert caught.value.exit_code == 16


def test_a_mirror_that_serves_something_else(tmp_path, serve):
    server = serve({"/a.deb": [whole(CONTENT[::-1])]})
    with pytest.raises(BuildError, match="not the locked one"):
        fetch(tmp_path, server.address)
    server = serve({"/a.deb": [whole(CONTENT * 2)]})
    with pytest.raises(BuildError, match="larger than the lock says"):
        fetch(tmp_path, server.address)
