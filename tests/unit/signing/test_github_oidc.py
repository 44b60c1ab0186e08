"""What a workflow's token says, and when it is not believed."""

from __future__ import annotations

import base64
import json

import pytest

from neurocaas_ci.errors import BackendUnavailableError, VerificationError
from neurocaas_ci.signing.github_oidc import origin_of, read_claims, require_agreement
from neurocaas_ci.signing.identities import GITHUB_ISSUER
from neurocaas_ci.signing.interface import Origin

CLAIMS = {
    "iss": GITHUB_ISSUER, "exp": 200, "nbf": 50, "repository": "lab/study", "sha": "c" * 40,
    "ref": "refs/heads/main", "run_id": "7", "run_attempt": "2",
    "runner_environment": "github-hosted",
}  # fmt: skip
NOW = 100
ORIGIN = Origin(
    "https://github.com/lab/study",
    "refs/heads/main",
    "c" * 40,
    "https://github.com/lab/study/actions/runs/7/attempts/2",
    "github-hosted",
)


def encode(document):
    return base64.urlsafe_b64encode(document).rstrip(b"=").decode()


def test_claims_are_read_without_padding():
    for filler in ("", "x", "xx", "ä"):
        payload = json.dumps({"repository": filler}).encode()
        assert read_claims(f"e30.{encode(payload)}.sig") == {"repository": filler}


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b",
        "a.b.c",
        "a.b.c.d",
        f"a.{encode(b'[]')}.c",
        f"a.{encode(b'[' * 90_000)}.c",
        "é.é.é",
    ],
)
def test_what_is_no_token(token):
    with pytest.raises(BackendUnavailableError, match="not an identity token") as caught:
        read_claims(token)
    assert not token or token not in str(caught.value)


def test_the_origin_is_the_tokens():
    assert origin_of(CLAIMS, NOW) == ORIGIN
    assert origin_of({**CLAIMS, "runner_environment": "self-hosted"}, NOW).mode == "self-hosted"


@pytest.mark.parametrize(
    "issuer", ["https://gitlab.com", "", None, GITHUB_ISSUER + "/enterprise", ["x"]]
)
def test_another_issuers_word_does_not_count(issuer):
    with pytest.raises(VerificationError, match=r"not by https://token\.actions") as caught:
        origin_of({**CLAIMS, "iss": issuer}, NOW)
    assert caught.value.exit_code == 13


@pytest.mark.parametrize("change", [{"exp": 100}, {"exp": None}, {"exp": "200"}, {"nbf": 101}])
def test_a_token_out_of_its_time_asks_for_another_attempt(change):
    with pytest.raises(BackendUnavailableError, match=r"identity (has expired|is not valid yet)"):
        origin_of({**CLAIMS, **change}, NOW)


@pytest.mark.parametrize(
    "name", ["repository", "sha", "ref", "run_id", "run_attempt", "runner_environment"]
)
@pytest.mark.parametrize("value", [None, "", 7])
def test_a_claim_that_is_missing_is_named(name, value):
    with pytest.raises(VerificationError, match=name):
        origin_of({**CLAIMS, name: value}, NOW)


@pytest.mark.parametrize("environment", ["local", "moon"])
def test_an_unknown_runner_is_refused(environment):
    with pytest.raises(VerificationError, match=environment):
        origin_of({**CLAIMS, "runner_environment": environment}, NOW)


@pytest.mark.parametrize(
    "address",
    [
        "https://github.com/lab/study",
        "https://github.com/Lab/Study.git",
        "https://github.com/lab/study/",
        "https://x-access-token:s3cret@github.com/lab/study.git",
        "git@github.com:lab/study.git",
        "ssh://git@github.com/lab/study",
    ],
)
def test_the_same_repository_has_many_addresses(address):
    require_agreement(ORIGIN, address, ORIGIN.commit)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "urn:neurocaas:registry:" + "c" * 40,
        "https://github.com/lab/other",
        "https://github.com/other/study",
        "https://github.com/lab/study/tree/main",
        "https://github.example/lab/study",
        "https://evil.example/github.com/lab/study",
        "https://evil.example@github.com.evil.example/lab/study",
    ],
)
def test_another_repository_is_a_contradiction(address):
    with pytest.raises(VerificationError, match=r"GitHub says that .* runs"):
        require_agreement(ORIGIN, address, ORIGIN.commit)


@pytest.mark.parametrize("commit", ["d" * 40, "c" * 39, "C" * 40, ""])
def test_another_commit_is_a_contradiction(commit):
    with pytest.raises(VerificationError, match="at commit") as caught:
        require_agreement(ORIGIN, ORIGIN.repository, commit)
    assert "actions/checkout" in caught.value.hint
