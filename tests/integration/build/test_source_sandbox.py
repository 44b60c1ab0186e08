"""A build backend that is hostile gets nowhere: no network, no files, bounded, and judged by what it left.

The build root is the captured Python of this machine, and every backend lies in its own source archive
(PEP 517, backend-path), so nothing is downloaded.
"""

import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from neurocaas_ci.build.base import layers_root
from neurocaas_ci.build.cache import Cache
from neurocaas_ci.build.confined import Bounds
from neurocaas_ci.build.from_source import Tools, build_wheel
from neurocaas_ci.build.host import host_base
from neurocaas_ci.build.source_locks import PinnedSource
from neurocaas_ci.errors import BuildError
from neurocaas_ci.model.registry import Iae

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]
VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
PROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
BACKEND = """\
import os, sys, zipfile

def wheel(folder, name="pkg", version="1.0", inner="pkg", extra=(), tag="py3-none-any"):
    title = f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(os.path.join(folder, title), "w") as out:
        out.writestr("pkg.py", "VALUE = 1\\n")
        for path, text in extra:
            out.writestr(path, text)
        out.writestr(f"{name}-{version}.dist-info/METADATA",
                     f"Metadata-Version: 2.1\\nName: {inner}\\nVersion: {version}\\n")
        out.writestr(f"{name}-{version}.dist-info/WHEEL",
                     f"Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: {tag}\\n")
        out.writestr(f"{name}-{version}.dist-info/RECORD", "")
    return title

def build_wheel(folder, config_settings=None, metadata_directory=None):
"""


@pytest.fixture(scope="module")
def tools():
    folder = Path(tempfile.mkdtemp(prefix="neurocaas-source-"))
    folder.chmod(0o755)
    cache = Cache(folder / "cache")
    entrypoint = (f"/opt/python/bin/python{VERSION}", "/iae/workflow.py")
    iae = Iae("probe", "linux/amd64", "host", {}, VERSION, entrypoint, "none", {}, None)
    base = host_base(iae, cache, lambda _: None, fresh=False)
    yield Tools(base, base.layers, VERSION, "x86_64"), cache
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def build(tools, tmp_path):
    def run(body, *, fresh=True, files=(), **bounds):
        text = BACKEND + "".join(f"    {line}\n" for line in body.splitlines())
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as archive:
            for name, content in {
                "pyproject.toml": PROJECT,
                "backend.py": text,
                **dict(files),
            }.items():
                info = tarfile.TarInfo(f"pkg-1.0/{name}")
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content.encode()))
        path = tmp_path / "pkg-1.0.tar.gz"
        path.write_bytes(data.getvalue())
        digest = hashlib.sha256(data.getvalue()).hexdigest()
        pin = PinnedSource("pkg", "1.0", digest, path.stat().st_size, path.name)
        limits = Bounds(**{"seconds": 60, "tmp": 64 << 20, **bounds})
        made, cache = tools
        return build_wheel(pin, path, made, cache, run.said.append, fresh=fresh, bounds=limits)

    run.said = []
    return run


def refused(build, body, **bounds):
    with pytest.raises(BuildError) as caught:
        build(body, **bounds)
    return str(caught.value)


def test_a_backend_in_the_archive_builds_a_wheel(build):
    made = build("return wheel(folder)")
    assert [file.path for file in made.files] == [
        "pkg-1.0.dist-info/METADATA", "pkg-1.0.dist-info/RECORD", "pkg-1.0.dist-info/WHEEL", "pkg.py",
    ]  # fmt: skip
    before = made.path.stat().st_ino
    assert build("return wheel(folder)", fresh=False).path.stat().st_ino == before


def test_two_who_build_the_same_build_it_once(build):
    body = "import time\ntime.sleep(1)\nreturn wheel(folder, extra=[('once.txt', '')])"
    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(lambda _: build(body, fresh=False), range(2))
    assert one == two
    assert build.said == ["building pkg==1.0 from source"]


def test_a_zip_and_a_commit(build, tools, tmp_path):
    path = tmp_path / "source.zip"
    body = "    return wheel(folder, extra=[('v.txt', os.environ.get('SETUPTOOLS_SCM_PRETEND_VERSION', ''))])\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("pkg-1.0/pyproject.toml", PROJECT)
        archive.writestr("pkg-1.0/backend.py", BACKEND + body)
    made, cache = tools
    pin = PinnedSource(
        "pkg", "1.0", hashlib.sha256(path.read_bytes()).hexdigest(), 1, "pkg-1.0.zip"
    )
    zipped = build_wheel(pin, path, made, cache, lambda _: None, fresh=True)
    assert zipfile.ZipFile(zipped.path).read("v.txt") == b""
    # The archive of a commit has its files at the top, and no history to ask for a version.
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, content in (("pyproject.toml", PROJECT), ("backend.py", BACKEND + body)):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content.encode()))
    path.write_bytes(data.getvalue())
    pin = pin._replace(sha256=hashlib.sha256(data.getvalue()).hexdigest(), origin="a" * 40)
    built = build_wheel(pin, path, made, cache, lambda _: None, fresh=True)
    assert zipfile.ZipFile(built.path).read("v.txt") == b"1.0"


