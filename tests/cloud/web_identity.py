"""Let moto ask what AWS asks: whose token it is, whom a role trusts, and what the role may.

moto itself gives credentials of any role for any token, and its policies know no resources but `*`.
Here a token has to be signed by the issuer, for an audience of the account's provider, and within its
time; the trust of the role, as it was deployed, decides about its claims. What is then asked with
those credentials has to be allowed by the role's own policies. Of their conditions only those on
PassRole are looked at; callers with other credentials may do everything.

S3's actions have the names that IAM knows. What Batch is asked about is read from the request.
"""

from __future__ import annotations

import datetime as dt
import fnmatch
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest import mock

import jwt
from cloudformation import ACCOUNT, REGION
from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.exceptions import AccessDeniedError
from moto.core.responses import ActionResult
from moto.iam.models import iam_backends
from moto.s3.exceptions import S3AccessDeniedError
from moto.sts.models import sts_backends
from moto.sts.responses import TokenResponse

# For moto every call is an action of its own; the rights that IAM asks for are fewer.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
_RIGHTS = {
    "CreateMultipartUpload": "PutObject", "UploadPart": "PutObject", "UploadPartCopy": "PutObject",
    "CompleteMultipartUpload": "PutObject", "CopyObject": "PutObject", "HeadObject": "GetObject",
    "ListParts": "ListMultipartUploadParts", "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions", "ListObjectsV2": "ListBucket",
    "ListObjects": "ListBucket", "HeadBucket": "ListBucket",
}  # fmt: skip
HOST = "token.actions.githubusercontent.com"
_PARTITION = "aws"


@dataclass
class Gate:
    """What was asked by roles, and what was refused; `seconds` is how long credentials last.

    `before` is called with what a role asks for before it is judged.
    """

    issuer: object
    seconds: int = 3600
    before: Callable[[str], None] = lambda _action: None
    assumed: list[tuple[str, dict]] = field(default_factory=list)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


@contextmanager
def guarded(issuer) -> Iterator[Gate]:
    """Judge what comes to the servers of this process for the block; `issuer` signs the tokens."""
    gate = Gate(issuer)
    take_on = TokenResponse.assume_role_with_web_identity

    def assume(self) -> ActionResult:
        arn, token = self._get_param("RoleArn"), self._get_param("WebIdentityToken")
        try:
            claims = _trusted(gate, arn, token)
        except Exception as error:
            gate.refused.append(f"AssumeRoleWithWebIdentity {arn}: {error}")
            raise AccessDeniedError(
                user_arn="web identity", action="AssumeRoleWithWebIdentity"
            ) from error
        gate.assumed.append((arn, claims))
        result = take_on(self)
        made = sts_backends[ACCOUNT][_PARTITION].assumed_roles[-1]
        now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
        made.expiration = now + dt.timedelta(seconds=gate.seconds)
        return result

    def authorize(self, kind, resource="*") -> None:
        if (role := _role_of(self.headers.get("Authorization", ""))) is None:
            return
        service = self.headers["Authorization"].split("Credential=")[1].split("/")[3]
        for action, place in _rights_asked(self, service, resource):
            gate.asked.append((role, action, place))
            gate.before(action)
            if not _allowed(role, action, place):
                gate.refused.append(f"{role}: {action} on {place}")
                if service == "s3":
                    raise S3AccessDeniedError
                raise AccessDeniedError(user_arn=role, action=action)

    with (
        mock.patch.object(TokenResponse, "assume_role_with_web_identity", assume),
        mock.patch.object(
            ActionAuthenticatorMixin, "_authenticate_and_authorize_action", authorize
        ),
    ):
        yield gate


def _trusted(gate: Gate, arn: str, token: str) -> dict:
    """Return the claims of a token that a role trusts; raise for any other."""
    iam = iam_backends[ACCOUNT][_PARTITION]
    (provider,) = [
        (found, one) for found, one in iam.open_id_providers.items() if one.url.endswith(HOST)
    ]  # fmt: skip
    claims = jwt.decode(
        token, gate.issuer.identity_key.public_key(), algorithms=["ES256"],
        issuer=f"https://{HOST}", audience=provider[1].client_id_list,
        options={"require": ["exp", "iat", "sub"]},
    )  # fmt: skip
    document = iam.get_role_by_arn(arn).assume_role_policy_document
    document = json.loads(document) if isinstance(document, str) else document
    for statement in document["Statement"]:
        conditions = statement["Condition"]
        if set(conditions) != {"StringEquals"}:
            raise ValueError(f"conditions of another kind: {sorted(conditions)}")
        wanted = {key: _listed(value) for key, value in conditions["StringEquals"].items()}
        given = {key: str(claims.get(key.removeprefix(f"{HOST}:"))) for key in wanted}
        if (
            statement["Effect"] == "Allow"
            and "sts:AssumeRoleWithWebIdentity" in _listed(statement["Action"])
            and provider[0] in _listed(statement["Principal"]["Federated"])
            and all(given[key] in wanted[key] for key in wanted)
        ):
            return claims
    raise ValueError(f"not trusted: {given}, wanted {wanted}")


