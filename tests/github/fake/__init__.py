"""A stateful GitHub for tests; `tests/github` has to be on the path."""

from .faults import Fault
from .hub import FakeGitHub
from .people import Token, User
from .records import Called, Event, Violation
from .repository import Repository, archive
from .spec import available

__all__ = [
    "Called", "Event", "FakeGitHub", "Fault", "Repository", "Token", "User", "Violation", "archive",
    "available",
]  # fmt: skip
