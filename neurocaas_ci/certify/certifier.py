"""Sign the certificate of a finished job once, keep it, and bring it onto main."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from neurocaas_ci.certify.facts import collect
from neurocaas_ci.certify.layout import certificate_path
from neurocaas_ci.certify.publish import publish
from neurocaas_ci.certify.repository import repository_uri
from neurocaas_ci.certify.statement import make_statement
from neurocaas_ci.registry.catfile import CatFile
from neurocaas_ci.registry.git import head_commit
from neurocaas_ci.run import records
from neurocaas_ci.signing.interface import Signer
from neurocaas_ci.stores.directory import DirectoryState, atomic_write

_MAIN = "refs/heads/main"


@dataclass(frozen=True, slots=True)
class Certified:
    """A job's certificate: where it lies in the registry; `commit` brought it there just now."""

    job: str
    path: str
    commit: str | None


@dataclass(frozen=True)
class Certifier:
    """Certifies jobs of one registry; `ref` is where this clone keeps main."""

    repo: Path
    ref: str
    state: DirectoryState
    signer: Signer

    def certify(self, job: str) -> Certified:
        """Sign the job's certificate unless that has been done, and bring it onto main.

        What is signed is kept beside the job's records first, so that a failure to publish costs no
        second entry in the log. Raise what collecting, signing and publishing raise.
        """
        with self.state.claim(records.certificate_key(job), wait=True):
            bundle = self.state.read(records.certificate_key(job))
            if bundle is None:
                bundle = self._sign(job)
                atomic_write(self.state.path(records.certificate_key(job)), bundle, sync=True)
        path = certificate_path(job)
        return Certified(job, path, publish(self.repo, self.ref, {path: bundle}, f"Certify {job}"))

    def _sign(self, job: str) -> bytes:
        head = head_commit(self.repo, self.ref)
        with CatFile(self.repo) as git:
            facts = collect(self.state, git, job)
        origin = self.signer.origin(repository_uri(self.repo, head), _MAIN, head)
        return self.signer.sign(make_statement(facts, origin), origin)
