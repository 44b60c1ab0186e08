"""`neurocaas sample`: carry what replays need from who may read a store to who runs analyses."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from neurocaas_ci.audit.history import History
from neurocaas_ci.audit.sample import Candidate, candidates, compared_outputs, inputs_of
from neurocaas_ci.cli.auditing import Auditing, auditor_options
from neurocaas_ci.cli.common import human_size, open_home, say
from neurocaas_ci.errors import IntegrityError, UsageError
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.run.home import Home
from neurocaas_ci.stores.interface import BlobStore

IDENTITY = "NEUROCAAS_SAMPLE_IDENTITY"

_SCHEMA = "neurocaas/sample/v1"
_LIST = "sample.json"
_CONTENT = re.compile(r"([0-9a-f]{64})\.age")
_JOB = re.compile(r"[A-Za-z0-9-]+/\d{4}-\d\d/[A-Za-z0-9._-]+")
_LARGEST = 5_000_000_000
_SEALED = "make the sample anew: `neurocaas sample seal FOLDER --key KEY`"


@click.group("sample", short_help="Carry what replays need to a machine without rights.")
def command() -> None:
    """Carry what replays need from who may read the store to who runs analyses.

    What runs strangers' code has no identity, so it cannot read a store of its own; and what one job
    of a workflow hands to another everybody can download who can read the repository. So it is sealed.
    """


@command.command("seal")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--key", "keys", required=True, multiple=True,
    help="Public key of age to seal for (`neurocaas access key` makes a pair).",
)  # fmt: skip
@click.option("--jobs", type=click.IntRange(min=1), default=3, show_default=True, help="How many.")
@click.option("--seed", type=int, help="Choose reproducibly (default: at random).")
@click.option(
    "--most", type=click.IntRange(min=1), default=_LARGEST, show_default=True,
    help="Leave jobs out whose inputs have more bytes than this.",
)  # fmt: skip
@auditor_options
def seal(
    folder: Path, keys: tuple[str, ...], jobs: int, seed: int | None, most: int, auditing: Auditing
) -> None:
    """Choose certified jobs at random; seal their inputs, by digest, into files of a new FOLDER.

    Only certificates that hold are chosen, of jobs that succeeded. Outputs go along where the
    blueprint declared a tolerance, for then their bytes have to be compared. Reads the store and writes
    nothing there; a job's contents are in the part
    of the store that its group has.
    """
    _check_new(folder)
    history = auditing.history()
    if history is None:
        raise UsageError(
            "a sample needs a clone of the registry",
            hint="run it inside a clone, or name one with --repo",
        )
    chooser = random.Random(seed) if seed is not None else random.SystemRandom()  # noqa: S311 - a seed is wanted
    with history:
        sealing = _Sealing(history, folder, keys, open_home())
        sealing.prepare()
        taken: list[str] = []
        for found in candidates(
            history, lambda bundle: auditing.question(bundle, history), chooser, say
        ):
            if sealing.take(found, most):
                taken.append(found.certificate.job)
            if len(taken) == jobs:
                break
    document = {"schema": _SCHEMA, "jobs": sorted(taken)}
    (folder / _LIST).write_text(json.dumps(document, indent=1) + "\n")
    for job in sorted(taken):
        click.echo(job)
    say(f"{len(taken)} jobs, {sealing.count} contents, {human_size(sealing.size)}: {folder}")


@command.command("open")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def open_(folder: Path) -> None:
    """Put what is in FOLDER into this machine's store, and print the jobs that it is for.

    The private key is in NEUROCAAS_SAMPLE_IDENTITY. Each content has to have its digest. Do this in a step of
    its own: what then runs `neurocaas replay JOB` needs the key no more.
    """
    identity = os.environ.get(IDENTITY, "")
    if not identity.strip():
        raise UsageError(
            "there is no private key",
            where=IDENTITY,
            hint="docs/github.md says how the pair of keys is made",
        )
    jobs = _listed(folder)
    home = open_home()
    for path in sorted(folder.iterdir()):
        if path.name != _LIST:
            _open_one(path, identity, home)
    for job in jobs:
        click.echo(job)


class _Sealing:
    """Seals contents of the store into a folder, each once; `count` and `size` (bytes) say how many."""

    def __init__(self, history: History, folder: Path, keys: Iterable[str], home: Home) -> None:
        self._history, self._folder, self._keys, self._home = history, folder, tuple(keys), home
        self.count, self.size = 0, 0

    def prepare(self) -> None:
        """Make the folder; raise UsageError for a key that nothing can be sealed for."""
        from neurocaas_ci.access.seal import seal as seal_bytes

        seal_bytes(b"", self._keys, "--key")
        self._folder.mkdir(parents=True, exist_ok=True)

    def take(self, found: Candidate, most: int) -> bool:
        """Seal what the replay of a job reads; tell whether the job was taken.

        Raise IntegrityError for an input that is missing although the job keeps it.
        """
        content = found.certificate
        size = sum(item.size for item in content.datasets)
        if size > most:
            say(f"note: {content.job} is left out: its inputs have {human_size(size)}")
            return False
        blobs = self._home.of_group(found.job.group).blobs
        for digest, uri in inputs_of(content).items():
            try:
                self._seal(blobs, digest)
            except IntegrityError as error:
                gone = not found.job.keep_inputs
                if not gone and not uri.startswith("file:"):
                    raise
                why = "its user wanted them deleted" if gone else str(error)
                say(f"note: {content.job} is left out: inputs are not in the store ({why})")
                return False
        for digest in compared_outputs(self._history, content):
            self._seal(blobs, digest)
        return True

    def _seal(self, blobs: BlobStore, digest: Sha256) -> None:
        from neurocaas_ci.access.seal import seal_stream

        target = self._folder / f"{digest}.age"
        if target.exists():
            return
        with blobs.open(digest) as source, _appearing(target) as half, half.open("xb") as out:
            seal_stream(source, out, self._keys, "--key")
            self.count, self.size = self.count + 1, self.size + out.tell()


def _open_one(path: Path, identity: str, home: Home) -> None:
    from neurocaas_ci.access.seal import unseal_stream

    name = _CONTENT.fullmatch(path.name)
    if name is None or not path.is_file() or path.is_symlink():
        raise IntegrityError("this is no part of a sample", where=str(path), hint=_SEALED)
    digest = Sha256(name[1])
    opened = home.scratch / f"opened-{os.getpid()}-{digest}"
    try:
        with path.open("rb") as source, opened.open("xb") as target:
            unseal_stream(source, target, identity, str(path))
        got = home.blobs.adopt(opened).sha256
    finally:
        opened.unlink(missing_ok=True)
    if got != digest:
        raise IntegrityError(
            f"what is in it has another digest, {got}", where=str(path), hint=_SEALED
        )


def _listed(folder: Path) -> list[str]:
    where = str(folder / _LIST)
    try:
        document = json.loads((folder / _LIST).read_bytes())
        jobs = document["jobs"] if document["schema"] == _SCHEMA else None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            "there is no sample in the folder",
            where=where,
            hint="`neurocaas sample seal` makes one",
        ) from error
    if not isinstance(jobs, list) or not all(
        isinstance(job, str) and _JOB.fullmatch(job) for job in jobs
    ):
        raise IntegrityError("it is no list of jobs", where=where, hint=_SEALED)
    return jobs


@contextlib.contextmanager
def _appearing(target: Path) -> Iterator[Path]:
    """Give a name to write to; the file is `target` afterwards, or there is none."""
    half = target.with_name(f".{target.name}")
    try:
        yield half
        half.replace(target)
    finally:
        half.unlink(missing_ok=True)


def _check_new(folder: Path) -> None:
    if folder.is_dir() and any(folder.iterdir()):
        raise UsageError(
            "the output folder is not empty", where=str(folder), hint="name a new folder"
        )
