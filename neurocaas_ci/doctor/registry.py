"""Checks of a registry and of what signs for it: files that load, a clock that agrees, a root."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from neurocaas_ci.doctor.check import Check, Outcome, fail, ok, warn
from neurocaas_ci.errors import UsageError
from neurocaas_ci.model.finding import Finding
from neurocaas_ci.model.trust_file import (
    MAX_TRUST_FILE,
    PUBLIC_GOOD,
    read_trust_file,
    trust_path,
)
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.registry.plumbing import run_git
from neurocaas_ci.signing.identities import LOCAL_ISSUER

_SKEW_SECONDS = 120
_MUCH_SECONDS = 600


def checks(
    repo: Path,
    ref: str,
    signing: Path,
    forge_time: Callable[[], float] | None,
    open_root: Callable[[bytes], object],
) -> list[Check]:
    """Return the checks of main (`ref`); `forge_time` asks a forge for its Unix time.

    `open_root` raises UsageError for what is no trusted root.
    """
    return [
        Check("registry", lambda: _registry(repo, ref)),
        Check("clock", lambda: _clock(repo, ref, forge_time), unknown="warn"),
        Check("trust-root", lambda: _trust(repo, ref, signing, open_root)),
    ]


def _registry(repo: Path, ref: str) -> Outcome:
    with GitTree(repo, ref) as tree:
        registry = Registry(tree)
        findings: list[Finding] = list(registry.policy().findings)
        counts: dict[str, int] = {}
        for word, names, load in (
            ("blueprints", registry.blueprints(), registry.blueprint),
            ("hardware types", registry.hardware_ids(), registry.hardware),
            ("groups", registry.groups(), registry.group),
            ("users", registry.users(), registry.user),
        ):
            counts[word] = len(names)
            for name in names:
                findings += load(name).findings
    if findings:
        first = findings[0]
        message = f"{len(findings)} problems on main; {first.location}: {first.message}"
        return fail(message, f"{first.fix}; `neurocaas validate --all` says the rest")
    return ok(", ".join(f"{count} {word}" for word, count in counts.items()))


def _clock(repo: Path, ref: str, forge_time: Callable[[], float] | None) -> Outcome:
    """Compare with the forge; without one only a clock that is behind the last commit is noticed."""
    fix = "set the clock: sudo timedatectl set-ntp true"
    if forge_time is not None:
        skew = time.time() - forge_time()
        message = f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the forge"
        if abs(skew) > _MUCH_SECONDS:
            return fail(f"{message}: tokens and signatures would be refused", fix)
        return warn(message, fix) if abs(skew) > _SKEW_SECONDS else ok(message)
    told = run_git(repo, ["log", "-1", "--format=%ct", "--end-of-options", ref]).stdout.strip()
    behind = int(told or b"0") - time.time()
    if behind > _SKEW_SECONDS:
        return fail(f"the last commit on main is {behind:.0f} s in the future", fix)
    return ok("not behind the last commit on main (no forge was asked)")


def _trust(repo: Path, ref: str, signing: Path, open_root: Callable[[bytes], object]) -> Outcome:
    """Open this machine's instance, and every root that main names."""
    own = None
    if signing.exists():
        # Without the extra `sign` nothing else is missing.
        from neurocaas_ci.signing.local_sigstore import LocalSigstore

        own = LocalSigstore.open(signing).trusted_root
    here = (
        "this machine has signed nothing yet; its instance is made then"
        if own is None
        else str(own)
    )
    with GitTree(repo, ref) as tree:
        policy = Registry(tree).policy().value
        names = () if policy is None else policy.trust_roots
        held = {
            name: tree.read(trust_path(name), MAX_TRUST_FILE)
            for name in names
            if name != PUBLIC_GOOD
        }
    fix = "bring the root that `neurocaas trust export FILE` writes onto main by pull request"
    for name, content in held.items():
        if content is None:
            return fail(
                f"the policy names the root {name}, and {trust_path(name)} is not on main", fix
            )
        try:
            open_root(content)
        except UsageError as error:
            return fail(f"{trust_path(name)}: {error.message}", fix)
    if not names:
        return ok(here)
    first = held.get(names[0])
    if first is None or LOCAL_ISSUER not in read_trust_file(first).authorities:
        return ok(f"{names[0]} signs; {here}")
    if own is None or read_trust_file(own.read_bytes()).root != read_trust_file(first).root:
        # Nothing is wrong with a machine that only reads.
        return ok(f"another machine signs, as {trust_path(names[0])} says; this one cannot certify")
    return ok(f"this machine signs, as {trust_path(names[0])} says")
