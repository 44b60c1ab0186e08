"""Choose and lock Debian packages with apt's own solver, without touching the system.

apt gets a private state folder with an empty dpkg status, so it solves for a machine on which
nothing is installed. Sources, keyrings, proxies and credentials are those of this machine, and apt
verifies the signatures of the package lists, so the digests in the lock are authentic.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from neurocaas_ci.build.locks import LockedDeb
from neurocaas_ci.errors import BackendUnavailableError, BuildError, NeurocaasError
from neurocaas_ci.model.digest import parse_sha256

_INST = re.compile(r"^Inst (\S+) (?:\[[^]]*\] )?\((\S+) ", re.MULTILINE)
_TIMEOUT = 600


def lock_packages(
    packages: Sequence[str], architecture: str, workspace: Path
) -> tuple[LockedDeb, ...]:
    """Return the packages and everything they need, as the machine's apt sources have it now.

    Raise BackendUnavailableError when apt is missing or its sources cannot be reached, BuildError
    when the packages cannot be had together.
    """
    if shutil.which("apt-get") is None:
        raise BackendUnavailableError(
            "locking Debian packages needs apt, which is not on this machine",
            where="apt-get",
            hint="lock on a Debian machine and commit base.lock; building needs no apt",
        )
    options = _options(workspace, architecture)
    _run(["apt-get", *options, "-qq", "update"], _unreachable)
    solved = _run(
        ["apt-get", *options, "-s", "-qq", "--no-install-recommends", "install", *packages],
        _unsolved,
    )
    chosen = [f"{name}={version}" for name, version in _INST.findall(solved)]
    shown = _run(["apt-cache", *options, "show", *chosen], _unsolved)
    found = {deb.name: deb for deb in _stanzas(shown)}
    missing = {item.partition("=")[0].partition(":")[0] for item in chosen} - set(found)
    if missing:
        raise BuildError(
            f"the apt sources give no SHA-256 for {', '.join(sorted(missing))}",
            where="base.lock",
            hint="use sources that publish SHA-256 digests",
        )
    return tuple(sorted(found.values(), key=lambda deb: deb.name))


def _options(workspace: Path, architecture: str) -> list[str]:
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (workspace / folder).mkdir(parents=True, exist_ok=True)
    status = workspace / "status"
    status.write_bytes(b"")
    settings = {
        "Dir::State": f"{workspace}/state",
        "Dir::State::status": str(status),
        "Dir::Cache": f"{workspace}/cache",
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "",  # the private folders are not readable for apt's own user
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        "Debug::NoLocking": "1",
    }
    return [part for key, value in settings.items() for part in ("-o", f"{key}={value}")]


def _run(command: Sequence[str], failure: Callable[[str], NeurocaasError]) -> str:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
    except subprocess.TimeoutExpired as error:
        raise _unreachable(f"apt did not answer within {_TIMEOUT} s") from error
    if done.returncode or "\nE: " in f"\n{done.stderr}":
        raise failure(done.stderr.strip() or "apt failed")
    if re.search(r"^(W|Err): .*(Failed to fetch|Some index files)", done.stderr, re.MULTILINE):
        raise _unreachable(done.stderr.strip())
    return done.stdout


def _stanzas(text: str) -> Iterator[LockedDeb]:
    for stanza in text.split("\n\n"):
        fields = dict(
            line.split(": ", 1)
            for line in stanza.split("\n")
            if not line.startswith(" ") and ": " in line
        )
        if "SHA256" in fields:
            yield LockedDeb(
                fields["Package"],
                fields["Version"],
                parse_sha256(fields["SHA256"]),
                int(fields["Size"]),
                fields["Filename"].removeprefix("./"),
            )


def _unreachable(reason: str) -> BackendUnavailableError:
    return BackendUnavailableError(
        f"the apt sources cannot be read: {reason}",
        where="apt",
        hint="check the network and /etc/apt, then try again",
    )


def _unsolved(reason: str) -> BuildError:
    return BuildError(
        f"apt cannot choose the packages: {reason}",
        where="iae.yaml base.packages",
        hint="check the names against this machine's apt sources (apt-cache policy NAME)",
    )
