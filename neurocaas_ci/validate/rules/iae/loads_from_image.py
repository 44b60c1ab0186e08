"""NC-I012: a run loads code from its image only; I/O is not handled here."""

from __future__ import annotations

import re
from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule

_SEARCHED = frozenset(
    {"LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "PATH", "PYTHONPATH", "PYTHONHOME"}
    | {"PYTHONSTARTUP", "PYTHONUSERBASE"}
)
_OUTSIDE = re.compile(r"(?!/)|/*(?:inputs|outputs|tmp|proc|dev|sys)(?:/|$)|.*/\.\.?(?:/|$)")


class LoadsFromImage(Rule):
    """Search paths of the loader, of Python and of commands lead into the image.

    What lies in /inputs, /outputs or /tmp is not part of the image, and a relative or empty entry
    means the folder that the run happens to stand in: code from there is pinned by nothing.

    Fix: put the library into the image and name its absolute path, for example `/iae/src`.
    """

    id = "NC-I012"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per variable with an entry outside of the image."""
        for _, iae in context.iaes():
            for key, value in iae.value.environment.items():
                if key not in _SEARCHED or not value:
                    continue
                # Only the loader's list of libraries is split at spaces too.
                entries = re.split("[: ]" if key in {"LD_PRELOAD", "LD_AUDIT"} else ":", value)
                outside = [entry for entry in entries if _OUTSIDE.match(entry)]
                if outside:
                    shown = f"`{outside[0][:60]}`" if outside[0] else "an empty entry"
                    yield self.finding(
                        iae.document.locate(["environment", key]),
                        f"`{key}` has {shown}, which is not in the image",
                        "write absolute paths of the image, such as /iae/src or /usr/lib",
                    )
