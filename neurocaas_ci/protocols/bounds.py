"""What keeps a job from becoming runs, known before any is made; I/O is not handled here."""

from __future__ import annotations

MAX_RUNS = 50_000


class TooManyRunsError(ValueError):
    """A job would become more runs than anybody could list."""


class UnfitJobError(ValueError):
    """A job asks its protocol for runs that cannot be made, though each value is allowed.

    Raised with two texts: what is wrong, and what to do about it.
    """

    def __str__(self) -> str:
        return str(self.args[0])

    @property
    def fix(self) -> str:
        """What to do about it."""
        return str(self.args[1])


def bounded(runs: int) -> None:
    """Raise TooManyRunsError when a job would become more than `MAX_RUNS` runs."""
    if runs > MAX_RUNS:
        raise TooManyRunsError(f"the job would become {runs} runs, more than {MAX_RUNS}")
