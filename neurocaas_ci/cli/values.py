"""Values on the command line, exactly as the registry reads them."""

from __future__ import annotations

from typing import Any

from neurocaas_ci.errors import UsageError
from neurocaas_ci.registry.parse import parse
from neurocaas_ci.registry.write import dump, scalar

__all__ = ["dump", "parameter_value", "scalar"]


def parameter_value(key: str, text: str) -> Any:
    """Read the value of a parameter; raise UsageError when it is no clear YAML."""
    if not text.strip():
        return None
    document, findings = parse("value", text.encode("utf-8", "surrogateescape"))
    for finding in findings:
        if finding.severity == "error":
            raise UsageError(
                f"the value {text!r} of parameter {key}: {finding.message}", hint=finding.fix
            )
    return document.data
