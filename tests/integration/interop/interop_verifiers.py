"""The three verifiers that read our bundles, asked in the same words: ours, sigstore-python, sigstore-js."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier, policy

from neurocaas_ci.audit.identity import Expected
from neurocaas_ci.audit.signature import load_root
from neurocaas_ci.audit.verify import Question, verify
from neurocaas_ci.model.verification import Verification
from neurocaas_ci.signing.interface import PAYLOAD_TYPE

JS = Path(__file__).parents[2] / "js"
_MINIMUM = (18, 17)


@dataclass(frozen=True)
class Asked:
    """A bundle, the trusted root to verify it with, and who should have signed it."""

    bundle: bytes
    root: Path
    identity: str
    issuer: str
    repository: str = ""

    def about(self, bundle: bytes) -> Asked:
        """Return the same question about another bundle."""
        return replace(self, bundle=bundle)


@dataclass(frozen=True)
class Answer:
    """What a verifier of somebody else's says: the payload that it verified, or why not."""

    payload: bytes | None
    said: str = ""

    @property
    def valid(self) -> bool:
        return self.payload is not None


def ours(asked: Asked, outputs: Path | None = None) -> Verification:
    expected = Expected(repository=asked.repository)
    return verify(asked.bundle, Question(_our_root(asked.root), expected, outputs=outputs))


def failed(result: Verification) -> list[str]:
    """Return the names of the checks that failed."""
    assert result.valid == all(check.state != "failed" for check in result.checks)
    return [check.name for check in result.checks if check.state == "failed"]


def sigstore_python(asked: Asked) -> Answer:
    wanted = [
        policy.Identity(identity=asked.identity, issuer=asked.issuer),
        policy.OIDCIssuerV2(asked.issuer),
    ]
    try:
        kind, payload = _verifier(asked.root).verify_dsse(
            Bundle.from_json(asked.bundle), policy.AllOf(wanted)
        )
    except Exception as error:  # noqa: BLE001 - it lets those of its libraries through
        return Answer(None, f"{type(error).__name__}: {error}")
    # Its callers have to look at this themselves.
    return Answer(payload) if kind == PAYLOAD_TYPE else Answer(None, f"payload type {kind}")


def sigstore_js(questions: Mapping[str, Asked]) -> dict[str, Answer]:
    """Return the answers of one process to many questions."""
    require_node()
    document = {
        "roots": {str(asked.root): asked.root.read_text() for asked in questions.values()},
        "questions": {
            name: {
                "root": str(asked.root),
                "bundle": base64.b64encode(asked.bundle).decode(),
                "identity": asked.identity,
                "issuer": asked.issuer,
            }
            for name, asked in questions.items()
        },
    }
    done = subprocess.run(
        ["node", str(JS / "verify.mjs")],
        input=json.dumps(document), capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {
        name: Answer(base64.b64decode(answer["payload"]))
        if "payload" in answer
        else Answer(None, answer["refused"])
        for name, answer in json.loads(done.stdout).items()
    }


VERIFIERS: dict[str, Callable[[Mapping[str, Asked]], dict[str, Answer]]] = {
    "sigstore-python": lambda questions: {n: sigstore_python(q) for n, q in questions.items()},
    "sigstore-js": sigstore_js,
}
"""Those of other people, asked about many bundles at once."""


def require_node() -> None:
    """Skip the test where there is no Node to be had; fail where scripts/setup-js was not run."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("there is no Node with npm on this machine")
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    version = said.stdout.strip().removeprefix("v")
    if tuple(map(int, version.split(".")[:2])) < _MINIMUM:
        pytest.skip(f"Node {version} is older than {'.'.join(map(str, _MINIMUM))}")
    if not (JS / "node_modules/.setup").exists():
        pytest.fail("the JavaScript verifiers are not installed: run scripts/setup-js")


@cache
def _our_root(path: Path):
    return load_root(path)


@cache
def _verifier(path: Path) -> Verifier:
    return Verifier(trusted_root=TrustedRoot.from_file(str(path)))
