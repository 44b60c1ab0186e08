"""Find the control groups below which this process may make its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from neurocaas_ci.named import NamedTuple

PREFIX = "neurocaas-"
"""What the names of all our groups start with."""

_MOUNT = Path("/sys/fs/cgroup")

Version = Literal["v1", "v2"]


class Layout(NamedTuple):
    """Where groups can be made: one folder per hierarchy, keyed by controller."""

    version: Version
    folders: dict[str, Path]


def find_layout(mount: Path = _MOUNT, membership: str | None = None) -> Layout | None:
    """Return where this process may make groups that limit memory, or None.

    `membership` is the content of /proc/self/cgroup.
    """
    text = Path("/proc/self/cgroup").read_text() if membership is None else membership
    paths: dict[str, str] = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        for name in controllers.split(","):
            paths[name] = path
    if "memory" in paths:
        folders: dict[str, Path | None] = {
            name: _own_folder(mount / name, paths[name])
            for name in ("memory", "pids", "cpuacct")
            if name in paths
        }
        usable = {k: v for k, v in folders.items() if v is not None and os.access(v, os.W_OK)}
        return Layout("v1", usable) if "memory" in usable else None
    own = _own_folder(mount, paths.get("", "/"))
    return _delegated(own) if own is not None else None


def _own_folder(mount: Path, path: str) -> Path | None:
    """Return the folder of a membership; inside a container the mount itself may be it."""
    for folder in (mount / path.lstrip("/"), mount):
        if (folder / "cgroup.procs").exists():
            return folder
    return None


def _delegated(own: Path) -> Layout | None:
    """Return the layout below a v2 group that belongs to this process alone, or hands out memory."""
    try:
        offered = (own / "cgroup.controllers").read_text().split()
        if "memory" not in offered or not os.access(own, os.W_OK):
            return None
        if "memory" not in (own / "cgroup.subtree_control").read_text().split():
            # A group with processes of its own cannot hand out memory, so this process moves down;
            # that is only ours to do when nobody else is in it.
            if (own / "cgroup.procs").read_text().split() != [str(os.getpid())]:
                return None
            inner = own / f"{PREFIX}caller"
            inner.mkdir(exist_ok=True)
            (inner / "cgroup.procs").write_text(str(os.getpid()))
            wanted = " ".join(f"+{name}" for name in ("memory", "pids") if name in offered)
            (own / "cgroup.subtree_control").write_text(wanted)
    except OSError:
        return None
    return Layout("v2", {"": own})
