"""Make the folder of contents reachable for runs when root keeps it below a private home."""

from __future__ import annotations

import ctypes
import os
import stat
import threading
from pathlib import Path

from neurocaas_ci.errors import SandboxUnavailableError
from neurocaas_ci.run.sandbox.command import NOBODY

# linux/sched.h and linux/mount.h
_CLONE_NEWNS = 0x00020000
_MS_BIND = 0x1000
_MS_REC = 0x4000
_MS_SLAVE = 0x80000

_MEETING_POINT = Path("/run/neurocaas")


def make_reachable(home: Path) -> Path:
    """Return a path of `home` that the uid of runs can reach; call it before threads start.

    Runs of root have the uid of nobody, which cannot search a private folder such as /root. In that
    case this process gets a mount namespace of its own, in which `home` appears a second time below
    a folder that everybody can search; nothing changes for other processes. For other users, and
    where nothing is in the way, `home` itself is returned. As root, new files and folders of this
    process become readable for others, who still cannot reach them through the private folder.

    Raise SandboxUnavailableError when root may not make mounts.
    """
    home = home.resolve()
    if os.geteuid() != 0:
        return home
    os.umask(os.umask(0) & ~0o055)
    home.mkdir(parents=True, exist_ok=True)
    if not _searchable(home):
        raise SandboxUnavailableError(
            f"uid {NOBODY}, which runs have, may not search this folder",
            where=str(home),
            hint=f"chmod o+x {home}",
        )
    if all(_searchable(folder) for folder in home.parents):
        return home
    if threading.active_count() > 1:
        raise SandboxUnavailableError(
            "a folder can only be made reachable before threads are started", where=str(home)
        )
    try:
        return _bind_elsewhere(home)
    except OSError as error:
        raise SandboxUnavailableError(
            f"uid {NOBODY}, which runs have, cannot reach this folder, and root may not mount it"
            f" elsewhere: {error.strerror}",
            where=str(home),
            hint=f"set NEUROCAAS_HOME to a folder that uid {NOBODY} can reach, such as"
            " /var/lib/neurocaas, or run as an ordinary user",
        ) from error


def _searchable(folder: Path) -> bool:
    facts = folder.stat()
    if facts.st_uid == NOBODY:
        return bool(facts.st_mode & stat.S_IXUSR)
    if facts.st_gid == NOBODY:
        return bool(facts.st_mode & stat.S_IXGRP)
    return bool(facts.st_mode & stat.S_IXOTH)


def _bind_elsewhere(home: Path) -> Path:
    libc = ctypes.CDLL(None, use_errno=True)
    _check(libc.unshare(_CLONE_NEWNS))
    # Later mounts of the machine still appear here, ours never appear there.
    _check(libc.mount(b"none", b"/", None, ctypes.c_ulong(_MS_REC | _MS_SLAVE), None))
    target = _meeting_point() / "home"
    target.mkdir(exist_ok=True)
    flags = ctypes.c_ulong(_MS_BIND | _MS_REC)
    _check(libc.mount(os.fsencode(home), os.fsencode(target), None, flags, None))
    return target


def _meeting_point() -> Path:
    """Return a folder of root's that everybody can search; all processes may use the same one."""
    try:
        _MEETING_POINT.mkdir(mode=0o711, exist_ok=True)
        facts = _MEETING_POINT.lstat()
        usable = stat.S_ISDIR(facts.st_mode) and facts.st_uid == 0 and _searchable(_MEETING_POINT)
        if usable and _searchable(_MEETING_POINT.parent):
            return _MEETING_POINT
    except OSError:
        pass
    import tempfile

    fallback = Path(tempfile.mkdtemp(prefix="neurocaas-"))
    fallback.chmod(0o711)
    return fallback


def _check(result: int) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
