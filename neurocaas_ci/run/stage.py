"""Stage in: lay out what a run sees under /inputs, every byte verified."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from neurocaas_ci.errors import UsageError
from neurocaas_ci.model.run import InputFile, RunRecord, RunSpec
from neurocaas_ci.named import NamedTuple
from neurocaas_ci.registry.tree import parts_of
from neurocaas_ci.run.scratch import CONFIG, Attempt, Layout, Scratch
from neurocaas_ci.stores.interface import BlobStore


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


def resolve_inputs(spec: RunSpec, upstream: Mapping[str, RunRecord]) -> tuple[InputFile, ...]:
    """Return the inputs of a run with the outputs of the runs it needs in their folders."""
    resolved = list(spec.inputs)
    for folder, run in sorted(spec.needs.items()):
        resolved += [
            InputFile(f"{folder}/{f.path}", f.sha256, f.size) for f in upstream[run].outputs
        ]
    return tuple(resolved)


@contextlib.contextmanager
def staged_in(
    spec: RunSpec,
    inputs: tuple[InputFile, ...],
    blobs: BlobStore,
    scratch: Scratch,
    *,
    again: bool = False,
) -> Iterator[Staged]:
    """Lay out /inputs and an empty /outputs for one attempt; both are gone afterwards.

    `again` lets later attempts have the folders (see Scratch.attempt).

    Raise IntegrityError when a content is missing or does not have its digest, and UsageError when
    an input's path leads out of /inputs or to the configuration.
    """
    with scratch.attempt(_layout(spec, inputs), again=again) as attempt:
        yield _lay_out(spec, inputs, blobs, attempt)


def _layout(spec: RunSpec, inputs: tuple[InputFile, ...]) -> Layout:
    folders: set[str] = set()
    for file in inputs:
        # Inputs can be hard links to stored contents: nothing may be written through one.
        if (parts := parts_of(file.path)) is None or parts[0] == CONFIG:
            raise UsageError(
                f"{file.path!r} cannot be the path of an input",
                where=f"{spec.job}#{spec.run}",
                hint="inputs of a run spec are relative paths such as dataset/mouse-01.npz",
            )
        folders.update("/".join(parts[:depth]) for depth in range(1, len(parts)))
    return frozenset(folders)


def _lay_out(
    spec: RunSpec, inputs: tuple[InputFile, ...], blobs: BlobStore, attempt: Attempt
) -> Staged:
    marks: list[tuple[str, int, int]] = []
    for file in inputs:
        target = f"{attempt.inputs}/{file.path}"
        blobs.place(file.sha256, Path(target))
        facts = os.stat(target)
        marks.append((target, facts.st_size, facts.st_mtime_ns))
    # JSON is a subset of YAML 1.2: a workflow reads it with whatever it has.
    text = json.dumps(spec.config, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    with open(f"{attempt.inputs}/{CONFIG}", "w", encoding="utf-8") as stream:
        stream.write(text)
    return Staged(Path(attempt.inputs), Path(attempt.outputs), tuple(marks))
