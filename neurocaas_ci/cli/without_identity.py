"""Analyses are not run where a workflow lends an identity, nor where nobody can reach the store."""

from __future__ import annotations

from collections.abc import Mapping

from neurocaas_ci.errors import UsageError
from neurocaas_ci.model.registry import ExecutorKind

# As cloud_identity.py names it, whose module is slow to load.
_ROLE = "NEUROCAAS_AWS_ROLE"
_HINT = (
    "run jobs on AWS (executor aws-batch; docs/github.md#jobs-on-aws), or on a machine of your own"
    " (NEUROCAAS_RUNNER) that has credentials outside of workflows, such as an instance's role"
)


def check_place(kind: ExecutorKind, store: str | None, environment: Mapping[str, str]) -> None:
    """Raise UsageError when analyses may not run in this process's place with this store.

    Who runs them has the store's credentials in its memory, and a workflow's identity can be had anew
    for as long as a job lasts, so neither is given to the place (decision 15).
    """
    if kind != "local":
        return
    if environment.get(_ROLE):
        raise UsageError(
            "analyses do not run where a workflow lends an identity",
            where=_ROLE,
            hint=f"leave it unset here; {_HINT}",
        )
    if store is not None and environment.get("RUNNER_ENVIRONMENT") == "github-hosted":
        raise UsageError(
            "analyses would run on a machine of GitHub's, which is lent no credentials for a bucket",
            where=f"NEUROCAAS_STORE={store}",
            hint=_HINT,
        )
