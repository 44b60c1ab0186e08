"""Where contents come from: mirrors over HTTP, indexes, layouts, registries; all of them local."""

import gzip
import hashlib
import http.server
import json
import shutil
import subprocess
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest
from conftest import VERSION

from neurocaas_ci.build.download import Wanted, fetch_all
from neurocaas_ci.build.images import Images
from neurocaas_ci.errors import BackendUnavailableError, BuildError
from neurocaas_ci.model.digest import canonical_json
from neurocaas_ci.registry.folder import FolderTree

pytestmark = pytest.mark.sandbox

CONTENT = bytes(range(256)) * 1000


class Handler(http.server.BaseHTTPRequestHandler):
    """Answer from `server.answers`: path -> list of functions, one for each request."""

    def do_GET(self):
        self.server.seen.append((self.path, dict(self.headers)))
        answers = self.server.answers.get(self.path.partition("?")[0])
        if not answers:
            return self.send_error(404)
        return (answers.pop(0) if len(answers) > 1 else answers[0])(self)

    def log_message(self, *_):
        pass


@pytest.fixture
def serve():
    """Return a function that starts a server on this machine and returns it with its address."""
    running = []

    def start(answers):
        try:
            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        except OSError as error:
            pytest.skip(f"no loopback network here: {error}")
        server.answers, server.seen = answers, []
        server.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        running.append((server, thread))
        return server

    yield start
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join(10)


