"""Unmodified sigstore-python verifies what the local instance signs, whatever happens around it."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time

import pytest
from sigstore.errors import VerificationError as SigstoreVerificationError
from sigstore.models import Bundle, ClientTrustConfig, TrustedRoot
from sigstore.verify import Verifier, policy

from neurocaas_ci.signing.identities import LOCAL_IDENTITY, LOCAL_ISSUER
from neurocaas_ci.signing.interface import PAYLOAD_TYPE
from neurocaas_ci.signing.local_sigstore import LocalSigstore

REPOSITORY, REF, COMMIT = "https://example.org/lab/study", "refs/heads/main", "c" * 40

SIGN = """
import sys
from pathlib import Path
from neurocaas_ci.signing.local_sigstore import LocalSigstore
folder, out, count, who = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
statement = sys.stdin.readline().encode()
local = LocalSigstore.open(folder)
for number in range(count):
    bundle = local.sign(statement, local.origin("https://example.org/lab/study", "refs/heads/main", "c" * 40))
    draft = out / f".{who}-{number}"
    draft.write_bytes(bundle)
    draft.rename(out / f"{who}-{number}.json")
"""


def statement(name="a"):
    document = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": "a" * 64}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {},
    }
    return json.dumps(document).encode()


def local_policy(origin=None):
    checks = [
        policy.Identity(identity=LOCAL_IDENTITY, issuer=LOCAL_ISSUER),
        policy.OIDCIssuerV2(LOCAL_ISSUER),
        policy.OIDCRunnerEnvironment("local"),
        policy.OIDCSourceRepositoryURI(REPOSITORY),
        policy.OIDCSourceRepositoryDigest(COMMIT),
        policy.OIDCSourceRepositoryRef(REF),
    ]
    if origin is not None:
        checks.append(policy.OIDCRunInvocationURI(origin.invocation))
    return policy.AllOf(checks)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "signing"


@pytest.fixture
def local(folder):
    return LocalSigstore.open(folder)


def verifier(local):
    return Verifier(trusted_root=TrustedRoot.from_file(str(local.trusted_root)))


def test_a_bundle_verifies_and_gives_the_exact_bytes_back(local):
    verify = verifier(local).verify_dsse
    for size in range(9):
        data = statement("größe" * size) + b"\n" * size
        origin = local.origin(REPOSITORY, REF, COMMIT)
        bundle = Bundle.from_json(local.sign(data, origin))
        assert verify(bundle, local_policy(origin)) == (PAYLOAD_TYPE, data)


def test_the_trust_config_is_one_for_sigstore(local, folder):
    config = ClientTrustConfig.from_json((folder / "client_trust_config.json").read_text())
    bundle = local.sign(statement(), local.origin(REPOSITORY, REF, COMMIT))
    Verifier(trusted_root=config.trusted_root).verify_dsse(Bundle.from_json(bundle), local_policy())
    assert config.signing_config.get_tlogs()


def test_another_instance_does_not_vouch_for_it(local, tmp_path):
    bundle = Bundle.from_json(local.sign(statement(), local.origin(REPOSITORY, REF, COMMIT)))
    other = LocalSigstore.open(tmp_path / "other")
    with pytest.raises(SigstoreVerificationError):
        verifier(other).verify_dsse(bundle, local_policy())


@pytest.mark.parametrize(
    "place",
    [
        ("dsseEnvelope", "payload"),
        ("dsseEnvelope", "signatures", 0, "sig"),
        ("verificationMaterial", "tlogEntries", 0, "canonicalizedBody"),
        ("verificationMaterial", "tlogEntries", 0, "inclusionPromise", "signedEntryTimestamp"),
        ("verificationMaterial", "tlogEntries", 0, "inclusionProof", "rootHash"),
        ("verificationMaterial", "tlogEntries", 0, "inclusionProof", "hashes", 0),
        ("verificationMaterial", "tlogEntries", 0, "inclusionProof", "checkpoint", "envelope"),
    ],
)
def test_nothing_of_a_bundle_can_be_taken_from_another(local, place):
    # Not the first entry of the log, whose audit path is empty.
    local.sign(statement(), local.origin(REPOSITORY, REF, COMMIT))
    other, bundle = (
        json.loads(local.sign(statement(name), local.origin(REPOSITORY, REF, COMMIT)))
        for name in "ab"
    )
    *path, last = place
    target, source = bundle, other
    for key in path:
        target, source = target[key], source[key]
    assert target[last] != source[last]
    target[last] = source[last]
    with pytest.raises(SigstoreVerificationError):
        verifier(local).verify_dsse(Bundle.from_json(json.dumps(bundle)), local_policy())


def start(folder, out, count, who):
    process = subprocess.Popen(
        [sys.executable, "-c", SIGN, str(folder), str(out), str(count), str(who)],
        stdin=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    process.stdin.write(statement() + b"\n")
    process.stdin.close()
    return process


def collect(out):
    return {path.name: path.read_bytes() for path in sorted(out.glob("*.json"))}


def index_of(bundle):
    return int(json.loads(bundle)["verificationMaterial"]["tlogEntries"][0]["logIndex"])


def test_eight_processes_sign_at_once_into_one_log(folder, tmp_path):
    processes = [start(folder, tmp_path, 20, who) for who in range(8)]
    for process in processes:
        assert process.wait(60) == 0, process.stderr.read()
        process.stderr.close()
    bundles = collect(tmp_path)
    assert sorted(map(index_of, bundles.values())) == list(range(160))
    local = LocalSigstore.open(folder)
    verify = verifier(local).verify_dsse
    for bundle in bundles.values():
        verify(Bundle.from_json(bundle), local_policy())
    report = local.check_log(bundles, {"latest": local.checkpoint()})
    assert report.consistent
    assert (report.size, report.compared) == (160, 162)


def test_killed_signers_leave_a_log_that_goes_on(local, folder, tmp_path):
    seed = 20_261_125
    chance = random.Random(seed)
    for round_ in range(12):
        process = start(folder, tmp_path, 10_000, round_)
        deadline = time.monotonic() + 30
        while not list(tmp_path.glob(f"{round_}-*.json")) and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.05))
        process.kill()
        assert process.wait(10) == -signal.SIGKILL
        process.stderr.close()
        bundles = collect(tmp_path)
        report = local.check_log(bundles, {})
        assert report.consistent, f"round {round_}, seed {seed}: {report.problems}"
        after = local.sign(statement(), local.origin(REPOSITORY, REF, COMMIT))
        assert index_of(after) >= report.size
        (tmp_path / f"after-{round_}.json").write_bytes(after)
    indices = sorted(map(index_of, collect(tmp_path).values()))
    assert len(set(indices)) == len(indices)
    report = local.check_log(collect(tmp_path), {})
    assert report.consistent
    assert report.size == indices[-1] + 1
    verify = verifier(local).verify_dsse
    for bundle in collect(tmp_path).values():
        verify(Bundle.from_json(bundle), local_policy())
