"""`neurocaas prepare`: what merged jobs need before they run, found out by a machine without rights."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from neurocaas_ci.build.images import Images
from neurocaas_ci.cli.choices import chosen_executor
from neurocaas_ci.cli.common import fetch_option, find_repo, main_ref, open_home, repo_option, say
from neurocaas_ci.cli.executor_option import executor_option
from neurocaas_ci.errors import UsageError
from neurocaas_ci.model.registry import ExecutorKind
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.run.needed import groups_of, open_jobs, removing_jobs, write_images

_LIST = "list.txt"


@click.command("prepare", short_help="Say and build what merged jobs need before they run.")
@click.option(
    "--images",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where jobs run on AWS, build their environments into this folder.",
)
@executor_option
@repo_option
@fetch_option
def command(
    images: Path | None, executor: ExecutorKind | None, repo: Path | None, *, fetch: bool
) -> None:
    """Say where merged jobs without a certificate run and whose they are; build what they run in.

    Prints `executor=NAME`, `groups=` (JSON) and `group-names=` (with spaces), as a step of a workflow
    hands them on. It asks no store and needs no credentials: what is built here, `neurocaas reconcile
    --images` takes over by its digest on a machine that has some. What cannot be built is named, and
    left out.
    """
    if images is not None and images.is_dir() and any(images.iterdir()):
        raise UsageError(
            "the output folder is not empty", where=str(images), hint="name a new folder"
        )
    root = find_repo(repo)
    ref = main_ref(root, fetch=fetch)
    with GitTree(root, ref) as head:
        kind = chosen_executor(executor, head)
        jobs = open_jobs(head)
        # Who merely asked for inputs to be deleted is served too, after the certificate.
        groups = groups_of((*jobs, *removing_jobs(head, _lately())))
        if kind == "aws-batch":
            for job in jobs:
                if job.group is None:
                    say(f"note: {job.id} names no group, so it has no place in the store")
        if images is not None and kind == "aws-batch":
            images.mkdir(parents=True, exist_ok=True)
            built = Images(open_home(sandboxed=True).cache, say)
            made = write_images(root, head, jobs, built, images, say)
            (images / _LIST).write_text(
                "".join(f"{digest}  {name}\n" for digest, name in made.items())
            )
    click.echo(f"executor={kind}\ngroups={json.dumps(groups)}\ngroup-names={' '.join(groups)}")


def _lately() -> set[str]:
    """Return this month and the last one; older jobs are looked after with the next one of a group."""
    today = datetime.now(UTC).date()
    return {f"{day:%Y-%m}" for day in (today, today.replace(day=1) - timedelta(days=1))}
