"""GitHub's published OpenAPI description, cut down to the operations that the fake implements."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from openapi_schema_validator import OAS30ReadValidator, OAS30WriteValidator, oas30_format_checker

PACKAGE = Path(__file__).parents[2] / "js/node_modules/@octokit/openapi"
EVENTS = {
    "push": (), "status": (), "workflow_dispatch": (),
    "pull_request": ("opened", "closed", "reopened", "edited", "synchronize", "labeled",
                     "unlabeled", "locked", "unlocked"),
    "issues": ("opened", "closed", "reopened", "edited", "labeled", "unlabeled", "locked",
               "unlocked"),
    "issue_comment": ("created", "edited", "deleted"),
    "check_run": ("created", "completed"),
    "workflow_run": ("requested", "in_progress", "completed"),
}  # fmt: skip
"""The events that the fake makes, and their actions."""
_METHODS = ("get", "put", "post", "patch", "delete")
_GREEDY = ("path", "ref", "basehead", "branch", "name")
_SHORT_WORD = re.compile(r"[a-z_]{1,24}")


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path of the description; `known` says that the fake implements it."""

    method: str
    pattern: re.Pattern[str]
    template: str
    operation: str
    known: bool


class Spec:
    """The routes, the examples and the schemas; `base` replaces GitHub's own addresses."""

    def __init__(self, operations: Collection[str], base: str) -> None:
        self._base = base
        self._examples: dict[str, str] = {}
        self._shared = _description(tuple(sorted(operations)))
        self._operations = self._shared.operations

    def match(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """Return the route of a request and what its path names."""
        for route in self._shared.routes:
            if route.method == method and (found := route.pattern.fullmatch(path)):
                return route, found.groupdict()
        return None

    def success(self, operation: str) -> int:
        """Return the status that an operation answers with when nothing is wrong."""
        return min(int(code) for code in self._operations[operation]["responses"] if code < "4")

    def example(self, operation: str, full_name: str = "octocat/Hello-World") -> Any:
        """Return a fresh copy of what GitHub gives as the answer, told about another repository."""
        text = self._examples.get(operation)
        if text is None:
            media = self._media(operation, self.success(operation)) or {}
            found = media.get("example")
            for example in media.get("examples", {}).values():
                found = example["value"]
                break
            text = json.dumps(found).replace("https://api.github.com", self._base)
            text = self._examples[operation] = text.replace("https://github.com", self._base)
        for name in ("octocat/Hello-World", "octocat/hello-world", "octocat/example",
                     "octo-org/octo-repo", "github/hello-world"):  # fmt: skip
            text = text.replace(name, full_name)
        return json.loads(text)

    def request_errors(self, operation: str, body: Any) -> list[str]:
        """Return what is wrong with the body of a request."""
        content = self._operations[operation].get("requestBody", {}).get("content", {})
        if "application/json" not in content:
            return []
        return self._errors(content["application/json"]["schema"], body, OAS30WriteValidator)

    def response_errors(self, operation: str, status: int, body: Any) -> list[str]:
        """Return what is wrong with an answer."""
        if str(status) not in self._operations[operation]["responses"]:
            return [f"{operation} never answers {status}"]
        media = self._media(operation, status)
        if media is None or "schema" not in media:
            return []
        schema = media["schema"]
        if operation == "repos/get-content" and status == 200:
            # Its alternatives overlap: a folder is also a valid submodule.
            kind = "content-directory" if isinstance(body, list) else "content-file"
            schema = next(s for s in schema["oneOf"] if s.get("x-name") == kind)
        if isinstance(body, list) and schema.get("type") == "array":
            # Long lists repeat themselves: an item like one that was judged is not judged again.
            items = schema["items"]
            seen = self._shared.shapes.setdefault(id(items), set())
            fresh = {shape: item for item in body if (shape := _shape(item)) not in seen}
            wrong = []
            for shape, item in fresh.items():
                found = self._errors(items, item, OAS30ReadValidator)
                wrong += found
                if not found:
                    seen.add(shape)
            return wrong
        return self._errors(schema, body, OAS30ReadValidator)

    def event_errors(self, name: str, payload: dict[str, Any]) -> list[str]:
        """Return what is wrong with what a webhook would deliver."""
        known = self._operations.get(_webhook(name, payload.get("action", "")))
        if known is None:
            return [f"there is no such event: {payload.get('action')}"]
        schema = known["requestBody"]["content"]["application/json"]["schema"]
        return self._errors(schema, payload, OAS30ReadValidator)

    def _media(self, operation: str, status: int) -> Any:
        response = self._operations[operation]["responses"].get(str(status), {})
        return response.get("content", {}).get("application/json")

    def _errors(self, schema: Any, value: Any, kind: Any) -> list[str]:
        validator = self._shared.validators.get(id(schema))
        if validator is None:
            validator = kind(schema, format_checker=oas30_format_checker)
            self._shared.validators[id(schema)] = validator
        return [
            f"{'/'.join(map(str, error.absolute_path))}: {error.message[-300:]}"
            for top in validator.iter_errors(value)
            # Of what fits none of some alternatives, the alternatives tell why.
            for error in [*(top.context or ()), top]
        ]


class _Description:
    """What all fakes of a process have in common."""

    def __init__(self, operations: tuple[str, ...]) -> None:
        document = json.loads(_slice(list(operations)))
        self.operations: dict[str, dict[str, Any]] = document["operations"]
        self.validators: dict[int, Any] = {}
        self.shapes: dict[int, set[str]] = {}
        self._components = document["components"]
        self._inline(self.operations)
        routes = [
            Route(method, _pattern(path), path, name, name in self.operations)
            for method, path, name in document["routes"]
        ]
        self.routes = sorted(routes, key=lambda r: (r.template.count("{"), -len(r.template)))

    def _inline(self, node: Any) -> None:
        """Put the very object in the place of each reference: a validator never looks one up."""
        pending, done = [node], set()
        while pending:
            at = pending.pop()
            if id(at) in done or not isinstance(at, (dict, list)):
                continue
            done.add(id(at))
            if isinstance(at, dict) and "oneOf" in at:
                # It names schemas by their address, which is no more; the alternatives suffice.
                at.pop("discriminator", None)
            if isinstance(at, dict) and at.get("nullable") is True and "enum" in at:
                # What may be null need not be named as one of the words.
                at["enum"] = [*at["enum"], None]
            for key, value in list(at.items() if isinstance(at, dict) else enumerate(at)):
                at[key] = self._target(value)
                pending.append(at[key])

    def _target(self, node: Any) -> Any:
        while isinstance(node, dict) and isinstance(node.get("$ref"), str):
            kind, name = node["$ref"].removeprefix("#/components/").split("/", 1)
            node = self._components[kind][name]
            if kind == "schemas":
                node["x-name"] = name
        return node


@cache
def _description(operations: tuple[str, ...]) -> _Description:
    return _Description(operations)


def available() -> bool:
    """Tell whether the description is installed."""
    return (PACKAGE / "package.json").exists()


def _webhook(name: str, action: str) -> str:
    """Return what the description calls an event."""
    return "event:" + f"{name}-{action}".replace("_", "-").rstrip("-")


def _pattern(template: str) -> re.Pattern[str]:
    def part(found: re.Match[str]) -> str:
        name = found[1]
        return f"(?P<{name}>{'.+' if name in _GREEDY else '[^/]+'})"

    return re.compile(re.sub(r"\\\{(\w+)\\\}", part, re.escape(template)))


def _shape(value: Any) -> str:
    """Return what kinds of values there are, and the short words, which may be of an enumeration."""

    def walk(at: Any) -> Any:
        if isinstance(at, dict):
            return {key: walk(inner) for key, inner in at.items()}
        if isinstance(at, list):
            return [walk(inner) for inner in at]
        if isinstance(at, str) and _SHORT_WORD.fullmatch(at):
            return at
        return type(at).__name__

    return json.dumps(walk(value), sort_keys=True)


def _slice(operations: list[str]) -> str:
    """Return the part of the description that is needed; it is cut once for each version."""
    version = json.loads((PACKAGE / "package.json").read_text())["version"]
    key = hashlib.sha256("\n".join([Path(__file__).read_text(), *operations]).encode()).hexdigest()
    folder = Path(tempfile.gettempdir()) / f"neurocaas-tests-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} is somebody else's")
    path = folder / f"openapi-{version}-{key[:16]}.json"
    if path.exists():
        return path.read_text()
    text = json.dumps(_cut(json.loads((PACKAGE / "generated/api.github.com.json").read_text()),
                           set(operations)))  # fmt: skip
    handle, name = tempfile.mkstemp(dir=folder)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    os.replace(name, path)
    return text


def _cut(document: dict[str, Any], operations: set[str]) -> dict[str, Any]:
    routes, kept = [], {}
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method not in item:
                continue
            operation = item[method]
            name = operation["operationId"]
            routes.append((method.upper(), path, name))
            if name in operations:
                kept[name] = {
                    key: copy.deepcopy(operation[key])
                    for key in ("requestBody", "responses") if key in operation
                }  # fmt: skip
    for event, actions in EVENTS.items():
        for action in actions or ("",):
            name = _webhook(event, action)
            described = document["x-webhooks"][name.removeprefix("event:")]["post"]
            kept[name] = {"requestBody": described["requestBody"]}
    if missing := operations - kept.keys():
        raise KeyError(f"GitHub has no operation {sorted(missing)}")
    components: dict[str, dict[str, Any]] = {}
    pending = list(_references(kept))
    while pending:
        kind, name = pending.pop().removeprefix("#/components/").split("/", 1)
        if name not in components.setdefault(kind, {}):
            components[kind][name] = document["components"][kind][name]
            pending.extend(_references(components[kind][name]))
    return {"routes": routes, "operations": kept, "components": components}


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)
