"""What `neurocaas init platform` is told, or asks: whose platform it is, where it runs and signs."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import click

from neurocaas_ci.audit.signature import load_root
from neurocaas_ci.cli.common import LOGIN, open_home
from neurocaas_ci.cli.signers import signing_folder
from neurocaas_ci.errors import UsageError
from neurocaas_ci.model.registry import ExecutorKind, ForgeKind, Policy
from neurocaas_ci.model.trust_file import PUBLIC_GOOD, read_trust_file, trust_path
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.tree import Tree

EXECUTORS: tuple[ExecutorKind, ...] = get_args(ExecutorKind)
FORGES: tuple[ForgeKind, ...] = get_args(ForgeKind)
MACHINE = "machine"
KEEP = "keep"

# Nobody vouches for a machine but itself, where there are no workflows.
_USUAL_ROOT: dict[ForgeKind, str] = {"github": PUBLIC_GOOD, "local": MACHINE}
# The name under which a new platform holds its root.
_NAME = "platform"


@dataclass(frozen=True, slots=True)
class Owner:
    """The first person of a platform: login and number on the forge, and a name."""

    login: str
    forge_id: int
    name: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Where pull requests live and jobs run; the roots, with the files that the registry holds."""

    forge: ForgeKind
    executor: ExecutorKind
    roots: tuple[str, ...]
    files: dict[str, bytes]


def ask_owner(login: str | None, forge_id: int | None, name: str | None) -> Owner:
    """Return who it is, asking on a terminal for what is missing; elsewhere raise UsageError."""
    given = {"--login": login, "--forge-id": forge_id, "--name": name}
    missing = [option for option, value in given.items() if value is None]
    if missing and not asking():
        raise UsageError(
            f"nobody is named: {', '.join(missing)}", hint="say these options; a terminal is asked"
        )
    login = login or str(click.prompt("Your login on the forge", err=True))
    if not LOGIN.fullmatch(login):
        raise UsageError(f"{login!r} cannot be a login", where="--login", hint="as on the forge")
    if forge_id is None:
        text = f"Your numeric id there (`gh api users/{login} --jq .id`)"
        forge_id = int(click.prompt(text, type=click.IntRange(min=1), err=True))
    return Owner(login, forge_id, name or str(click.prompt("Your name", err=True)))


def ask_choice(
    forge: ForgeKind | None,
    executor: ExecutorKind | None,
    trust_root: str | None,
    tree: Tree,
    login: str,
    *,
    write: bool,
) -> Choice:
    """Return where it lives and runs, and whose signatures count; ask a terminal for what is missing.

    What this maintainer chose before stays; what came with a clone of somebody else's platform does
    not. `write` lets a signing instance be made for this machine. Raise UsageError for a root that
    cannot be used.
    """
    before = _mine(tree, login)
    place = forge or _ask_forge(before.forge or "github")
    usual = before.executor or "local"
    if executor is None and asking():
        executor = click.prompt(
            "Where jobs run", type=click.Choice(EXECUTORS), default=usual, err=True
        )
    if trust_root is None:
        trust_root = KEEP if _can_sign(place, before.trust_roots) else _USUAL_ROOT[place]
        if asking():
            text = f"Who signs ({PUBLIC_GOOD}, {MACHINE}, or the file of a Sigstore instance)"
            trust_root = str(click.prompt(text, default=trust_root, err=True))
    roots, files = _roots(trust_root, before, tree, write=write)
    if not _can_sign(place, roots):
        raise UsageError(
            "what is signed by GitHub's identity needs workflows, which a bare repository has not",
            where="--trust-root",
            hint="take `machine`, or the forge `github`",
        )
    return Choice(place, executor or usual, roots, files)


def _ask_forge(usual: ForgeKind) -> ForgeKind:
    """Return where pull requests live, as a terminal says, else what is usual."""
    if not asking():
        return usual
    found: ForgeKind = click.prompt(
        "Where pull requests live", type=click.Choice(FORGES), default=usual, err=True
    )
    return found


def _can_sign(forge: ForgeKind, roots: tuple[str, ...]) -> bool:
    return bool(roots) and (forge == "github" or roots[0] != PUBLIC_GOOD)


def asking() -> bool:
    """Tell whether somebody is there who can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _mine(tree: Tree, login: str) -> Policy:
    policy = Registry(tree).policy().value
    return policy if policy is not None and policy.maintainers == (login,) else Policy(())


def _roots(
    trust_root: str, before: Policy, tree: Tree, *, write: bool
) -> tuple[tuple[str, ...], dict[str, bytes]]:
    if trust_root == PUBLIC_GOOD:
        return (PUBLIC_GOOD,), {}
    if trust_root == KEEP:
        paths = [trust_path(name) for name in before.trust_roots if name != PUBLIC_GOOD]
        held = {path: content for path in paths if (content := tree.read(path)) is not None}
        return before.trust_roots, held
    if trust_root == MACHINE:
        return (_NAME,), {trust_path(_NAME): _own_root(write=write)}
    path = Path(trust_root)
    if not path.is_file():
        raise UsageError(
            f"{trust_root!r} is neither `{PUBLIC_GOOD}` nor `{MACHINE}` nor a file",
            where="--trust-root",
            hint="`neurocaas trust export FILE` writes the root of the machine that signs",
        )
    # Sigstore looks into its keys, which nothing else does before the first certificate.
    load_root(path)
    content = path.read_bytes()
    try:
        read_trust_file(content)
    except ValueError as error:
        raise UsageError(
            f"this cannot be kept in a registry: {error}",
            where=str(path),
            hint="`neurocaas trust export FILE` writes a root in the form that is kept",
        ) from error
    return (_NAME,), {trust_path(_NAME): content}


def _own_root(*, write: bool) -> bytes:
    """Return the root of this machine's instance; where there is none yet it is made."""
    from neurocaas_ci.signing.local_sigstore import LocalSigstore

    if write:
        return LocalSigstore.open(signing_folder(open_home())).trusted_root.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        # Only to see whether all of it would be valid.
        return LocalSigstore.open(Path(folder) / "signing").trusted_root.read_bytes()
