"""Source archives are found by the plain interface of an index, and nothing of them is run."""

import base64
import http.server
import json
import threading

import pytest

from neurocaas_ci.build import indexes
from neurocaas_ci.build.archives import fetch_archive, pin_archive
from neurocaas_ci.build.cache import Cache
from neurocaas_ci.errors import BackendUnavailableError, BuildError
from neurocaas_ci.model.digest import sha256_bytes
from neurocaas_ci.model.registry import SourcePackage

ARCHIVE = b"an archive that nobody opens"
SHA256 = sha256_bytes(ARCHIVE)
SOURCE = SourcePackage("my-pkg", "1.0")


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.seen.append((self.path, self.headers.get("Authorization")))
        kind, body = self.server.answers.get(self.path, (None, b""))
        if self.path in self.server.moved:
            self.send_response(302)
            self.send_header("Location", self.server.moved[self.path])
        else:
            self.send_response(200 if kind else 404)
        self.send_header("Content-Type", kind or "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def index(monkeypatch):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.answers, server.moved, server.seen = {}, {}, []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    server.address = f"http://127.0.0.1:{server.server_address[1]}"
    for name in ("UV_INDEX", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_NO_INDEX",
                 "PIP_NO_INDEX", "PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_CERT"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.address}/simple")
    monkeypatch.setattr(indexes, "_ATTEMPTS", 1)
    yield server
    server.shutdown()
    server.server_close()
    thread.join(10)


def listed(*files):
    return (
        "application/vnd.pypi.simple.v1+json",
        json.dumps(
            {"files": [{"filename": n, "url": u, "hashes": h} for n, u, h in files]}
        ).encode(),
    )


def test_a_json_index(index, tmp_path):
    index.answers["/simple/my-pkg/"] = listed(
        ("my_pkg-1.0-py3-none-any.whl", "../../f/my_pkg-1.0-py3-none-any.whl", {}),
        ("my_pkg-1.0.1.tar.gz", "../../f/other.tar.gz", {}),
        ("my_pkg-1.0.tar.gz", "../../f/my_pkg-1.0.tar.gz", {"sha256": SHA256}),
    )
    index.answers["/f/my_pkg-1.0.tar.gz"] = ("application/gzip", ARCHIVE)
    cache = Cache(tmp_path)
    pin = pin_archive(SOURCE, cache, lambda _: None)
    assert pin == ("my-pkg", "1.0", SHA256, len(ARCHIVE), "my_pkg-1.0.tar.gz")
    seen = len(index.seen)
    assert fetch_archive(SOURCE, pin, cache, lambda _: None).read_bytes() == ARCHIVE
    assert len(index.seen) == seen  # it was kept
    cache.download_path("sources", SHA256).write_bytes(b"damaged")
    assert fetch_archive(SOURCE, pin, cache, lambda _: None).read_bytes() == ARCHIVE
    index.answers["/f/my_pkg-1.0.tar.gz"] = ("application/gzip", b"another one")
    cache.download_path("sources", SHA256).unlink()
    with pytest.raises(BuildError, match="the index served another file than it lists"):
        fetch_archive(SOURCE, pin, cache, lambda _: None)
    index.answers["/simple/my-pkg/"] = listed(("my_pkg-1.0.tar.gz", "/f/my_pkg-1.0.tar.gz", {}))
    with pytest.raises(BuildError, match="its source is another one than is locked"):
        fetch_archive(SOURCE, pin, cache, lambda _: None)


def test_an_html_index_behind_a_password(index, tmp_path, monkeypatch):
    host = index.address.removeprefix("http://")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://me:s3cret@{host}/simple/")
    link = f'<a href="/f/My.Pkg-1.0.zip#sha256={SHA256}" data-x>My.Pkg-1.0.zip</a>'
    index.answers["/simple/my-pkg/"] = ("text/html", f"<html><body>{link}</body>".encode())
    index.answers["/f/My.Pkg-1.0.zip"] = ("application/zip", ARCHIVE)
    pin = pin_archive(SOURCE, Cache(tmp_path), lambda _: None)
    assert pin.origin == "My.Pkg-1.0.zip"
    basic = "Basic " + base64.b64encode(b"me:s3cret").decode()
    assert index.seen == [("/simple/my-pkg/", basic), ("/f/My.Pkg-1.0.zip", basic)]


def test_a_password_is_for_the_host_that_it_was_given_for(index, tmp_path, monkeypatch):
    host = index.address.removeprefix("http://")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://me:s3cret@{host}/simple/")
    elsewhere = index.address.replace("127.0.0.1", "localhost")
    index.moved = {
        "/simple/my-pkg/": f"{index.address}/moved/",
        "/f/my_pkg-1.0.tar.gz": f"{elsewhere}/g/my_pkg-1.0.tar.gz",
    }
    index.answers["/moved/"] = listed(("my_pkg-1.0.tar.gz", "/f/my_pkg-1.0.tar.gz", {}))
    index.answers["/g/my_pkg-1.0.tar.gz"] = ("application/gzip", ARCHIVE)
    assert pin_archive(SOURCE, Cache(tmp_path), lambda _: None).sha256 == SHA256
    asked = {path: given is not None for path, given in index.seen}
    assert asked == {
        "/simple/my-pkg/": True, "/moved/": True, "/f/my_pkg-1.0.tar.gz": True,
        "/g/my_pkg-1.0.tar.gz": False,
    }  # fmt: skip


def test_a_folder_of_links_comes_first_and_may_be_all(index, tmp_path, monkeypatch):
    links = tmp_path / "links"
    links.mkdir()
    (links / "my_pkg-1.0.tar.gz").write_bytes(ARCHIVE)
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert pin_archive(SOURCE, Cache(tmp_path / "cache"), lambda _: None).sha256 == SHA256
    with pytest.raises(BuildError, match=r"no index has a source archive of my-pkg==2\.0"):
        indexes.find_sdist("my-pkg", "2.0")
    assert index.seen == []


def test_what_is_not_there(index):
    with pytest.raises(BuildError, match="no index has a source archive"):
        indexes.find_sdist("my-pkg", "1.0")
    index.answers["/simple/my-pkg/"] = ("application/vnd.pypi.simple.v1+json", b"[]")
    with pytest.raises(BuildError, match="what is no list"):
        indexes.find_sdist("my-pkg", "1.0")


def test_an_index_out_of_reach(index, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(BackendUnavailableError, match="cannot be reached"):
        indexes.find_sdist("my-pkg", "1.0")
