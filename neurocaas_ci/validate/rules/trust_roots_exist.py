"""NC-U006: trusted roots that the policy names can be read; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding, Location
from neurocaas_ci.model.trust_file import (
    MAX_TRUST_FILE,
    PUBLIC_GOOD,
    read_trust_file,
    trust_path,
)
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule
from neurocaas_ci.validate.touched import touches


class TrustRootsExist(Rule):
    """Every trusted root that the policy names is in the registry, in one of Sigstore's formats.

    What is verified in a clone is verified by these roots. Without one of them nobody could check
    the certificates that it is for.

    Fix: add `registry/trust/<name>.json`, as `neurocaas trust export` or the operator of the
    instance gives it to you, or take the name out of `trust_roots`.
    """

    id = "NC-U006"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per root that is missing or is something else."""
        policy = context.head.policy()
        if policy.value is None or not touches(context, "registry/policy.yaml", "registry/trust"):
            return
        for index, name in enumerate(policy.value.trust_roots):
            if name == PUBLIC_GOOD:
                continue
            path = trust_path(name)
            content = context.head.tree.read(path, MAX_TRUST_FILE)
            if content is None:
                yield self.finding(
                    policy.document.locate(("trust_roots", index)),
                    f"there is no file {path}",
                    "add the root, or take its name out",
                )
                continue
            try:
                read_trust_file(content)
            except ValueError as error:
                yield self.finding(
                    Location(path), str(error), "export the root again, and change nothing in it"
                )
