"""Whose certificates an auditor accepts: workflows on GitHub, with one thing wrong each.

The unmodified client signs with services of our own, which issue what GitHub's token says; the
statement always agrees with the certificate, so that only the policy decides.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from certify_facts import make_facts, make_record
from interop_verifiers import Asked, failed, ours, sigstore_js, sigstore_python
from sigstore_instance import CLAIMS, COMMIT, REPOSITORY, WORKFLOW
from sigstore_server import running

from neurocaas_ci.audit.identity import Expected
from neurocaas_ci.audit.signature import TrustRoot, load_root
from neurocaas_ci.audit.verify import Question, verify
from neurocaas_ci.certify.statement import make_statement
from neurocaas_ci.model.trust_file import PUBLIC_GOOD
from neurocaas_ci.signing.identities import GITHUB, GITHUB_ISSUER, LOCAL_IDENTITY, LOCAL_ISSUER
from neurocaas_ci.signing.local_sigstore import LocalSigstore
from neurocaas_ci.signing.sigstore_keyless import KeylessSigner

REUSED = "platform/tools/.github/workflows/run.yml@refs/tags/v1"


def workflow(text: str) -> dict[str, str]:
    return {"job_workflow_ref": text, "workflow_ref": text}


def repository(slug: str) -> dict[str, str]:
    """Return what a token says of the same workflow in another repository."""
    owner = slug.partition("/")[0]
    return {
        "repository": slug, "repository_owner": owner,
        **workflow(WORKFLOW.replace("lab/study", slug)),
    }  # fmt: skip


CLAIMED = {
    "as expected": {},
    "started by hand": {"event_name": "workflow_dispatch"},
    "by schedule": {"event_name": "schedule"},
    "another repository": repository("mallory/study"),
    "a repository whose name begins alike": repository("lab/study-2"),
    "a repository in capitals": repository("Lab/Study"),
    "a fork, with the workflow of the original": {
        "repository": "mallory/study", "repository_owner": "mallory",
    },
    "another workflow": workflow("lab/study/.github/workflows/other.yml@refs/heads/main"),
    "a workflow whose name begins alike": workflow(WORKFLOW.replace("sign.yml", "sign.yml.yml")),
    "the workflow of another branch": workflow(WORKFLOW.replace("heads/main", "heads/other")),
    "another branch": {"ref": "refs/heads/other"},
    "another branch with its own workflow": {
        "ref": "refs/heads/other", **workflow(WORKFLOW.replace("heads/main", "heads/other")),
    },
    "a branch whose name begins alike": {"ref": "refs/heads/main-2"},
    "a tag": {"ref": "refs/tags/main", **workflow(WORKFLOW.replace("heads/main", "tags/main"))},
    "a pull request's merge": {"ref": "refs/pull/1/merge", "event_name": "pull_request"},
    "a pull request on main": {"event_name": "pull_request"},
    "a pull request with the target's rights": {"event_name": "pull_request_target"},
    "a comment": {"event_name": "issue_comment"},
    "a merge queue": {"event_name": "merge_group"},
    "an event of another name": {"event_name": "Push"},
    "a self-hosted runner": {"runner_environment": "self-hosted"},
    "a reused workflow": {"job_workflow_ref": REUSED},
}  # fmt: skip

ACCEPTED = {"as expected", "started by hand", "by schedule"}


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    """Sign as each of these workflow runs; return the trusted root, and bundles by name."""
    folder = tmp_path_factory.mktemp("github")
    with running(folder / "instance") as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment().items():
            patch.setenv(name, value)
        signer, found = KeylessSigner(server.trust_config), {}
        for name, claims in CLAIMED.items():
            server.claims = {**CLAIMS, **claims}
            origin = signer.origin(f"{GITHUB}/{server.claims['repository']}", "", COMMIT)
            found[name] = signer.sign(make_statement(make_facts(make_record()), origin), origin)
    return server.trusted_root, found


def asked_of(bundles, name) -> Asked:
    root, found = bundles
    identity = f"{GITHUB}/{CLAIMED[name].get('job_workflow_ref', WORKFLOW)}"
    return Asked(found[name], root, identity, GITHUB_ISSUER, REPOSITORY)


@pytest.mark.parametrize("name", CLAIMED)
def test_the_policy_decides(bundles, name):
    assert failed(ours(asked_of(bundles, name))) == ([] if name in ACCEPTED else ["identity"])


@pytest.mark.parametrize("name", CLAIMED)
def test_sigstore_python_is_asked_for_name_and_issuer(bundles, name):
    asked = asked_of(bundles, name)
    assert sigstore_python(asked).valid
    # A name holds repository, workflow and ref; it does not hold who ran it, where, and why.
    same = "job_workflow_ref" not in CLAIMED[name]
    assert sigstore_python(replace(asked, identity=f"{GITHUB}/{WORKFLOW}")).valid == same


def test_sigstore_js_is_asked_for_name_and_issuer(bundles):
    right = {name: asked_of(bundles, name) for name in CLAIMED}
    wrong = {
        f"not {name}": replace(asked, identity=f"{GITHUB}/{WORKFLOW}")
        for name, asked in right.items()
        if "job_workflow_ref" in CLAIMED[name]
    }
    answers = sigstore_js({**right, **wrong})
    assert {name for name, answer in answers.items() if answer.valid} == set(right)


def judged(bundles, name, **expected):
    root, found = bundles
    terms = Expected(**{"repository": REPOSITORY, **expected})
    return failed(verify(found[name], Question(load_root(root), terms)))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a self-hosted runner", {"self_hosted": True}),
        ("a reused workflow", {"workflow": REUSED}),
        ("another branch with its own workflow", {"ref": "refs/heads/other"}),
        ("another workflow", {"workflow": ".github/workflows/other.yml"}),
        ("another repository", {"repository": f"{GITHUB}/mallory/study"}),
    ],
)
def test_what_the_auditor_asks_for_is_accepted_and_nothing_else(bundles, name, expected):
    assert judged(bundles, name, **expected) == []
    others = set(CLAIMED) - {name}
    accepted = {other for other in others if judged(bundles, other, **expected) == []}
    # Self-hosted runners are accepted besides GitHub's own.
    assert accepted == (ACCEPTED if "self_hosted" in expected else set())


def test_without_a_repository_nobody_may_sign(bundles):
    assert judged(bundles, "as expected", repository="") == ["identity"]


@pytest.mark.parametrize(
    "expected",
    [
        {"repository": "lab/study"},
        {"repository": f"{REPOSITORY}/"},
        {"repository": f"{REPOSITORY}.git"},
        {"repository": "https://github.com"},
        {"workflow": ".*"},
        {"workflow": ""},
        {"ref": "main"},
        {"ref": ""},
    ],
    ids=str,
)
def test_what_is_expected_is_taken_to_the_letter(bundles, expected):
    assert judged(bundles, "as expected", **expected) == ["identity"]


@pytest.fixture
def local(tmp_path):
    return LocalSigstore.open(tmp_path / "signing")


@pytest.fixture
def local_bundle(local):
    origin = local.origin(REPOSITORY, "refs/heads/main", COMMIT)
    return local.sign(make_statement(make_facts(make_record()), origin), origin)


def test_the_public_root_never_vouches_for_a_local_instance(local_bundle):
    result = verify(local_bundle, Question(load_root(None, offline=True), Expected(REPOSITORY)))
    assert failed(result) == ["signature"]
    assert "a local instance signed this" in result.checks[0].text
    assert (result.certificate, result.job) == ("", "")


def test_a_local_name_counts_for_nothing_below_the_public_tier(local, local_bundle):
    """Were a local authority ever among the public ones, its own name would still not do."""
    root = TrustRoot(PUBLIC_GOOD, load_root(local.trusted_root).verifier)
    assert failed(verify(local_bundle, Question(root, Expected(REPOSITORY)))) == ["identity"]
    assert failed(verify(local_bundle, Question(root))) == ["identity"]
    asked = Asked(local_bundle, local.trusted_root, LOCAL_IDENTITY, LOCAL_ISSUER)
    assert failed(ours(asked)) == []
