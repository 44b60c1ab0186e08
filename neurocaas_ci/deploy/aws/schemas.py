"""Which properties of a resource cannot be changed in place, by the schemas that cfn-lint carries."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from neurocaas_ci.deploy.difference import Immutable, ImmutableOf

REGION = "us-east-1"
"""Schemas of one region do: what replaces a resource is the same everywhere."""


def immutable_lookup() -> ImmutableOf | None:
    """Return the look-up by resource type, or None where cfn-lint is not installed."""
    try:
        manager = importlib.import_module("cfnlint.schema.manager").PROVIDER_SCHEMA_MANAGER
    except ImportError:
        return None

    def look_up(kind: str) -> Immutable | None:
        # A type that it does not know is not known to us either; there is no common class of error.
        try:
            schema: Mapping[str, Any] = manager.get_resource_schema(REGION, kind).schema
        except Exception:  # noqa: BLE001
            return None
        return Immutable(
            schema.get("createOnlyProperties", ()),
            schema.get("conditionalCreateOnlyProperties", ()),
        )

    return look_up


def nothing_known(_kind: str) -> None:
    """Stand in for the look-up where cfn-lint is not installed."""
