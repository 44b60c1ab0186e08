"""What every root holds, whatever its base: mount points and an unprivileged user; no I/O here."""

from __future__ import annotations

from neurocaas_ci.build.constants import MOUNT_POINTS, NOBODY
from neurocaas_ci.build.entries import FOLDER, SHARED_FOLDER, Entry, file_entry

_NOLOGIN = "/usr/sbin/nologin"


def skeleton() -> dict[str, Entry]:
    """Return the mount points and the few files that make an unprivileged user known."""
    nobody = f"nobody:x:{NOBODY}:"
    files = {
        "etc/passwd": f"root:x:0:0:root:/:{_NOLOGIN}\n{nobody}{NOBODY}:nobody:/tmp:{_NOLOGIN}\n",
        "etc/group": f"root:x:0:\nnogroup:x:{NOBODY}:\n",
        "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
        "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
    }
    entries = {path: file_entry(text.encode()) for path, text in files.items()}
    return entries | mount_points()


def mount_points() -> dict[str, Entry]:
    """Return the folders that the sandbox mounts on."""
    return {name: SHARED_FOLDER if name == "tmp" else FOLDER for name in MOUNT_POINTS}
