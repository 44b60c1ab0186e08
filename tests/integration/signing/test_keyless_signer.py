"""Signing with GitHub's word, end to end: the real client, real HTTP, and every way it can fail."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import traceback

import pytest
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier, policy
from sigstore_instance import COMMIT, REPOSITORY, RUN, WORKFLOW
from sigstore_server import CERTIFICATE, ENTRIES, FOREIGN_ISSUER, HANG, REQUEST_SECRET, TOKEN

from neurocaas_ci.errors import BackendUnavailableError, UsageError, VerificationError
from neurocaas_ci.signing import keys
from neurocaas_ci.signing.identities import GITHUB, GITHUB_ISSUER
from neurocaas_ci.signing.interface import Origin
from neurocaas_ci.signing.local_sigstore import LocalSigstore
from neurocaas_ci.signing.log_signer import LogSigner
from neurocaas_ci.signing.sigstore_keyless import KeylessSigner
from neurocaas_ci.signing.transparency_log import TransparencyLog

REF = "refs/heads/main"
STATEMENT = b"""{"_type": "https://in-toto.io/Statement/v1",
  "subject": [{"name": "a", "digest": {"sha256": "%s"}}],
  "predicateType": "https://slsa.dev/provenance/v1", "predicate": {}}
""" % (b"a" * 64)
FULL_POLICY = policy.AllOf(
    [
        policy.Identity(identity=f"{GITHUB}/{WORKFLOW}", issuer=GITHUB_ISSUER),
        policy.OIDCIssuerV2(GITHUB_ISSUER),
        policy.OIDCBuildSignerURI(f"{GITHUB}/{WORKFLOW}"),
        policy.OIDCBuildSignerDigest(COMMIT),
        policy.OIDCRunnerEnvironment("github-hosted"),
        policy.OIDCSourceRepositoryURI(REPOSITORY),
        policy.OIDCSourceRepositoryDigest(COMMIT),
        policy.OIDCSourceRepositoryRef(REF),
        policy.OIDCSourceRepositoryIdentifier("1"),
        policy.OIDCSourceRepositoryOwnerURI(f"{GITHUB}/lab"),
        policy.OIDCSourceRepositoryOwnerIdentifier("2"),
        policy.OIDCBuildConfigURI(f"{GITHUB}/{WORKFLOW}"),
        policy.OIDCBuildConfigDigest(COMMIT),
        policy.OIDCBuildTrigger("push"),
        policy.OIDCRunInvocationURI(RUN),
        policy.OIDCSourceRepositoryVisibility("public"),
        policy.GitHubWorkflowTrigger("push"),
        policy.GitHubWorkflowSHA(COMMIT),
        policy.GitHubWorkflowName("run"),
        policy.GitHubWorkflowRepository("lab/study"),
        policy.GitHubWorkflowRef(REF),
    ]
)


@pytest.fixture
def signer(github):
    return KeylessSigner(github.trust_config)


@pytest.fixture
def origin(signer):
    return signer.origin(REPOSITORY, REF, COMMIT)


def verify(github, bundle):
    verifier = Verifier(trusted_root=TrustedRoot.from_file(str(github.trusted_root)))
    return verifier.verify_dsse(Bundle.from_json(bundle), FULL_POLICY)


def test_a_workflow_run_signs_and_the_whole_policy_holds(github, signer, origin):
    assert origin == Origin(REPOSITORY, REF, COMMIT, RUN, "github-hosted")
    for _ in range(3):
        bundle = signer.sign(STATEMENT, origin)
        assert verify(github, bundle)[1] == STATEMENT
    # A run lasts longer than a token: each signature asked for a new one.
    assert len(set(github.tokens)) == len(github.tokens) == 4
    assert github.log.check({"bundle": bundle}, {}).size == 3


def test_what_the_instance_mints_without_http_is_the_same_kind(github):
    assert verify(github, github.mint(STATEMENT))[1] == STATEMENT


def test_the_ref_is_githubs(github, signer):
    github.claims["ref"] = "refs/heads/other"
    assert signer.origin(REPOSITORY, REF, COMMIT).ref == "refs/heads/other"


def test_git_and_github_must_agree(signer):
    with pytest.raises(VerificationError, match="at commit"):
        signer.origin(REPOSITORY, REF, "d" * 40)
    with pytest.raises(VerificationError, match="lab/study runs"):
        signer.origin("https://github.com/lab/fork", REF, COMMIT)


def test_a_statement_of_another_run_is_not_signed(github, signer, origin):
    github.claims["run_attempt"] = "2"
    with pytest.raises(VerificationError, match=r"attempts/1 .*attempts/2"):
        signer.sign(STATEMENT, origin)
    assert github.log.check({}, {}).size == 0


def test_a_local_origin_is_not_signed(github, signer, tmp_path):
    local = LocalSigstore.open(tmp_path / "local").origin(REPOSITORY, REF, COMMIT)
    with pytest.raises(VerificationError):
        signer.sign(STATEMENT, local)


def test_a_foreign_issuer_is_refused(github, signer):
    github.claims["iss"] = FOREIGN_ISSUER
    with pytest.raises(VerificationError, match="gitlab") as caught:
        signer.origin(REPOSITORY, REF, COMMIT)
    assert caught.value.exit_code == 13


@pytest.mark.parametrize("missing", ["TOKEN", "URL"])
def test_a_job_without_the_permission_learns_what_to_write(signer, monkeypatch, missing):
    monkeypatch.delenv(f"ACTIONS_ID_TOKEN_REQUEST_{missing}")
    with pytest.raises(BackendUnavailableError) as caught:
        signer.origin(REPOSITORY, REF, COMMIT)
    assert caught.value.exit_code == 16
    assert "permissions:\n      contents: read\n      id-token: write" in caught.value.hint


def test_a_refused_identity_says_so_without_repeating_the_secret(signer, monkeypatch):
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "wrong-secret")
    with pytest.raises(BackendUnavailableError, match="HTTP 401") as caught:
        signer.origin(REPOSITORY, REF, COMMIT)
    assert "id-token: write" in caught.value.hint
    assert "wrong-secret" not in everything(caught.value)


def test_outside_of_github_there_is_no_identity(signer, monkeypatch):
    monkeypatch.delenv("GITHUB_ACTIONS")
    with pytest.raises(BackendUnavailableError, match="outside of GitHub Actions") as caught:
        signer.origin(REPOSITORY, REF, COMMIT)
    assert "this machine's own instance" in caught.value.hint


def test_an_expired_token_asks_for_another_attempt(github, signer, origin):
    github.token_seconds = -60
    for use in (
        lambda: signer.origin(REPOSITORY, REF, COMMIT),
        lambda: signer.sign(STATEMENT, origin),
    ):
        with pytest.raises(BackendUnavailableError, match="has expired"):
            use()


def test_a_token_for_somebody_else_is_refused(github, signer, origin, monkeypatch):
    real = github.token
    monkeypatch.setattr(github, "token", lambda _, job: real("somebody else", job))
    with pytest.raises((VerificationError, BackendUnavailableError), match=r"audience|not verify"):
        signer.sign(STATEMENT, origin)
    assert github.log.check({}, {}).size == 0


def everything(error):
    """Return all that a user could see of an error, with -v too."""
    return "".join(traceback.format_exception(error)) + str(error)


@pytest.mark.parametrize("path", [TOKEN, CERTIFICATE, ENTRIES])
@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 409, 429, 500, 502, 503])
def test_every_answer_of_every_service_becomes_one_of_our_errors(
    github, signer, origin, path, status
):
    github.faults[path] = status
    with pytest.raises((VerificationError, BackendUnavailableError)) as caught:
        signer.sign(STATEMENT, origin)
    transient = path == TOKEN or status >= 500 or status == 429
    assert caught.value.exit_code == (16 if transient else 13)
    assert caught.value.hint
    if path != TOKEN and status != 200:
        assert "injected fault" in caught.value.message
        assert f"HTTP {status}" in caught.value.message
    seen = everything(caught.value)
    assert REQUEST_SECRET not in seen
    assert not [token for token in github.tokens if token in seen]
    github.faults.clear()
    assert verify(github, signer.sign(STATEMENT, origin))


@pytest.mark.parametrize("service", ["caUrls", "rekorTlogUrls"])
def test_a_service_that_is_down_is_tried_again_later(github, origin, service):
    with socket.socket() as closed:
        # Bound and not listening: the port is ours, and connections are refused.
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        config = github.write_trust_config("down.json", **{service: url})
        with pytest.raises(BackendUnavailableError, match="cannot be reached") as caught:
            KeylessSigner(config).sign(STATEMENT, origin)
    assert ("Fulcio" if service == "caUrls" else "Rekor") in caught.value.where
    assert not [token for token in github.tokens if token in everything(caught.value)]


def test_a_token_endpoint_that_is_down_is_tried_again_later(signer, monkeypatch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/token"
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", url)
        with pytest.raises(BackendUnavailableError, match="gives no identity"):
            signer.origin(REPOSITORY, REF, COMMIT)


@pytest.mark.parametrize("url", ["no url", "http://[", "http://127.0.0.1:99999/"])
def test_an_endpoint_that_is_no_address_is_one_of_our_errors(signer, monkeypatch, url):
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", url)
    with pytest.raises(BackendUnavailableError):
        signer.origin(REPOSITORY, REF, COMMIT)


@pytest.mark.parametrize("path", [TOKEN, CERTIFICATE, ENTRIES])
def test_a_service_that_never_answers_is_not_waited_for(github, origin, path):
    github.faults[path] = HANG
    with pytest.raises(BackendUnavailableError, match="did not answer within 1 s") as caught:
        KeylessSigner(github.trust_config, patience=1).sign(STATEMENT, origin)
    assert caught.value.where == ("GitHub's token endpoint" if path == TOKEN else "Sigstore")


def test_an_authority_of_another_instance_is_noticed(github, origin, tmp_path):
    LocalSigstore.open(tmp_path / "local")
    own = json.loads(github.trust_config.read_text())
    other = json.loads((tmp_path / "local" / "client_trust_config.json").read_text())
    mixed = tmp_path / "mixed.json"
    mixed.write_text(json.dumps({**own, "trustedRoot": other["trustedRoot"]}))
    with pytest.raises(VerificationError, match="does not verify") as caught:
        KeylessSigner(mixed).sign(STATEMENT, origin)
    assert "trust config" in caught.value.hint


def broken(document, *path):
    """Return a trust config without one part of it."""
    changed = json.loads(json.dumps(document))
    *above, last = path
    place = changed
    for key in above:
        place = place[key]
    del place[last]
    return json.dumps(changed).encode()


def test_a_trust_config_that_is_not_one_is_a_mistake_of_usage(github, origin, tmp_path):
    good = json.loads(github.trust_config.read_text())
    cases = [
        b"", b"{", b"[]", b"{}", b"\xff\xfe", b"[" * 50_000,
        github.trusted_root.read_bytes(),
        broken(good, "trustedRoot"),
        broken(good, "signingConfig"),
        broken(good, "signingConfig", "rekorTlogUrls"),
        broken(good, "signingConfig", "caUrls", 0),
        broken(good, "trustedRoot", "certificateAuthorities", 0),
        github.trust_config.read_bytes().replace(b"signingconfig.v0.2", b"signingconfig.v9"),
    ]  # fmt: skip
    for number, content in enumerate(cases):
        path = tmp_path / f"{number}.json"
        path.write_bytes(content)
        with pytest.raises(UsageError, match="malformed") as caught:
            KeylessSigner(path).sign(STATEMENT, origin)
        assert caught.value.where == str(path)
    for missing in (tmp_path / "nowhere.json", tmp_path):
        with pytest.raises(UsageError, match="cannot be read"):
            KeylessSigner(missing).sign(STATEMENT, origin)


def test_a_statement_that_sigstore_does_not_take_is_not_logged(github, signer, origin):
    statement = STATEMENT.replace(b"sha256", b"gitCommit")
    with pytest.raises(VerificationError, match="only in-toto statements"):
        signer.sign(statement, origin)
    assert github.log.check({}, {}).size == 0


def test_without_a_trust_config_the_public_instance_is_asked(signer, origin, monkeypatch, tmp_path):
    # No network here, or one that ends at this closed port: the keys cannot be brought up to date.
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        proxy = f"http://127.0.0.1:{closed.getsockname()[1]}"
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, proxy)
        with pytest.raises(BackendUnavailableError, match="public Sigstore instance"):
            KeylessSigner().sign(STATEMENT, origin)


@pytest.mark.parametrize("visibility", ["private", "internal"])
def test_a_private_repository_is_not_published_by_default(github, signer, visibility):
    github.claims["repository_visibility"] = visibility
    origin = signer.origin(REPOSITORY, REF, COMMIT)
    assert signer.sign(STATEMENT, origin)
    public = KeylessSigner()
    for use in (
        lambda: public.origin(REPOSITORY, REF, COMMIT),
        lambda: public.sign(STATEMENT, origin),
    ):
        with pytest.raises(UsageError, match=f"is {visibility}") as caught:
            use()
        assert "--trust-config" in caught.value.hint


def test_without_the_extra_there_is_a_hint():
    script = """
import sys
sys.modules["sigstore"] = None
from neurocaas_ci.errors import UsageError
from neurocaas_ci.signing.sigstore_keyless import KeylessSigner
try:
    KeylessSigner().origin("r", "f", "c")
except UsageError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert "neurocaas-ci[sign]" in done.stdout, done.stderr


def test_a_log_that_lies_is_noticed_before_anything_is_handed_out(github):
    """The client itself takes whatever the log returns."""
    host = github.url.split("://", 1)[1]
    github.log = TransparencyLog(github.folder / "log", LogSigner(host, keys.generate("P-256")))
    signer = KeylessSigner(github.trust_config)
    origin = signer.origin(REPOSITORY, "refs/heads/main", COMMIT)
    with pytest.raises(VerificationError, match="does not verify"):
        signer.sign(STATEMENT, origin)
