"""A box of bubblewrap for one run of act: what it sees of this machine, and as whom it runs.

Inside: the machine read-only, /tmp and /root empty, one writable folder, a process table of its own
and nobody's rights. There is no network but 127.0.0.1, and there only what `forward.py` carries in.

Steps may use the sandbox of the platform, a bubblewrap within this one. The kernel allows that
where the caller's /proc is whole. Bubblewrap hides parts of /proc when it is started by root, so a
box of root mounts its own and goes on as a user that has no other process. That user may then make
user namespaces, as the runner's user on GitHub. Others are themselves within a user namespace.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import HarnessError

_PATH = "/usr/local/bin:/usr/bin:/bin"
_FIRST_USER = 1_000_000
_OTHERS_MAY_SEARCH = 0o001


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may use: seconds, processes, bytes of memory, of one file and of output."""

    seconds: float = 300
    processes: int = 400
    memory: int = 3 << 30
    file_size: int = 512 << 20
    output: int = 64 << 20


def user() -> int | None:
    """Return the user of this process's boxes; None is whoever runs the tests."""
    # RLIMIT_NPROC counts a user's processes, so no other box has the same one.
    return _FIRST_USER + os.getpid() if os.geteuid() == 0 else None


def hand_over(folder: Path) -> None:
    """Give a folder and all in it to the user of the box."""
    owner = user()
    if owner is None:
        return
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, owner, owner, follow_symlinks=False)


def boxed(
    command: list[str],
    folder: Path,
    environment: Mapping[str, str],
    limits: Limits,
    shown: Sequence[Path] = (),
    kept: Sequence[Path] = (),
) -> list[str]:
    """Return the command line that runs a command in a box; `folder` and `kept` are writable.

    `shown` is what it may read besides, where the empty folders would hide it.
    """
    line = [
        _bwrap(),
        "--unshare-net",
        "--unshare-pid",
        "--unshare-ipc",
        "--unshare-uts",
        "--die-with-parent",
    ]
    line += ["--new-session", "--hostname", "runner", "--ro-bind", "/", "/"]
    owner = user()
    if owner is None:
        line += ["--unshare-user", "--cap-drop", "ALL"]
    line += ["--dev", "/dev", "--proc", "/proc"]
    # Steps on GitHub have no terminal. act gives them one, unless there are none.
    line += ["--tmpfs", "/dev/pts", "--remount-ro", "/dev/pts"]
    programs = [Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()]
    covered = _covered(programs)
    for path in covered:
        # As on any machine: everybody may write to /tmp, and nobody into the others.
        line += ["--perms", "1777" if path.name == "tmp" else "0755", "--tmpfs", str(path)]
    hidden = [path for path in (*programs, *shown, *kept, folder) if _is_below(path, covered)]
    # Bubblewrap makes folders on the way to a mount for the owner alone.
    for parent in dict.fromkeys(p for path in hidden for p in reversed(path.parents)):
        if _is_below(parent.parent, covered):
            line += ["--perms", "0755", "--dir", str(parent)]
    for path in hidden:
        line += ["--ro-bind", str(path), str(path)]
    for path in (*kept, folder):
        line += ["--bind", str(path), str(path)]
    line += ["--chdir", str(folder), "--clearenv"]
    for name, value in {"PATH": _PATH, "LANG": "C.UTF-8", **environment}.items():
        line += ["--setenv", name, value]
    bounded = ["prlimit", f"--nproc={limits.processes}", f"--fsize={limits.file_size}", "--core=0"]
    return [*line, "--", *_as_user(owner), *bounded, "--", *command]


def _as_user(owner: int | None) -> list[str]:
    if owner is None:
        return []
    drop = (
        f"setpriv --reuid={owner} --regid={owner} --clear-groups --inh-caps=-all"
        " --bounding-set=-all --no-new-privs"
    )
    return ["/bin/sh", "-c", f'mount -t proc proc /proc && exec {drop} "$@"', "sh"]


def _bwrap() -> str:
    beside = Path(sys.executable).with_name("bwrap")
    for candidate in ("/usr/bin/bwrap", shutil.which("bwrap"), str(beside)):
        if candidate and os.access(candidate, os.X_OK):
            return candidate
    raise HarnessError("bubblewrap is not installed, and no workflow runs outside of a box")


def _covered(programs: Sequence[Path]) -> list[Path]:
    """Return what is empty inside; folders that are closed to others make way for what they hold."""
    found = {Path("/tmp")}  # noqa: S108 - inside
    if user() is not None:
        found.add(Path("/root"))
        for path in programs:
            closed = [p for p in path.parents if not p.stat().st_mode & _OTHERS_MAY_SEARCH]
            found.update(closed[-1:])
    return sorted(found)


def _is_below(path: Path, folders: Sequence[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)