def test_a_kept_wheel_that_was_damaged_is_built_again(build):
    made = build("return wheel(folder)", fresh=False)
    data = made.path.read_bytes()
    made.path.write_bytes(data.replace(b"VALUE = 1", b"VALUE = 6"))
    assert build("return wheel(folder)", fresh=False) == made
    assert made.path.read_bytes() == data


def test_it_reaches_no_network_and_no_file_of_this_machine(build, tmp_path):
    secret = Path(tempfile.mkdtemp(prefix="neurocaas-secret-")) / "secret"
    secret.parent.chmod(0o755)
    secret.write_text("not for a build")
    made = build(f"""\
import socket
found = [str(os.getuid()), str(len(os.environ.get("NEUROCAAS_HOME", "")))]
for family, address in ((socket.AF_INET, ("127.0.0.1", 22)), (socket.AF_INET, ("192.0.2.1", 80)),
                        (socket.AF_UNIX, "/run/docker.sock")):
    try:
        socket.socket(family).connect(address)
        found.append("connected")
    except OSError as error:
        found.append(type(error).__name__)
for path in ("/etc/shadow", "/proc/1/root{secret}", {str(secret)!r}, "/proc/1/environ"):
    try:
        found.append(open(path).read() or "nothing")
    except OSError as error:
        found.append(type(error).__name__)
for path in ("/usr/x", "/opt/python/x", "/dev/x"):
    try:
        open(path, "w")
        found.append("written")
    except OSError as error:
        found.append("refused")
return wheel(folder, extra=[("found.txt", "\\n".join(found))])
""")
    shutil.rmtree(secret.parent)
    with zipfile.ZipFile(made.path) as archive:
        found = archive.read("found.txt").decode().split("\n")
    assert found[:2] == ["65534", "0"]
    assert "connected" not in found
    assert not any("not for a build" in line or "root:" in line for line in found)
    assert found[-3:] == ["refused"] * 3


def test_an_endless_build_is_stopped(build):
    begun = time.monotonic()
    text = refused(build, "print('at it', flush=True)\nwhile True: pass", seconds=2)
    assert "it took more than 2 s" in text
    assert "at it" in text
    assert time.monotonic() - begun < 20


def test_a_fork_bomb_ends_with_the_build(build):
    marker = f"forked-{os.getpid()}"
    text = refused(
        build,
        f"""\
import ctypes, time
count = 0
try:
    while True:
        if os.fork() == 0:
            ctypes.CDLL(None).prctl(15, b"{marker[:15]}")
            time.sleep(300)
        count += 1
except OSError as error:
    print("forked", count, error, flush=True)
    raise
""",
        processes=40,
        seconds=30,
    )
    assert re.search(r"forked 3\d .*temporarily unavailable|more than 40 processes", text)
    assert not _named(marker[:15])


def _named(name):
    found = []
    for place in Path("/proc").iterdir():
        try:
            if place.name.isdecimal() and (place / "comm").read_text().strip() == name:
                found.append(place.name)
        except OSError:
            continue
    return found


def test_what_it_leaves_behind_dies_with_it(build):
    marker = f"left-{os.getpid()}"
    build(f"""\
import ctypes, time
if os.fork() == 0:
    os.setsid()
    ctypes.CDLL(None).prctl(15, b"{marker[:15]}")
    time.sleep(300)
return wheel(folder)
""")
    assert not _named(marker[:15])


_ALONE = """\
import sys
from pathlib import Path
from neurocaas_ci.build.confined import Bounds, run_confined
code = "import ctypes, time; ctypes.CDLL(None).prctl(15, sys.argv[1].encode()); time.sleep(300)"
command = [sys.argv[2], "-c", "import sys; " + code, sys.argv[1]]
with open("/dev/null", "rb") as source, open("/dev/null", "wb") as answer:
    run_confined(Path(sys.argv[3]), command, {"LD_LIBRARY_PATH": "/opt/python/lib"}, (source, answer), Bounds())
"""


def test_whoever_builds_is_killed_and_nothing_is_left(tools):
    made, cache = tools
    root = layers_root(cache, made.layers)
    marker = f"orphan-{os.getpid()}"[:15]
    line = [sys.executable, "-c", _ALONE, marker, made.base.interpreter, str(root)]
    with subprocess.Popen(line) as process:
        assert _within(20, lambda: _named(marker))
        process.kill()
    assert _within(10, lambda: not _named(marker))


