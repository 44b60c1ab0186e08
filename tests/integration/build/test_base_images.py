"""The image of one IAE is the base of another: from a layout, and from a registry."""

import gzip
import hashlib
import json
import subprocess
from pathlib import Path

import pytest
from conftest import VERSION
from local_server import status, whole

from neurocaas_ci.build.images import Images
from neurocaas_ci.model.digest import canonical_json
from neurocaas_ci.registry.folder import FolderTree

pytestmark = pytest.mark.sandbox


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
