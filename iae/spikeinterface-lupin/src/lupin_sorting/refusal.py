"""The one error that a user can cause: an input that this analysis does not take."""

from __future__ import annotations

EXIT_CODE = 65
"""EX_DATAERR of sysexits.h: the input data was incorrect in some way."""


class Refusal(Exception):  # noqa: N818 - it says what happens, not that something is broken
    """Refuse an input; the message is one sentence that names the place and the way out."""
