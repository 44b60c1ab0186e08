"""What root's launching threads have for themselves: few mounts, devices for runs, no network.

Every sandbox starts from what its starter sees, so what a thread has prepared once is not made again
for each of its runs, which follow each other. Nothing outlives a run in it: a run cannot change what
is here, and its processes, with their sockets and terminals, end with it.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import stat
import struct

from neurocaas_ci.named import NamedTuple

# linux/sched.h, linux/mount.h
_CLONE_NEWNS = 0x00020000
_CLONE_NEWNET = 0x40000000
_MS_RDONLY = 1
_MS_NOSUID = 2
_MS_NOEXEC = 8
_MS_REMOUNT = 32
_MS_BIND = 0x1000
_MS_REC = 0x4000
_MS_SLAVE = 0x80000
_MNT_DETACH = 2
# linux/socket.h, linux/net.h; the module for sockets takes 4 ms to load.
_AF_INET = 2
_SOCK_DGRAM = 2 | os.O_CLOEXEC
# linux/sockios.h, linux/if.h
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1
# Kernel file systems: no root, input or output ever lies below them.
_NEEDLESS = ("/sys", "/dev/", "/proc/", "/boot")
# As bubblewrap makes it; major and minor numbers of Documentation/admin-guide/devices.txt.
_DEVICES = {
    "null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9),
    "tty": (5, 0),
}  # fmt: skip
_LINKS = {
    "core": "/proc/kcore", "fd": "/proc/self/fd", "ptmx": "pts/ptmx", "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
}  # fmt: skip


class Apart(NamedTuple):
    """What a thread has of its own: an empty network, and a /dev that is fit for runs."""

    network: bool = False
    devices: bool = False


def move_apart() -> Apart:
    """Give this thread, which is root's, as much of its own as this machine allows."""
    libc = ctypes.CDLL(None, use_errno=True)
    own_mounts = libc.unshare(_CLONE_NEWNS) == 0 and _forget_mounts(libc)
    devices = own_mounts and _make_devices(libc)
    return Apart(network=_empty_network(libc), devices=devices)


def _empty_network(libc: ctypes.CDLL) -> bool:
    """Make a network namespace: 2 ms of CPU, and much more time to take it down again."""
    if libc.unshare(_CLONE_NEWNET) != 0:
        return False
    control = libc.socket(_AF_INET, _SOCK_DGRAM, 0)
    if control >= 0:
        with contextlib.suppress(OSError):
            fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
        os.close(control)
    return True


def _forget_mounts(libc: ctypes.CDLL) -> bool:
    """Detach what no run needs: bubblewrap reads the whole list of mounts for each of its binds.

    Tell whether mounts of this thread are its own from here on.
    """
    if libc.mount(None, b"/", None, _MS_REC | _MS_SLAVE, None) != 0:
        return False
    with open("/proc/thread-self/mountinfo", encoding="utf-8") as stream:
        points = [line.split()[4] for line in stream]
    # The last mounted first: what lies on top of another has to go before it.
    for point in reversed(points):
        if point.startswith(_NEEDLESS):
            libc.umount2(os.fsencode(point), _MNT_DETACH)
    return True


def _make_devices(libc: ctypes.CDLL) -> bool:
    """Cover /dev by what runs may use; bubblewrap needs 1 ms of CPU to make the same of binds."""
    flags = _MS_NOSUID | _MS_NOEXEC
    if libc.mount(b"tmpfs", b"/dev", b"tmpfs", flags, b"mode=0755,size=64k") != 0:
        return False
    try:
        for name, (major, minor) in _DEVICES.items():
            path = f"/dev/{name}"
            os.mknod(path, stat.S_IFCHR, os.makedev(major, minor))
            os.chmod(path, 0o666)  # noqa: S103 - devices are everybody's
        for name, target in _LINKS.items():
            os.symlink(target, f"/dev/{name}")
        for name in ("pts", "shm"):
            os.mkdir(f"/dev/{name}")
            os.chmod(f"/dev/{name}", 0o755)  # noqa: S103 - as are these folders
        # A container may be allowed to make devices and not to open them.
        with open("/dev/null", "wb"):
            pass
        options = b"newinstance,ptmxmode=0666,mode=620"
        read_only = flags | _MS_REMOUNT | _MS_BIND | _MS_RDONLY
        if (
            libc.mount(b"devpts", b"/dev/pts", b"devpts", flags, options) == 0
            and libc.mount(None, b"/dev", None, read_only, None) == 0
        ):
            return True
    except OSError:
        pass
    libc.umount2(b"/dev", _MNT_DETACH)
    return False
