"""NC-R003: a name equals its file name; I/O is not handled here."""

from __future__ import annotations

import re
from collections.abc import Iterator

from neurocaas_ci import schemas
from neurocaas_ci.model.finding import Finding
from neurocaas_ci.registry.document import Document
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.mend import rewrite
from neurocaas_ci.validate.rule import Rule
from neurocaas_ci.validate.touched import stem


class NameIsFileName(Rule):
    """The name inside a file is the name of the file.

    Everything refers to a file by its name; two answers to "what is this called" are one too many.

    Fix: rename the file, or correct `name` (`id` of hardware, `login` of a user).
    """

    id = "NC-R003"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per file whose name says something else."""
        for kind, document, key, name in _names(context):
            path = document.path
            expected = path.split("/")[1] if kind == "iae" else stem(path)
            if name == expected:
                continue
            place = document.locate([key])
            definition = "login" if kind == "user" else kind if kind == "hardware" else "name"
            form = schemas.load(kind)["definitions"][definition]["pattern"]
            repair = None
            if re.fullmatch(form, expected):
                repair = rewrite(context.head.tree, place, name, expected)
            yield self.finding(
                place,
                f"`{key}` is `{name}`, but the file is that of `{expected}`",
                f"write `{key}: {expected}`, or rename the file",
                repair,
            )


def _names(context: Context) -> Iterator[tuple[str, Document, str, str]]:
    """Yield kind, document, key and value of every name."""
    for blueprint in context.blueprints():
        yield "blueprint", blueprint.document, "name", blueprint.value.name
    for hardware in context.hardware():
        yield "hardware", hardware.document, "id", hardware.value.id
    for user in context.users():
        yield "user", user.document, "login", user.value.login
    for group in context.groups():
        yield "group", group.document, "name", group.value.name
    for job in context.jobs():
        yield "job", job.document, "name", job.value.name
    for _, iae in context.iaes():
        yield "iae", iae.document, "name", iae.value.name
