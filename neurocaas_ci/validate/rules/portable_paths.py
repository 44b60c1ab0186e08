"""NC-R006: every system can hold the paths; I/O is not handled here."""

from __future__ import annotations

import re
from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding, Location
from neurocaas_ci.validate.context import FOLDERS, Context
from neurocaas_ci.validate.rule import Rule
from neurocaas_ci.validate.touched import files

_MOST_PATH = 240
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f-\x9f\\:*?"<>|\u200e\u200f\u202a-\u202e\u2066-\u2069]')
# learn.microsoft.com/windows/win32/fileio/naming-a-file
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)


class PortablePaths(Rule):
    r"""A path of the registry can be held by every file system.

    Not by Windows: control characters, `\`, `:` and the like, a name that ends with a dot or a
    space, a device name such as `aux` or `nul.txt`, more than 240 bytes. With one such path nobody
    there can clone the registry any more.

    Fix: rename the file: letters, digits, `.`, `_` and `-` are safe.
    """

    id = "NC-R006"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per path that somebody cannot hold."""
        for entry in files(context, *FOLDERS):
            what = _objection(entry.path)
            if what is not None:
                yield self.finding(
                    Location(entry.path), what, "rename it with letters, digits, `.`, `_` and `-`"
                )


def _objection(path: str) -> str | None:
    if len(path.encode("utf-8", "replace")) > _MOST_PATH:
        return f"the path has more than {_MOST_PATH} bytes"
    for name in path.split("/"):
        bad = _FORBIDDEN.search(name)
        if bad:
            return f"a name holds the character U+{ord(bad[0]):04X}"
        if name.endswith((".", " ")):
            return "a name ends with a dot or a space"
        if _DEVICE.fullmatch(name):
            return f"`{name}` is the name of a device on Windows"
    return None
