"""The form of a run spec that came from elsewhere, checked before it is believed; no I/O here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from neurocaas_ci.model.blueprint import RunLimits
from neurocaas_ci.model.digest import parse_sha256

_INPUT_FIELDS = 3


def check_spec(document: Mapping[str, Any]) -> None:
    """Raise ValueError that names the first field which is missing or of another form."""
    for name, fits in _FIELDS.items():
        if name not in document:
            raise ValueError(f"{name} is missing")
        if not fits(document[name]):
            raise ValueError(f"{name} is {str(document[name])[:60]!r}, which does not fit")


def _text(value: Any) -> bool:
    return isinstance(value, str) and "\0" not in value


def _name(value: Any) -> bool:
    return _text(value) and value != ""


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _positive(value: Any) -> bool:
    return _count(value) and value > 0


def _digest(value: Any) -> bool:
    try:
        return _text(value) and parse_sha256(value) == value
    except ValueError:
        return False


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_text, value))


def _command(value: Any) -> bool:
    return _texts(value) and bool(value) and value[0] != ""


def _text_map(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_name, value)) and all(map(_text, value.values()))


def _environment(value: Any) -> bool:
    return _text_map(value) and not any("=" in name for name in value)


def _input(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == _INPUT_FIELDS
        and isinstance(value[0], str)
        and _digest(value[1])
        and _count(value[2])
    )


def _inputs(value: Any) -> bool:
    return isinstance(value, list) and all(map(_input, value))


def _limits(value: Any) -> bool:
    known = isinstance(value, dict) and set(value) == set(RunLimits._fields)
    return known and all(map(_positive, value.values()))


_FIELDS: Mapping[str, Callable[[Any], bool]] = {
    "job": _name,
    "run": _name,
    "step": _name,
    "image": _digest,
    "command": _command,
    "environment": _environment,
    "config": lambda value: isinstance(value, dict),
    "inputs": _inputs,
    "needs": _text_map,
    "outputs_required": _texts,
    "limits": _limits,
    "max_runtime": _positive,
    "hardware": _text,
    "determinism": _text,
    "use_cache": lambda value: isinstance(value, bool),
}
