"""Unpacked images: made once, checked by stat fingerprint on every use, made again when damaged.

This module is on the path of every command that runs something, so it imports little; what
unpacking needs is imported when something is unpacked.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from neurocaas_ci.build.cache import Cache, remove_tree, write_atomic
from neurocaas_ci.build.documents import StoredLayer
from neurocaas_ci.errors import IntegrityError
from neurocaas_ci.model.digest import canonical_json

Verify = Literal["fingerprint", "full"]


def ensure_root(
    cache: Cache, name: str, layers: Sequence[StoredLayer], verify: Verify = "fingerprint"
) -> Path:
    """Return the folder that holds the layers unpacked, made or checked just now.

    `full` reads every file and compares it with the layers. A root that is not what its layers
    say is removed and unpacked again; raise IntegrityError when the layers themselves are damaged.
    """
    home = cache.roots / name
    root = home / "root"
    if verify == "fingerprint" and _is_as_stamped(home):
        return root
    with cache.lock(f"root-{name[:16]}"):
        if verify == "fingerprint" and _is_as_stamped(home):
            return root  # somebody else has just made it
        with cache.workspace() as workspace:
            fresh = _unpacked(cache, layers, workspace / "new")
            if verify == "full" and _tree(fresh / "root") == _tree(root):
                _stamp(home)
            else:
                _replace(home, fresh, workspace / "old")
    return root


def private_root(cache: Cache, layers: Sequence[StoredLayer], folder: Path) -> Path:
    """Return a root below `folder`, which is made, for one use: the layers unpacked and verified.

    Raise IntegrityError when the layers are damaged.
    """
    return _unpacked(cache, layers, folder) / "root"


def fingerprint(root: Path) -> str | None:
    """Return a digest of path, type, mode, size, inode and change time of everything below `root`.

    None when the root is not there. The change time cannot be set back by a program, so an edit
    that keeps size and modification time is seen too. Contents are not read.
    """
    hasher = hashlib.sha256()
    todo = [(str(root), "")]
    try:
        while todo:
            folder, prefix = todo.pop()
            lines = []
            with os.scandir(folder) as found:
                for item in found:
                    is_folder = item.is_dir(follow_symlinks=False)
                    s = item.stat(follow_symlinks=False)
                    if is_folder:
                        # Size and times of a folder only repeat what its members say.
                        lines.append(f"{item.name}\0{s.st_mode}\0{s.st_uid}")
                        todo.append((item.path, f"{prefix}{item.name}/"))
                    else:
                        lines.append(
                            f"{item.name}\0{s.st_mode}\0{s.st_uid}\0{s.st_size}\0{s.st_ino}\0{s.st_ctime_ns}"
                        )
            lines.sort()
            hasher.update("\n".join((prefix, *lines, "\n")).encode("utf-8", "surrogateescape"))
            todo.sort()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None
    return hasher.hexdigest()


def _is_as_stamped(home: Path) -> bool:
    stamped = _stamped(home)
    return stamped is not None and stamped == fingerprint(home / "root")


def _stamped(home: Path) -> str | None:
    try:
        document = json.loads((home / "stamp.json").read_bytes())
        return str(document["fingerprint"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _stamp(home: Path) -> None:
    write_atomic(
        home / "stamp.json",
        canonical_json({"schema": "neurocaas/stamp/v1", "fingerprint": fingerprint(home / "root")}),
    )


def _replace(home: Path, fresh: Path, old: Path) -> None:
    if home.exists():
        # Moved away first: a reader sees the old root, then none, then the new one; never half.
        home.rename(old)
    _stamp(fresh)
    home.parent.mkdir(parents=True, exist_ok=True)
    fresh.rename(home)
    remove_tree(old)


def _unpacked(cache: Cache, layers: Sequence[StoredLayer], home: Path) -> Path:
    from neurocaas_ci.build.unpack import Layer, unpack

    root = home / "root"
    for folder in (home, root):
        folder.mkdir()
        folder.chmod(0o755)
    try:
        unpack(
            [
                Layer(cache.blob_path(layer.blob.digest), layer.blob.digest, layer.diff_id)
                for layer in layers
            ],
            root,
        )
    except FileNotFoundError as error:
        raise IntegrityError(
            "a layer of the image is missing from the cache",
            where=str(error.filename),
            hint="build the image again",
        ) from error
    return home


def _tree(root: Path) -> dict[str, tuple[int, int, str]]:
    """Return mode, owner and content of everything below `root` by path."""
    found = {}
    try:
        for folder, folders, names in os.walk(root, onerror=_raise):
            for name in (*folders, *names):
                path = f"{folder}/{name}"
                status = os.lstat(path)
                found[os.path.relpath(path, root)] = (
                    status.st_mode,
                    status.st_uid,
                    _content(path, status.st_mode),
                )
    except (FileNotFoundError, PermissionError):
        return {}
    return found


def _raise(error: OSError) -> None:
    raise error


def _content(path: str, mode: int) -> str:
    if stat.S_ISLNK(mode):
        return os.readlink(path)
    if not stat.S_ISREG(mode):
        return ""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