def _within(seconds, holds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.05)
    return False


def test_it_makes_no_namespaces(build):
    text = refused(
        build,
        "os.unshare(os.CLONE_NEWUSER)"
        if sys.version_info >= (3, 12)
        else (
            "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
            "print('unshared' if libc.unshare(0x10000000) == 0 else os.strerror(ctypes.get_errno()))\n"
            "sys.exit(1)"
        ),
    )
    assert "No space left on device" in text  # what the kernel says when no more are allowed


def test_disk_memory_and_answer_are_bounded(build):
    text = refused(
        build,
        "with open('/tmp/big', 'wb') as out:\n    for _ in range(10000): out.write(bytes(1 << 20))",
    )
    assert "No space left on device" in text or "File too large" in text
    text = refused(build, "kept = bytearray(1 << 30)\nreturn wheel(folder)", memory=256 << 20)
    assert "MemoryError" in text
    several = """\
import time
for _ in range(4):
    if os.fork() == 0:
        kept = bytearray(os.urandom(1 << 20) * 100)
        time.sleep(60)
time.sleep(60)
"""
    text = refused(build, several, memory=256 << 20, seconds=40)
    assert "more than 268,435,456 bytes of memory" in text
    text = refused(build, "return wheel(folder, extra=[('big', 'x' * (4 << 20))])", answer=1 << 20)
    assert "it answered more than 1,048,576 bytes" in text


def test_a_flood_of_log_is_cut_and_cannot_drive_a_terminal(build):
    text = refused(
        build,
        "for _ in range(200000): print('x' * 100)\nprint('\\x1b[2J\\u202eend')\nsys.exit(3)",
    )
    assert len(text) < 20_000
    assert "\\x1b[2J\\u202eend" in text
    assert "\x1b" not in text
    assert "status 3" in text


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return 'nothing'", "the build left 0 files, not one wheel"),
        (
            "wheel(folder)\nreturn wheel(folder, version='1.1')",
            "the build left 2 files, not one wheel",
        ),
        ("return wheel(folder, name='other')", "a wheel of another package or version"),
        ("return wheel(folder, extra=[('../../evil.py', '')])", "leaves the root"),
        (
            "open(folder + '/pkg-1.0-py3-none-any.whl', 'w').write('x')\nreturn ''",
            "not a sound wheel",
        ),
        ("os.symlink('/etc/passwd', folder + '/pkg-1.0-py3-none-any.whl')", "not a sound wheel"),
        ("raise SystemExit('I will not')", "I will not"),
        ("import no_such_tool", "No module named 'no_such_tool'"),
        ("os.kill(os.getppid(), 9)", "the build failed"),
    ],
)
def test_what_it_leaves_is_judged(build, body, expected):
    text = refused(build, body)
    assert expected in text
    assert text.startswith("pkg==1.0: ")


def test_a_source_that_is_no_archive(build, tools, tmp_path):
    path = tmp_path / "pkg-1.0.tar.gz"
    path.write_bytes(b"\x1f\x8b no archive")
    made, cache = tools
    pin = PinnedSource("pkg", "1.0", "0" * 64, 12, path.name)
    with pytest.raises(BuildError, match="cannot be unpacked"):
        build_wheel(pin, path, made, cache, lambda _: None, fresh=True)


def test_a_root_without_its_python(tools, tmp_path):
    made, cache = tools
    other = made._replace(base=replace(made.base, interpreter="/usr/bin/python3.99"))
    (tmp_path / "x").write_bytes(b"")
    pin = PinnedSource("pkg", "1.0", "1" * 64, 0, "pkg-1.0.tar.gz")
    with pytest.raises(BuildError, match=r"no such program \(execvp /usr/bin/python3.99"):
        build_wheel(pin, tmp_path / "x", other, cache, lambda _: None, fresh=True)


def test_the_order_and_time_stamps_of_files_do_not_matter(build):
    body = """\
title = wheel(folder)
path = os.path.join(folder, title)
with zipfile.ZipFile(path) as archive:
    parts = [(info.filename, archive.read(info)) for info in archive.infolist()]
os.unlink(path)
with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
    for name, data in sorted(parts, reverse={reverse}):
        info = zipfile.ZipInfo(name, (2000 + {year}, 1, 1, 0, 0, 0))
        info.external_attr = 0o100{mode} << 16
        out.writestr(info, data)
return title
"""
    one = build(body.format(reverse=True, year=1, mode=600))
    two = build(body.format(reverse=False, year=2, mode=664))
    assert one.files == two.files
    assert one.path.read_bytes() == two.path.read_bytes()
