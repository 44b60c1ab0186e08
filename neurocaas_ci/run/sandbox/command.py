"""The bubblewrap command line of one run; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from neurocaas_ci.named import NamedTuple

NOBODY = 65534
"""The uid and gid of every run, inside, and outside as well when the caller is root."""

_SHM_SIZE = 64 << 20


class Tools(NamedTuple):
    """The bubblewrap of this machine; `nested` says whether it knows --disable-userns (0.8.0).

    With `own_network` whoever starts it has an empty network already, and it makes none; with
    `own_devices` the same is true of a /dev for runs.
    """

    bwrap: str
    nested: bool = True
    own_network: bool = False
    own_devices: bool = False


class Mounts(NamedTuple):
    """What a run sees of the machine; `tmp_size` is bytes."""

    root: Path
    inputs: Path
    outputs: Path
    tmp_size: int


class Descriptors(NamedTuple):
    """Descriptors that bubblewrap inherits; none of them reaches the command."""

    status: int
    gate: int
    seccomp: int | None
    claim: int | None

    def all(self) -> tuple[int, ...]:
        """Return those that are open."""
        return tuple(
            fd for fd in (self.status, self.gate, self.seccomp, self.claim) if fd is not None
        )


def bwrap_command(
    tools: Tools,
    mounts: Mounts,
    descriptors: Descriptors,
    environment: Mapping[str, str],
    command: tuple[str, ...],
    token: str,
) -> list[str]:
    """Return the full command line; `token` marks the processes as belonging to their caller."""
    line = [tools.bwrap, "--unsetenv", token]
    # Unsharing "all" only tries a user namespace; asking for it makes its absence an error.
    line += ["--unshare-user", "--unshare-all"]
    if tools.own_network:
        line.append("--share-net")
    if tools.nested:
        line.append("--disable-userns")
    line += ["--uid", str(NOBODY), "--gid", str(NOBODY), "--hostname", "iae"]
    line += ["--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"]
    for name, value in environment.items():
        line += ["--setenv", name, value]
    line += ["--ro-bind", str(mounts.root), "/", "--proc", "/proc"]
    line += ["--dev-bind", "/dev", "/dev"] if tools.own_devices else ["--dev", "/dev"]
    # Pid 1 is bubblewrap's, with the same user: through its /proc a run could reach into its memory
    # and, with that, to the claim that it holds.
    line += ["--perms", "0555", "--size", "4096", "--tmpfs", "/proc/1", "--remount-ro", "/proc/1"]
    shm = min(_SHM_SIZE, mounts.tmp_size)
    line += ["--perms", "1777", "--size", str(shm), "--tmpfs", "/dev/shm"]  # noqa: S108 - inside
    line += ["--perms", "1777", "--size", str(mounts.tmp_size), "--tmpfs", "/tmp"]  # noqa: S108
    line += ["--ro-bind", str(mounts.inputs), "/inputs", "--bind", str(mounts.outputs), "/outputs"]
    if not tools.own_devices:
        # One of its starter's is read-only already; this would forbid to open what is in it.
        line += ["--remount-ro", "/dev"]
    line += ["--remount-ro", "/", "--chdir", "/tmp"]  # noqa: S108 - inside
    if descriptors.seccomp is not None:
        line += ["--seccomp", str(descriptors.seccomp)]
    if descriptors.claim is not None:
        line += ["--sync-fd", str(descriptors.claim)]
    line += ["--json-status-fd", str(descriptors.status), "--block-fd", str(descriptors.gate)]
    return [*line, "--", *command]
