"""Wheels are locked and installed; a local folder of packages takes the place of the index."""

import json
import shutil
import subprocess
import tarfile
import zipfile

import pytest

from neurocaas_ci.build.cache import Cache
from neurocaas_ci.build.images import Images
from neurocaas_ci.registry.folder import FolderTree

pytestmark = pytest.mark.sandbox


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


def test_uv_looks_for_links_where_pip_does(bench, index):
    index("tiny", "1.0+cpu")
    # What is left to uv is what pip is told.
    bench.env.pop("UV_FIND_LINKS")
    bench.write("probe/requirements.in", "tiny\n")
    bench.ok("iae", "lock", "probe")
    lock = (bench.registry / "iae/probe/requirements.lock").read_text()
    assert "tiny==1.0+cpu --hash=" in lock
    assert str(index.folder) not in lock


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


def _layers(bench, name):
    cache = Cache(bench.cache)
    found = Images(bench.cache).ensure(FolderTree(bench.registry), name)
    manifest, config = (json.loads(cache.read_blob(d)) for d in (found.image, found.config))
    titles = [entry["created_by"].split()[-1] for entry in config["history"]]
    return list(zip(titles, (layer["digest"] for layer in manifest["layers"]), strict=True))


def _blobs(bench):
    return {path for path in (bench.cache / "oci/blobs").rglob("*") if path.is_file()}


def _second(bench, *needs):
    shutil.copytree(bench.registry / "iae/probe", bench.registry / "iae/other")
    iae = bench.registry / "iae/other/iae.yaml"
    iae.write_text(iae.read_text().replace("name: probe", "name: other"))
    bench.write("other/requirements.in", "".join(f"{name}\n" for name in needs))


def test_two_environments_share_the_layer_of_a_package(bench, index):
    index("big", "1.0", content=b"VALUE = 'shared'\n")
    index("tiny", "1.0")
    index("small", "1.0", content=b"VALUE = 'another'\n")
    iae = bench.registry / "iae/probe/iae.yaml"
    iae.write_text(iae.read_text() + "shared_wheels: [big]\n")
    bench.write("probe/requirements.in", "big\ntiny\n")
    bench.write("probe/workflow.py", "import big, tiny\nprint(big.VALUE, big.__cached__)\n")
    _second(bench, "big", "small")
    bench.ok("iae", "lock", "probe")
    stored = _blobs(bench)
    bench.ok("iae", "lock", "other")
    one, two = _layers(bench, "probe"), _layers(bench, "other")
    assert [title for title, _ in one] == ["base", "big", "wheels", "bytecode", "code"]
    assert [title for title, _ in two] == [title for title, _ in one]
    assert one[:2] == two[:2]
    assert one[2] != two[2]
    # Nothing of the shared package was written again, in whatever form.
    for path in _blobs(bench) - stored:
        assert b"/big.py" not in path.read_bytes()
    made = Images(bench.cache).ensure(FolderTree(bench.registry), "probe")
    done = subprocess.run(
        ["bwrap", "--unshare-all", "--clearenv", "--setenv", "LD_LIBRARY_PATH",
         made.environment["LD_LIBRARY_PATH"], "--ro-bind", str(made.root), "/", *made.command],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.startswith("shared /opt/python/lib")
    assert (made.root / done.stdout.split()[1].lstrip("/")).is_file()
    for name in ("probe", "other"):
        done = bench.run("build", name, "--check")
        assert "identical to iae.lock" in done.stderr, done.stderr


def test_a_package_that_is_not_shared_leaves_the_layers_as_they_were(bench, index):
    index("tiny", "1.0")
    bench.write("probe/requirements.in", "tiny\n")
    bench.ok("iae", "lock", "probe")
    assert [title for title, _ in _layers(bench, "probe")] == ["base", "wheels", "bytecode", "code"]


def test_a_shared_package_must_be_locked_and_bring_nothing_twice(bench, index):
    index("tiny", "1.0")
    iae = bench.registry / "iae/probe/iae.yaml"
    iae.write_text(iae.read_text() + "shared_wheels: [big]\n")
    bench.write("probe/requirements.in", "tiny\n")
    done = bench.run("iae", "lock", "probe")
    assert done.returncode == 11
    assert "shared_wheels names 'big', which is not locked" in done.stderr
    with zipfile.ZipFile(index("big", "1.0"), "a") as archive:
        archive.writestr("tiny.py", b"VALUE = 'in the way'\n")
    bench.write("probe/requirements.in", "tiny\nbig\n")
    done = bench.run("iae", "lock", "probe")
    assert done.returncode == 11
    assert "tiny.py', with different content" in done.stderr
