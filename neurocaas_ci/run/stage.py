"""Stage in: lay out what a run sees under /inputs, every byte verified."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from neurocaas_ci.errors import UsageError
from neurocaas_ci.model.run import InputFile, RunRecord, RunSpec
from neurocaas_ci.named import NamedTuple
from neurocaas_ci.registry.tree import parts_of
from neurocaas_ci.stores.directory import disk_errors, unique_name
from neurocaas_ci.stores.interface import BlobStore

_OWNER = "owner.lock"
_CONFIG = "config.yaml"


class Staged(NamedTuple):
    """One attempt's folders, and the marks that show whether an input was touched meanwhile."""

    inputs: Path
    outputs: Path
    marks: tuple[tuple[str, int, int], ...]

    def changed(self) -> str | None:
        """Return the path of an input that was changed since it was verified, or None."""
        for path, size, modified in self.marks:
            facts = os.stat(path)
            if facts.st_size != size or facts.st_mtime_ns != modified:
                return os.path.relpath(path, self.inputs)
        return None


class Scratch:
    """The attempts of this process; a folder whose owner is gone is swept by the next one.

    Use it as a context manager; the folder is removed at the end.
    """

    def __init__(self, root: Path) -> None:
        with disk_errors(root):
            root.mkdir(parents=True, exist_ok=True)
            self._sweep(root)
            self.folder = root / unique_name()
            self.folder.mkdir()
            self._lock = _own(self.folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            os.unlink(self.folder / _OWNER)
            os.rmdir(self.folder)
        except OSError:
            _remove_tree(self.folder)
        os.close(self._lock)

    def new(self) -> Path:
        """Return a new, empty folder for one attempt."""
        folder = self.folder / unique_name()
        folder.mkdir()
        return folder

    def discard(self, folder: Path) -> None:
        """Remove one attempt, whatever a workflow made of its folders."""
        if _remove_usual(str(folder)):
            return
        if not _remove_tree(folder):
            # A workflow may have taken our rights on its own folders away.
            for parent, names, _ in os.walk(folder):
                for path in (os.path.join(parent, name) for name in names):
                    with contextlib.suppress(OSError):
                        if not os.path.islink(path):
                            os.chmod(path, 0o700)
            _remove_tree(folder)

    @staticmethod
    def _sweep(root: Path) -> None:
        for entry in root.iterdir():
            with contextlib.suppress(OSError):
                lock = os.open(entry / _OWNER, os.O_RDWR | os.O_CLOEXEC)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    _remove_tree(entry)
                finally:
                    os.close(lock)


def _remove_tree(folder: Path) -> bool:
    """Remove a folder with all that is in it, as far as it goes; tell whether it is gone."""
    import shutil  # with every compression module; most commands never get here

    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


def _remove_usual(folder: str) -> bool:
    """Remove an attempt that left one dataset, a configuration and nothing else; it is the rule.

    Five calls to the kernel instead of the dozens that a general removal makes.
    """
    inputs = f"{folder}/inputs"
    try:
        os.rmdir(f"{folder}/outputs")
        with os.scandir(f"{inputs}/dataset") as entries:
            names = [entry.path for entry in entries]
        for name in names:
            os.unlink(name)
        os.rmdir(f"{inputs}/dataset")
        os.unlink(f"{inputs}/{_CONFIG}")
        os.rmdir(inputs)
        os.rmdir(folder)
    except OSError:
        return False
    return True


def _own(folder: Path) -> int:
    # Locked before it gets its name: a sweeper can never see it unlocked.
    hidden = folder / f".{_OWNER}"
    lock = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.rename(hidden, folder / _OWNER)
    return lock


def resolve_inputs(spec: RunSpec, upstream: Mapping[str, RunRecord]) -> tuple[InputFile, ...]:
    """Return the inputs of a run with the outputs of the runs it needs in their folders."""
    resolved = list(spec.inputs)
    for folder, run in sorted(spec.needs.items()):
        resolved += [
            InputFile(f"{folder}/{f.path}", f.sha256, f.size) for f in upstream[run].outputs
        ]
    return tuple(resolved)


def stage_in(
    spec: RunSpec, inputs: tuple[InputFile, ...], blobs: BlobStore, attempt: Path
) -> Staged:
    """Lay out /inputs and an empty /outputs in an attempt's folder.

    Raise IntegrityError when a content is missing or does not have its digest, and UsageError when
    an input's path leads out of /inputs or to the configuration.
    """
    root, outputs = attempt / "inputs", attempt / "outputs"
    base = str(root)
    os.mkdir(base)
    os.mkdir(outputs)
    made = {base}
    marks: list[tuple[str, int, int]] = []
    for file in inputs:
        # Inputs can be hard links to stored contents: nothing may be written through one.
        if (parts := parts_of(file.path)) is None or parts[0] == _CONFIG:
            raise UsageError(
                f"{file.path!r} cannot be the path of an input",
                where=f"{spec.job}#{spec.run}",
                hint="inputs of a run spec are relative paths such as dataset/mouse-01.npz",
            )
        target = f"{base}/{file.path}"
        folder = os.path.dirname(target)
        if folder not in made:
            os.makedirs(folder, exist_ok=True)
            made.add(folder)
        blobs.place(file.sha256, Path(target))
        facts = os.stat(target)
        marks.append((target, facts.st_size, facts.st_mtime_ns))
    # JSON is a subset of YAML 1.2: a workflow reads it with whatever it has.
    text = json.dumps(spec.config, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    with open(f"{base}/{_CONFIG}", "w", encoding="utf-8") as stream:
        stream.write(text)
    return Staged(root, outputs, tuple(marks))
