"""What the auditor's commands share: which certificate, which clone, which root, whose signature."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neurocaas_ci.audit.history import History
from neurocaas_ci.audit.identity import DEFAULT_WORKFLOW, Expected
from neurocaas_ci.audit.signature import RootSource, load_root, names_local_issuer
from neurocaas_ci.audit.verify import Question
from neurocaas_ci.certify.layout import certificate_path
from neurocaas_ci.certify.repository import normalised
from neurocaas_ci.cli.choices import root_sources
from neurocaas_ci.cli.common import find_repo, main_ref
from neurocaas_ci.errors import UsageError
from neurocaas_ci.model.places import MAX_BUNDLE, job_id
from neurocaas_ci.model.trust_file import PUBLIC_GOOD
from neurocaas_ci.run.pending import select

if TYPE_CHECKING:
    from neurocaas_ci.model.verification import Verification

_CLONE_OPTIONS = (
    click.option(
        "--offline", is_flag=True, help="Use no network at all: neither git nor sigstore."
    ),
    click.option(
        "--repo",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="A clone of the registry (default: the one around this folder, if any).",
    ),
)
_OPTIONS = (
    click.option(
        "--trust-root",
        "trust_roots",
        multiple=True,
        envvar="NEUROCAAS_TRUST_ROOT",
        metavar="FILE",
        help="Trusted root of the instance that signed; repeatable.  [default: those that "
        f"registry/policy.yaml on main names, else {PUBLIC_GOOD}]",
    ),
    click.option(
        "--repository",
        metavar="URL",
        help="The repository whose workflow may sign (default: the clone's origin).",
    ),
    click.option(
        "--workflow",
        default=DEFAULT_WORKFLOW,
        show_default=True,
        help="The workflow that may sign: a path in it, or OWNER/REPO/PATH@REF.",
    ),
    click.option(
        "--signer-ref",
        default="refs/heads/main",
        show_default=True,
        help="The ref from which that workflow was run.",
    ),
    click.option(
        "--allow-self-hosted", is_flag=True, help="Also accept runners that GitHub does not host."
    ),
    *_CLONE_OPTIONS,
)


@dataclass(frozen=True, slots=True)
class Auditing:
    """The answers to the options that the auditor's commands share."""

    trust_roots: tuple[str, ...]
    offline: bool
    repository: str | None
    workflow: str
    signer_ref: str
    allow_self_hosted: bool
    repo: Path | None

    def roots(self, history: History | None) -> tuple[RootSource, ...]:
        """Return the named roots in their order; without any, those that main of a clone names."""
        if self.trust_roots:
            names = self.trust_roots
            return tuple(None if name == PUBLIC_GOOD else Path(name) for name in names)
        return (None,) if history is None else root_sources(history.main)

    def history(self) -> History | None:
        """Return main of a clone of the registry, or None where there is no clone."""
        return open_history(self.repo, offline=self.offline)

    def expected(self, history: History | None) -> Expected:
        """Return who may sign; without --repository it is the clone's origin."""
        repository = self.repository
        if repository is None and history is not None and history.uri.startswith("https:"):
            repository = history.uri
        return Expected(
            repository=(normalised(repository or "") or repository or "").rstrip("/"),
            workflow=self.workflow,
            ref=self.signer_ref,
            self_hosted=self.allow_self_hosted,
        )

    def question(
        self,
        bundle: bytes,
        history: History | None,
        outputs: Path | None = None,
        *,
        clone: History | None = None,
    ) -> Question:
        """Return all that a certificate is verified against.

        `clone` is whose main names the roots where the history cannot be compared with.
        """
        # The public good instance never issues for this name, so its newest root is not needed.
        offline = self.offline or names_local_issuer(bundle)
        sources = self.roots(history or clone)
        first, *others = (load_root(file, offline=offline) for file in sources)
        return Question(first, self.expected(history), history, outputs, tuple(others))


def open_history(repo: Path | None, *, offline: bool) -> History | None:
    """Return main of the named clone or of the one around this folder, or None without any."""
    if repo is None and not _in_registry(Path.cwd()):
        return None
    found = find_repo(repo)
    return History(found, main_ref(found, fetch=not offline))


def clone_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name a clone: `repo` and `offline`."""
    for option in reversed(_CLONE_OPTIONS):
        function = option(function)
    return function


def auditor_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the shared options; the command gets them as one `auditing`."""

    @functools.wraps(function)
    def command(**arguments: Any) -> Any:
        shared = {name: arguments.pop(name) for name in Auditing.__slots__}
        return function(auditing=Auditing(**shared), **arguments)

    for option in reversed(_OPTIONS):
        option(command)
    return command


def find_certificate(target: str, history: History | None) -> bytes:
    """Return the bundle that a command names: a file, or the certificate of a job on main.

    Raise UsageError when there is neither.
    """
    path = Path(target)
    if path.is_file():
        if path.stat().st_size > MAX_BUNDLE:
            raise UsageError(
                f"the file has more than {MAX_BUNDLE >> 20} MB",
                where=target,
                hint="name a certificate: certificates/LOGIN/MONTH/JOB.sigstore.json",
            )
        try:
            return path.read_bytes()
        except OSError as error:
            raise UsageError(
                f"the certificate cannot be read: {error.strerror}", where=target
            ) from error
    if history is None:
        raise UsageError(
            "there is no such file, and no clone of a registry to look a job up in",
            where=target,
            hint="name a certificate file, or a job together with --repo",
        )
    # A whole id is found without a look at all the others.
    bundle = history.main.read(certificate_path(target), MAX_BUNDLE)
    if bundle is not None:
        return bundle
    job = job_id(select(history.main, [target])[0])
    bundle = history.main.read(certificate_path(job), MAX_BUNDLE)
    if bundle is None:
        raise UsageError(
            "the job has no certificate on main",
            where=job,
            hint="`neurocaas certify` makes it when the job has ended; `neurocaas status` says where it stands",
        )
    return bundle


def summary(result: Verification) -> str:
    """Return the last line about a verification."""
    failures = [check.name for check in result.checks if check.state == "failed"]
    if failures:
        return f"INVALID: {', '.join(failures)}"
    return "VALID, as far as it was checked"


def _in_registry(folder: Path) -> bool:
    git = ["git", "-C", str(folder)]
    inside = subprocess.run([*git, "rev-parse", "--git-dir"], capture_output=True, check=False)
    if inside.returncode:
        return False
    for ref in ("refs/remotes/origin/main", "refs/heads/main"):
        done = subprocess.run(
            [*git, "cat-file", "-e", f"{ref}:registry"], capture_output=True, check=False
        )
        if done.returncode == 0:
            return True
    return False
