"""The port of stacks on CloudFormation, by change sets."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from neurocaas_ci.deploy.aws.session import Clients, code_of, pages, talking
from neurocaas_ci.deploy.interface import Mending, Proposal, Wanted
from neurocaas_ci.deploy.template import COMMIT, MOST_INLINE, TEMPLATE
from neurocaas_ci.errors import BackendUnavailableError
from neurocaas_ci.model.cloud_names import FOUNDATION
from neurocaas_ci.model.deploy import StackState

_EMPTY = ("didn't contain changes", "No updates are to be performed")
_GONE = {"ChangeSetNotFound", "ChangeSetNotFoundException"}
_BUSY = {"InvalidChangeSetStatus", "OperationInProgressException", "TokenAlreadyExistsException"}
_COMING = {"UNAVAILABLE", "EXECUTE_IN_PROGRESS"}
_BAD_NEWS = ("FAILED", "ROLLBACK")


class CloudFormationStacks:
    """Stacks of one account and region; large templates go through the foundation's bucket."""

    def __init__(self, clients: Clients, role: str | None = None) -> None:
        self._clients = clients
        self._role = role

    @property
    def _api(self) -> Any:
        return self._clients.get("cloudformation")

    def observe(self, stack: str) -> StackState | None:
        """Return how a stack stands, with the first thing that failed; None where there is none."""
        with talking(stack):
            found = self._describe(stack)
            if found is None:
                return None
            status = found["StackStatus"]
            outputs = outputs_of(found)
            reason = str(found.get("StackStatusReason", ""))
            if any(word in status for word in _BAD_NEWS):
                reason = self._first_failure(stack) or reason
            return StackState(
                stack,
                status,
                reason,
                found.get("LastUpdatedTime") or found.get("CreationTime"),
                outputs.get(COMMIT, ""),
                outputs.get(TEMPLATE, ""),
                bool(found.get("EnableTerminationProtection")),
            )

    def outputs(self, stack: str) -> dict[str, str]:
        """Return the outputs of a stack by key; nothing where there is none."""
        with talking(stack):
            return outputs_of(self._describe(stack) or {})

    def parameters(self, stack: str) -> dict[str, str]:
        """Return the parameters of a stack by key, but for empty ones; nothing where there is none."""
        with talking(stack):
            found = (self._describe(stack) or {}).get("Parameters", ())
        return {p["ParameterKey"]: p["ParameterValue"] for p in found if p["ParameterValue"]}

    def propose(self, wanted: Wanted, *, create: bool) -> Proposal:
        """Make the change set unless it is there, and return how it stands."""
        with talking(wanted.stack):
            found = self._change_set(wanted)
            if found is None:
                self._create(wanted, create=create)
                found = self._change_set(wanted)
            if found is None:
                return Proposal("pending")
            proposal = _proposal(found)
            return proposal._replace(removed=self._named(wanted.stack, proposal.removed))

    def execute(self, wanted: Wanted) -> None:
        """Start the change set; nothing happens when somebody was faster."""
        from botocore.exceptions import ClientError

        with talking(wanted.stack):
            try:
                self._api.execute_change_set(
                    StackName=wanted.stack,
                    ChangeSetName=wanted.change_set,
                    ClientRequestToken=wanted.change_set,
                )
            except ClientError as error:
                # Somebody was faster; the next look at the stack shows it.
                if not _overtaken(error):
                    raise

    def discard(self, wanted: Wanted) -> None:
        """Remove the change set, if it is there and not at work."""
        from botocore.exceptions import ClientError

        with talking(wanted.stack):
            try:
                self._api.delete_change_set(StackName=wanted.stack, ChangeSetName=wanted.change_set)
            except ClientError as error:
                if not _overtaken(error):
                    raise

    def mend(self, stack: str, how: Mending) -> None:
        """Start to bring a stack out of a dead end, or protect it from being deleted."""
        with talking(stack):
            if how == "delete":
                self._api.delete_stack(StackName=stack)
            elif how == "continue rollback":
                self._api.continue_update_rollback(StackName=stack)
            else:
                self._api.update_termination_protection(
                    StackName=stack, EnableTerminationProtection=True
                )

    def _named(
        self, stack: str, removed: tuple[tuple[str, str], ...]
    ) -> tuple[tuple[str, str], ...]:
        """Return resources with their physical names in place of their logical ids."""
        if not removed:
            return ()
        found = pages(self._api, "list_stack_resources", "StackResourceSummaries", StackName=stack)
        names = {r["LogicalResourceId"]: r.get("PhysicalResourceId") for r in found}
        return tuple((kind, names.get(name) or name) for kind, name in removed)

    def _describe(self, stack: str) -> dict[str, Any] | None:
        from botocore.exceptions import ClientError

        try:
            found = self._api.describe_stacks(StackName=stack)["Stacks"]
        except ClientError as error:
            if _missing(error):
                return None
            raise
        return dict(found[0]) if found else None

    def _change_set(self, wanted: Wanted) -> dict[str, Any] | None:
        from botocore.exceptions import ClientError

        try:
            first = self._api.describe_change_set(
                StackName=wanted.stack, ChangeSetName=wanted.change_set
            )
        except ClientError as error:
            if code_of(error) in _GONE or _missing(error):
                return None
            raise
        found, page = dict(first), first
        while token := page.get("NextToken"):
            page = self._api.describe_change_set(
                StackName=wanted.stack, ChangeSetName=wanted.change_set, NextToken=token
            )
            found["Changes"] = [*found["Changes"], *page["Changes"]]
        return found

    def _create(self, wanted: Wanted, *, create: bool) -> None:
        from botocore.exceptions import ClientError

        try:
            self._api.create_change_set(
                StackName=wanted.stack,
                ChangeSetName=wanted.change_set,
                ChangeSetType="CREATE" if create else "UPDATE",
                ClientToken=wanted.change_set,
                Capabilities=["CAPABILITY_NAMED_IAM"],
                Parameters=[
                    {"ParameterKey": key, "ParameterValue": value}
                    for key, value in sorted(wanted.parameters.items())
                ],
                **self._body(wanted),
                **({"RoleARN": self._role} if self._role else {}),
            )
        except ClientError as error:
            if code_of(error) != "AlreadyExistsException":
                raise

    def _body(self, wanted: Wanted) -> dict[str, str]:
        content = wanted.template.encode()
        if len(content) <= MOST_INLINE:
            return {"TemplateBody": wanted.template}
        bucket = outputs_of(self._describe(FOUNDATION) or {}).get("Bucket")
        if not bucket:
            raise BackendUnavailableError(
                f"the template has {len(content)} bytes, which have to go through the platform's "
                "bucket, and there is none",
                where=wanted.stack,
                hint="make the foundation first: neurocaas deploy --apply --foundation",
            )
        key = f"deploy/templates/{hashlib.sha256(content).hexdigest()}.json"
        storage = self._clients.get("s3")
        storage.put_object(Bucket=bucket, Key=key, Body=content, ContentType="application/json")
        region = storage.meta.region_name
        return {"TemplateURL": f"https://{bucket}.s3.{region}.amazonaws.com/{key}"}

    def _first_failure(self, stack: str) -> str:
        """Return why the last operation failed: the first resource that did, not what followed."""
        reason = ""
        for event in self._api.describe_stack_events(StackName=stack)["StackEvents"]:
            text = str(event.get("ResourceStatusReason", ""))
            if event["LogicalResourceId"] == stack and text == "User Initiated":
                break
            if event["ResourceStatus"].endswith("_FAILED") and "cancelled" not in text:
                reason = f"{event['LogicalResourceId']} ({event['ResourceType']}): {text}"
        return reason


