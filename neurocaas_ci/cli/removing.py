"""Delete inputs whose users asked for it, and say what became of them."""

from __future__ import annotations

from pathlib import Path

from neurocaas_ci.cli.common import say
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.removal import remove_inputs


def remove_asked(repo: Path, ref: str, home: Home) -> None:
    """Delete the datasets of succeeded jobs that do not keep them, as main is now.

    Raise BackendUnavailableError when the store refuses; the next call tries again.
    """
    with GitTree(repo, ref) as head:
        for done in remove_inputs(home, head):
            if done.removed:
                say(f"{done.job}: {done.removed} inputs deleted, as its manifest asks")
            for decision in done.kept:
                say(f"{done.job}: {decision.dataset.uri} is kept: {decision.why}")
