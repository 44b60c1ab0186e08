"""`neurocaas doctor`: say what is wrong with this machine, the registry and the forge's settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import click

from neurocaas_ci.cli.choices import chosen_executor
from neurocaas_ci.cli.common import find_repo, main_ref, open_home, repo_option
from neurocaas_ci.cli.forge_of import misplaced, named_forge
from neurocaas_ci.cli.github_option import repository_of
from neurocaas_ci.doctor import (
    app,
    hosted,
    isolation,
    mirrors,
    owners,
    programs,
    provisions,
    registry,
    storage,
)
from neurocaas_ci.doctor.check import Check, examine
from neurocaas_ci.errors import FindingsError, NeurocaasError, UsageError
from neurocaas_ci.forges.hosted import AppFacts, Provisions, Settings
from neurocaas_ci.model.diagnosis import Diagnosis
from neurocaas_ci.model.registry import ExecutorKind, ForgeKind
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.report.doctor import as_json, as_text, count

Forge = tuple[Settings, Provisions]


@click.command("doctor", short_help="Say what is wrong with this machine and its forge.")
@click.option("--network", is_flag=True, help="Also ask whether package mirrors answer.")
@click.option(
    "--forge-url", metavar="URL", help="The API of the GitHub to ask (default: origin's)."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Form of the result on stdout.",
)
@repo_option
def command(form: str, forge_url: str | None, repo: Path | None, *, network: bool) -> None:
    """Check what the platform needs here, and say how to mend what is missing.

    Looks at programs, the sandbox, the home folder, the registry, its code owners and, when the
    origin is on GitHub or --forge-url is given, at the settings there: rules, environments, secrets
    by their names, variables, Pages, and with NEUROCAAS_APP_ID and NEUROCAAS_APP_KEY what the app may do. Nothing
    is changed. Exits with 10 when a check fails.
    """
    found = list(_examine(repo, forge_url, network=network))
    click.echo(as_json(found) if form == "json" else as_text(found), nl=False)
    failed = count(found, "fail")
    if failed:
        raise FindingsError(
            f"{failed} of {len(found)} checks fail", hint="each has its fix in the line below it"
        )


def _examine(repo: Path | None, forge_url: str | None, *, network: bool) -> Iterator[Diagnosis]:
    clone: Path | None = None
    with suppress(NeurocaasError):
        clone = find_repo(repo)
    yield from examine(programs.checks(clone))
    try:
        # Before anything starts a thread: as root this may move to a mount namespace of its own.
        home = open_home(sandboxed=True)
    except NeurocaasError as error:
        yield Diagnosis("home", "fail", f"{error.where}: {error.message}", error.hint)
        home = None
    if home is not None:
        yield from examine([*storage.checks(home), *isolation.checks(home)])
    yield from examine(mirrors.checks(ask=network))
    named = named_forge(clone) if clone is not None else None
    if clone is not None and named is not None:
        yield _forge(named, hosted=repository_of(clone) is not None or forge_url is not None)
    # Who names an API wants to know how it is there, whatever the policy says.
    settings, trouble = (
        (None, []) if named == "local" and forge_url is None else _settings(clone, forge_url)
    )
    yield from trouble
    if clone is None:
        yield Diagnosis(
            "registry", "fail", "this folder is not inside a git repository",
            "go into a clone of the registry, or name it with --repo",
        )  # fmt: skip
    elif home is not None:
        yield from examine(_of_registry(clone, home.root / "signing", settings))
    if settings is not None:
        yield from examine(hosted.checks(settings[0]))
        yield from examine(provisions.checks(*settings, _executor(clone)))
        yield from examine(app.checks(_app(clone, forge_url)))


def _forge(named: ForgeKind, *, hosted: bool) -> Diagnosis:
    """Say whether the origin of the clone is where pull requests live."""
    if problem := misplaced(named, hosted=hosted):
        return Diagnosis("forge", "fail", *problem)
    where = "on GitHub" if named == "github" else "in a bare repository"
    return Diagnosis("forge", "ok", f"pull requests live {where}, as the policy says", "")


def _executor(repo: Path | None) -> ExecutorKind:
    """Return where jobs run; what is wrong with the policy is said by the check of the registry."""
    if repo is not None:
        with suppress(NeurocaasError), GitTree(repo, main_ref(repo, fetch=False)) as main:
            return chosen_executor(None, main)
    return "local"


def _of_registry(repo: Path, signing: Path, forge: Forge | None) -> list[Check]:
    forge_time: Callable[[], float] | None = forge[0].clock if forge else None
    try:
        ref = main_ref(repo, fetch=False)
    except UsageError as error:
        message, fix = error.message, error.hint
        return [Check("registry", lambda: ("fail", message, fix))]
    guards = owners.checks(repo, ref, hosted=forge is not None)
    return [*registry.checks(repo, ref, signing, forge_time, _open_root), *guards]


def _open_root(content: bytes) -> None:
    from neurocaas_ci.audit.signature import load_root

    load_root(content)


def _settings(repo: Path | None, forge_url: str | None) -> tuple[Forge | None, list[Diagnosis]]:
    """Return the settings of the forge where there is one, or what keeps them from being asked."""
    name = os.environ.get("GITHUB_REPOSITORY") or (repository_of(repo) if repo else None)
    if name is None and forge_url is None:
        return None, []
    try:
        from neurocaas_ci.forges.github_client import address_from
        from neurocaas_ci.forges.github_provisions import GitHubProvisions
        from neurocaas_ci.forges.github_settings import GitHubSettings

        address = address_from(_environment(forge_url), name)
        return (GitHubSettings(address), GitHubProvisions(address)), []
    except NeurocaasError as error:
        return None, [Diagnosis("github-token", "fail", error.message, error.hint)]
    except ImportError:
        fix = "pip install 'neurocaas-ci[github]'"
        return None, [Diagnosis("github-token", "fail", "PyGithub is not installed", fix)]


def _app(repo: Path | None, forge_url: str | None) -> Callable[[], AppFacts] | None:
    """Return how the app is asked about itself; None without its number and its key."""
    name = os.environ.get("GITHUB_REPOSITORY") or (repository_of(repo) if repo else None)
    number, key = os.environ.get(provisions.APP_ID), os.environ.get(provisions.APP_KEY)
    if not (name and number and key):
        return None
    from neurocaas_ci.forges.github_app import AppToken
    from neurocaas_ci.forges.github_client import API

    api = _environment(forge_url).get("GITHUB_API_URL") or API
    return AppToken(number, key, name, api).facts


def _environment(forge_url: str | None) -> dict[str, str]:
    """Return the variables that name a GitHub and who asks: a person's token sees more than the app's."""
    found = {**os.environ, **({"GITHUB_API_URL": forge_url} if forge_url else {})}
    if found.get("GITHUB_TOKEN") or found.get("GH_TOKEN"):
        return {name: text for name, text in found.items() if name != provisions.APP_KEY}
    return found
