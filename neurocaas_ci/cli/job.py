"""`neurocaas job`: write, cancel and retry job manifests."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from neurocaas_ci.cli.common import (
    LOGIN,
    fetch_option,
    find_repo,
    main_ref,
    open_home,
    repo_option,
    say,
)
from neurocaas_ci.cli.draft import judge_draft
from neurocaas_ci.cli.job_cost import show_cost
from neurocaas_ci.cli.job_data import dataset_entries
from neurocaas_ci.cli.values import dump, parameter_value
from neurocaas_ci.errors import FindingsError, UsageError
from neurocaas_ci.model.blueprint import Blueprint
from neurocaas_ci.model.places import JOBS
from neurocaas_ci.model.registry import Job
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.changes import published
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.registry.parse import parse
from neurocaas_ci.report.text import render
from neurocaas_ci.run.pending import select
from neurocaas_ci.run.resolve import split_reference
from neurocaas_ci.stores.disk import atomic_write

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_commit_option = click.option("--commit", is_flag=True, help="Also commit the file.")


@click.group("job", short_help="Write, cancel and retry job manifests.")
def command() -> None:
    """Make the manifests that a pull request then submits."""


@command.command("new")
@click.argument("blueprint", metavar="BLUEPRINT[@VERSION]")
@click.option("--name", help="Name of the job (default: asked, or BLUEPRINT-NN).")
@click.option("--user", envvar="NEUROCAAS_USER", help="Your login (or set NEUROCAAS_USER).")
@click.option("--group", help="The group that pays.")
@click.option("--dataset", "datasets", multiple=True, help="store:NAME or a file; repeatable.")
@click.option("--param", "parameters", multiple=True, metavar="KEY=VALUE", help="Repeatable.")
@click.option("--hardware", multiple=True, metavar="STEP=ID", help="Repeatable.")
@click.option("--pricing", type=click.Choice(["standard", "save"]), default="standard")
@click.option("--max-runtime", help="Bound per run, e.g. 30m; it bounds the cost.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_commit_option
@repo_option
@fetch_option
def new(
    blueprint: str,
    name: str | None,
    user: str | None,
    group: str | None,
    datasets: tuple[str, ...],
    parameters: tuple[str, ...],
    hardware: tuple[str, ...],
    pricing: str,
    max_runtime: str | None,
    repo: Path | None,
    *,
    yes: bool,
    commit: bool,
    fetch: bool,
) -> None:
    """Write a manifest for a job on BLUEPRINT (its newest version unless you name one).

    Files are put into the store and hashed; the manifest names each dataset by its digest. What is
    missing is asked for on a terminal. The greatest possible cost is shown before anything is
    written.
    """
    repo = find_repo(repo)
    ref = main_ref(repo, fetch=fetch)
    ask = not yes and sys.stdin.isatty()
    with GitTree(repo, ref) as head:
        analysis = _blueprint(repo, head, blueprint)
        user = _need(user, ask, "Your login", "--user")
        if not LOGIN.fullmatch(user):
            raise UsageError(f"{user!r} cannot be a login", hint="use letters, digits and dashes")
        chosen = list(datasets) or ([click.prompt("Dataset (store:NAME or a file)")] if ask else [])
        if not chosen:
            raise UsageError("a job needs at least one dataset", hint="name it with --dataset")
        month = datetime.now(UTC).strftime("%Y-%m")
        folder = repo / JOBS / user / month
        name = _checked_name(name or _free_name(folder, analysis.name))
        entries = dataset_entries(open_home(), chosen)
        manifest: dict[str, Any] = {
            "schema": "neurocaas/job/v1",
            "name": name,
            "user": user,
            **({"group": group} if group else {}),
            "blueprint": f"{analysis.name}@{analysis.version}",
            "datasets": entries,
            "parameters": _parameters(analysis, parameters, ask=ask),
            **({"hardware": _pairs(hardware, "--hardware")} if hardware else {}),
            "pricing": pricing,
            **({"max_runtime": max_runtime} if max_runtime else {}),
        }
        show_cost(head, analysis, _check(repo, head, folder / f"{name}.yaml", dump(manifest)))
    if ask:
        click.confirm("Write the manifest?", abort=True, default=True, err=True)
    path = folder / f"{name}.yaml"
    _write_new(path, manifest)
    _finish(repo, path, f"Submit job {user}/{month}/{name}", commit=commit)


@command.command("cancel")
@click.argument("job")
@click.option("--reason", required=True, help="Why; it is kept with the job.")
@_commit_option
@repo_option
@fetch_option
def cancel(job: str, reason: str, repo: Path | None, *, commit: bool, fetch: bool) -> None:
    """Mark JOB as cancelled in its manifest; merging that change stops it."""
    repo = find_repo(repo)
    with GitTree(repo, main_ref(repo, fetch=fetch)) as head:
        path, text, data = _merged(repo, head, job)
        if "cancelled" in data:
            raise UsageError(
                "the job is cancelled already",
                where=str(path),
                hint="`neurocaas status JOB` shows what became of its runs",
            )
        content = f"{text.rstrip()}\n".encode() + dump({"cancelled": {"reason": reason}})
        _check(repo, head, path, content, old=text.encode())
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, content)
    _finish(repo, path, f"Cancel job {data['user']}/{data['name']}", commit=commit)


@command.command("retry")
@click.argument("job")
@click.option("--name", help="Name of the new job (default: the old one's with -retry).")
@_commit_option
@repo_option
@fetch_option
def retry(job: str, name: str | None, repo: Path | None, *, commit: bool, fetch: bool) -> None:
    """Write a new manifest that does JOB again and names the old one.

    Runs of the old job that succeeded are not computed again.
    """
    repo = find_repo(repo)
    with GitTree(repo, main_ref(repo, fetch=fetch)) as head:
        old, _, data = _merged(repo, head, job)
        folder = repo / JOBS / data["user"] / datetime.now(UTC).strftime("%Y-%m")
        data.pop("cancelled", None)
        data["name"] = _checked_name(name or _free_name(folder, f"{data['name']}-retry", first=""))
        data["retry_of"] = str(old.relative_to(repo / JOBS)).removesuffix(".yaml")
        path = folder / f"{data['name']}.yaml"
        _check(repo, head, path, dump(data))
    _write_new(path, data)
    _finish(repo, path, f"Retry job {data['retry_of']}", commit=commit)


def _blueprint(repo: Path, head: GitTree, reference: str) -> Blueprint:
    """Return the blueprint, at the commit that published the version where one is named."""
    if "@" not in reference:
        loaded = Registry(head).blueprint(reference)
    else:
        name, version = split_reference(reference)
        with GitTree(repo, published(repo, head.commit, name, version)) as tree:
            loaded = Registry(tree).blueprint(name)
    if loaded.value is None:
        known = ", ".join(Registry(head).blueprints()) or "none"
        raise UsageError(f"no valid blueprint {reference!r} on main", hint=f"published: {known}")
    return loaded.value


def _merged(repo: Path, head: GitTree, job: str) -> tuple[Path, str, dict[str, Any]]:
    path = select(head, [job])[0]
    text = (head.read(path) or b"").decode()
    return repo / path, text, dict(parse(path, text.encode())[0].data)


def _need(value: str | None, ask: bool, question: str, option: str) -> str:
    if value:
        return value
    if ask:
        return str(click.prompt(question, err=True))
    raise UsageError(f"{question.lower()} is missing", hint=f"say it with {option}")


def _parameters(blueprint: Blueprint, given: tuple[str, ...], *, ask: bool) -> dict[str, Any]:
    """Read KEY=VALUE pairs; on a terminal ask for required ones that are missing."""
    values = {k: parameter_value(k, v) for k, v in _pairs(given, "--param").items()}
    for key in blueprint.parameters.get("required", []):
        if key not in values and ask:
            rule = blueprint.parameters.get("properties", {}).get(key, {})
            question = f"{key} ({rule.get('description', rule.get('type', ''))})"
            values[key] = parameter_value(key, click.prompt(question, err=True))
    return values


def _pairs(given: tuple[str, ...], option: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not (key and equals) or key in pairs:
            raise UsageError(
                f"{option} {text!r} is not a new KEY=VALUE pair",
                hint=f"give each key once, for example {option} KEY=VALUE",
            )
        pairs[key] = value
    return pairs


def _check(repo: Path, head: GitTree, path: Path, text: bytes, *, old: bytes | None = None) -> Job:
    """Judge the manifest as the gate would; raise FindingsError before anything is written."""
    relative = str(path.relative_to(repo))
    judged = judge_draft(repo, head, relative, text, old=old)
    errors = [f for f in judged.errors if f.location.path == relative]
    job = judged.registry.job(relative).value
    if errors or job is None:
        say(render(errors, lambda _: text.decode()))
        raise FindingsError("this makes no valid job; nothing was written", where=relative)
    return job


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} cannot name a job", hint="use a-z, 0-9 and dashes")
    return name


def _free_name(folder: Path, stem: str, first: str = "-01") -> str:
    name, number = f"{stem}{first}", 1
    while (folder / f"{name}.yaml").exists():
        number += 1
        name = f"{stem}-{number:02d}"
    return name


def _write_new(path: Path, manifest: dict[str, Any]) -> None:
    if path.exists():
        raise UsageError(
            "this job exists already; manifests are never changed",
            where=str(path),
            hint="choose another --name",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, dump(manifest))


def _finish(repo: Path, path: Path, message: str, *, commit: bool) -> None:
    relative = path.relative_to(repo)
    click.echo(relative)
    if not commit:
        say(f"next: git add {relative} && git commit, then `neurocaas pr open`")
        return
    for arguments in (["add", "--", str(relative)], ["commit", "-q", "-m", message, "--", str(relative)]):  # fmt: skip
        result = subprocess.run(
            ["git", "-C", str(repo), *arguments], capture_output=True, text=True, check=False
        )
        if result.returncode:
            raise UsageError(
                f"git {arguments[0]} failed: {result.stderr.strip() or result.stdout.strip()}",
                where=str(relative),
                hint="the manifest is written; commit it by hand",
            )
    say("committed; next: `neurocaas pr open`")
