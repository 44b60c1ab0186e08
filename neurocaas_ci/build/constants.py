"""The fixed points of every build: whatever is here is part of an image's identity; no I/O here."""

from __future__ import annotations

from neurocaas_ci.errors import BuildError
from neurocaas_ci.model.registry import Iae

BUILDER = "neurocaas-build/1"
"""Name and version of the rules by which sources become bytes; a change of any rule needs a new one."""

EPOCH = 1767225600
"""2026-01-01T00:00:00Z, the time stamp of every file, config and history entry (SOURCE_DATE_EPOCH)."""

CREATED = "2026-01-01T00:00:00Z"
"""EPOCH as OCI documents spell it."""

NOBODY = 65534

MOUNT_POINTS = ("dev", "iae", "inputs", "outputs", "proc", "sys", "tmp")
"""Folders that the sandbox mounts on; they must exist because `/` is read-only there."""

_PLATFORMS = {"linux/amd64": ("amd64", "x86_64"), "linux/arm64": ("arm64", "aarch64")}


def architecture(iae: Iae) -> tuple[str, str]:
    """Return (Debian and OCI name, kernel and wheel name) of the processor; raise BuildError."""
    try:
        return _PLATFORMS[iae.platform]
    except KeyError:
        raise BuildError(
            f"platform {iae.platform!r} cannot be built",
            where=f"iae/{iae.name}/iae.yaml",
            hint=f"use one of: {', '.join(sorted(_PLATFORMS))}",
        ) from None
