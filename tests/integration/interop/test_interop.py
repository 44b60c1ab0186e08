"""Unmodified verifiers of other people read what both signers sign, and refuse what they should."""

from __future__ import annotations

from dataclasses import replace

import pytest
from interop_verifiers import VERIFIERS, failed, ours

from neurocaas_ci.signing.interface import BUNDLE_TYPE


@pytest.fixture(params=VERIFIERS)
def verifier(request):
    return VERIFIERS[request.param]


def test_it_verifies_with_any_proof_and_the_payload_is_the_statement(signed, verifier):
    answers = verifier({"renewed": signed.asked, "earlier": signed.asked.about(signed.other)})
    assert {name: answer.said for name, answer in answers.items() if not answer.valid} == {}
    assert answers["renewed"].payload == signed.statement != answers["earlier"].payload


def test_what_was_signed_verifies_at_every_place_of_a_log(signed, verifier):
    """A proof has another form in a tree of every other size."""
    answers = verifier({str(n): signed.asked.about(new) for n, new in enumerate(signed.fresh)})
    assert {name: answer.said for name, answer in answers.items() if not answer.valid} == {}
    assert all(failed(ours(signed.asked.about(new))) == [] for new in signed.fresh)


def test_another_name_or_issuer_is_refused(signed, verifier):
    asked = signed.asked
    names = [f"{asked.identity}x", asked.identity[:-1], asked.identity[1:], asked.identity.replace(".", "_"),
             f"x{asked.identity}", "somebody@example.org"]  # fmt: skip
    issuers = [f"{asked.issuer}/", asked.issuer[:-1], "https://example.org"]
    questions = {name: replace(asked, identity=name) for name in names}
    questions |= {issuer: replace(asked, issuer=issuer) for issuer in issuers}
    answers = verifier({**questions, "right": asked})
    assert [name for name, answer in answers.items() if answer.valid] == ["right"]


def test_our_own_answer_has_nothing_against_it(signed):
    result = ours(signed.asked, signed.results)
    assert [check.name for check in result.checks if check.state == "ok"] == [
        "signature", "certificate", "log", "identity", "statement", "origin", "trust",
        "outputs", "records", "parameters", "nothing else",
    ]  # fmt: skip
    assert failed(ours(signed.asked.about(signed.other))) == []
    assert signed.document["mediaType"] == BUNDLE_TYPE
