"""Seal for public keys, and open with the private one: the age format, by pyrage.

Keys are those of age (`age1...`) and of SSH (ed25519, RSA). What is sealed is text, so that it can be
sent by any means, and `age --decrypt` opens it as well.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from neurocaas_ci.errors import BackendUnavailableError, IntegrityError, UsageError

_SSH = ("ssh-ed25519 ", "ssh-rsa ")
_LARGEST = 1 << 20


def seal(data: bytes, keys: Iterable[str], where: str) -> bytes:
    """Return data for whoever has one of the private keys; raise UsageError for what is no key."""
    pyrage = _pyrage()
    sealed: bytes = pyrage.encrypt(data, _recipients(pyrage, keys, where), armored=True)
    return sealed


def seal_stream(source: BinaryIO, target: BinaryIO, keys: Iterable[str], where: str) -> None:
    """Seal what is read from `source`, of any length, into `target`; it is no text.

    Raise UsageError for what is no key, and what reading raises.
    """
    pyrage = _pyrage()
    recipients = _recipients(pyrage, keys, where)
    watched = _Watched(source)
    try:
        pyrage.encrypt_io(watched, target, recipients)
    except (pyrage.EncryptError, OSError) as error:
        raise watched.problem or error from error


def unseal_stream(source: BinaryIO, target: BinaryIO, identity: str, where: str) -> None:
    """Write what was sealed for a private key (of age) into `target`.

    Raise UsageError for what is no key, IntegrityError for what is damaged or for another key.
    """
    pyrage = _pyrage()
    try:
        known = _identities(pyrage, identity.encode("ascii", "replace"))
    except pyrage.IdentityError as error:
        raise UsageError(
            f"it is no private key of age ({error})",
            where=where,
            hint="`neurocaas access key` makes a pair; the private one begins with AGE-SECRET-KEY-",
        ) from error
    watched = _Watched(source)
    try:
        pyrage.decrypt_io(watched, target, known)
    except (pyrage.DecryptError, OSError) as error:
        if watched.problem is not None or getattr(error, "errno", None) is not None:
            raise watched.problem or error from error
        raise IntegrityError(
            f"it cannot be opened ({error})",
            where=where,
            hint="it is damaged, or sealed for another key",
        ) from error


class _Watched:
    """A stream that keeps what reading it raised, which pyrage tells as an error of its own."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.problem: Exception | None = None

    def read(self, count: int = -1, /) -> bytes:
        """Read from the stream."""
        try:
            return self._stream.read(count)
        except Exception as error:
            self.problem = error
            raise


def _recipients(pyrage: Any, keys: Iterable[str], where: str) -> list[Any]:
    recipients = []
    for key in keys:
        kind = pyrage.ssh if key.startswith(_SSH) else pyrage.x25519
        try:
            recipients.append(kind.Recipient.from_str(key.strip()))
        except pyrage.RecipientError as error:
            raise UsageError(
                f"{key[:40]!r}... is no public key that can be sealed for ({error})",
                where=where,
                hint="`keys` takes age1..., ssh-ed25519 ... and ssh-rsa ... of 2048 bits or more",
            ) from error
    return recipients


def unseal(file: Path, identities: Iterable[Path]) -> bytes:
    """Return what a file holds that was sealed for one of the identities (files with private keys).

    Raise UsageError when none of them can open it.
    """
    pyrage = _pyrage()
    known, odd = [], []
    for path in identities:
        try:
            known += _identities(pyrage, _read(path))
        except pyrage.IdentityError as error:
            odd.append(f"{path}: {error}")
    problem = "; ".join(odd)
    if not known:
        raise UsageError(
            f"no private key can be used{': ' if problem else ''}{problem}",
            where=str(file),
            hint="name one with --identity; of a key with a passphrase make an open copy first, or "
            "open the file with `age --decrypt`",
        )
    try:
        opened: bytes = pyrage.decrypt(_read(file), known)
    except pyrage.DecryptError as error:
        raise UsageError(
            f"it cannot be opened ({error}){'; ' if problem else ''}{problem}",
            where=str(file),
            hint="it is for another key, or damaged; --identity names the file of a private key",
        ) from error
    return opened


def new_identity(file: Path) -> str:
    """Write a new private key of age to a file that only its owner reads; return the public one.

    Raise UsageError when there is a file already.
    """
    identity = _pyrage().x25519.Identity.generate()
    public = str(identity.to_public())
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise UsageError(
            "there is a file already, perhaps with a key", where=str(file), hint="name another file"
        ) from error
    except OSError as error:
        raise UsageError(
            f"it cannot be written: {error.strerror}", where=str(file), hint="name another file"
        ) from error
    with open(descriptor, "w", encoding="ascii") as stream:
        stream.write(f"# public key: {public}\n{identity}\n")
    return public


def _identities(pyrage: Any, data: bytes) -> list[Any]:
    if b"PRIVATE KEY-----" in data:
        return [pyrage.ssh.Identity.from_buffer(data)]
    lines = (line.strip() for line in data.decode("ascii", "replace").splitlines())
    return [pyrage.x25519.Identity.from_str(x) for x in lines if x and not x.startswith("#")]


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(_LARGEST + 1)
    except OSError as error:
        raise UsageError(f"it cannot be read: {error.strerror}", where=str(path)) from error
    if len(data) > _LARGEST:
        raise UsageError(
            f"it has more than {_LARGEST:,} bytes",
            where=str(path),
            hint="a key is a line or a few: name the file of the key",
        )
    return data


def _pyrage() -> Any:
    try:
        return importlib.import_module("pyrage")
    except ImportError as error:
        raise BackendUnavailableError(
            "pyrage, which seals and opens, is not installed",
            hint="pip install 'neurocaas-ci[access]'",
        ) from error
