"""`neurocaas certify`: sign what has ended and has no certificate yet."""

from __future__ import annotations

from pathlib import Path

import click

from neurocaas_ci.cli.choices import chosen_signer
from neurocaas_ci.cli.common import fetch_option, find_repo, main_ref, open_home, repo_option, say
from neurocaas_ci.cli.conclude import Concluder, raise_uncertified
from neurocaas_ci.cli.github_option import lend_credentials
from neurocaas_ci.cli.removing import remove_asked
from neurocaas_ci.cli.signers import SignerKind, signer_options
from neurocaas_ci.errors import UsageError
from neurocaas_ci.model.places import job_id
from neurocaas_ci.registry.changes import merge_base
from neurocaas_ci.registry.git import GitTree, head_commit
from neurocaas_ci.run.pending import manifests, select, uncertified, unfinished


@click.command("certify", short_help="Sign certificates of jobs that have ended.")
@click.argument("jobs", nargs=-1)
@signer_options
@click.option(
    "--commit",
    metavar="REV",
    help="The commit of main that certificates name; only jobs in it (default: main as it is).",
)
@click.option(
    "--remove/--no-remove",
    default=True,
    help="Then delete inputs whose users asked for it; who may only sign leaves it to `reconcile`.  "
    "[default: remove]",
)
@repo_option
@fetch_option
def command(
    jobs: tuple[str, ...],
    commit: str | None,
    signer: SignerKind | None,
    trust_config: Path | None,
    repo: Path | None,
    *,
    remove: bool,
    fetch: bool,
) -> None:
    """Sign the certificate of each ended job that has none (or only of the named JOBS).

    `neurocaas reconcile` does this by itself; this finishes it after signing or publishing failed,
    or where runs and signatures are made by different machines. A certificate that has been signed
    is never signed again. Exits with 16 when trying again can help, with 13 when it cannot.
    """
    repo = find_repo(repo)
    lend_credentials(repo)
    ref = main_ref(repo, fetch=fetch)
    home = open_home()
    with GitTree(repo, ref) as head:
        by = chosen_signer(signer, trust_config, head, home)
        paths = uncertified(head, home.state)
        if jobs:
            wanted = select(head, jobs)
            for path in set(wanted) & set(unfinished(head, home.state)):
                raise UsageError(
                    "the job has not ended yet, so there is nothing to certify",
                    where=job_id(path),
                    hint="`neurocaas reconcile` carries it to its end",
                )
            paths = [path for path in paths if path in set(wanted)]
        named = _named(repo, head, commit)
        there = set(manifests(head.at(named)))
        paths = [path for path in paths if path in there]
    if not paths:
        say("nothing to do: every ended job has its certificate on main")
        return
    conclude = Concluder(repo, ref, named, home, *by)
    outcomes = conclude.outcomes([job_id(path) for path in paths])
    if remove:
        remove_asked(repo, ref, home)
    raise_uncertified(outcomes)


def _named(repo: Path, head: GitTree, commit: str | None) -> str:
    """Return the full id of the commit to name; raise UsageError for one that main does not contain.

    Main moves while jobs run, and GitHub vouches for the commit that started a workflow.
    """
    if commit is None:
        return head.commit
    named = head_commit(repo, commit)
    if merge_base(repo, named, head.commit) != named:
        raise UsageError(
            f"main does not contain the commit {named[:12]}",
            where="--commit",
            hint="name a commit of main; in a workflow that is $GITHUB_SHA",
        )
    return named
