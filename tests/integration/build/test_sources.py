"""Packages without wheels, end to end: locked Debian compilers, the index, a git repository.

One environment has all three kinds of source, because locking is what takes long.
"""

import io
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest
from conftest import Bench

from neurocaas_ci.build.images import Images
from neurocaas_ci.registry.folder import FolderTree

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(shutil.which("apt-get") is None, reason="locking needs apt"),
]
ADDRESS = "https://git.example/lab/pure"
IAE = """\
schema: neurocaas/iae/v1
name: probe
platform: linux/amd64
base: {kind: deb, packages: [python3.11]}
python: "3.11"
entrypoint: [/usr/bin/python3.11, -s, -P, /iae/workflow.py]
sources:
  packages:
    - {package: tinyext==1.0}
    - {package: docopt==0.6.2}
    - package: pure-tool==0.1
      git: %s
      commit: "%s"
  debian: [gcc, python3.11-dev]
  requirements: [setuptools==80.9.0]
"""
WORKFLOW = """\
import docopt, pure_tool, tinyext
print(tinyext.answer(), docopt.__version__, pure_tool.VALUE)
"""
C_EXTENSION = {
    "setup.py": (
        "from setuptools import Extension, setup\n"
        "setup(name='tinyext', version='1.0', ext_modules=[Extension('tinyext', ['tinyext.c'])])\n"
    ),
    "tinyext.c": """\
#include <Python.h>
static PyObject *answer(PyObject *s, PyObject *a) { return PyUnicode_FromString(__DATE__ " " __FILE__); }
static PyMethodDef m[] = {{"answer", answer, METH_NOARGS, ""}, {0}};
static struct PyModuleDef d = {PyModuleDef_HEAD_INIT, "tinyext", 0, -1, m};
PyMODINIT_FUNC PyInit_tinyext(void) { return PyModule_Create(&d); }
""",
}
PURE = {
    "pyproject.toml": (
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "Pure.Tool"\ndynamic = ["version"]\ndependencies = ["six"]\n'
        '[project.scripts]\npure = "pure_tool:main"\n[tool.setuptools]\npy-modules = ["pure_tool"]\n'
        '[tool.setuptools.dynamic]\nversion = {file = "VERSION"}\n'
    ),
    "VERSION": "0.1\n",
    "pure_tool.py": "import six\nVALUE = six.text_type(7)\n",
}


