"""What a certificate says, as values; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.registry import Dataset
from neurocaas_ci.model.results import JOB_RECORD, run_of_record


@dataclass(frozen=True, slots=True)
class GitContent:
    """A file of the registry: git object id and SHA-256 of its content."""

    blob: str
    sha256: Sha256


@dataclass(frozen=True, slots=True)
class PinnedImage:
    """An IAE as it was used: digests of its sources, its image and the image's configuration."""

    recipe: Sha256
    image: Sha256
    config: Sha256


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate's content.

    `sha256` identifies it: the digest of the signed payload. `version_commit`, `blueprint_file` and
    `images` (by IAE) are missing from a job that was cancelled before it began. `subjects` and
    `byproducts` map file names, relative to the folder of results, to digests; `notes` are the
    annotations of byproducts by name.
    """

    sha256: Sha256
    job: str
    repository: str
    ref: str
    reference: str
    parameters: Mapping[str, Any]
    registry_commit: str
    main_commit: str
    manifest: GitContent
    version_commit: str | None
    blueprint_file: GitContent | None
    images: Mapping[str, PinnedImage]
    datasets: tuple[Dataset, ...]
    subjects: Mapping[str, Sha256]
    byproducts: Mapping[str, Sha256]
    notes: Mapping[str, Mapping[str, Any]]
    internal: Mapping[str, Any]
    builder: str
    builder_version: str
    invocation: str
    started: str
    finished: str

    @property
    def blueprint(self) -> str:
        """Return the name of the blueprint."""
        return self.reference.partition("@")[0]

    @property
    def version(self) -> str:
        """Return the version of the blueprint, or the commit that the job names."""
        return self.reference.partition("@")[2]

    @property
    def manifest_path(self) -> str:
        """Return where the job's manifest lies in the registry."""
        return f"registry/jobs/{self.job}.yaml"

    @property
    def status(self) -> str:
        """Return how the job ended."""
        return str(self.notes.get(JOB_RECORD, {}).get("status", "unknown"))

    @property
    def runs(self) -> dict[str, Mapping[str, Any]]:
        """Return what is noted of each run, by run id."""
        return {
            run: note
            for name, note in self.notes.items()
            if (run := run_of_record(name)) is not None
        }
