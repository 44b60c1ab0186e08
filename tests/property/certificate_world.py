"""A signing instance, a registry, results, and a certificate that agrees with all of them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path

from certify_facts import JOB, make_facts, make_record

from neurocaas_ci.audit.history import History
from neurocaas_ci.audit.signature import load_root
from neurocaas_ci.audit.verify import Question, verify
from neurocaas_ci.certify import layout
from neurocaas_ci.certify.statement import CommittedFile, make_statement
from neurocaas_ci.model.digest import canonical_json
from neurocaas_ci.model.run import OutputFile
from neurocaas_ci.model.verification import Verification
from neurocaas_ci.registry.tree import blob_id
from neurocaas_ci.signing import keys
from neurocaas_ci.signing.envelope import bundle, entry_body, pae
from neurocaas_ci.signing.interface import Origin
from neurocaas_ci.signing.local_sigstore import LocalSigstore

OUTPUTS = {"001-smooth/smoothed.npz": b"smoothed", "001-smooth/sub/f.csv": b"1\n"}
PATH = f"registry/jobs/{JOB}.yaml"
MANIFEST = {
    "schema": "neurocaas/job/v1", "name": "tracking", "user": "ada", "group": "lab",
    "blueprint": "kalman@1.0.0", "parameters": {}, "pricing": "standard",
    "datasets": [{"uri": "store:mouse.npz", "sha256": "8" * 64, "size": 1000}],
}  # fmt: skip


@dataclass(frozen=True, repr=False)
class World:
    """`question` is without the registry, in which only the job is, and not its blueprint."""

    local: LocalSigstore
    origin: Origin
    statement: bytes
    bundle: bytes
    question: Question
    history: History
    answer: Verification

    def sign(self, payload: bytes) -> bytes:
        """Return a bundle around any bytes; the instance itself signs statements only."""
        now, key = int(time.time()), keys.generate("P-256")
        certificate = self.local._certificate(key.public, now, self.origin)
        signature = key.sign(pae(payload))
        entry = self.local._log.append(entry_body(payload, signature, certificate), now)
        return bundle(payload, signature, certificate, entry)

    @property
    def verdict(self) -> dict:
        """A replay's verdict about the certificate, as `audit.attest` makes it."""
        certificate = {
            "name": layout.certificate_path(JOB), "digest": {"sha256": digest(self.statement)}
        }  # fmt: skip
        return {
            "_type": layout.STATEMENT_TYPE,
            "subject": [certificate],
            "predicateType": layout.VERDICT_TYPE,
            "predicate": {
                "verifier": {"id": layout.VERIFIER_ID},
                "timeCreated": "2026-11-02T00:00:00.000Z",
                "properties": [layout.replay_property("identical")],
                "neurocaas_replay": {"verdict": "identical", "reason": "", "runs": []},
            },
        }


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def make_world(folder: Path) -> World:
    for name, content in OUTPUTS.items():
        target = folder / "results" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    first, commit = _registry(folder / "registry")
    local = LocalSigstore.open(folder / "signing")
    origin = local.origin(f"urn:neurocaas:registry:{first}", "refs/heads/main", commit)
    statement = make_statement(_facts(commit), origin)
    # Not the first entry: its audit path would be empty.
    signed = [local.sign(statement, origin) for _ in range(6)][-1]
    question = Question(load_root(local.trusted_root), outputs=folder / "results")
    history = History(folder / "registry", "refs/heads/main")
    answer = verify(signed, replace(question, history=history))
    assert [check.name for check in answer.checks if check.state == "failed"] == ["blueprint"]
    answer = verify(signed, question)
    assert answer.valid
    return World(local, origin, statement, signed, question, history, answer)


def _facts(commit: str):
    outputs = tuple(
        OutputFile(name.partition("/")[2], digest(content), len(content))
        for name, content in OUTPUTS.items()
    )
    content = canonical_json(MANIFEST)
    manifest = CommittedFile(PATH, commit, blob_id(content), digest(content))
    return replace(make_facts(make_record(outputs=outputs)), manifest=manifest)


def _registry(repo: Path) -> tuple[str, str]:
    """Make a registry with one job; return its first commit, and that of the job."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "ada", "GIT_AUTHOR_EMAIL": "ada@example.org",
        "GIT_COMMITTER_NAME": "ada", "GIT_COMMITTER_EMAIL": "ada@example.org",
    }  # fmt: skip

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=repo, env=environment, check=True, capture_output=True,
            text=True,
        )  # fmt: skip
        return done.stdout.strip()

    (repo / PATH).parent.mkdir(parents=True)
    git("init", "-q", "-b", "main")
    git("commit", "-q", "--allow-empty", "-m", "Begin")
    first = git("rev-parse", "HEAD")
    (repo / PATH).write_bytes(canonical_json(MANIFEST))
    (repo / layout.certificate_path("x")).parent.mkdir()
    git("add", "-A")
    git("commit", "-q", "-m", "Submit")
    return first, git("rev-parse", "HEAD")


STATEMENT = json.loads(make_statement(_facts("1" * 40), Origin(
    "urn:neurocaas:registry:" + "9" * 40, "refs/heads/main", "3" * 40, "urn:uuid:42", "local"
)))  # fmt: skip
"""Such a statement, for tests that sign nothing."""