def git(folder, *arguments):
    command = ["git", "-c", "user.name=A", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        [*command, "-C", str(folder), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def locked(image_cache):
    """An environment with three sources, locked once for all tests."""
    folder = Path(tempfile.mkdtemp(prefix="neurocaas-sources-"))
    folder.chmod(0o755)
    bench = Bench(folder / "registry", folder / "home")
    bench.cache.mkdir(parents=True)
    debs = Path(image_cache, "debs")
    debs.mkdir(exist_ok=True)
    (bench.cache / "debs").symlink_to(debs)
    (folder / "index").mkdir()
    with tarfile.open(folder / "index/tinyext-1.0.tar.gz", "w:gz") as archive:
        for name, content in C_EXTENSION.items():
            info = tarfile.TarInfo(f"tinyext-1.0/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content.encode()))
    for name, content in PURE.items():
        path = folder / "pure" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    git(folder / "pure", "init", "--quiet", "--initial-branch=main")
    git(folder / "pure", "add", ".")
    git(folder / "pure", "commit", "--quiet", "-m", "One")
    commit = git(folder / "pure", "rev-parse", "HEAD")
    links = os.environ.get("PIP_FIND_LINKS", "")
    bench.env.update(
        PIP_FIND_LINKS=f"{links} {folder / 'index'}".strip(),
        GIT_CONFIG_COUNT="1",
        GIT_CONFIG_KEY_0=f"url.{folder / 'pure'}.insteadOf",
        GIT_CONFIG_VALUE_0=ADDRESS,
    )
    bench.write("probe/iae.yaml", IAE % (ADDRESS, commit))
    bench.write("probe/workflow.py", WORKFLOW)
    bench.image = bench.ok("iae", "lock", "probe")
    yield bench
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def copy(locked, tmp_path):
    """The same sources in another folder; the cache is shared."""
    shutil.copytree(locked.registry, tmp_path / "elsewhere, again")
    return Bench(tmp_path / "elsewhere, again", locked.home, env=locked.env)


def lock_of(bench, name):
    return (bench.registry / "iae/probe" / name).read_text()


def test_everything_is_locked_and_no_address_is_written(locked):
    names = sorted(path.name for path in (locked.registry / "iae/probe").iterdir())
    assert names == [
        "base.lock", "build-requirements.lock", "build.lock", "iae.lock", "iae.yaml",
        "requirements.lock", "sources.lock", "workflow.py",
    ]  # fmt: skip
    for name in names:
        assert name == "iae.yaml" or "://" not in lock_of(locked, name)
    sources = lock_of(locked, "sources.lock")
    assert re.findall(r"^(?:git|sdist) \S+ \S+", sources, re.MULTILINE) == [
        "sdist docopt 0.6.2", "git pure-tool 0.1", "sdist tinyext 1.0",
    ]  # fmt: skip
    assert "tinyext.cpython-311-x86_64-linux-gnu.so\n" in sources
    # What the built packages need is resolved with the others; the tools are no part of the image.
    assert [
        line.split("==")[0] for line in lock_of(locked, "requirements.lock").splitlines()[2:]
    ] == ["six"]
    assert "setuptools==80.9.0" in lock_of(locked, "build-requirements.lock")
    assert "\ngcc " in lock_of(locked, "build.lock")
    assert "\ngcc " not in lock_of(locked, "base.lock")


def test_what_was_built_runs_in_the_image(locked):
    made = Images(locked.cache).ensure(FolderTree(locked.registry), "probe")
    done = subprocess.run(
        ["bwrap", "--unshare-all", "--clearenv", "--ro-bind", str(made.root), "/", *made.command],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "Jan  1 2026 tinyext.c 0.6.2 7\n", done.stderr
    assert not (made.root / "usr/bin/gcc").exists()


@pytest.mark.long
def test_another_folder_umask_and_time_zone_give_the_same_image(copy, locked):
    copy.env = {**copy.env, "TZ": "Asia/Tokyo", "LC_ALL": "C", "SOURCE_DATE_EPOCH": "1"}
    done = copy.run("build", "probe", "--check", prefix=("sh", "-c", 'umask 077; exec "$@"', "sh"))
    assert done.returncode == 0, done.stderr
    assert "identical to iae.lock" in done.stderr
    assert done.stderr.count("from source") == 3
    assert done.stdout.strip() == locked.image


def test_nothing_is_locked_or_built_twice(copy, locked):
    assert copy.ok("iae", "lock", "probe") == locked.image
    done = copy.run("iae", "lock", "probe")
    assert "is up to date" in done.stderr
    assert "from source" not in done.stderr


def test_a_wheel_that_is_not_the_locked_one_is_named_with_its_first_file(copy):
    path = copy.registry / "iae/probe/sources.lock"
    text = path.read_text()
    line = next(
        line
        for line in text.splitlines()
        if line.endswith("tinyext.cpython-311-x86_64-linux-gnu.so")
    )
    path.write_text(text.replace(line, line.replace(line.split()[2], "0" * 64)))
    done = copy.run("build", "probe")
    assert done.returncode == 11
    assert "the wheel that was built from tinyext==1.0 is not the locked one" in done.stderr
    assert (
        "tinyext.cpython-311-x86_64-linux-gnu.so differs first: locked 0000000000000000…"
        in done.stderr
    )
    assert "iae/probe/sources.lock" in done.stderr


def test_another_commit_needs_another_lock_and_no_sources_none(copy):
    iae = copy.registry / "iae/probe/iae.yaml"
    text = iae.read_text()
    iae.write_text(re.sub(r"[0-9a-f]{40}", "0" * 40, text))
    done = copy.run("build", "probe")
    assert done.returncode == 11
    assert "sources.lock is of other sources than iae.yaml names" in done.stderr
    done = copy.run("iae", "lock", "probe")
    assert done.returncode == 11
    assert f"the repository has no commit {'0' * 40}" in done.stderr
    iae.write_text(text.partition("sources:")[0])
    copy.write("probe/workflow.py", "print(1)\n")
    copy.ok("iae", "lock", "probe")
    names = {path.name for path in (copy.registry / "iae/probe").iterdir()}
    assert names == {"base.lock", "iae.lock", "iae.yaml", "workflow.py"}
