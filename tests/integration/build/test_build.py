"""Whole builds on a captured base: identity, faults, and what is in the root."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from conftest import VERSION, Bench

import neurocaas_ci
from neurocaas_ci.build.images import Images
from neurocaas_ci.errors import BuildError
from neurocaas_ci.registry.folder import FolderTree

pytestmark = pytest.mark.sandbox


def leftovers(bench):
    return list((bench.cache / "tmp").iterdir())


def in_root(image, *command, env=()):
    """Run a command in an unpacked image and return what it prints."""
    variables = {**image.environment, **dict(env)}
    line = ["bwrap", "--unshare-all", "--die-with-parent", "--clearenv"]
    for item in variables.items():
        line += ["--setenv", *item]
    line += ["--ro-bind", str(image.root), "/", "--proc", "/proc", "--dev", "/dev"]
    line += ["--tmpfs", "/tmp", "--remount-ro", "/", "--", *command]  # noqa: S108
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_builds_locks_checks_and_runs(bench):
    image = bench.ok("iae", "lock", "probe")
    assert bench.ok("build", "probe", "--check") == image
    assert "reproducible: false" in (bench.registry / "iae/probe/iae.lock").read_text()
    made = Images(bench.cache).ensure(FolderTree(bench.registry), "probe")
    assert f"sha256:{made.image}" == image
    assert in_root(made, *made.command) == "it runs\n"
    assert leftovers(bench) == []


def test_lock_is_idempotent(bench):
    bench.ok("iae", "lock", "probe")
    lock = bench.registry / "iae/probe/iae.lock"
    before = lock.stat().st_mtime_ns
    done = bench.run("iae", "lock", "probe")
    assert "up to date" in done.stderr
    assert lock.stat().st_mtime_ns == before


def test_identity_does_not_depend_on_where_and_how(bench, tmp_path):
    image = bench.ok("build", "probe")
    other = Bench(tmp_path / "deep" / "er" / "registry", tmp_path / "other-home")
    shutil.copytree(bench.registry, other.registry)
    for path in other.registry.rglob("*.py"):
        os.utime(path, (1, 1))
        path.chmod(0o600)
    other.env = {"TZ": "Pacific/Kiritimati", "LC_ALL": "C", "PYTHONHASHSEED": "7"}
    one_processor = ("taskset", "-c", "0") if shutil.which("taskset") else ()
    umask = ("sh", "-c", 'umask 077; exec "$@"', "sh", *one_processor)
    assert other.ok("build", "probe", prefix=umask) == image


def test_identity_does_not_depend_on_the_user_and_the_builders_python(bench, tmp_path):
    """Build as nobody, with the system's Python, in a folder of nobody's."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root can become another user")
    import yaml

    packages = Path(yaml.__file__).parent.parent
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    python = f"/usr/bin/python{VERSION}"
    folder = tmp_path / "nobody"
    copy = folder / "code"
    shutil.copytree(Path(neurocaas_ci.__file__).parent, copy / "neurocaas_ci")
    for name in ("yaml", "_yaml", "click", "jsonschema", "jsonschema_specifications",
                 "referencing", "rpds", "attr", "attrs", "typing_extensions.py"):  # fmt: skip
        source = packages / name
        if source.is_dir():
            shutil.copytree(source, copy / name)
        elif source.exists():
            shutil.copy(source, copy / name)
    shutil.copytree(bench.registry, folder / "registry")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, 65534, 65534)
    probe = [*nobody, python, "-c", f"import os; os.listdir({str(folder)!r})"]
    above = [p for p in folder.parents if not p.stat().st_mode & 0o001]
    for path in above:
        path.chmod(path.stat().st_mode | 0o011)
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip(f"{python} or the test folder cannot be used by nobody")
    # The captured Python must be the same one for both, or the bases differ as they should.
    bench.env = {"PATH": "/usr/bin:/bin:/usr/sbin"}
    bench.python = python
    bench.env["PYTHONPATH"] = str(copy)
    image = bench.ok("build", "probe")
    other = Bench(folder / "registry", folder / "home", python, dict(bench.env))
    assert other.ok("build", "probe", prefix=nobody) == image


