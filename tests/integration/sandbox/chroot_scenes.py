"""What happens in a container whose worker confines runs by chroot: `chroot_scenes.py FOLDER SCENE`.

This is the first process of the container. A scene returns what it saw, which is printed as JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

from neurocaas_ci.build.roots import fingerprint
from neurocaas_ci.errors import NeurocaasError
from neurocaas_ci.model.blueprint import RunLimits
from neurocaas_ci.run.outputs import collect
from neurocaas_ci.run.sandbox import Sandbox, SandboxRequest
from neurocaas_ci.run.sandbox.command import NOBODY
from neurocaas_ci.run.stage import Scratch
from neurocaas_ci.stores.directory import DirectoryBlobs

_PROLOGUE = """
import ctypes, json, os, resource, socket, sys, time
libc = ctypes.CDLL(None, use_errno=True)
found = {}
def attempt(name, action):
    try: found[name] = action()
    except OSError as error: found[name] = os.strerror(error.errno)
    except Exception as error: found[name] = type(error).__name__
def call(number, *arguments):
    ctypes.set_errno(0)
    return 'done' if libc.syscall(number, *arguments) >= 0 else os.strerror(ctypes.get_errno())
"""


class Stage:
    """One folder, one image, one way to isolate; `run` gives what a run printed and how it ended."""

    def __init__(self, base: Path, python: str) -> None:
        self.base, self.python, self.root = base, python, base / "root"
        self.sandbox = Sandbox.probe("chroot", base)

    def request(self, code: str, max_runtime: int = 20, **limits) -> SandboxRequest:
        folder = self.base / f"run-{uuid.uuid4().hex}"
        (folder / "outputs").mkdir(parents=True)
        (folder / "inputs" / "dataset").mkdir(parents=True)
        (folder / "inputs" / "a.txt").write_text("given")
        # As a careless umask leaves it.
        (folder / "inputs" / "a.txt").chmod(0o666)
        return SandboxRequest(
            self.root, (self.python, "-I", "-S", "-c", code), {"A": "1", "PATH": "/usr/bin:/bin"},
            folder / "inputs", folder / "outputs", folder / "log", RunLimits(**limits), max_runtime,
        )  # fmt: skip

    def run(self, code: str, cancelled=None, **settings) -> dict:
        request = self.request(code, **settings)
        result = self.sandbox.execute(request, cancelled)
        lines = [line.partition(" ")[2] for line in request.log.read_text().splitlines()]
        return {
            "reason": result.reason, "code": result.exit_code, "message": result.message,
            "lines": lines, "isolation": result.isolation._asdict(), "left": theirs(),
            "cpu_s": result.usage.cpu_s, "memory": result.usage.memory_peak,
            "outputs": sorted(p.name for p in request.outputs.iterdir()),
            "folder": sorted(p.name for p in request.outputs.parent.iterdir()),
            "where": str(request.outputs),
        }  # fmt: skip

    def attempts(self, code: str) -> dict:
        done = self.run(f"{_PROLOGUE}{code}\nprint(json.dumps(found))")
        assert done["reason"] == "exited", done
        return {**json.loads(done["lines"][-1]), "run": done}


def theirs() -> list[str]:
    """Return the names of all living processes of nobody's."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, KeyError):
            lines = (folder / "status").read_text().splitlines()
            facts = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
            if str(NOBODY) in facts["Uid"].split() and facts["State"][0] != "Z":
                found.append(facts["Name"])
    return found


def who(stage: Stage) -> dict:
    return stage.attempts("""
found['ids'] = [os.getresuid(), os.getresgid(), os.getgroups()]
header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
libc.capget(header, data)
found['capabilities'] = list(data)
found['bounding'] = [n for n in range(41) if libc.prctl(23, n, 0, 0, 0) == 1]
found['no_new_privs'], found['seccomp'] = libc.prctl(39, 0, 0, 0, 0), libc.prctl(21, 0, 0, 0, 0)
found['environment'] = dict(os.environ)
found['session'] = os.getsid(0) == os.getpid()
found['folder'], found['root'] = os.getcwd(), sorted(os.listdir('/'))
found['devices'] = sorted(os.listdir('/dev'))
found['proc'] = sorted(os.listdir('/proc'))
def is_open(fd):
    try: return bool(os.fstat(fd))
    except OSError: return False
found['descriptors'] = [fd for fd in range(4096) if is_open(fd)]
attempt('zeros', lambda: list(open('/dev/zero', 'rb').read(2)))
attempt('random', lambda: len(open('/dev/urandom', 'rb').read(8)))
attempt('null', lambda: open('/dev/null', 'wb').write(b'x'))
attempt('given', lambda: open('/inputs/a.txt').read())
attempt('shared', lambda: __import__('mmap').mmap(os.open('/dev/shm/x', os.O_RDWR | os.O_CREAT), 0))
found['limits'] = [resource.getrlimit(n)[1] for n in
    (resource.RLIMIT_CORE, resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE)]
""")


