"""Checks of where packages come from: which mirrors this machine names, and whether they answer."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException

from neurocaas_ci.build.indexes import parted
from neurocaas_ci.build.mirrors import mirrors
from neurocaas_ci.build.pip_settings import index_address
from neurocaas_ci.doctor.check import Check, Outcome, fail, ok, warn

_SECONDS = 10
_MISSING = 404


def checks(*, ask: bool) -> list[Check]:
    """Return the checks; nothing is asked over the network unless `ask` is set."""
    return [
        Check("debian-mirrors", lambda: _debian(ask=ask), unknown="warn"),
        Check("package-index", lambda: _index(ask=ask), unknown="warn"),
    ]


def _debian(*, ask: bool) -> Outcome:
    found = mirrors()
    return _answers([f"{base}dists/" for base in found], "Debian mirrors", "NEUROCAAS_DEB_MIRRORS", ask=ask)  # fmt: skip


def _index(*, ask: bool) -> Outcome:
    address = index_address()
    if address is None:
        return ok("no package index is named; uv and pip have one of their own")
    return _answers([address], "package index", "PIP_INDEX_URL", ask=ask)


def _answers(addresses: list[str], what: str, variable: str, *, ask: bool) -> Outcome:
    if not ask:
        return ok(f"{len(addresses)} named: {what} (--network asks whether they answer)")
    silent = {address: why for address in addresses if (why := _silence(address)) is not None}
    if not silent:
        return ok(f"{len(addresses)} of {len(addresses)} answer: {what}")
    address, why = next(iter(silent.items()))
    shown, _ = parted(address)
    state: Callable[[str, str], Outcome] = fail if len(silent) == len(addresses) else warn
    fix = f"check proxy and network, or name another one with {variable}"
    return state(f"{shown} does not answer: {why}", fix)


def _silence(address: str) -> str | None:
    """Return why a server does not answer, or None; a page that it keeps back is an answer too."""
    if address.startswith("file:"):
        path = address.removeprefix("file:").replace("//", "/")
        return None if os.path.isdir(path) else "there is no such folder"
    bare, headers = parted(address)
    request = urllib.request.Request(bare, headers=headers)  # noqa: S310 - http or https, as `mirrors` checks
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS):  # noqa: S310 - the same
            return None
    except urllib.error.HTTPError as error:
        error.close()
        return f"status {error.code}" if error.code > _MISSING else None
    except urllib.error.URLError as error:
        return str(error.reason)
    except (OSError, HTTPException) as error:
        return str(error) or type(error).__name__
