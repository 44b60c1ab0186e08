"""The auditor's guide, played: somebody else verifies and replays what the scientist got."""

import json

import pytest

from neurocaas_ci.audit.signature import read_payload

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(400)]


def test_auditor_replays_what_the_scientist_got_and_says_so(sessions):
    assert sessions.play("auditor")
    clone = sessions.folder / "auditor"
    (file,) = clone.glob("certificates/grace/*/intervals-02.replays/*.sigstore.json")
    verdict = json.loads(read_payload(file.read_bytes()))
    assert verdict["predicate"]["properties"] == ["NEUROCAAS_REPLAY_IDENTICAL"]
    (certificate,) = clone.glob("certificates/grace/*/intervals-02.sigstore.json")
    said = json.loads(read_payload(certificate.read_bytes()))
    outputs = {subject["name"]: subject["digest"] for subject in said["subject"]}
    assert {s["name"]: s["digest"] for s in verdict["subject"][1:]} == outputs
    # The auditor has a store and keys of their own.
    assert (sessions.folder / "auditor-home/signing/trusted_root.json").read_bytes() != (
        sessions.home / "signing/trusted_root.json"
    ).read_bytes()
