"""Where jobs and certificates lie in a registry, and what a signed statement is; no I/O here."""

from __future__ import annotations

from neurocaas_ci.patterns import late

JOBS = "registry/jobs"
FOLDER = "certificates"
SUFFIX = ".sigstore.json"
MAX_BUNDLE = 64 << 20

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PROVENANCE_TYPE = "https://slsa.dev/provenance/v1"

_PATH = late(rf"{FOLDER}/([^/]+/[^/]+/[^/]+)\.sigstore\.json")
_REPLAY = late(rf"{FOLDER}/([^/]+/[^/]+/[^/]+)\.replays/[^/]+\.sigstore\.json")


def job_id(path: str) -> str:
    """Return the id of the job whose manifest is at `path`."""
    return path.removeprefix(f"{JOBS}/").removesuffix(".yaml")


def manifest_path(job: str) -> str:
    """Return where the manifest of a job lies in the registry."""
    return f"{JOBS}/{job}.yaml"


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
