"""CloudFormation templates as plain dictionaries, and as JSON of one form; no I/O here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from neurocaas_ci.model.cloud_names import export

Json = dict[str, Any]

COMMIT, TEMPLATE = "Commit", "Template"
"""Outputs that say what is deployed: the commit that changed the stack last, and `identity`."""

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MOST_BYTES = 1_000_000
MOST_INLINE = 51_200
MOST_RESOURCES = 500
MOST_OUTPUTS = 200


def ref(name: str) -> Json:
    """Return a reference to a resource or parameter of the same template."""
    return {"Ref": name}


def att(name: str, attribute: str) -> Json:
    """Return a reference to an attribute of a resource of the same template."""
    return {"Fn::GetAtt": [name, attribute]}


def sub(text: str) -> Json:
    """Return a text in which `${...}` is filled in."""
    return {"Fn::Sub": text}


def imported(name: str) -> Json:
    """Return a value that the foundation exports."""
    return {"Fn::ImportValue": export(name)}


def statement(sid: str, actions: list[str], resources: Any, **rest: Any) -> Json:
    """Return a statement of a policy that allows actions."""
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources, **rest}


def policy(*statements: Json) -> Json:
    """Return a policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def trust(service: str, **condition: Any) -> Json:
    """Return the document that lets a service of AWS take a role on."""
    entry = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
        **({"Condition": condition} if condition else {}),
    }
    return policy(entry)


def identity(template: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what a template makes; who deployed it when is no part of it."""
    outputs = {k: v for k, v in template.get("Outputs", {}).items() if k not in {COMMIT, TEMPLATE}}
    content = {**template, "Outputs": outputs}
    content.pop("Metadata", None)
    return hashlib.sha256(_dump(content).encode()).hexdigest()


def stamped(template: Json, commit: str) -> Json:
    """Return the template with outputs that say from which commit it comes, and what it is."""
    outputs = {
        **template.get("Outputs", {}),
        COMMIT: {"Value": commit, "Description": "Commit of the registry that was deployed last"},
        TEMPLATE: {"Value": identity(template), "Description": "SHA-256 of the template"},
    }
    return {**template, "Outputs": outputs}


def as_json(template: Mapping[str, Any], *, indent: int | None = None) -> str:
    """Return the template as JSON in which only content decides on the bytes."""
    return _dump(template, indent)


def too_large(template: Mapping[str, Any]) -> list[str]:
    """Return what of a template is over a limit of CloudFormation, in words."""
    size = len(as_json(template).encode())
    counts = (
        (size, MOST_BYTES, "bytes"),
        (len(template["Resources"]), MOST_RESOURCES, "resources"),
        (len(template.get("Outputs", {})), MOST_OUTPUTS, "outputs"),
    )
    return [
        f"the template has {count} {what}, CloudFormation takes {most}"
        for count, most, what in counts
        if count > most
    ]


def _dump(content: Mapping[str, Any], indent: int | None = None) -> str:
    separators = (",", ":") if indent is None else (",", ": ")
    return json.dumps(
        content, sort_keys=True, separators=separators, indent=indent, allow_nan=False
    )
