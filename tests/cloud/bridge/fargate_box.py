"""Start a command where the kernel makes no namespaces, as in a task of Fargate: `fargate_box.py COMMAND...`.

The process moves into a user namespace in which everybody is who they were, and whose limits on further
namespaces, of whatever kind, are 0; that is what /proc/sys/user says in tasks of Fargate.
"""

import ctypes
import os
import sys

_CLONE_NEWUSER = 0x10000000
_EVERYBODY = "0 0 4294967295"

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
libc = ctypes.CDLL(None, use_errno=True)
if libc.unshare(_CLONE_NEWUSER):
    sys.exit(f"no user namespace: {os.strerror(ctypes.get_errno())}")
os.write(theirs, b"x")
if os.waitpid(helper, 0)[1]:
    sys.exit("the maps of the user namespace could not be written")
for name in os.listdir("/proc/sys/user"):
    if name.endswith("_namespaces"):
        with open(f"/proc/sys/user/{name}", "w") as stream:
            stream.write("0")
os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - that is what it is for
