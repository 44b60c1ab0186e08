"""The command that starts another one in what looks like a container of Docker's, or a task of Fargate."""

from __future__ import annotations

import os
import shutil

import pytest

# What Docker gives: docs.docker.com/engine/security/#linux-kernel-capabilities
_CAPABILITIES = (
    "chown", "dac_override", "fsetid", "fowner", "mknod", "net_raw", "setgid", "setuid", "setfcap",
    "setpcap", "net_bind_service", "sys_chroot", "kill", "audit_write",
)  # fmt: skip
# Control groups are read-only there, as are the limits of namespaces.
_INSIDE = """
mount -t tmpfs -o ro none /sys/fs/cgroup || exit 99
exec "$@"
"""


def require_container() -> None:
    """Skip the test where no container can be made."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None or shutil.which("unshare") is None:
        pytest.skip("needs root, and setpriv and unshare of util-linux, to make a container")


def container_command(without: str = "", user: str = "") -> list[str]:
    """Return what to put before a command; it is the first process, root with few capabilities."""
    bounds = ",".join(["-all", *(f"+{name}" for name in _CAPABILITIES if name != without)])
    line = ["unshare", "--fork", "--pid", "--mount-proc", "--kill-child"]
    line += ["sh", "-c", _INSIDE, "sh", "setpriv", f"--bounding-set={bounds}"]
    return [*line, *([f"--reuid={user}"] if user else []), "--"]
