"""Start a command as in a task of Fargate: `fargate_box.py COMMAND...`.

The process is root with the capabilities that Docker gives to containers, in a pid namespace with a /proc of
its own, and in a user namespace in which everybody is who they were and whose limits on further namespaces,
of whatever kind, are 0; that is what /proc/sys/user says in tasks of Fargate. In a user namespace nobody makes
devices, which is stricter than Fargate.
"""

import ctypes
import os
import signal
import sys

_CLONE_NEWNS = 0x00020000
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWPID = 0x20000000
_MS_NOSUID_NODEV_NOEXEC = 2 | 4 | 8
_MS_PRIVATE = 1 << 18 | 0x4000
_PR_SET_PDEATHSIG = 1
_EVERYBODY = "0 0 4294967295"
# CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE, NET_RAW,
# SYS_CHROOT, MKNOD, AUDIT_WRITE, SETFCAP: docs.docker.com/engine/security/#linux-kernel-capabilities
_CAPABILITIES = 0xA80425FB
_VERSION = 0x20080522

libc = ctypes.CDLL(None, use_errno=True)


def check(result: int, what: str) -> None:
    if result:
        sys.exit(f"{what}: {os.strerror(ctypes.get_errno())}")


mine, theirs = os.pipe()
me = os.getpid()
helper = os.fork()
if helper == 0:
    # The maps have to be written from outside.
    os.close(theirs)
    os.read(mine, 1)
    for name in ("uid_map", "gid_map"):
        with open(f"/proc/{me}/{name}", "w") as stream:
            stream.write(_EVERYBODY)
    os._exit(0)
check(libc.unshare(_CLONE_NEWUSER | _CLONE_NEWPID | _CLONE_NEWNS), "no namespaces")
os.write(theirs, b"x")
if os.waitpid(helper, 0)[1]:
    sys.exit("the maps of the user namespace could not be written")
first = os.fork()
if first:
    # The engine signals the whole group; this process only waits for the other one.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    code = os.waitstatus_to_exitcode(os.waitpid(first, 0)[1])
    sys.exit(code if code >= 0 else 128 - code)
libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
check(libc.mount(b"none", b"/", None, _MS_PRIVATE, None), "no mounts of its own")
check(libc.mount(b"proc", b"/proc", b"proc", _MS_NOSUID_NODEV_NOEXEC, None), "no /proc")
for name in os.listdir("/proc/sys/user"):
    if name.endswith("_namespaces"):
        with open(f"/proc/sys/user/{name}", "w") as stream:
            stream.write("0")
for number in range(64):
    if not _CAPABILITIES >> number & 1:
        libc.prctl(24, number, 0, 0, 0)  # PR_CAPBSET_DROP
os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - that is what it is for
