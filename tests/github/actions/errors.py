"""What is wrong with a test or with what it runs on, as opposed to a workflow that fails."""

from __future__ import annotations


class HarnessError(Exception):
    """A workflow was not run as GitHub would run it, so nothing can be said about it."""
