"""NC-R001: files lie where the registry looks for them; I/O is not handled here."""

from __future__ import annotations

import re
from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding, Location, Rename
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule
from neurocaas_ci.validate.touched import files

_PLACE = re.compile(
    r"registry/(?:(?:policy|(?:blueprints|hardware|users|groups)/[^/]+|jobs/[^/]+/[^/]+/[^/]+)\.yaml"
    r"|trust/[^/]+\.json)"
)


class RegistryPlaces(Rule):
    """Files below registry/ lie where the registry looks for them.

    A blueprint named `pmd.yml`, or a job outside of `<login>/<yyyy-mm>/`, is never read: it would
    seem to be published and do nothing.

    README.md and names that start with a dot are ignored.

    Fix: move the file to `registry/{blueprints,hardware,users,groups}/<name>.yaml` or
    `registry/jobs/<login>/<yyyy-mm>/<job>.yaml` (the policy to `registry/policy.yaml`, a
    trusted root to `registry/trust/<name>.json`), or remove it.
    """

    id = "NC-R001"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per stray file."""
        for entry in files(context, "registry"):
            folder, _, name = entry.path.rpartition("/")
            if _PLACE.fullmatch(entry.path) or name == "README.md" or name.startswith("."):
                continue
            fix = "put it into registry/<kind>/<name>.yaml, or remove it"
            repair = None
            if name.endswith((".yml", ".YAML", ".YML")):
                right = f"{folder}/{name.rpartition('.')[0]}.yaml"
                fix = f"rename it to {right.rpartition('/')[2]}"
                if _PLACE.fullmatch(right) and context.head.tree.read(right, 0) is None:
                    repair = Rename(entry.path, right)
            yield self.finding(
                Location(entry.path), "the registry does not look for a file here", fix, repair
            )
