"""The names that certificates are made of: where they lie, their types and keys; I/O is not handled here.

docs/reference/certificate.md documents every field; `BUILD_TYPE` names that page.
"""

from __future__ import annotations

from neurocaas_ci.model.places import (
    FOLDER,
    PROVENANCE_TYPE,
    STATEMENT_TYPE,
    SUFFIX,
    certificate_path,
    job_of,
    replayed_job,
    replays_folder,
)
from neurocaas_ci.signing.interface import BuilderMode

VERDICT_TYPE = "https://in-toto.io/attestation/svr/v0.1"
BUILD_TYPE = "urn:neurocaas:build-type:job:v1"
VERIFIER_ID = "urn:neurocaas:verifier:replay:v1"

EXTERNAL = ("registry", "job", "blueprint", "parameters")
REGISTRY = ("repository", "ref")

_BUILDER = "urn:neurocaas:builder:"


def builder_id(mode: BuilderMode) -> str:
    """Return the id of the platform in one of its modes."""
    return f"{_BUILDER}{mode}:v1"


def replay_property(verdict: str) -> str:
    """Return the property that a signed verdict claims (Simple Verification Result v0.1)."""
    return f"NEUROCAAS_REPLAY_{verdict.upper()}"


def input_name(dataset: str) -> str:
    """Return the name of the dependency that stands for a dataset."""
    return f"input:{dataset}"


def recipe_name(iae: str) -> str:
    """Return the name of the dependency that stands for the sources of an IAE."""
    return f"recipe:{iae}"


def image_name(iae: str) -> str:
    """Return the name of the dependency that stands for the built image of an IAE."""
    return f"image:{iae}"


__all__ = [
    "BUILD_TYPE",
    "EXTERNAL",
    "FOLDER",
    "PROVENANCE_TYPE",
    "REGISTRY",
    "STATEMENT_TYPE",
    "SUFFIX",
    "VERDICT_TYPE",
    "VERIFIER_ID",
    "builder_id",
    "certificate_path",
    "image_name",
    "input_name",
    "job_of",
    "recipe_name",
    "replay_property",
    "replayed_job",
    "replays_folder",
]