def template_of(clients: Clients, stack: str) -> dict[str, Any]:
    """Return the template that a stack was made from; raise ClientError where there is none."""
    body = clients.get("cloudformation").get_template(StackName=stack)["TemplateBody"]
    template: dict[str, Any] = json.loads(body) if isinstance(body, str) else body
    return template


def outputs_of(stack: dict[str, Any]) -> dict[str, str]:
    """Return the outputs of a described stack by key."""
    return {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", ())}


def _missing(error: Any) -> bool:
    return code_of(error) == "ValidationError" and "does not exist" in str(error)


def _overtaken(error: Any) -> bool:
    """Tell whether somebody else has started, ended or removed the change set, or is at work."""
    busy = code_of(error) == "ValidationError" and "_IN_PROGRESS" in str(error)
    return busy or _missing(error) or code_of(error) in _BUSY | _GONE


def _proposal(found: dict[str, Any]) -> Proposal:
    status, executable = found["Status"], found.get("ExecutionStatus", "")
    reason = str(found.get("StatusReason", ""))
    if status == "FAILED":
        empty = any(text in reason for text in _EMPTY)
        return Proposal("empty" if empty else "failed", reason)
    if status in {"CREATE_PENDING", "CREATE_IN_PROGRESS"} or executable in _COMING:
        return Proposal("pending", reason)
    if executable != "AVAILABLE":
        return Proposal("stale", executable)
    changes = [change["ResourceChange"] for change in found.get("Changes", ())]
    removed = tuple(
        (change["ResourceType"], change["LogicalResourceId"])
        for change in changes
        if (change["Action"] == "Remove" and change.get("PolicyAction", "Delete") == "Delete")
        or change.get("Replacement") == "True"
    )
    return Proposal("ready", reason, removed)
