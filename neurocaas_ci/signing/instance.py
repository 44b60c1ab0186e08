"""The folder of an embedded Sigstore instance: made as a whole on first use, refused in parts.

`instance.json` holds the public half, `*.key` the private keys, `log/` the log; `trusted_root.json`
and `client_trust_config.json` are what verifiers and clients want, derived from the first.
"""

from __future__ import annotations

import base64
import errno
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurocaas_ci.errors import UsageError
from neurocaas_ci.model.digest import canonical_json
from neurocaas_ci.signing import disk, keys
from neurocaas_ci.signing.authority import make_authority
from neurocaas_ci.signing.envelope import b64
from neurocaas_ci.signing.transparency_log import make_log
from neurocaas_ci.signing.trust import PublicParts, client_trust_config, trusted_root
from neurocaas_ci.stores.disk import atomic_write, unique_name

_SCHEMA = "neurocaas/local-sigstore/v1"
_PUBLIC = "instance.json"
_CA, _CT_LOG, _LOG = "ca.key", "ctlog.key", "log.key"
_EXPORTS = {"trusted_root.json": trusted_root, "client_trust_config.json": client_trust_config}
_OCCUPIED = {errno.EEXIST, errno.ENOTEMPTY}
_START_AGAIN = "put it back from a backup, or move the folder away so that a new instance is made"


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance with its keys: of the issuing authority, its certificate log, and its log."""

    folder: Path
    parts: PublicParts
    ca: keys.Key
    ct_log: keys.Key
    log: keys.Key

    @property
    def log_folder(self) -> Path:
        """Return where the log is kept."""
        return self.folder / "log"


def open_instance(folder: Path, url: str, now: int) -> Instance:
    """Return the instance in a folder, making it when there is nothing yet.

    `url` names a new instance, `now` (Unix seconds) is when it begins to be valid. Raise UsageError
    when the folder is not a whole instance or others can read it, BackendUnavailableError when it
    is another user's or cannot be read or written.
    """
    folder = Path(os.path.realpath(folder))
    try:
        if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
            _make(folder, url, now)
        return _load(folder)
    except OSError as error:
        raise disk.unavailable(error, folder) from error


def _make(folder: Path, url: str, now: int) -> None:
    """Make an instance beside the folder and rename it, so that it is there as a whole or not."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = folder.with_name(f".{folder.name}.{unique_name()}")
    draft.mkdir(mode=0o700)
    try:
        _fill(draft, url, now)
        os.rename(draft, folder)
    except OSError as error:
        if error.errno not in _OCCUPIED:
            raise
        # Somebody else was faster; everybody uses theirs.
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    disk.sync_folder(folder.parent)


def _fill(draft: Path, url: str, now: int) -> None:
    host = url.split("://", 1)[1]
    authority = make_authority(host, now)
    ct_log, log = keys.generate("P-256"), keys.generate("P-256")
    for name, key in ((_CA, authority.key), (_CT_LOG, ct_log), (_LOG, log)):
        disk.write_new(draft / name, key.pem())
    parts = PublicParts(url, now, authority.chain, ct_log.public, log.public)
    for name, export in _EXPORTS.items():
        disk.write_new(draft / name, _readable(export(parts)))
    document = {
        "schema": _SCHEMA,
        "url": parts.url,
        "start": parts.start,
        "chain": [b64(certificate) for certificate in parts.chain],
        "public": {
            name: b64(key.public)
            for name, key in ((_CA, authority.key), (_CT_LOG, ct_log), (_LOG, log))
        },
    }
    make_log(draft / "log")
    disk.write_new(draft / _PUBLIC, canonical_json(document))
    disk.sync_folder(draft)


def _load(folder: Path) -> Instance:
    if not (folder / _PUBLIC).exists():
        raise _broken(folder, "this folder is not a local signing instance, or not a whole one")
    disk.require_private_folder(folder)
    parts, public = _load_public(folder / _PUBLIC)
    ca, ct_log, log = (_load_key(folder / name, public[name]) for name in (_CA, _CT_LOG, _LOG))
    for name, export in _EXPORTS.items():
        if not (folder / name).exists():
            atomic_write(folder / name, _readable(export(parts)))
    return Instance(folder, parts, ca, ct_log, log)


def _load_public(path: Path) -> tuple[PublicParts, dict[str, bytes]]:
    """Return the public half, and the public keys by the names of the private keys' files."""
    try:
        document = json.loads(disk.read_private(path))
        public = {name: base64.b64decode(document["public"][name]) for name in (_CA, _CT_LOG, _LOG)}
        parts = PublicParts(
            document["url"],
            document["start"],
            tuple(base64.b64decode(certificate) for certificate in document["chain"]),
            public[_CT_LOG],
            public[_LOG],
        )
        schema = document["schema"]
    except (ValueError, TypeError, KeyError) as error:
        raise _broken(path, f"the instance cannot be read: {error!r}") from error
    if schema != _SCHEMA:
        raise _broken(path, f"this version knows {_SCHEMA}, not {schema!r}")
    return parts, public


def _load_key(path: Path, public: bytes) -> keys.Key:
    try:
        key = keys.load(disk.read_private(path))
    except FileNotFoundError as error:
        raise _broken(path, "a key of the local signing instance is missing") from error
    except ValueError as error:
        raise _broken(path, f"the signing key cannot be read: {error}") from error
    if key.public != public:
        raise _broken(path, "the signing key is another instance's")
    return key


def _broken(path: Path, message: str) -> UsageError:
    return UsageError(message, where=str(path), hint=_START_AGAIN)


def _readable(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=1).encode() + b"\n"