def test_a_code_change_touches_only_the_code_layer(bench):
    before = json.loads(bench.ok("build", "probe", "--format", "json"))
    bench.write("probe/src/pkg/__init__.py", "VALUE = 'changed'\n")
    done = bench.run("build", "probe", "--format", "json")
    after = json.loads(done.stdout)
    assert [la["digest"] for la in after["layers"][:-1]] == [
        la["digest"] for la in before["layers"][:-1]
    ]
    assert after["image"] != before["image"]
    assert "compiling" not in done.stderr
    made = Images(bench.cache).ensure(FolderTree(bench.registry), "probe")
    assert in_root(made, *made.command) == "changed\n"


def test_bytecode_is_there_is_used_and_is_faster(bench):
    made = Images(bench.cache).ensure(FolderTree(bench.registry), "probe")
    python = made.command[0]
    code = (
        "import sys, time; t = time.process_time(); import asyncio, http.server, email.mime.text,"
        " unittest, sqlite3; print(time.process_time() - t)"
    )
    cached = min(float(in_root(made, python, "-c", code)) for _ in range(3))
    bare = min(
        float(in_root(made, python, "-X", "pycache_prefix=/nowhere", "-c", code)) for _ in range(3)
    )
    assert cached < bare / 2
    told = in_root(made, python, "-c", "import json; print(json.__cached__)").strip()
    flags = int.from_bytes((made.root / told.lstrip("/")).read_bytes()[4:8], "little")
    assert flags == 1  # PEP 552: checked by nobody, because an image does not change
    sources = list(made.root.rglob("lib/python3*/json/*.py"))
    assert sources
    for source in sources:
        assert list(source.parent.glob(f"__pycache__/{source.stem}.*.pyc"))


def test_lock_out_of_date(bench):
    bench.ok("iae", "lock", "probe")
    bench.write("probe/src/pkg/__init__.py", "VALUE = 'changed'\n")
    done = bench.run("build", "probe")
    assert done.returncode == 11
    assert "neurocaas iae lock probe" in done.stderr
    assert bench.run("build", "probe", "--check").returncode == 11


def test_check_names_the_layer_and_the_member(bench):
    """The lock of another build of the same recipe: as when a builder were not deterministic."""
    bench.ok("iae", "lock", "probe")
    lock = bench.registry / "iae/probe/iae.lock"
    recipe = next(line for line in lock.read_text().splitlines() if line.startswith("recipe"))
    bench.write("probe/src/pkg/__init__.py", "VALUE = 'changed'\n")
    bench.ok("iae", "lock", "probe")
    lines = lock.read_text().splitlines()
    bench.write("probe/src/pkg/__init__.py", "VALUE = 'it runs'\n")
    lock.write_text(
        "\n".join(recipe if line.startswith("recipe") else line for line in lines) + "\n"
    )
    done = bench.run("build", "probe", "--check")
    assert done.returncode == 11
    assert "layer code: iae/src/pkg/__init__.py differs first" in done.stderr


@pytest.mark.parametrize(
    "delay", [0.7, *(pytest.param(d, marks=pytest.mark.slow) for d in (0.15, 0.4, 1.0, 1.4, 2.0))]
)
def test_killed_in_the_middle_and_built_again(bench, tmp_path, delay):
    process = bench.start("build", "probe")
    time.sleep(delay)
    process.kill()
    process.communicate()
    image = bench.ok("build", "probe")
    assert leftovers(bench) == []
    assert blobs_are_sound(bench)
    assert Bench(bench.registry, tmp_path / "clean").ok("build", "probe") == image


def blobs_are_sound(bench):
    blobs = bench.cache / "oci" / "blobs" / "sha256"
    found = list(blobs.iterdir()) if blobs.exists() else []
    return all(hashlib.sha256(p.read_bytes()).hexdigest() == p.name for p in found)


