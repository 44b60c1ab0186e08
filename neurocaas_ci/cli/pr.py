"""`neurocaas pr`: pull requests on the forge behind the origin."""

from __future__ import annotations

import json
import subprocess
from contextlib import ExitStack
from pathlib import Path

import click

from neurocaas_ci.build.recipe import recipe
from neurocaas_ci.cli.balances import balances_at
from neurocaas_ci.cli.common import find_repo, repo_option, say
from neurocaas_ci.cli.forge_of import AnyForge, forge_of, git_answer
from neurocaas_ci.cli.subject import find_author, open_subject
from neurocaas_ci.errors import BackendUnavailableError, FindingsError, UsageError
from neurocaas_ci.forges.interface import Candidate, Pull
from neurocaas_ci.model.finding import Finding
from neurocaas_ci.registry.catfile import CatFile
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.report.text import render, summary
from neurocaas_ci.validate.gate import gate

_TRIES = 20


@click.group("pr", short_help="Open, list, show and merge pull requests.")
def command() -> None:
    """Propose changes to main and merge them, when every rule is kept.

    The forge is what `origin` names: a repository on GitHub (GITHUB_TOKEN or GH_TOKEN opens it), or a
    bare git repository on this machine, which needs no server. Where the policy on main names
    another one, nothing is opened or merged.
    """


