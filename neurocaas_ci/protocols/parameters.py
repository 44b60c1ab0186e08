"""Effective parameters: what a workflow sees when a job leaves things out; I/O is not handled here."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any


def effective(schema: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Fill the defaults of a JSON Schema of type object into the given values, level by level."""
    result = copy.deepcopy(dict(given))
    for name, rule in schema.get("properties", {}).items():
        if not isinstance(rule, Mapping):
            continue
        if name not in result:
            if "default" in rule:
                result[name] = copy.deepcopy(rule["default"])
            elif rule.get("type") == "object" and "properties" in rule:
                inner = effective(rule, {})
                if inner:
                    result[name] = inner
        elif isinstance(result[name], Mapping):
            result[name] = effective(rule, result[name])
    return result