def whole(content, **headers):
    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        for key, value in headers.items():
            handler.send_header(key.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return answer


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


def status(code, **headers):
    def answer(handler):
        handler.send_response(code)
        for key, value in headers.items():
            handler.send_header(key.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

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


# Wheels: a local folder of packages takes the place of the index.


@pytest.fixture
def index(bench, tmp_path):
    folder = tmp_path / "index"
    folder.mkdir()
    bench.env.update(
        PIP_NO_INDEX="1", PIP_FIND_LINKS=str(folder), UV_NO_INDEX="1", UV_FIND_LINKS=str(folder),
        PIP_CONFIG_FILE="/dev/null", UV_OFFLINE="1",
    )  # fmt: skip

    def publish(name, version, content=b"VALUE = 'from a wheel'\n", needs=""):
        path = folder / f"{name}-{version}-py3-none-any.whl"
        info = f"{name}-{version}.dist-info"
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"{name}.py", content)
            archive.writestr(f"{info}/METADATA", metadata)
            archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")  # fmt: skip
            archive.writestr(f"{info}/RECORD", "")
        return path

    publish.folder = folder
    return publish


def test_wheels_are_locked_and_installed(bench, index):
    index("tiny", "1.0", needs="Requires-Dist: other>=1\nRequires-Dist: absent; python_version<'3'\n")  # fmt: skip
    index("other", "1.5")
    bench.write("probe/requirements.in", "tiny\n")
    bench.write("probe/workflow.py", "import other, tiny\nprint(tiny.VALUE, tiny.__cached__)\n")
    bench.ok("iae", "lock", "probe")
    lock = (bench.registry / "iae/probe/requirements.lock").read_text()
    assert [line.split()[0] for line in lock.splitlines()[2:]] == ["other==1.5", "tiny==1.0"]
    assert str(index.folder) not in lock
    made = Images(bench.cache).ensure(FolderTree(bench.registry), "probe")
    done = subprocess.run(
        ["bwrap", "--unshare-all", "--clearenv", "--setenv", "LD_LIBRARY_PATH",
         made.environment["LD_LIBRARY_PATH"], "--ro-bind", str(made.root), "/", *made.command],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.startswith("from a wheel /opt/python/lib")
    assert done.stdout.strip().endswith(".pyc")


def test_a_newer_version_changes_nothing_until_asked(bench, index):
    index("tiny", "1.0")
    bench.write("probe/requirements.in", "tiny\n")
    image = bench.ok("iae", "lock", "probe")
    index("tiny", "1.1")
    assert bench.ok("iae", "lock", "probe") == image
    assert bench.ok("iae", "lock", "probe", "--upgrade") != image
    assert "tiny==1.1" in (bench.registry / "iae/probe/requirements.lock").read_text()
    bench.write("probe/requirements.in", "tiny==1.0\n")
    bench.ok("iae", "lock", "probe")
    assert "tiny==1.0" in (bench.registry / "iae/probe/requirements.lock").read_text()


def test_a_package_without_a_wheel_is_refused(bench, index):
    folder = index.folder / "srconly-1.0"
    folder.mkdir()
    (folder / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: srconly\nVersion: 1.0\n")
    (folder / "setup.py").write_text("raise SystemExit('sources must not run')\n")
    with tarfile.open(index.folder / "srconly-1.0.tar.gz", "w:gz") as archive:
        archive.add(folder, "srconly-1.0")
    shutil.rmtree(folder)
    bench.write("probe/requirements.in", "srconly\n")
    done = bench.run("iae", "lock", "probe")
    assert done.returncode == 11, done.stderr
    assert "source only are refused" in done.stderr


def test_an_unknown_package(bench, index):
    bench.write("probe/requirements.in", "nothing-of-this-name\n")
    done = bench.run("iae", "lock", "probe")
    assert done.returncode in (11, 16)
    assert "Traceback" not in done.stderr


def test_a_damaged_wheel_in_the_cache_is_fetched_again(bench, index):
    index("tiny", "1.0")
    bench.write("probe/requirements.in", "tiny\n")
    image = bench.ok("iae", "lock", "probe")
    (kept,) = (bench.cache / "wheels").iterdir()
    kept.write_bytes(kept.read_bytes()[:-5] + b"evil!")
    shutil.rmtree(bench.cache / "layers")
    assert bench.ok("build", "probe") == image


def test_an_index_that_serves_another_wheel_is_refused(bench, index):
    index("tiny", "1.0")
    bench.write("probe/requirements.in", "tiny\n")
    bench.ok("iae", "lock", "probe")
    index("tiny", "1.0", content=b"VALUE = 'evil'\n")
    shutil.rmtree(bench.cache)
    done = bench.run("build", "probe")
    assert done.returncode == 11
    assert "another file than the locked one" in done.stderr


# Images: the layout of one IAE is the base of another.


@pytest.fixture
def layout(bench, tmp_path):
    bench.ok("build", "probe", "--output", str(tmp_path / "layout"))
    return tmp_path / "layout"


def digest_of(layout):
    index = json.loads((layout / "index.json").read_bytes())
    return index["manifests"][0]["digest"]


def with_base(bench, image):
    bench.write(
        "upper/iae.yaml",
        "schema: neurocaas/iae/v1\nname: upper\nplatform: linux/amd64\n"
        f'base: {{kind: oci, image: "{image}"}}\npython: "{VERSION}"\n'
        f"entrypoint: [/opt/python/bin/python{VERSION}, /iae/workflow.py]\n",
    )
    bench.write("upper/workflow.py", "print('upper')\n")


def run_upper(bench, monkeypatch):
    for key, value in bench.env.items():
        monkeypatch.setenv(key, value)
    made = Images(bench.cache).ensure(FolderTree(bench.registry), "upper")
    done = subprocess.run(
        ["bwrap", "--unshare-all", "--clearenv", "--setenv", "LD_LIBRARY_PATH",
         made.environment["LD_LIBRARY_PATH"], "--ro-bind", str(made.root), "/", *made.command],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def gzipped(layout):
    """Compress the layers of a layout, as skopeo does when it pushes; return the new digest."""
    blobs = layout / "blobs" / "sha256"
    manifest = json.loads((blobs / digest_of(layout).removeprefix("sha256:")).read_bytes())
    for layer in manifest["layers"]:
        data = gzip.compress((blobs / layer["digest"].removeprefix("sha256:")).read_bytes(), 1)
        layer["digest"] = f"sha256:{put(blobs, data)}"
        layer["size"] = len(data)
        layer["mediaType"] += "+gzip"
    return f"sha256:{put(blobs, canonical_json(manifest))}"


def put(blobs, data):
    digest = hashlib.sha256(data).hexdigest()
    (blobs / digest).write_bytes(data)
    return digest


def test_an_image_of_a_layout_is_a_base(bench, layout, monkeypatch):
    with_base(bench, f"lab/base@{digest_of(layout)}")
    bench.home = bench.home.with_name("second-home")
    bench.env["NEUROCAAS_OCI_LAYOUTS"] = str(layout)
    bench.ok("iae", "lock", "upper")
    bench.ok("build", "upper", "--check")
    assert "reproducible: true" in (bench.registry / "iae/upper/iae.lock").read_text()
    assert run_upper(bench, monkeypatch) == "upper\n"


def test_compressed_layers_are_kept_as_they_are(bench, layout, monkeypatch):
    with_base(bench, f"lab/base@{gzipped(layout)}")
    bench.home = bench.home.with_name("second-home")
    bench.env["NEUROCAAS_OCI_LAYOUTS"] = str(layout)
    told = json.loads(bench.ok("build", "upper", "--format", "json"))
    blobs = {path.name for path in (layout / "blobs/sha256").iterdir()}
    assert {la["digest"] for la in told["layers"] if la["title"] == "base"} < blobs
    assert run_upper(bench, monkeypatch) == "upper\n"


def test_a_base_that_is_nowhere(bench):
    with_base(bench, f"lab/base@sha256:{'0' * 64}")
    done = bench.run("build", "upper")
    assert done.returncode == 16
    assert "NEUROCAAS_OCI_LAYOUTS" in done.stderr


def test_a_damaged_layout_is_refused(bench, layout):
    with_base(bench, f"lab/base@{digest_of(layout)}")
    bench.home = bench.home.with_name("second-home")
    bench.env["NEUROCAAS_OCI_LAYOUTS"] = str(layout)
    largest = max((layout / "blobs/sha256").iterdir(), key=lambda path: path.stat().st_size)
    data = bytearray(largest.read_bytes())
    data[1000] ^= 1
    largest.write_bytes(data)
    done = bench.run("build", "upper")
    assert done.returncode == 11
    assert "does not have that digest" in done.stderr


def registry_answers(layout, storage):
    """Answers of a registry that wants an anonymous token and keeps its blobs elsewhere."""
    blobs = {f"sha256:{path.name}": path for path in (layout / "blobs/sha256").iterdir()}

    def guarded(inner):
        def answer(handler):
            if handler.headers.get("Authorization") == "Bearer t0ken":
                return inner(handler)
            realm = f"{handler.server.address}/token"
            challenge = f'Bearer realm="{realm}",service="s",scope="repository:lab/base:pull"'
            return status(401, WWW_Authenticate=challenge)(handler)

        return answer

    answers = {"/token": [whole(b'{"token": "t0ken"}')]}
    for digest, path in blobs.items():
        data = path.read_bytes()
        answers[f"/v2/lab/base/manifests/{digest}"] = [guarded(whole(data))]
        answers[f"/v2/lab/base/blobs/{digest}"] = [
            guarded(status(307, Location=f"{storage.address}/{digest}"))
        ]
        storage.answers[f"/{digest}"] = [whole(data)]
    return answers


def test_a_base_is_pulled_from_a_registry(bench, layout, serve, monkeypatch):
    storage = serve({})
    server = serve(registry_answers(layout, storage))
    with_base(bench, f"{server.address.removeprefix('http://')}/lab/base@{digest_of(layout)}")
    bench.home = bench.home.with_name("second-home")
    bench.ok("build", "upper")
    assert run_upper(bench, monkeypatch) == "upper\n"
    tokens = [path for path, _ in server.seen if path.startswith("/token")]
    assert tokens[0] == "/token?service=s&scope=repository%3Alab%2Fbase%3Apull"
    # The token is for the registry alone.
    assert storage.seen
    assert not [headers for _, headers in storage.seen if "Authorization" in headers]


def test_a_registry_that_lies(bench, layout, serve):
    storage = serve({})
    answers = registry_answers(layout, storage)
    for digest in storage.answers:
        storage.answers[digest] = [whole(b"something else")]
    server = serve(answers)
    with_base(bench, f"{server.address.removeprefix('http://')}/lab/base@{digest_of(layout)}")
    bench.home = bench.home.with_name("second-home")
    done = bench.run("build", "upper")
    assert done.returncode == 11
    assert "does not have that digest" in done.stderr


@pytest.mark.parametrize(
    ("answers", "code", "words"),
    [
        ({}, 11, "does not have"),
        ({"*": [status(500)]}, 16, "cannot be reached"),
        ({"*": [status(403)]}, 11, "does not give"),
        ({"*": [status(401, WWW_Authenticate="Basic realm=x")]}, 11, "cannot be done anonymously"),
        ({"*": [status(401, WWW_Authenticate='Bearer realm="http://example.org/token"')]}, 11,
         "cannot be done anonymously"),
    ],
)  # fmt: skip
def test_registries_that_refuse(bench, serve, answers, code, words):
    digest = f"sha256:{'0' * 64}"
    server = serve({f"/v2/lab/base/manifests/{digest}": answers["*"]} if answers else {})
    with_base(bench, f"{server.address.removeprefix('http://')}/lab/base@{digest}")
    done = bench.run("build", "upper")
    assert done.returncode == code, done.stderr
    assert words in done.stderr


def test_a_registry_that_is_down(bench):
    with_base(bench, f"127.0.0.1:9/lab/base@sha256:{'0' * 64}")
    assert bench.run("build", "upper").returncode == 16


def test_no_path_of_this_machine_enters_an_image(bench, layout, tmp_path):
    for path in (layout / "blobs/sha256").iterdir():
        assert str(tmp_path).encode() not in path.read_bytes()
    assert Path(layout).exists()