@command.command("open")
@click.option("--title", help="What the change does (default: the newest commit's subject).")
@repo_option
def open_(title: str | None, repo: Path | None) -> None:
    """Push the current branch and open a pull request (or update the branch's open one)."""
    repo = find_repo(repo)
    forge = forge_of(repo)
    ref = git_answer(repo, "symbolic-ref", "--quiet", "HEAD")
    branch = ref.removeprefix("refs/heads/")
    if branch in {"", "main"}:
        raise UsageError(
            "a pull request comes from a branch of its own",
            where=str(repo),
            hint="git switch -c MY-CHANGE, commit there, and open it again",
        )
    if git_answer(repo, "status", "--porcelain"):
        say("note: there are uncommitted changes; they are not part of the pull request")
    done = subprocess.run(
        ["git", "-C", str(repo), "push", "--quiet", "--force-with-lease", "origin", f"{ref}:{ref}"],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise BackendUnavailableError(
            f"the branch cannot be pushed: {done.stderr.strip()}",
            where=branch,
            hint="`git fetch` shows what is on the origin; a hook of yours may also refuse",
        )
    author = git_answer(repo, "log", "-1", "--format=%an", "HEAD")
    pull = forge.open(branch, title or git_answer(repo, "log", "-1", "--format=%s", "HEAD"), author)
    # It is open now, whatever judging it says.
    say(f"pull request #{pull.number}: {pull.title}")
    click.echo(pull.number)
    findings, _ = _judge(forge, pull)
    say(
        f"  {_verdict(findings)}; next: `neurocaas pr {'show' if findings else 'merge'} {pull.number}`"
    )


@command.command("list")
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text")
@repo_option
def list_(style: str, repo: Path | None) -> None:
    """List all pull requests."""
    pulls = forge_of(find_repo(repo)).pulls()
    if style == "json":
        rows = [{name: getattr(pull, name) for name in Pull.__slots__} for pull in pulls]
        click.echo(json.dumps({"schema": "neurocaas/pulls/v1", "pulls": rows}, indent=2))
        return
    for pull in pulls:
        click.echo(f"#{pull.number:<4} {pull.state:<7} {pull.author:<12} {pull.title}")
    if not pulls:
        say("there are no pull requests yet")


@command.command("show")
@click.argument("number", type=int)
@repo_option
def show(number: int, repo: Path | None) -> None:
    """Show pull request NUMBER: what it changes, what speaks against it, and what merging it does."""
    forge = forge_of(find_repo(repo))
    pull = _find(forge, number)
    click.echo(f"#{pull.number} {pull.title}  [{pull.state}]")
    click.echo(f"  by {pull.author}, branch {pull.branch}, commit {pull.head[:12]}")
    if pull.state != "open":
        return
    from neurocaas_ci.cli.plan import plan_of, rendered

    candidate = forge.prepare(number)
    with ExitStack() as stack:
        subject = open_subject(stack, forge.origin, candidate.base, candidate.commit)
        plan, findings = plan_of(subject, find_author(subject, None))
    arguments = ("diff", "--stat", "--no-color", "--no-ext-diff", "--no-textconv")
    click.echo(git_answer(forge.origin, *arguments, candidate.base, candidate.commit))
    _print(forge, findings, candidate)
    click.echo(rendered(plan, "text"))
    click.echo(_verdict(findings))


@command.command("merge")
@click.argument("number", type=int)
@repo_option
def merge(number: int, repo: Path | None) -> None:
    """Merge pull request NUMBER into main, unless a rule is broken.

    The merge as it would be is judged, not the branch. Exits with 10 when there are errors.
    """
    repo = find_repo(repo)
    forge = forge_of(repo)
    for _ in range(_TRIES):
        findings, candidate = _judge(forge, _find(forge, number))
        errors = [finding for finding in findings if finding.severity == "error"]
        _print(forge, findings, candidate)
        if errors:
            raise FindingsError(
                f"pull request #{number} is not merged: {_verdict(findings)}",
                hint="mend the branch, commit, and `neurocaas pr open` again",
            )
        if forge.merge(candidate):
            say(f"merged pull request #{number} as {candidate.commit[:12]}")
            git_answer(repo, "fetch", "--quiet", "origin", "main")
            click.echo(candidate.commit)
            return
    raise BackendUnavailableError(
        "main moved every time while this was being merged", hint="try again"
    )


@command.command("close")
@click.argument("number", type=int)
@repo_option
def close(number: int, repo: Path | None) -> None:
    """Close pull request NUMBER without merging it."""
    forge = forge_of(find_repo(repo))
    _find(forge, number)
    say(f"closed pull request #{forge.close(number).number}")


@command.command("fetch")
@click.argument("number", type=int)
@repo_option
def fetch_(number: int, repo: Path | None) -> None:
    """Fetch pull request NUMBER as objects, and print its commits as `name=id` lines.

    `main` is main as it is now, `head` what is proposed, `merged` the merge of both, which is what
    `validate`, `plan` and `rebuild` are to judge: --base MAIN --head MERGED. Nothing is checked out.
    On GitHub `author` follows, for --author: whoever opened it, or whose form a bot proposes.
    """
    from neurocaas_ci.cli.github_option import is_on_github, open_github

    repo = find_repo(repo)
    candidate = forge_of(repo).prepare(number)
    click.echo(f"main={candidate.base}\nhead={candidate.pull.head}\nmerged={candidate.commit}")
    if is_on_github(repo):
        from neurocaas_ci.cli.proposer import proposer_of

        click.echo(f"author={proposer_of(open_github(repo), repo, candidate)}")


def _find(forge: AnyForge, number: int) -> Pull:
    for pull in forge.pulls():
        if pull.number == number:
            return pull
    raise UsageError(f"there is no pull request #{number}", hint="`neurocaas pr list` lists them")


def _judge(forge: AnyForge, pull: Pull) -> tuple[tuple[Finding, ...], Candidate]:
    """Judge the merge as it would be."""
    candidate = forge.prepare(pull.number)
    with CatFile(forge.origin) as objects, ExitStack() as stack:
        findings = gate(
            forge.origin,
            candidate.base,
            candidate.commit,
            recipe_of=recipe,
            balance_of=balances_at(stack, forge.origin, candidate.base, objects),
        )
    return findings, candidate


def _print(forge: AnyForge, findings: tuple[Finding, ...], candidate: Candidate) -> None:
    if not findings:
        return
    with GitTree(forge.origin, candidate.commit) as tree:

        def source(path: str) -> str | None:
            data = tree.read(path, 1 << 20)
            return None if data is None else data.decode("utf-8", "replace")

        click.echo(render(findings, source))


def _verdict(findings: tuple[Finding, ...]) -> str:
    return summary(findings) if findings else "no findings"
