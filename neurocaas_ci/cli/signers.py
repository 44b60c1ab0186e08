"""Which signer the options of a command name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import click

from neurocaas_ci.errors import UsageError
from neurocaas_ci.run.home import Home
from neurocaas_ci.signing.interface import Signer

SignerKind = Literal["local", "sigstore"]

_signer_option = click.option(
    "--signer",
    type=click.Choice(["local", "sigstore"]),
    envvar="NEUROCAAS_SIGNER",
    help="`local`: this machine's own instance; `sigstore`: GitHub's identity and a public one.  "
    "[default: as the first of the policy's trust roots; else `sigstore` in a workflow with an "
    "identity, `local` elsewhere]",
)
_config_option = click.option(
    "--trust-config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar="NEUROCAAS_TRUST_CONFIG",
    help="With `sigstore`: the client trust config of another instance than the public good one.",
)


def signer_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that choose a signer."""
    return _signer_option(_config_option(function))


def signing_folder(home: Home) -> Path:
    """Return where the local instance of a home lives."""
    return home.root / "signing"


def make_signer(kind: SignerKind, trust_config: Path | bytes | None, home: Home) -> Signer:
    """Return the signer; raise UsageError for options that contradict each other."""
    if kind == "sigstore":
        from neurocaas_ci.signing.sigstore_keyless import KeylessSigner

        return KeylessSigner(trust_config)
    if trust_config is not None:
        raise UsageError(
            "the local instance has a trust config of its own",
            hint="say --signer sigstore too, or leave --trust-config out",
        )
    from neurocaas_ci.signing.local_sigstore import LocalSigstore

    return LocalSigstore.open(signing_folder(home))
