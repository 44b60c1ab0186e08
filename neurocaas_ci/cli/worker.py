"""`neurocaas worker`: execute one run from its spec; what engines start."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import get_args

import click

from neurocaas_ci.build.cache import Cache
from neurocaas_ci.build.images import Images
from neurocaas_ci.cli.common import open_home, say
from neurocaas_ci.errors import IntegrityError, RunError, UsageError
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.run import IsolationLevel, RunRecord, RunSpec
from neurocaas_ci.run import records
from neurocaas_ci.run.array_task import of_task
from neurocaas_ci.run.delivery import fetch_image
from neurocaas_ci.run.first_use import FOLDER, note_use
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.machine import machine_facts, require_profile
from neurocaas_ci.run.processors import Processors
from neurocaas_ci.run.sandbox import Sandbox
from neurocaas_ci.run.scratch import Scratch
from neurocaas_ci.run.worker import Worker

_STATE = "state:"


@click.command("worker", short_help="Execute one run from its spec (what engines start).")
@click.argument("spec")
@click.option("--isolation", type=click.Choice(get_args(IsolationLevel)), default="sandbox")
def command(spec: str, isolation: IsolationLevel) -> None:
    """Execute the run that SPEC (a run-spec JSON file) describes and print its record.

    SPEC may also be `state:KEY`, a document in the store. In a job array %a in its name stands for
    the number of the task. It may be started several times, also at once: the run is executed once,
    and every time its record is printed.

    The image must be in this machine's cache, or with the inputs in a store on S3. Exits with 0 when the run
    succeeded, 12 when the workflow failed, 16 when this machine did.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # A chroot is entered by root, whatever folders nobody's uid can search.
    home = open_home(sandboxed=isolation != "chroot")
    run = _read_spec(of_task(spec, os.environ), home)
    facts = machine_facts()
    require_profile(run.determinism, facts, where=spec)
    if os.environ.get("AWS_EXECUTION_ENV") == "AWS_ECS_FARGATE":
        # A kernel and a disk of its own: nothing was there before, nothing has to prove it.
        facts["launch"] = "fargate"
    if folder := os.environ.get(FOLDER):
        facts["first_use"] = note_use(Path(folder), run.job, run.run)
    images = Images(home.cache, say)

    stop = threading.Event()
    with Scratch(home.scratch) as scratch:

        def unpacked(image: Sha256) -> Path:
            if isolation == "chroot":
                # A run is moved into its root, so it gets one of its own.
                return images.unpack(image, scratch.new() / "image")
            return images.find(image).root

        def root_of(image: Sha256) -> Path:
            try:
                return unpacked(image)
            except IntegrityError:
                if home.store is None:
                    raise
            # A fresh machine: the runner has put the image into the store.
            fetch_image(Cache(home.cache), image, home.environments)
            return unpacked(image)

        worker = Worker(
            blobs=home.blobs,
            state=home.state,
            scratch=scratch,
            sandbox=Sandbox.probe(isolation, home.scratch),
            root_of=root_of,
            logs=home.logs,
            stop=stop,
            cancel=threading.Event(),
            processors=Processors(1),
            machine=facts,
            shares=home.cell is None,
            own_roots=isolation == "chroot",
        )
        record = _interruptible(worker, run, stop)
    click.echo(records.encode_record(record))
    if record.status != "succeeded":
        raise RunError(record.message, where=f"{run.job}#{run.run}")


def _read_spec(spec: str, home: Home) -> RunSpec:
    try:
        return records.decode_spec(_read(spec, home))
    except OSError as error:
        raise UsageError(
            f"the run spec cannot be read: {error.strerror}",
            where=spec,
            hint="name the file; an engine's nodes must share the home with the runner",
        ) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"not a run spec: {error}",
            where=spec,
            hint="executors write run specs; `neurocaas reconcile` starts a job",
        ) from error


def _read(spec: str, home: Home) -> bytes:
    if not spec.startswith(_STATE):
        return Path(spec).read_bytes()
    document = home.state.read(spec.removeprefix(_STATE))
    if document is None:
        raise UsageError(
            "the store has no such run spec",
            where=spec,
            hint="NEUROCAAS_STORE must name the store of the runner that submitted this",
        )
    return document


def _interruptible(worker: Worker, run: RunSpec, stop: threading.Event) -> RunRecord:
    """Execute in a thread, so that a signal can end the sandbox in good order."""
    result: list[RunRecord | BaseException] = []
    ended = threading.Event()

    def target() -> None:
        try:
            result.append(worker.execute(run))
        except BaseException as error:  # noqa: BLE001 - raised again below
            result.append(error)
        finally:
            ended.set()

    threading.Thread(target=target).start()
    # Not `join`: interrupted, it takes the thread for ended (since bpo-45274).
    try:
        ended.wait()
    except KeyboardInterrupt:
        stop.set()
        ended.wait()
    if isinstance(result[0], BaseException):
        raise result[0]
    return result[0]