def network(stage: Stage) -> dict:
    """The endpoint that gives a task's credentials is tried, and a server that listens here."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return stage.attempts(f"""
def connect(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.settimeout(2)
        s.connect(address)
attempt('credentials', lambda: connect(socket.AF_INET, ('169.254.170.2', 80)))
attempt('here', lambda: connect(socket.AF_INET, ('127.0.0.1', {server.getsockname()[1]})))
attempt('datagram', lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
attempt('raw', lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW))
attempt('inet6', lambda: connect(socket.AF_INET6, ('::1', 80)))
attempt('high bits', lambda: call(41, (1 << 32) | 2, 1, 0))
for name, family in (('netlink', 16), ('packet', 17), ('vsock', 40), ('alg', 38)):
    attempt(name, lambda: socket.socket(family, socket.SOCK_RAW))
attempt('io_uring', lambda: call(425, 1, 0))
attempt('pidfd_getfd', lambda: call(438, 0, 0, 0))
attempt('pair', lambda: len(socket.socketpair()))
attempt('unix', lambda: socket.socket(socket.AF_UNIX).close())
""")


def worker(stage: Stage) -> dict:
    """The worker's environment holds what a task's would: nobody else may read it."""
    found = stage.attempts(f"""
for pid in ({os.getpid()}, os.getppid()):
    attempt(f'environ {{pid == os.getppid()}}', lambda: open(f'/proc/{{pid}}/environ').read())
    attempt(f'signal {{pid == os.getppid()}}', lambda: os.kill(pid, 0))
    attempt(f'read {{pid == os.getppid()}}', lambda: call(310, pid, 0, 0, 0, 0, 0))
    attempt(f'trace {{pid == os.getppid()}}', lambda: call(101, 16, pid, 0, 0))
attempt('mount', lambda: call(165, b'proc', b'/tmp', b'proc', 0, 0))
attempt('namespace', lambda: call(272, 0x10000000))
attempt('segment', lambda: call(29, 1, 4096, 0o1666))
attempt('queue', lambda: call(240, b'x', 0o102, 0o666, 0))
attempt('all', lambda: os.kill(-1, 0))
""")
    return found | {"secret": os.environ["AWS_SECRET_ACCESS_KEY"]}


def escape(stage: Stage) -> dict:
    before = fingerprint(stage.root)
    marker = stage.base / "outside"
    marker.write_text("not for runs")
    found = stage.attempts(f"""
up = '../' * 64
attempt('up', lambda: os.stat(up).st_ino == os.stat('/').st_ino)
attempt('marker', lambda: open(up + '{marker}'.lstrip('/')).read())
attempt('chroot', lambda: os.chroot('/tmp'))
attempt('user', lambda: os.setuid(0))
attempt('device', lambda: os.mknod('/tmp/d', 0o60666, os.makedev(8, 0)))
attempt('handle', lambda: call(304, 3, 0, 0))
for path in ('/x', '/usr/x', '/etc/passwd', '/iae/x', '/dev/x', '/proc/x', '/inputs/x', '/inputs/a.txt'):
    attempt(path, lambda: open(path, 'w').name)
attempt('mode', lambda: os.chmod('/etc/passwd', 0o666))
attempt('rename', lambda: os.rename('/outputs', '/tmp/outputs'))
attempt('replace', lambda: os.rename('/etc/passwd', '/tmp/passwd'))
attempt('hard link', lambda: os.link('/etc/passwd', '/outputs/passwd'))
os.symlink('{marker}', '/outputs/link')
os.chdir('/outputs')
""")
    outputs = Path(found["run"]["where"])
    kept, problem = collect(outputs, DirectoryBlobs(stage.base / "store"), RunLimits(), ())
    return found | {
        "untouched": fingerprint(stage.root) == before,
        "kept": len(kept),
        "problem": problem,
    }


_HIDDEN = """
import os, sys, time
for kind in range(6):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            if kind % 2 == 0:
                # Never the same process for longer than a moment.
                while True:
                    if os.fork(): os._exit(0)
            print('up', flush=True)
            while True:
                open('/outputs/late', 'a').write('x')
                time.sleep(0.001)
        os._exit(0)
# A busy machine takes a while to come to the last of them.
end = time.monotonic() + 20
while not os.path.exists('/outputs/late') and time.monotonic() < end: time.sleep(0.01)
time.sleep(0.3)
"""


def background(stage: Stage) -> dict:
    """What a run leaves behind ends with it, whether it hides or not, and nothing is written later."""
    # Runs in sandboxes beside this one have the same user for the kernel, and count.
    done = stage.run(_HIDDEN, processes=400)
    late = Path(done["where"]) / "late"
    size = late.stat().st_size
    time.sleep(0.3)
    stopped = stage.run(_HIDDEN + "time.sleep(60)", max_runtime=5)
    killed = stage.run(_HIDDEN + "os.kill(os.getpid(), 9)")
    return {
        "done": done,
        "stopped": stopped,
        "killed": killed,
        "grew": late.stat().st_size - size,
        "next": stage.run("print('next')"),
    }


def limits(stage: Stage) -> dict:
    forks = """
import os, time
n = 0
try:
    while n < 300:
        if os.fork() == 0: time.sleep(9); os._exit(0)
        n += 1
except OSError: pass
print(n)
"""
    grow = (
        "import time\nf = open('{}', 'wb')\nwhile True: f.write(bytes(1 << 20)); time.sleep(0.01)"
    )
    event = threading.Event()
    threading.Timer(1, event.set).start()
    return {
        "forks": stage.run(forks, processes=200),
        "tmp": stage.run(grow.format("/tmp/x"), tmp_size=20 << 20),  # noqa: S108
        "shm": stage.run(grow.format("/dev/shm/x"), tmp_size=20 << 20),  # noqa: S108
        "outputs": stage.run(grow.format("/outputs/x"), output_size=20 << 20),
        "file": stage.run("import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n"
                          + grow.format("/outputs/x"), file_size=5 << 20),
        "memory": stage.run("x = bytearray(400 << 20)", memory=100 << 20),
        "busy": stage.run("import time\nx = bytearray(50 << 20)\nend = time.monotonic() + 1.5\n"
                          "while time.monotonic() < end: pass"),
        "cancelled": stage.run("import time; time.sleep(30)", cancelled=event),
        "missing": stage.sandbox.execute(
            stage.request("")._replace(command=("/nothing/here",))
        )._asdict() | {"usage": None, "isolation": None},
    }  # fmt: skip


def worker_dies(stage: Stage) -> dict:
    """A worker is killed in the middle of a run, and another one comes."""
    code = (
        "import os, time\nif os.fork() == 0: os.setsid()\nprint('up', flush=True)\ntime.sleep(47.2)"
    )
    mounts = Path("/proc/self/mountinfo").read_text()
    scratch = stage.base / "scratch"
    scratch.mkdir()
    claim = stage.base / "claim"
    reports = []
    for moment in (0.0, 0.15, 0.3, None):
        log = stage.base / f"log-{moment}"
        child = os.fork()
        if child == 0:
            with Scratch(scratch) as own:
                attempt = own.new()
                (attempt / "inputs").mkdir()
                (attempt / "outputs").mkdir()
                request = stage.request(code)._replace(
                    inputs=attempt / "inputs", outputs=attempt / "outputs", log=log,
                    claim_fd=os.open(claim, os.O_RDWR | os.O_CREAT),
                )  # fmt: skip
                Sandbox.probe("chroot", stage.base).execute(request)
            os._exit(1)
        if moment is None:
            _until(lambda log=log: log.exists() and log.read_text().count("up") == 2)
        else:
            time.sleep(moment)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        try:
            _until(lambda: not theirs() and not _supervisors())
            left = []
        except AssertionError:
            left = [*theirs(), *_supervisors()]
        reports.append({"left": left, "remains": len(list(scratch.iterdir()))})
    with Scratch(scratch):
        swept = len(list(scratch.iterdir()))
    return {
        "reports": reports,
        "swept": swept,
        "mounts": Path("/proc/self/mountinfo").read_text() == mounts,
        "next": stage.run("print('next')"),
    }


def supervisor_dies(stage: Stage) -> dict:
    """Root alone can do that: the run is as good as killed, and nothing of it goes on."""

    def kill() -> None:
        _until(lambda: len(theirs()) == 2)
        for pid in _supervisors():
            os.kill(pid, signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    code = "import os, time\nif os.fork() == 0: os.setsid()\ntime.sleep(47.3)"
    done = stage.run(code)
    thread.join()
    return {"done": done, "next": stage.run("print('next')")}


def company(stage: Stage) -> dict:
    """Two runs at once, and somebody else who has nobody's user: neither is possible."""
    event = threading.Event()
    first = threading.Thread(
        target=lambda: stage.run("import time; time.sleep(30)", cancelled=event)
    )
    first.start()
    _until(theirs)
    found = {"second": _refused(lambda: stage.run("print('second')"))}
    event.set()
    first.join()
    stranger = subprocess.Popen(["sleep", "60"], user=NOBODY, group=NOBODY, extra_groups=[])
    try:
        found["stranger"] = _refused(lambda: stage.run("print('third')"))
        found["probe"] = _refused(lambda: Sandbox.probe("chroot", stage.base))
        found["lives"] = stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
    return found | {"next": stage.run("print('next')")}


_LOOK = """
import json, os, stat
def look(folder='/'):
    for entry in os.scandir(folder):
        facts = entry.stat(follow_symlinks=False)
        kind = stat.S_IFMT(facts.st_mode)
        if entry.path.split('/')[1] not in ('dev', 'inputs', 'outputs', 'proc', 'sys', 'tmp'):
            bad = kind != stat.S_IFLNK and facts.st_mode & 0o7022
            yield entry.path, stat.S_IFMT(facts.st_mode), facts.st_uid, bool(bad)
        if kind == stat.S_IFDIR and entry.path not in ('/proc', '/dev'):
            yield from look(entry.path)
found = sorted(look())
print(json.dumps([len(found), [row for row in found if row[2] or row[3]],
    [row[0] for row in found if 'odd' in row[0]], os.path.islink('/tmp'), sorted(os.listdir('/sys'))]))
"""


def strange_image(stage: Stage) -> dict:
    """An image that some other tool has made; copied, and taken over as one of the run's own."""
    image, victim = stage.base / "strange", stage.base / "victim"
    subprocess.run(["cp", "-a", str(stage.root), str(image)], check=True)
    victim.mkdir()
    for name, mode in (("odd-open", 0o666), ("odd-setuid", 0o4755), ("odd-nobody", 0o600)):
        (image / "iae" / name).touch()
        (image / "iae" / name).chmod(mode)
    os.chown(image / "iae/odd-nobody", NOBODY, NOBODY)
    (image / "iae/odd-folder").mkdir()
    (image / "iae/odd-folder").chmod(0o1777)
    os.mknod(image / "iae/odd-device", 0o60666, os.makedev(8, 0))
    (image / "iae/odd-link").symlink_to(victim)
    (image / "tmp").rmdir()
    (image / "tmp").symlink_to(victim)
    (image / "sys/odd").touch()
    seen = []
    for own in (False, True):
        request = stage.request(_LOOK)._replace(root=image, own_root=own)
        assert stage.sandbox.execute(request).reason == "exited", request.log.read_text()
        seen.append(json.loads(request.log.read_text().partition(" ")[2]))
        if not own:
            unchanged = (image / "iae/odd-open").stat().st_mode & 0o777 == 0o666
    return {
        "unchanged": unchanged,
        "gone": not image.exists(),
        "victim": [victim.stat().st_uid, os.listdir(victim)],
        "seen": seen,
    }


def probe(base: Path) -> dict:
    """Where it is not possible."""
    return {"probe": _refused(lambda: Sandbox.probe("chroot", base))}


def _refused(action) -> str:
    try:
        action()
    except NeurocaasError as error:
        return f"{type(error).__name__}: {error.message} | {error.hint}"
    return ""


def _supervisors() -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if b"sandbox/jail.py" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


def _until(condition, seconds: float = 8) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


if __name__ == "__main__":
    os.umask(0o077)
    folder, scene = Path(sys.argv[1]), sys.argv[3]
    told = probe(folder) if scene == "probe" else globals()[scene](Stage(folder, sys.argv[2]))
    sys.stdout.write(json.dumps(told, default=str))
