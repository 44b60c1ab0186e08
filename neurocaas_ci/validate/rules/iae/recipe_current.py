"""NC-I003: the lock belongs to the sources; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.errors import NeurocaasError
from neurocaas_ci.model.finding import Finding, Location
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class RecipeCurrent(Rule):
    """The recipe digest in iae.lock is that of the sources beside it.

    A lock of older sources names an image that nobody can rebuild from this commit.

    Fix: run `neurocaas iae lock NAME` after the last change of the sources.
    """

    id = "NC-I003"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per lock of other sources."""
        if context.recipe_of is None:
            return
        for name in context.iae_names():
            lock = context.head.iae_lock(name)
            if lock.value is None:
                continue
            try:
                recipe = context.recipe_of(context.head.tree, name)
            except NeurocaasError as error:
                fix = error.hint or "put regular files only into the folder"
                place = Location(error.where or lock.document.path)
                yield self.finding(place, f"the recipe cannot be read: {error.message}", fix)
                continue
            if recipe != lock.value.recipe:
                yield self.finding(
                    lock.document.locate(["recipe"]),
                    f"the sources of `{name}` have changed since iae.lock was made",
                    f"run `neurocaas iae lock {name}` and commit what it writes",
                )