def _role_of(authorization: str) -> str | None:
    key = authorization.partition("Credential=")[2].partition("/")[0]
    for role in sts_backends[ACCOUNT][_PARTITION].assumed_roles:
        if role.access_key_id == key:
            return role.role_arn.rpartition("/")[2]
    return None


def _rights_asked(request, service: str, resource: str) -> Iterator[tuple[str, str]]:
    action = request._get_action()
    action = action[0] if isinstance(action, list) else action
    place = resource
    if service == "cloudformation" and (stack := request._get_param("StackName")):
        name = stack if stack.startswith("arn:") else f"{_cloudformation()}:stack/{stack}/1"
        place = name
        if role := request._get_param("RoleARN"):
            yield "iam:PassRole", f"{role} to cloudformation.amazonaws.com"
    elif service == "iam" and (role := request._get_param("RoleName")):
        place = _role_arn(role, request._get_param("Path") or "/")
    elif service == "s3":
        action = _RIGHTS.get(action, action)
    elif service == "logs" and (group := request._get_param("logGroupName")):
        place = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:log-stream:x"
    elif service == "batch":
        yield from _rights_of_batch(request, str(action))
        return
    elif (service, action) == ("sts", "GetCallerIdentity"):
        # Nobody needs a right to ask who they are.
        return
    yield f"{service}:{action}", place


def _rights_of_batch(request, action: str) -> Iterator[tuple[str, str]]:
    """Return each thing that a call is about: all of them have to be allowed."""
    arn = f"arn:aws:batch:{REGION}:{ACCOUNT}:"
    kinds = {
        "jobQueue": "job-queue", "jobDefinition": "job-definition", "jobId": "job",
        "jobDefinitionName": "job-definition", "resourceArn": "", "consumableResource": "consumable-resource",
        "consumableResourceName": "consumable-resource",
    }  # fmt: skip
    if action.startswith(("describe", "list")):
        yield f"batch:{action}", "*"
        return
    for name, kind in kinds.items():
        if given := request._get_param(name):
            yield f"batch:{action}", given if given.startswith("arn:") else f"{arn}{kind}/{given}"
    container = request._get_param("containerProperties") or {}
    for role in ("jobRoleArn", "executionRoleArn"):
        if given := container.get(role):
            yield "iam:PassRole", f"{given} to ecs-tasks.amazonaws.com"


def _role_arn(name: str, path: str) -> str:
    """Return the ARN of a role, or that which it is about to have."""
    iam = iam_backends[ACCOUNT][_PARTITION]
    known = [role.arn for role in iam.get_roles() if role.name == name]
    return known[0] if known else f"arn:aws:iam::{ACCOUNT}:role{path}{name}"


def _cloudformation() -> str:
    return f"arn:aws:cloudformation:{REGION}:{ACCOUNT}"


def _allowed(role: str, action: str, resource: str) -> bool:
    resource, _, service = resource.partition(" to ")
    iam = iam_backends[ACCOUNT][_PARTITION]
    for name in iam.list_role_policies(role):
        document = iam.get_role_policy(role, name)[1]
        document = json.loads(document) if isinstance(document, str) else document
        for statement in document["Statement"]:
            if (
                statement["Effect"] == "Allow"
                and any(_like(action, one, fold=True) for one in _listed(statement["Action"]))
                and any(_like(resource, one) for one in _listed(statement["Resource"]))
                and (action != "iam:PassRole" or _handed(statement, service))
            ):
                return True
    return False


def _handed(statement: dict, service: str) -> bool:
    """Tell whether a statement lets a role be handed to the service that it is handed to here."""
    return service in _listed(statement["Condition"]["StringEquals"]["iam:PassedToService"])


def _like(text: str, pattern: str, *, fold: bool = False) -> bool:
    if fold:
        text, pattern = text.lower(), pattern.lower()
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]"))


def _listed(value) -> list[str]:
    return value if isinstance(value, list) else [value]
