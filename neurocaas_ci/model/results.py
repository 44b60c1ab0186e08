"""How a folder of results is laid out: the names that fetch writes and certificates name; no I/O here."""

from __future__ import annotations

README = "README.md"
PARAMETERS = "parameters.yaml"
JOB_RECORD = "job-record.json"
CERTIFICATE = "certificate.sigstore.json"

_RECORDS, _RECORD = "records/", ".json"


def run_file(run: str, path: str) -> str:
    """Return the name of a run's output, relative to the folder of results."""
    return f"{run}/{path}"


def log_file(run: str) -> str:
    """Return the name of a run's log, relative to the folder of results."""
    return f"logs/{run}.log"


def record_file(run: str) -> str:
    """Return the name of a run's record, relative to the folder of results."""
    return f"{_RECORDS}{run}{_RECORD}"


def run_of_record(name: str) -> str | None:
    """Return the run whose record has this name, or None."""
    if not (name.startswith(_RECORDS) and name.endswith(_RECORD)):
        return None
    return name[len(_RECORDS) : -len(_RECORD)]
