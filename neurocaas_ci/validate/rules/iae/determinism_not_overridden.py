"""NC-I011: an environment keeps the determinism profile that it names; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule

_PROFILE = frozenset(
    {
        "OPENBLAS_CORETYPE",
        "MKL_CBWR",
        "MKL_ENABLE_INSTRUCTIONS",
        "NPY_DISABLE_CPU_FEATURES",
        "NPY_ENABLE_CPU_FEATURES",
        "PYTHONHASHSEED",
        "GLIBC_TUNABLES",
    }
)


class DeterminismNotOverridden(Rule):
    """The environment variables of an IAE do not undo the determinism profile that it names.

    The profile makes libraries take the same code path on every processor; variables of the IAE
    win over it. A certificate would name a profile that was not in force.

    Fix: remove the variable, or write `determinism: none` when other code paths are wanted.
    """

    id = "NC-I011"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per variable of the profile that is declared anew."""
        for _, iae in context.iaes():
            profile = iae.value.determinism
            if profile == "none":
                continue
            for key in iae.value.environment:
                if key in _PROFILE:
                    yield self.finding(
                        iae.document.locate(["environment", key], key=True),
                        f"`{key}` belongs to the determinism profile {profile}",
                        "remove it, or write `determinism: none`",
                    )