def test_three_builds_at_once(bench):
    started = [bench.start("build", "probe") for _ in range(3)]
    ended = [(*process.communicate(timeout=100), process.returncode) for process in started]
    assert {code for _, _, code in ended} == {0}, ended
    assert len({stdout for stdout, _, _ in ended}) == 1
    assert sum("compiling Python modules" in stderr for _, stderr, _ in ended) == 1
    assert leftovers(bench) == []
    assert blobs_are_sound(bench)


def test_a_file_size_limit_is_a_clear_error(bench):
    limited = ("sh", "-c", 'ulimit -f 20000; exec "$@"', "sh")
    done = bench.run("build", "probe", prefix=limited)
    assert done.returncode == 11
    assert "File too large" in done.stderr
    assert leftovers(bench) == []
    assert blobs_are_sound(bench)
    assert bench.ok("build", "probe").startswith("sha256:")


@pytest.mark.parametrize(
    "megabytes", [90, *(pytest.param(m, marks=pytest.mark.slow) for m in (1, 40, 160))]
)
def test_a_full_disk_is_a_clear_error(bench, megabytes):
    bench.home.mkdir()
    script = f'mount -t tmpfs -o size={megabytes}m none "$0" && "$@"; code=$?; ls "$0/cache/tmp"; exit $code'
    command = ["unshare", "--mount", "sh", "-c", script, str(bench.home)]
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode != 0 and (
        os.geteuid() != 0
    ):
        pytest.skip("only root can mount a small disk")
    unpack = (
        "import sys; from pathlib import Path; from neurocaas_ci.build.images import Images;"
        "from neurocaas_ci.errors import NeurocaasError\n"
        "from neurocaas_ci.registry.folder import FolderTree\n"
        "try: Images(Path(sys.argv[1])).ensure(FolderTree(Path('.')), 'probe')\n"
        "except NeurocaasError as error: print(error, file=sys.stderr); sys.exit(error.exit_code)"
    )
    done = subprocess.run(
        [*command, sys.executable, "-c", unpack, str(bench.cache)],
        cwd=bench.registry,
        env=bench.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 11, done.stderr
    assert "No space left on device" in done.stderr
    assert "free space" in done.stderr
    assert done.stdout.strip() == ""  # nothing half-written is left in the workspaces


def test_a_changed_file_of_a_root_is_found_before_use(bench):
    images, tree = Images(bench.cache), FolderTree(bench.registry)
    made = images.ensure(tree, "probe")
    victim = made.root / "iae/workflow.py"
    victim.write_text("print('evil')\n")
    again = images.ensure(tree, "probe", made.image)
    assert in_root(again, *again.command) == "it runs\n"


@pytest.mark.parametrize("title", ["base", "bytecode", "code"])
def test_a_changed_layer_is_found_before_use(bench, title):
    told = json.loads(bench.ok("build", "probe", "--format", "json"))
    digest = next(la["digest"] for la in told["layers"] if la["title"] == title)
    path = bench.cache / "oci/blobs/sha256" / digest
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    assert bench.ok("build", "probe") == f"sha256:{told['image']}"
    assert blobs_are_sound(bench)


def test_a_damaged_blob_is_repaired_when_the_root_is_needed(bench):
    tree = FolderTree(bench.registry)
    made = Images(bench.cache).ensure(tree, "probe")
    shutil.rmtree(made.root.parent)
    for path in (bench.cache / "oci/blobs/sha256").iterdir():
        if path.stat().st_size > 1_000_000:
            path.chmod(0o644)
            path.write_bytes(path.read_bytes()[:-1000] + bytes(1000 - 1) + b"x")
    again = Images(bench.cache).ensure(tree, "probe", made.image)
    assert in_root(again, *again.command) == "it runs\n"
    assert blobs_are_sound(bench)


def test_a_forged_memory_of_a_layer_does_not_reach_a_run(bench):
    """Even a memory that looks sound cannot change the image that a lock pins."""
    from neurocaas_ci.build.cache import Blob, Cache

    first = json.loads(bench.ok("build", "probe", "--format", "json"))
    bench.write("probe/workflow.py", "print('other')\n")
    second = json.loads(bench.ok("build", "probe", "--format", "json"))
    bench.write("probe/workflow.py",
                "import sys\nsys.path.insert(0, '/iae/src')\nimport pkg\nprint(pkg.VALUE)\n")  # fmt: skip
    code = {d["layers"][-1]["digest"]: d["layers"][-1]["size"] for d in (first, second)}
    cache = Cache(bench.cache)
    for path in (bench.cache / "layers").iterdir():
        if json.loads(path.read_bytes())["digest"] == first["layers"][-1]["digest"]:
            other = second["layers"][-1]["digest"]
            cache.remember_layer(path.stem, Blob(other, code[other]))
    shutil.rmtree(bench.cache / "roots")
    (bench.cache / "oci/blobs/sha256" / first["image"]).unlink()
    made = Images(bench.cache).ensure(FolderTree(bench.registry), "probe", first["image"])
    assert made.image == first["image"]
    assert in_root(made, *made.command) == "it runs\n"


def test_sources_that_do_not_give_the_pinned_image(bench):
    with pytest.raises(BuildError, match="the lock pins") as caught:
        Images(bench.cache).ensure(FolderTree(bench.registry), "probe", "0" * 64)
    assert "neurocaas iae lock probe" in caught.value.hint


def test_the_way_to_a_run_imports_nothing_heavy(bench):
    made = Images(bench.cache).ensure(FolderTree(bench.registry), "probe")
    code = (
        "import sys; from pathlib import Path\n"
        "from neurocaas_ci.build.images import Images\n"
        f"Images(Path({str(bench.cache)!r})).find({made.image!r})\n"
        "heavy = {'tarfile', 'zipfile', 'lzma', 'urllib.request', 'yaml', 'subprocess', 'jsonschema'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("file", "text", "code", "words"),
    [
        ("iae.yaml", "schema: neurocaas/iae/v1\nname: probe\n", 10, "iae.yaml"),
        ("workflow.py", None, 11, "entrypoint names /iae/workflow.py"),
        ("requirements.in", "six\n", 11, "not locked"),
        ("requirements.lock", "six>=1\n", 11, "requirements.lock:1"),
    ],
)
def test_bad_sources(bench, file, text, code, words):
    path = bench.registry / "iae/probe" / file
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    done = bench.run("build", "probe")
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_unknown_names(bench):
    assert bench.run("build", "nothing").returncode == 11
    assert bench.run("build", "../probe").returncode == 11
    assert bench.run("iae", "lock", "nothing").returncode == 2
    assert bench.run("build", "probe", "--check").returncode == 2


def test_a_base_without_this_python(bench):
    iae = bench.registry / "iae/probe/iae.yaml"
    iae.write_text(iae.read_text().replace(f'"{VERSION}"', '"3.3"'))
    done = bench.run("build", "probe")
    assert done.returncode == 11
    assert "no Python 3.3" in done.stderr


@pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is not installed")
def test_skopeo_reads_the_layout(bench, tmp_path):
    image = bench.ok("build", "probe", "--output", str(tmp_path / "out"))
    command = ["skopeo", "inspect", f"oci:{tmp_path}/out"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert json.loads(done.stdout)["Digest"] == image


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("podman") is None, reason="podman is not installed")
def test_podman_reads_the_layout(bench, tmp_path):
    told = json.loads(
        bench.ok("build", "probe", "--output", str(tmp_path / "out"), "--format", "json")
    )
    with tempfile.TemporaryDirectory(prefix="p-", dir="/tmp") as short:  # podman: 50 characters
        podman = ["podman", "--root", f"{short}/s", "--runroot", f"{short}/r"]
        done = subprocess.run(
            [*podman, "--storage-driver", "vfs", "pull", "-q", f"oci:{tmp_path}/out"],
            env={**os.environ, "XDG_RUNTIME_DIR": short},
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
    if done.returncode and os.geteuid() != 0:
        pytest.skip(f"podman does not run for this user: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == told["config"]  # podman's image id is our config digest
