"""Sign the certificate of a finished job once, keep it, and bring it onto main."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from neurocaas_ci.certify.facts import collect
from neurocaas_ci.certify.layout import certificate_path
from neurocaas_ci.certify.publish import publish
from neurocaas_ci.certify.repository import repository_uri
from neurocaas_ci.certify.statement import make_statement
from neurocaas_ci.registry.catfile import CatFile
from neurocaas_ci.run import records
from neurocaas_ci.signing.interface import Signer
from neurocaas_ci.stores.interface import StateStore

_MAIN = "refs/heads/main"


@dataclass(frozen=True, slots=True)
class Certified:
    """A job's certificate: where it lies in the registry; `commit` brought it there just now."""

    job: str
    path: str
    commit: str | None


@dataclass(frozen=True)
class Certifier:
    """Certifies jobs of one registry; `ref` is where this clone keeps main.

    `commit` (a full id) is the commit of main that the certificates name: the one that was read, and
    on GitHub the one that started the workflow, however main moves meanwhile.
    """

    repo: Path
    ref: str
    commit: str
    state: StateStore
    signer: Signer

    def sign(self, job: str) -> bytes:
        """Return the job's certificate, signed now unless that has been done.

        It is kept beside the job's records, so that a failure to publish costs no second entry in the
        log. Raise what collecting and signing raise.
        """
        with self.state.claim(records.certificate_key(job), wait=True) as claim:
            bundle = self.state.read(records.certificate_key(job))
            if bundle is None:
                bundle = self._sign(job)
                key = records.certificate_key(job)
                self.state.write(key, bundle, claim=claim, durable=True)
        return bundle

    def publish(self, bundles: Mapping[str, bytes]) -> dict[str, Certified]:
        """Bring certificates, by their jobs, onto main in one commit; raise what publishing raises."""
        files = {certificate_path(job): bundle for job, bundle in bundles.items()}
        what = next(iter(bundles)) if len(bundles) == 1 else f"{len(bundles)} jobs"
        commit = publish(self.repo, self.ref, files, f"Certify {what}") if files else None
        return {job: Certified(job, certificate_path(job), commit) for job in bundles}

    def _sign(self, job: str) -> bytes:
        with CatFile(self.repo) as git:
            facts = collect(self.state, git, job)
        origin = self.signer.origin(repository_uri(self.repo, self.commit), _MAIN, self.commit)
        return self.signer.sign(make_statement(facts, origin), origin)
