"""The names that certificates are made of: where they lie, their types and keys; I/O is not handled here.

docs/reference/certificate.md documents every field; `BUILD_TYPE` names that page.
"""

from __future__ import annotations

import re

from neurocaas_ci.signing.interface import BuilderMode

FOLDER = "certificates"
SUFFIX = ".sigstore.json"

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PROVENANCE_TYPE = "https://slsa.dev/provenance/v1"
VERDICT_TYPE = "https://in-toto.io/attestation/svr/v0.1"
BUILD_TYPE = "urn:neurocaas:build-type:job:v1"
VERIFIER_ID = "urn:neurocaas:verifier:replay:v1"

EXTERNAL = ("registry", "job", "blueprint", "parameters")
REGISTRY = ("repository", "ref")

_BUILDER = "urn:neurocaas:builder:"
_PATH = re.compile(rf"{FOLDER}/([^/]+/[^/]+/[^/]+){re.escape(SUFFIX)}")
_REPLAY = re.compile(rf"{FOLDER}/([^/]+/[^/]+/[^/]+)\.replays/[^/]+{re.escape(SUFFIX)}")


def builder_id(mode: BuilderMode) -> str:
    """Return the id of the platform in one of its modes."""
    return f"{_BUILDER}{mode}:v1"


def certificate_path(job: str) -> str:
    """Return where the certificate of a job lies in the registry."""
    return f"{FOLDER}/{job}{SUFFIX}"


def replays_folder(job: str) -> str:
    """Return the folder of the signed verdicts of a job's replays."""
    return f"{FOLDER}/{job}.replays"


def job_of(path: str) -> str | None:
    """Return the id of the job whose certificate lies at a path of the registry, or None."""
    match = _PATH.fullmatch(path)
    return match[1] if match else None


def replayed_job(path: str) -> str | None:
    """Return the id of the job whose replay's verdict lies at a path of the registry, or None."""
    match = _REPLAY.fullmatch(path)
    return match[1] if match else None


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
