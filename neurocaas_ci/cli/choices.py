"""What the policy on main chooses for the platform, where no option and no variable says otherwise."""

from __future__ import annotations

import os
from pathlib import Path

from neurocaas_ci.cli.common import say
from neurocaas_ci.cli.signers import SignerKind, signing_folder
from neurocaas_ci.errors import FindingsError, UsageError
from neurocaas_ci.model.registry import ExecutorKind, Policy
from neurocaas_ci.model.trust_file import (
    MAX_TRUST_FILE,
    PUBLIC_GOOD,
    TrustFile,
    read_trust_file,
    trust_path,
)
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.tree import Tree
from neurocaas_ci.run.home import Home
from neurocaas_ci.signing.identities import LOCAL_ISSUER

_IDENTITY = "ACTIONS_ID_TOKEN_REQUEST_URL"


def chosen_executor(given: ExecutorKind | None, main: Tree) -> ExecutorKind:
    """Return where runs are executed; raise FindingsError for a policy that cannot be read."""
    return given or policy_of(main).executor or "local"


def root_sources(main: Tree) -> tuple[bytes | None, ...]:
    """Return the roots that main names, in their order; None stands for the public good one.

    Raise FindingsError when one of them is not there.
    """
    names = policy_of(main).trust_roots or (PUBLIC_GOOD,)
    return tuple(None if name == PUBLIC_GOOD else _held(main, name)[0] for name in names)


def chosen_signer(
    given: SignerKind | None, trust_config: Path | None, main: Tree, home: Home
) -> tuple[SignerKind, Path | bytes | None]:
    """Return who signs, and the trust config of the instance that does.

    It is the instance of the first root that the policy names. Raise UsageError when this machine's
    own one is another, since nobody could verify what that signs.
    """
    names = policy_of(main).trust_roots
    if not names or (given is not None and trust_config is not None):
        return given or ("sigstore" if os.environ.get(_IDENTITY) else "local"), trust_config
    if names[0] == PUBLIC_GOOD:
        return _agreed(given, "sigstore"), trust_config
    content, found = _held(main, names[0])
    if LOCAL_ISSUER in found.authorities:
        kind = _agreed(given, "local")
        if kind == "local":
            _require_instance(home, found, trust_path(names[0]))
        return kind, trust_config
    kind = _agreed(given, "sigstore")
    if kind == "local" or trust_config is not None:
        return kind, trust_config
    if not found.is_config:
        raise UsageError(
            "this is the root of an instance, which does not say where to sign",
            where=trust_path(names[0]),
            hint="NEUROCAAS_TRUST_CONFIG names its client trust config; or keep that in the registry",
        )
    return kind, content


def policy_of(main: Tree) -> Policy:
    """Return the policy, or one that chooses nothing; raise FindingsError when it cannot be read."""
    loaded = Registry(main).policy()
    if loaded.value is not None:
        return loaded.value
    if not loaded.exists:
        return Policy(())
    first = loaded.findings[0]
    raise FindingsError(
        f"the policy cannot be read: {first.message}",
        where=str(first.location),
        hint=first.fix or "`neurocaas validate --all` says the rest",
    )


def _agreed(given: SignerKind | None, wanted: SignerKind) -> SignerKind:
    if given is not None and given != wanted:
        say(f"note: the policy asks for `--signer {wanted}`; its roots do not verify `{given}`")
    return given or wanted


def _held(main: Tree, name: str) -> tuple[bytes, TrustFile]:
    """Return a root that the registry holds."""
    path = trust_path(name)
    content = main.read(path, MAX_TRUST_FILE)
    problem = "the policy names this root, and there is no such file on main"
    if content is not None:
        try:
            return content, read_trust_file(content)
        except ValueError as error:
            problem = f"this is no trusted root: {error}"
    raise FindingsError(problem, where=path, hint="`neurocaas validate --all` says what is wrong")


def _require_instance(home: Home, wanted: TrustFile, where: str) -> None:
    """Raise UsageError unless this machine's instance is the one of the platform."""
    folder = signing_folder(home)
    own = folder / "trusted_root.json"
    if not own.is_file():
        problem = "this machine has no signing instance, so it is not the one that signs here"
    else:
        try:
            if read_trust_file(own.read_bytes()).root == wanted.root:
                return
            problem = "this machine signs with another instance than the platform's"
        except ValueError as error:
            problem = f"the root of this machine's signing instance is damaged: {error}"
    raise UsageError(
        problem,
        where=f"{folder}, {where}",
        hint="sign where that instance is (--no-certify leaves it to others), move it here, or bring "
        "the root of this machine onto main by pull request: `neurocaas trust export FILE`",
    )
