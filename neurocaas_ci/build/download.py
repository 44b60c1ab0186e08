"""Fetch files of known digest from several mirrors: in parallel, resumed, retried, never trusted."""

from __future__ import annotations

import hashlib
import http.client
import os
import secrets
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from neurocaas_ci.build.cache import is_disk_error
from neurocaas_ci.errors import BackendUnavailableError, BuildError
from neurocaas_ci.model.digest import Sha256

_THREADS = 8
_ATTEMPTS = 3
_TIMEOUT = 60
_CHUNK = 1 << 18
_GONE = frozenset({403, 404, 410})
_PARTIAL = 206


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to have: what it is called, its digest and size, where to ask, where it shall be."""

    name: str
    sha256: Sha256
    size: int
    addresses: tuple[str, ...]
    target: Path


class _GoneError(Exception):
    """This mirror does not have the file."""


class _WrongError(Exception):
    """What came is not the file."""


def fetch_all(
    wanted: Sequence[Wanted],
    *,
    say: Callable[[str], None],
    proxies: Mapping[str, str] | None = None,
    backoff: float = 1.0,
) -> None:
    """Make every wanted file appear at its target, verified.

    What is at a target is replaced. `backoff` is the first pause between attempts, in seconds. Raise BuildError when every mirror has lost a file or
    serves something else, BackendUnavailableError when none can be reached.
    """
    total = sum(item.size for item in wanted)
    say(f"downloading {len(wanted)} files, {total / 1e6:.1f} MB")
    fetcher = _Fetcher(proxies or {}, backoff)
    pool = ThreadPoolExecutor(_THREADS)
    try:
        steps = max(1, len(wanted) // 4)
        for done, _ in enumerate(pool.map(fetcher.fetch, wanted), 1):
            if done % steps == 0:
                say(f"  {done}/{len(wanted)}")
    finally:
        fetcher.stopped.set()
        pool.shutdown(cancel_futures=True)


def intact(path: Path, digest: Sha256) -> bool:
    """Tell whether a file is there and has this digest."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == digest
    except FileNotFoundError:
        return False


class _Fetcher:
    def __init__(self, proxies: Mapping[str, str], backoff: float) -> None:
        known = {**urllib.request.getproxies(), **proxies}
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler(known))
        self._backoff = backoff
        self.stopped = threading.Event()

    def fetch(self, item: Wanted) -> Wanted:
        item.target.parent.mkdir(parents=True, exist_ok=True)
        part = item.target.with_name(f".{item.target.name}.{os.getpid()}-{secrets.token_hex(4)}")
        try:
            self._from_any(item, part)
            part.chmod(0o644)
            part.replace(item.target)
        finally:
            part.unlink(missing_ok=True)
        return item

    def _from_any(self, item: Wanted, part: Path) -> None:
        """Ask every address; the reasons of all of them decide which error it is."""
        reasons: list[tuple[str, Exception]] = []
        for address in item.addresses:
            for attempt in range(_ATTEMPTS):
                if self.stopped.is_set():
                    raise BackendUnavailableError("stopped", where=item.name)
                try:
                    self._once(address, item, part)
                except _GoneError as error:
                    reasons.append((address, error))
                    break
                except _WrongError as error:
                    part.unlink(missing_ok=True)
                    reasons.append((address, error))
                    break
                except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
                    if is_disk_error(error):
                        raise
                    reasons.append((address, error))
                    if isinstance(error, urllib.error.URLError) and _is_refused(error):
                        break
                    time.sleep(self._backoff * 2**attempt)
                else:
                    return
        raise _verdict(item, reasons)

    def _once(self, address: str, item: Wanted, part: Path) -> None:
        """Fetch what is missing of `part`; it is the wanted file when this returns."""
        have = part.stat().st_size if part.exists() else 0
        with self._open(address, have) as answer, part.open("ab") as out:
            if have and getattr(answer, "status", None) != _PARTIAL:
                out.truncate(0)
            while data := answer.read(_CHUNK):
                out.write(data)
                if out.tell() > item.size:
                    raise _WrongError("it is larger than the lock says")
        size = part.stat().st_size
        if size < item.size:
            raise http.client.IncompleteRead(b"", item.size - size)
        if not intact(part, item.sha256):
            raise _WrongError("its SHA-256 is not the locked one")

    def _open(self, address: str, have: int) -> IO[bytes]:
        request = urllib.request.Request(address)  # noqa: S310 - schemes are checked by mirrors()
        if have:
            request.add_header("Range", f"bytes={have}-")
        try:
            return cast("IO[bytes]", self._opener.open(request, timeout=_TIMEOUT))
        except urllib.error.HTTPError as error:
            if error.code in _GONE:
                raise _GoneError(f"HTTP {error.code}") from error
            raise
        except urllib.error.URLError as error:
            if "No such file" in str(error.reason):
                raise _GoneError("no such file") from error
            raise


def _is_refused(error: urllib.error.URLError) -> bool:
    return isinstance(error.reason, ConnectionRefusedError)


def _verdict(item: Wanted, reasons: Sequence[tuple[str, Exception]]) -> Exception:
    hosts = "; ".join(f"{address}: {error}" for address, error in reasons[-4:])
    if any(isinstance(error, _WrongError) for _, error in reasons):
        return BuildError(
            f"every copy found is not the locked one ({hosts})",
            where=item.name,
            hint="a proxy or mirror is damaged, or the package was replaced: use another mirror "
            "(NEUROCAAS_DEB_MIRRORS) or lock again with --upgrade",
        )
    if reasons and all(isinstance(error, _GoneError) for _, error in reasons):
        return BuildError(
            f"the locked version is no longer on any mirror ({hosts})",
            where=item.name,
            hint="lock again with --upgrade, or set NEUROCAAS_DEB_MIRRORS to a snapshot mirror "
            "that still has it",
        )
    return BackendUnavailableError(
        f"no mirror can be reached ({hosts})",
        where=item.name,
        hint="check the network and the apt sources, or set NEUROCAAS_DEB_MIRRORS; then try again",
    )
