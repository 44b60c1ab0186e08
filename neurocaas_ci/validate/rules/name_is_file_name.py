"""NC-R003: a name equals its file name; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.registry.document import Document
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class NameIsFileName(Rule):
    """The name inside a file is the name of the file.

    Everything refers to a file by its name; two answers to "what is this called" are one too many.

    Fix: rename the file, or correct `name` (`id` of hardware, `login` of a user).
    """

    id = "NC-R003"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per file whose name says something else."""
        for blueprint in context.blueprints():
            yield from self._compare(blueprint.document, "name", blueprint.value.name)
        for hardware in context.hardware():
            yield from self._compare(hardware.document, "id", hardware.value.id)
        for user in context.users():
            yield from self._compare(user.document, "login", user.value.login)
        for group in context.groups():
            yield from self._compare(group.document, "name", group.value.name)
        for job in context.jobs():
            yield from self._compare(job.document, "name", job.value.name)
        for folder, iae in context.iaes():
            if iae.value.name != folder:
                yield self._wrong(iae.document, "name", iae.value.name, folder)

    def _compare(self, document: Document, key: str, name: str) -> Iterator[Finding]:
        stem = document.path.rpartition("/")[2].removesuffix(".yaml")
        if name != stem:
            yield self._wrong(document, key, name, stem)

    def _wrong(self, document: Document, key: str, name: str, expected: str) -> Finding:
        return self.finding(
            document.locate([key]),
            f"`{key}` is `{name}`, but the file is that of `{expected}`",
            f"write `{key}: {expected}`, or rename the file",
        )
