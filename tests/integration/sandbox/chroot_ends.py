"""Scenes of how runs in a chroot end, how much they may take, and when there is none."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

from chroot_stage import Stage, theirs

from neurocaas_ci.errors import NeurocaasError
from neurocaas_ci.run.sandbox import Sandbox
from neurocaas_ci.run.sandbox.command import NOBODY
from neurocaas_ci.run.scratch import Scratch

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
        # Who is killed before it owns its folder leaves an empty one, which is swept when it is old.
        owned = [folder for folder in scratch.iterdir() if (folder / "owner.lock").exists()]
        reports.append({"left": left, "remains": len(owned)})
    with Scratch(scratch):
        swept = len(list(scratch.glob("*/owner.lock")))
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
