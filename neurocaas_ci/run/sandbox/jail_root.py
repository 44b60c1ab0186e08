"""Lay out the root of a run in a chroot: the image, a few devices, inputs and outputs."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

from neurocaas_ci.errors import BackendUnavailableError
from neurocaas_ci.run.sandbox.command import NOBODY
from neurocaas_ci.run.sandbox.request import SandboxRequest

# Made afresh: what an image has under these names, links included, is not followed by root.
_OWN = ("dev", "proc", "sys", "tmp", "inputs", "outputs")
# As bubblewrap makes them; numbers of Documentation/admin-guide/devices.txt.
_DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9)}
# What libraries look up about the machine, and no secret.
_FACTS = ("cpuinfo", "meminfo")
_SHARED = 0o1777


@contextlib.contextmanager
def jail(request: SandboxRequest) -> Iterator[SandboxRequest]:
    """Give the request with the folders that it has inside a root of its own, while it lasts.

    The root lies beside the outputs. Inputs and outputs are moved into it and, unless something
    fails, back: end it only when no process of the run is left, for one whose current folder is moved
    out of a chroot is outside.
    """
    root = request.outputs.with_name("jail")
    inputs, outputs = root / "inputs", root / "outputs"
    try:
        if request.own_root:
            os.rename(request.root, root)
            _take_over(root)
        else:
            _make_folder(root)
            _copy_tree(str(request.root), str(root), skip=_OWN)
        writable = _make_own(root)
        _protect(request.inputs)
        os.rename(request.inputs, inputs)
        os.rename(request.outputs, outputs)
        yield request._replace(root=root, inputs=inputs, outputs=outputs, writable=writable)
        os.rename(outputs, request.outputs)
        os.rename(inputs, request.inputs)
    finally:
        _remove(root)


def _copy_tree(source: str, target: str, skip: tuple[str, ...] = ()) -> None:
    """Copy folders, links and regular files; nobody but their owner, root, can change the copies.

    Hard links would do, but for the change time of what they link to, by which the cache notices that
    somebody has changed an image.
    """
    with os.scandir(source) as found:
        entries = [entry for entry in found if entry.name not in skip]
    for entry in entries:
        path, copy = entry.path, f"{target}/{entry.name}"
        facts = entry.stat(follow_symlinks=False)
        kind, mode = stat.S_IFMT(facts.st_mode), facts.st_mode & 0o755
        if kind == stat.S_IFLNK:
            os.symlink(os.readlink(path), copy)
            continue
        if kind == stat.S_IFDIR:
            os.mkdir(copy, 0o755)
            _copy_tree(path, copy)
        elif kind == stat.S_IFREG:
            _copy_file(path, copy, facts.st_size)
        else:
            continue
        os.chmod(copy, mode)
        os.utime(copy, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def _take_over(root: Path) -> None:
    """Make a root what a copy would be: root's, for nobody else to write, and without what is made anew."""
    os.chmod(root, 0o755)  # noqa: S103 - everybody's to read
    for name in _OWN:
        path = root / name
        if path.is_symlink() or path.is_file():
            path.unlink()
        elif path.exists():
            _remove(path)
    for folder, folders, names in os.walk(root):
        for name in (*folders, *names):
            path = Path(folder, name)
            facts = path.lstat()
            kind, mode = stat.S_IFMT(facts.st_mode), stat.S_IMODE(facts.st_mode)
            if kind not in {stat.S_IFLNK, stat.S_IFDIR, stat.S_IFREG}:
                path.unlink()
                continue
            if facts.st_uid or facts.st_gid:
                os.lchown(path, 0, 0)
            if kind != stat.S_IFLNK and mode & ~0o755:
                os.chmod(path, mode & 0o755)


def _copy_file(source: str, target: str, size: int) -> None:
    with open(source, "rb", buffering=0) as given, open(target, "xb", buffering=0) as made:
        while size > 0 and (copied := os.sendfile(made.fileno(), given.fileno(), None, size)):
            size -= copied


def _make_own(root: Path) -> tuple[Path, ...]:
    """Make the folders that are not the image's; return those that a run can fill."""
    for name in ("dev", "proc", "sys"):
        _make_folder(root / name)
    for name in _FACTS:
        copy = root / "proc" / name
        with contextlib.suppress(OSError):
            copy.write_bytes(Path("/proc", name).read_bytes())
            copy.chmod(0o444)
    _make_devices(root / "dev")
    shared = (root / "tmp", root / "dev" / "shm")
    for folder in shared:
        _make_folder(folder, _SHARED)
    return shared


def _make_folder(folder: Path, mode: int = 0o755) -> None:
    """Make a folder with a mode that the umask does not change."""
    os.mkdir(folder)
    os.chmod(folder, mode)


def _make_devices(folder: Path) -> None:
    """Make devices, or where that is forbidden a file that takes what is thrown away.

    A file in place of /dev/urandom would give everybody the same numbers, so there is none then.
    """
    for name, (major, minor) in _DEVICES.items():
        device = folder / name
        try:
            os.mknod(device, stat.S_IFCHR, os.makedev(major, minor))
            os.chmod(device, 0o666)  # noqa: S103 - devices are everybody's
            # A container may be allowed to make devices and not to open them.
            with open(device, "r+b", buffering=0):
                pass
        except OSError:
            device.unlink(missing_ok=True)
    null = folder / "null"
    if not null.exists():
        null.touch()
        os.chown(null, NOBODY, NOBODY)


def _protect(inputs: Path) -> None:
    """Let everybody read inputs, and nobody but root write them."""
    os.chmod(inputs, 0o755)  # noqa: S103 - they are what the run is given
    for folder, folders, names in os.walk(inputs):
        for name in (*folders, *names):
            path = f"{folder}/{name}"
            facts = os.lstat(path)
            wanted = 0o755 if stat.S_ISDIR(facts.st_mode) else (facts.st_mode | 0o444) & 0o755
            if stat.S_IMODE(facts.st_mode) != wanted:
                os.chmod(path, wanted)


def _remove(root: Path) -> None:
    """Remove a root, however deep its folders are."""
    done = subprocess.run(
        ["/bin/rm", "-rf", "--one-file-system", "--", str(root)],
        capture_output=True,
        check=False,
        env={},
    )
    if root.exists():
        raise BackendUnavailableError(
            f"the root of a run cannot be removed: {done.stderr.decode('utf-8', 'replace').strip()}",
            where=str(root),
            hint="remove the folder, then run again",
        )
