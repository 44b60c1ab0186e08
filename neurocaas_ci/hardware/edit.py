"""Change values in a hardware file and leave the rest of it as it is; I/O is not handled here.

PyYAML writes documents anew, without their comments. It also says where each value stands, so a
value is replaced there and nothing else moves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from neurocaas_ci.errors import UsageError

_PRICE = "price_usd_per_hour"
_HINT = "mend the hardware file first: `neurocaas validate` says where"
# A comment must not become a part of what is written before it.
_ORDER = (
    "schema", "id", "provider", "launch", "vcpus", "memory", "gpus", _PRICE, "source", "date",
    "sha256",
)  # fmt: skip

Values = Mapping[str, str | None]


def new(values: Values) -> str:
    """Return a file with these values; keys as in `edited`."""
    lines = [f"{key}: {value}" for key in _ORDER if (value := _flat(values).get(key))]
    return "\n".join(lines) + "\n"


def edited(text: str, values: Values, *, where: str) -> str:
    """Return a file with other values at the top level, `standard` and `save` in the prices.

    Values are YAML as it stands in the file; None removes the key. What has the value already stays
    as it is written. Raise UsageError for a file that cannot be edited.
    """
    try:
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise UsageError(f"the file cannot be read: {error}", where=where, hint=_HINT) from error
    if not isinstance(root, yaml.MappingNode):
        raise UsageError("the file holds no mapping", where=where, hint=_HINT)
    changes: list[tuple[int, int, str]] = []
    top = {key.value: (key, value) for key, value in root.value}
    prices = top.get(_PRICE)
    if prices is None or not isinstance(prices[1], yaml.MappingNode):
        raise UsageError(f"the file has no mapping `{_PRICE}`", where=where, hint=_HINT)
    inner = {key: values[key] for key in ("standard", "save") if key in values}
    changes += _within(text, prices[1], inner)
    changes += _within(text, root, {k: v for k, v in values.items() if k not in inner})
    for start, end, new_text in sorted(changes, reverse=True):
        text = text[:start] + new_text + text[end:]
    return text


def _flat(values: Values) -> dict[str, str | None]:
    prices = [f"{key}: {values[key]}" for key in ("standard", "save") if values.get(key)]
    return {**values, _PRICE: f"{{{', '.join(prices)}}}"}


def _within(text: str, node: Any, values: Values) -> list[tuple[int, int, str]]:
    """Return what to write over which part of the text, for keys of one mapping."""
    pairs = [(key.value, key, value) for key, value in node.value]
    known = {name: place for place, (name, _, _) in enumerate(pairs)}
    changes: list[tuple[int, int, str]] = []
    for name, value in values.items():
        if name not in known:
            if value is not None:
                changes.append(_added(text, node, name, value))
            continue
        place = known[name]
        _, key, old = pairs[place]
        start, end = old.start_mark.index, old.end_mark.index
        if value is None:
            changes.append(_removed(text, node, place, key))
        elif text[start:end] != value:
            changes.append((start, end, value))
    return changes


def _added(text: str, node: Any, name: str, value: str) -> tuple[int, int, str]:
    """Add a key behind the last one of a mapping, in the style that it has."""
    key, last = node.value[-1]
    end = last.end_mark.index
    if node.flow_style:
        return end, end, f", {name}: {value}"
    # A block ends where the next key begins: the value itself may be a block of lines.
    end = len(text[:end].rstrip("\r\n \t"))
    line_end = text.find("\n", end)
    line_end = len(text) if line_end < 0 else line_end
    break_ = "\r\n" if "\r\n" in text else "\n"
    line_end -= text[line_end - 1 : line_end] == "\r"
    return line_end, line_end, f"{break_}{' ' * key.start_mark.column}{name}: {value}"


def _removed(text: str, node: Any, place: int, key: Any) -> tuple[int, int, str]:
    """Remove a key, with the comma before or after it, or with its line."""
    pairs = node.value
    start, end = key.start_mark.index, pairs[place][1].end_mark.index
    if node.flow_style:
        if place:
            return pairs[place - 1][1].end_mark.index, end, ""
        return start, pairs[1][0].start_mark.index if len(pairs) > 1 else end, ""
    start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", end)
    return start, len(text) if line_end < 0 else line_end + 1, ""
