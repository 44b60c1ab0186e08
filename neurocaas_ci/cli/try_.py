"""`neurocaas try`: run an environment's sample in the sandbox, in seconds."""

from __future__ import annotations

import shutil
import sys
import threading
from pathlib import Path
from typing import BinaryIO, get_args

import click

from neurocaas_ci.build.images import Images
from neurocaas_ci.cli.common import human_size, human_time, open_home, say
from neurocaas_ci.cli.trial_of import user_of
from neurocaas_ci.cli.values import parameter_value
from neurocaas_ci.errors import RunError, UsageError
from neurocaas_ci.model.blueprint import RunLimits
from neurocaas_ci.model.run import IsolationLevel, RunRecord
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.folder import FolderTree
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.sandbox import Sandbox
from neurocaas_ci.run.trial import load_sample, run_sample

_POLL_SECONDS = 0.1


@click.command("try", short_help="Run an environment's sample in the sandbox.")
@click.argument("name")
@click.option("--dataset", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Run on this file instead of the sample's.")  # fmt: skip
@click.option("--param", "parameters", multiple=True, metavar="KEY=VALUE", help="Repeatable.")
@click.option("--output", type=click.Path(file_okay=False, path_type=Path),
              help="Where outputs go (default: .neurocaas/try/NAME).")  # fmt: skip
@click.option("--max-runtime", type=int, default=600, show_default=True, help="Seconds.")
@click.option("--isolation", type=click.Choice(get_args(IsolationLevel)), default="sandbox")
def command(
    name: str,
    dataset: Path | None,
    parameters: tuple[str, ...],
    output: Path | None,
    max_runtime: int,
    isolation: IsolationLevel,
) -> None:
    """Build iae/NAME from this folder and run its sample, exactly as a job would be run.

    Parameters that the sample leaves out take the defaults of the blueprint that uses NAME, and its
    limits hold. Nothing has to be committed. The log is shown live; outputs are copied out afterwards. Exits
    with 12 when the workflow fails.
    """
    folder = Path.cwd()
    tree = FolderTree(folder)
    registry = Registry(tree)
    loaded = registry.iae(name)
    if loaded.value is None:
        lines = [f"{f.location}: {f.message}" for f in loaded.findings]
        raise UsageError(
            "\n  ".join([f"there is no valid environment {name}", *lines]),
            where=f"iae/{name}",
            hint="`neurocaas init blueprint NAME` makes one",
        )
    overrides: dict[str, object] = {}
    for text in parameters:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise UsageError(
                f"--param {text!r} is not KEY=VALUE", hint="for example --param tolerance=0.001"
            )
        overrides[key] = parameter_value(key, value)
    user = user_of(registry, name)
    sample = load_sample(
        folder / "iae" / name / (loaded.value.sample or "sample"),
        dataset=dataset,
        parameters=overrides,
        schema=user[0].parameters if user else {},
    )
    home = open_home(sandboxed=True)
    image = Images(home.cache, say).ensure(tree, name)
    target = output or _own_folder(folder) / "try" / name
    tail = _Tail()
    record = run_sample(
        name,
        image,
        sample,
        home,
        lambda scratch: Sandbox.probe(isolation, scratch),
        limits=user[1].limits if user else RunLimits(),
        max_runtime=max_runtime,
        watch=tail.start,
        deliver=lambda own, ended: _deliver(own, ended, target, tail),
    )
    say(f"{record.status} in {human_time(record.usage.wall_s)}, "
        f"at most {human_size(record.usage.memory_peak)} of memory")  # fmt: skip
    for file in record.outputs:
        click.echo(f"{target / file.path}  {human_size(file.size)}  {file.sha256}")
    if record.status != "succeeded":
        raise RunError(record.message, where=f"iae/{name}", hint="the log above says more")


def _own_folder(folder: Path) -> Path:
    """Make the folder for what a trial leaves; git ignores it, so that no commit takes it along."""
    own = folder / ".neurocaas"
    own.mkdir(exist_ok=True)
    (own / ".gitignore").write_text("*\n")
    return own


def _deliver(own: Home, record: RunRecord, target: Path, tail: _Tail) -> None:
    """Show what is left of the log and copy the outputs."""
    if record.log is not None:
        with own.blobs.open(record.log.sha256) as stream:
            tail.finish(stream)
    for file in record.outputs:
        copy = target / file.path
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.unlink(missing_ok=True)
        with own.blobs.open(file.sha256) as source, copy.open("xb") as stream:
            shutil.copyfileobj(source, stream)


class _Tail:
    """Show a log on stderr while it grows; the stored log then gives the rest."""

    def __init__(self) -> None:
        self._done = threading.Event()
        self._thread: threading.Thread | None = None
        self._shown = 0

    def start(self, log: Path) -> None:
        """Begin to follow a log that need not exist yet."""
        self._thread = threading.Thread(target=self._follow, args=(log,), daemon=True)
        self._thread.start()

    def finish(self, stored: BinaryIO) -> None:
        """Stop following and show what is left."""
        self._done.set()
        if self._thread is not None:
            self._thread.join()
        stored.seek(self._shown)
        self._show(stored.read())

    def _follow(self, log: Path) -> None:
        while not self._done.wait(_POLL_SECONDS):
            try:
                with log.open("rb") as stream:
                    stream.seek(self._shown)
                    self._show(stream.read())
            except FileNotFoundError:
                continue

    def _show(self, data: bytes) -> None:
        self._shown += len(data)
        sys.stderr.buffer.write(data)
        sys.stderr.flush()
