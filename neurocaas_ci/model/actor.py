"""Who proposes a change, as the forge knows the person; I/O is not handled here."""

from __future__ import annotations

from typing import NamedTuple


class Actor(NamedTuple):
    """The author of a pull request: the forge's numeric id, and whether it is the platform itself.

    The login that belongs to the number is looked up in the base commit's files, never taken from
    the change. `platform` is true for the account that records certificates.
    """

    forge_id: int
    platform: bool = False
