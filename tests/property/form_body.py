"""The text that GitHub makes of an issue form, for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from neurocaas_ci.forges.forms import Answer, Field


def body(fields: Sequence[Field], typed: Mapping[str, Answer], languages: str = "text") -> str:
    """Return the text of an issue whose author typed this; boxes are ticked by their text."""
    parts = []
    for field in fields:
        value = typed.get(field.id)
        if field.kind == "checkboxes":
            ticked = value or ()
            lines = [f"- [{'X' if o in ticked else ' '}] {o}" for o in field.options]
            text = "\n".join(lines)
        elif not value:
            text = "_No response_"
        else:
            text = f"```{languages}\n{value}\n```" if field.fenced else str(value)
        parts.append(f"### {field.label}\n\n{text}")
    return "\n\n".join(parts)
