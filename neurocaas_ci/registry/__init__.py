"""A git tree or a working folder as values of the model, with the place of every value."""

from __future__ import annotations

from neurocaas_ci.registry.registry import Loaded, Registry

__all__ = ["Loaded", "Registry"]
