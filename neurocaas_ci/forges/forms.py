"""The Markdown that a forge makes of an issue form, read back into answers; I/O is not handled here.

The text of a form is `### Label`, an empty line and the answer, field by field; whoever fills it in
can write such headings too. So the labels come from the template, and the line of each must be in
the text exactly once: then there is one way to read it. This counts inside of code fences as well,
because a fence opened in one field and closed in another makes a second reading. What only looks
like such a heading (other level, spaces, case, letters of another alphabet) is refused outside of
fences, where a reader would take it for one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from neurocaas_ci.errors import UsageError
from neurocaas_ci.forges.form_text import (
    fenced_value,
    heading_like,
    line_trouble,
    plain_lines,
    text_trouble,
)
from neurocaas_ci.registry.parse import parse

MAX_CHARACTERS = 65_536
"""As long as GitHub lets the text of an issue be."""

_Kind = Literal["input", "textarea", "dropdown", "checkboxes"]
_KINDS: tuple[_Kind, ...] = ("input", "textarea", "dropdown", "checkboxes")
_NOTHING = "_No response_"
_BOX = re.compile(r"- \[([ xX])\] (.*)")

Answer = str | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a template; `fenced` when the forge puts the answer into a code fence.

    `options` are those of a dropdown or the texts of checkboxes, `needed` the boxes to be ticked.
    """

    id: str
    label: str
    kind: _Kind
    required: bool = False
    fenced: bool = False
    options: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a form is refused: the label of the field (or nothing), what is wrong, what to do."""

    label: str
    message: str
    fix: str


@dataclass(frozen=True, slots=True)
class Reading:
    """The answers by the id of the field, or the problems; never both.

    An answer is what was typed without empty lines and spaces around it, the ticked boxes, or None.
    """

    answers: Mapping[str, Answer]
    problems: tuple[Problem, ...] = ()

    def text(self, field: str) -> str | None:
        """Return the answer of a field that holds text, or None; also when the form has no such field."""
        answer = self.answers.get(field)
        return answer if isinstance(answer, str) else None


def fields_of(path: str, template: bytes) -> tuple[Field, ...]:
    """Return the fields of an issue form, as its YAML file has them; raise UsageError."""
    document, findings = parse(path, template)
    if findings:
        raise UsageError(findings[0].message, where=str(findings[0].location), hint="mend the form")
    try:
        found = [_field(item) for item in document.data["body"] if item["type"] != "markdown"]
    except (KeyError, TypeError) as error:
        raise UsageError(
            f"this is no issue form: {error} is missing or of another kind",
            where=path,
            hint="check-jsonschema --builtin-schema vendor.github-issue-forms FILE says more",
        ) from error
    labels = {heading_like(f"### {field.label}") for field in found}
    if not found or len(labels) < len(found) or len({f.id for f in found}) < len(found):
        raise UsageError(
            "labels or ids of the form occur twice, or there are none",
            where=path,
            hint="give each field a label and an id of its own",
        )
    return tuple(found)


def begins(body: str, fields: Sequence[Field]) -> bool:
    """Tell whether a text begins with the first heading of a form."""
    return body.lstrip("\r\n").split("\n", 1)[0].rstrip("\r") == _heading(fields[0])


def read(body: str, fields: Sequence[Field]) -> Reading:
    """Return what was answered, or everything that is wrong with the text."""
    if len(body) > MAX_CHARACTERS:
        return _refused(
            "", f"the text has more than {MAX_CHARACTERS:,} characters", "make it shorter"
        )
    lines = body.replace("\r\n", "\n").split("\n")
    places, problems = _places(lines, fields)
    if problems:
        return Reading({}, tuple(problems))
    answers: dict[str, Answer] = {}
    headings = {heading_like(_heading(field)) or "": field.label for field in fields}
    ends = [*places[1:], len(lines)]
    for field, start, end in zip(fields, places, ends, strict=True):
        try:
            answers[field.id] = _answer(field, lines[start + 1 : end], headings)
        except _RefusedError as error:
            problems.append(Problem(field.label, *error.args))
    return Reading({}, tuple(problems)) if problems else Reading(answers)


class _RefusedError(Exception):
    """An answer cannot be taken: what is wrong, and what to do."""


def _field(item: Mapping[str, Any]) -> Field:
    kind, attributes = item["type"], item["attributes"]
    if kind not in _KINDS or attributes.get("multiple"):
        raise TypeError(f"a field that is understood (this one is of the kind {kind})")
    boxes = kind == "checkboxes"
    options = attributes.get("options", []) if kind in {"checkboxes", "dropdown"} else []
    return Field(
        str(item["id"]),
        str(attributes["label"]).strip(),
        kind,
        required=bool(item.get("validations", {}).get("required", False)),
        fenced="render" in attributes,
        options=tuple(str(o["label"] if boxes else o) for o in options),
        needed=tuple(str(o["label"]) for o in options if boxes and o.get("required")),
    )


def _heading(field: Field) -> str:
    return f"### {field.label}"


def _refused(label: str, message: str, fix: str) -> Reading:
    return Reading({}, (Problem(label, message, fix),))


def _places(lines: Sequence[str], fields: Sequence[Field]) -> tuple[list[int], list[Problem]]:
    """Return the line of each heading, and what speaks against there being one way to read this."""
    found: dict[str, list[int]] = {_heading(field): [] for field in fields}
    for number, line in enumerate(lines):
        if line in found:
            found[line].append(number)
    problems = []
    for field in fields:
        count = len(found[_heading(field)])
        if count == 0:
            message = "the heading of this field is missing"
            problems.append(Problem(field.label, message, "open a new issue with the form"))
        elif count > 1:
            message = "a line of an answer is the same as the heading of this field"
            fix = f"remove the line, or write something else than the heading `{field.label}`"
            problems.append(Problem(field.label, message, fix))
    places = [numbers[0] for numbers in found.values() if numbers]
    if problems:
        return places, problems
    if places != sorted(places):
        problems.append(
            Problem("", "the fields are not in the order of the form", "open a new issue with it")
        )
    elif any(line.strip() for line in lines[: places[0]]):
        problems.append(
            Problem("", "there is text before the first field", "write into the fields only")
        )
    return places, problems


def _answer(field: Field, lines: Sequence[str], headings: Mapping[str, str]) -> Answer:
    """Return the answer that the lines of one field hold; raise _RefusedError."""
    value = _stripped(lines)
    if field.kind == "checkboxes":
        return _ticked(field, value)
    if field.fenced and value != _NOTHING:
        inside = fenced_value(value.split("\n"))
        if inside is None:
            raise _RefusedError(
                "the answer does not stay inside of its code fence",
                "remove lines that consist of ``` from it",
            )
        value = _stripped(inside)
    elif not field.fenced:
        _check_plain(value, headings)
    if field.kind != "textarea":
        value = value.strip(" \t")
    if value in {"", _NOTHING}:
        if field.required:
            raise _RefusedError("there is no answer", "write one")
        return None
    trouble = text_trouble(value) if field.kind == "textarea" else line_trouble(value)
    if trouble is not None:
        raise _RefusedError(*trouble)
    if field.kind == "dropdown" and value not in field.options:
        raise _RefusedError("this is none of the choices", f"choose {' or '.join(field.options)}")
    return value


def _check_plain(value: str, headings: Mapping[str, str]) -> None:
    """Refuse what would make the text look to a reader as if it said something else."""
    outside = plain_lines(value.split("\n"))
    if outside is None:
        raise _RefusedError(
            "a code fence is opened and not closed; it hides the fields that follow",
            "close it with a line like the one that opens it",
        )
    for line in outside:
        like = heading_like(line)
        if like is not None and like in headings:
            raise _RefusedError(
                f"a line looks like the heading of the field `{headings[like]}`",
                "write it without # or with other words",
            )
        if re.search(r"<[A-Za-z/!?]", line):
            raise _RefusedError(
                "there is HTML in the answer, which can hide what it says",
                "write it without <, or put it between lines of ```",
            )


def _ticked(field: Field, value: str) -> tuple[str, ...]:
    lines = [line.rstrip() for line in value.split("\n") if line.strip()]
    boxes = [_BOX.fullmatch(line) for line in lines]
    if [box and box[2] for box in boxes] != list(field.options):
        raise _RefusedError("the boxes are not those of the form", "open a new issue with the form")
    ticked = [box[2] for box in boxes if box and box[1] != " "]
    missing = [option for option in field.needed if option not in ticked]
    if missing:
        raise _RefusedError(f"the box `{missing[0]}` is not ticked", "tick it if you agree")
    return tuple(ticked)


def _stripped(lines: Sequence[str]) -> str:
    """Return lines as one text without empty lines around it and spaces at its end."""
    first = next((i for i, line in enumerate(lines) if line.strip(" \t")), len(lines))
    return "\n".join(lines[first:]).rstrip(" \t\n")
