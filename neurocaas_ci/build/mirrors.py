"""Which Debian mirrors this machine uses, asked from apt; no address is written in any lock file."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterable

from neurocaas_ci.errors import BackendUnavailableError, UsageError

_VARIABLE = "NEUROCAAS_DEB_MIRRORS"
_SCHEMES = ("http://", "https://", "file:/")


def mirrors() -> tuple[str, ...]:
    """Return base addresses, each ending in `/`, in the order in which to ask them.

    `NEUROCAAS_DEB_MIRRORS` (separated by spaces) comes first, then the sources of apt. Raise
    BackendUnavailableError when there are none, UsageError when the variable is not a list of URLs.
    """
    own = os.environ.get(_VARIABLE, "").split()
    for address in own:
        if not address.startswith(_SCHEMES):
            raise UsageError(
                f"not an http, https or file address: {address!r}",
                where=_VARIABLE,
                hint="list the base addresses of mirrors, those that have dists/ and pool/ below",
            )
    found = _unique([*own, *_from_apt()])
    if not found:
        raise BackendUnavailableError(
            "this machine has no apt sources, so no Debian mirror is known",
            where="apt",
            hint=f"set {_VARIABLE} to the base address of a Debian mirror (and of its security mirror)",
        )
    return found


def ordered_for(path: str, bases: Iterable[str]) -> list[str]:
    """Return full addresses of a package; the security archive goes first for its own pool."""
    security = path.startswith("pool/updates/")
    return [
        base + path for base in sorted(bases, key=lambda base: ("security" in base) != security)
    ]


def proxies() -> dict[str, str]:
    """Return the proxies that apt uses, by scheme; those of the environment are the default."""
    program = shutil.which("apt-config")
    if program is None:
        return {}
    command = [program, "shell", "http", "Acquire::http::Proxy", "https", "Acquire::https::Proxy"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    pairs = (line.partition("=") for line in shlex.split(done.stdout))
    return {key: value for key, _, value in pairs if value.startswith(("http://", "https://"))}


def _from_apt() -> list[str]:
    program = shutil.which("apt-get")
    if program is None:
        return []
    # Also of sources whose lists nobody has fetched yet, as on a fresh machine.
    command = [program, "indextargets", "--no-release-info"]
    command += ["--format", "$(REPO_URI)", "Created-By: Packages"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [re.sub(r"^(?:copy|mirror\+file):", "file:", line) for line in done.stdout.split()]
    return [line for line in lines if line.startswith(_SCHEMES)]


def _unique(addresses: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(address.rstrip("/") + "/" for address in addresses))
