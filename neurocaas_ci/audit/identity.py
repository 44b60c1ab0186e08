"""Who signed: the policy for the signing certificate, and whether the statement agrees with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neurocaas_ci.certify.layout import builder_id
from neurocaas_ci.model.certificate import Certificate
from neurocaas_ci.model.trust_file import PUBLIC_GOOD
from neurocaas_ci.model.verification import Check, failed, ok
from neurocaas_ci.signing.identities import GITHUB, GITHUB_ISSUER, LOCAL_IDENTITY, LOCAL_ISSUER
from neurocaas_ci.signing.interface import BuilderMode

if TYPE_CHECKING:
    from cryptography import x509
    from sigstore.verify.policy import VerificationPolicy

DEFAULT_WORKFLOW = ".github/workflows/sign.yml"
_MAIN = "refs/heads/main"
_MODES: tuple[BuilderMode, ...] = ("local", "github-hosted", "self-hosted")
_TRIGGERS = ("push", "workflow_dispatch", "schedule", "workflow_call", "workflow_run")


@dataclass(frozen=True, slots=True)
class Expected:
    """Whom an auditor accepts as the signer of a registry's certificates.

    `repository` is an https address, or empty when nobody said; `workflow` is a path in it, or
    `owner/repo/path@ref` for a reusable workflow elsewhere.
    """

    repository: str = ""
    workflow: str = DEFAULT_WORKFLOW
    ref: str = _MAIN
    self_hosted: bool = False


def judge_identity(signer: x509.Certificate, tier: str, expected: Expected) -> Iterator[Check]:
    """Yield who signed and whether that is who may; the tier says which rules apply."""
    from sigstore.verify import policy

    if tier != PUBLIC_GOOD and _holds(policy.OIDCIssuerV2(LOCAL_ISSUER), signer) is None:
        yield _answer(
            signer,
            [policy.Identity(identity=LOCAL_IDENTITY), policy.OIDCRunnerEnvironment("local")],
            f"{LOCAL_IDENTITY}: the platform, on the machine that holds this root's keys",
        )
        return
    if not expected.repository:
        yield failed("identity", "nobody said which repository may sign; name it with --repository")
        return
    identity = workflow_identity(expected)
    word = "GitHub's word" if tier == PUBLIC_GOOD else "the word of who holds this root's keys"
    environments: list[VerificationPolicy] = [policy.OIDCRunnerEnvironment("github-hosted")]
    if expected.self_hosted:
        environments.append(policy.OIDCRunnerEnvironment("self-hosted"))
    yield _answer(
        signer,
        [
            policy.OIDCIssuerV2(GITHUB_ISSUER),
            policy.Identity(identity=identity),
            policy.OIDCSourceRepositoryURI(expected.repository),
            policy.OIDCSourceRepositoryRef(expected.ref),
            policy.AnyOf(environments),
            # A pull request's workflow runs code that nobody has approved.
            policy.AnyOf([policy.OIDCBuildTrigger(trigger) for trigger in _TRIGGERS]),
        ],
        f"{identity}, on {word}, for {expected.repository} at {expected.ref}",
    )


def workflow_identity(expected: Expected) -> str:
    """Return the name that Fulcio gives to a workflow: its address with the ref it was taken from."""
    if "@" in expected.workflow:
        return f"{GITHUB}/{expected.workflow}"
    return f"{expected.repository}/{expected.workflow}@{expected.ref}"


def judge_origin(signer: x509.Certificate, certificate: Certificate) -> Iterator[Check]:
    """Yield whether the statement, which a workflow writes, agrees with the signing certificate."""
    from sigstore.verify import policy

    problem = next(
        (
            text
            for rule in (
                policy.OIDCSourceRepositoryURI(certificate.repository),
                policy.OIDCSourceRepositoryRef(certificate.ref),
                policy.OIDCSourceRepositoryDigest(certificate.main_commit),
                policy.OIDCRunInvocationURI(certificate.invocation),
            )
            if (text := _holds(rule, signer)) is not None
        ),
        None,
    )
    mode = next((m for m in _MODES if builder_id(m) == certificate.builder), None)
    if problem is None and mode is None:
        problem = f"the builder {certificate.builder!r} is not one of this platform's"
    if problem is None and mode is not None:
        problem = _holds(policy.OIDCRunnerEnvironment(mode), signer)
    if problem is not None:
        yield failed("origin", f"the statement contradicts its signing certificate: {problem}")
        return
    yield ok(
        "origin",
        "repository, ref, commit, invocation and builder of the statement are those of its "
        "signing certificate",
    )


def _answer(signer: x509.Certificate, rules: list[VerificationPolicy], text: str) -> Check:
    for rule in rules:
        if (problem := _holds(rule, signer)) is not None:
            return failed("identity", f"not signed by who may: {problem}")
    return ok("identity", text)


def _holds(rule: VerificationPolicy, signer: x509.Certificate) -> str | None:
    """Return why the certificate breaks a rule, or None; any exception means that it does."""
    try:
        rule.verify(signer)
    except Exception as error:  # noqa: BLE001 - whatever happens on untrusted input is a no
        return " ".join(str(error).split()) or type(error).__name__
    return None
