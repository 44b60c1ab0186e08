"""The answers of an issue form to the one file that they ask for; I/O is not handled here.

The same issue over the same registry gives the same bytes, at any time: what was proposed can be
held against the issue later. Who asks is the account that opened the issue, never an answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from neurocaas_ci.errors import UsageError
from neurocaas_ci.forges.forms import Field, Problem, Reading, begins, fields_of, read
from neurocaas_ci.forges.hosted import Issue
from neurocaas_ci.model.places import JOBS
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.decode import MAX_BYTES
from neurocaas_ci.registry.parse import parse
from neurocaas_ci.registry.write import dump

Kind = Literal["signup", "job"]
FORMS: Mapping[Kind, str] = {
    "signup": ".github/ISSUE_TEMPLATE/user.yml",
    "job": ".github/ISSUE_TEMPLATE/job.yml",
}
_NEEDED: Mapping[Kind, frozenset[str]] = {
    "signup": frozenset({"name"}),
    "job": frozenset({"name", "blueprint", "datasets"}),
}

# As in the schemas of users and jobs; a path is made of them before the schemas are asked.
_LOGIN = re.compile(r"[a-zA-Z0-9](-?[a-zA-Z0-9]){0,38}")
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SIZE = re.compile(r"[0-9]{1,18}")
_DATASET_PARTS = 3
# Aliases can make a text of 60 kB into gigabytes; no analysis has parameters of this length.
_MOST_PARAMETERS = 200_000

_Wrong = tuple[str, str]
Forms = Mapping[Kind, tuple[Field, ...]]


@dataclass(frozen=True, slots=True)
class Draft:
    """The file that a form asks for, and the branch and title of its pull request."""

    kind: Kind
    path: str
    content: bytes
    branch: str
    title: str
    reading: Reading


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why no file can be made of a form."""

    kind: Kind
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """A sign-up of somebody who is a user already, under this login."""

    login: str


def forms_of(registry: Registry) -> Forms:
    """Return the forms as a commit has them; raise UsageError when one is missing."""
    found: dict[Kind, tuple[Field, ...]] = {}
    for kind, path in FORMS.items():
        content = registry.tree.read(path, MAX_BYTES)
        if content is None:
            raise UsageError(
                f"there is no form {path} on main",
                hint="copy it from the template of the platform and merge it",
            )
        found[kind] = fields_of(path, content)
        missing = _NEEDED[kind] - {field.id for field in found[kind]}
        if missing:
            raise UsageError(
                f"the form has no field with the id `{min(missing)}`",
                where=path,
                hint="labels and texts of a form are yours to change, ids are not",
            )
    return found


def kind_of(issue: Issue, forms: Forms) -> Kind | None:
    """Return which form an issue is, by the heading that it begins with; labels are no proof."""
    return next((kind for kind, fields in forms.items() if begins(issue.body, fields)), None)


def draft(issue: Issue, forms: Forms, registry: Registry) -> Draft | Refusal | Known | None:
    """Return the file that an issue asks for, why there is none, or None for an issue of no form."""
    kind = kind_of(issue, forms)
    if kind is None:
        return None
    reading = read(issue.body, forms[kind])
    login = login_of(registry, issue)
    if kind == "signup" and login is not None:
        return Known(login)
    if reading.problems:
        return Refusal(kind, reading.problems)
    labels = {field.id: field.label for field in forms[kind]}
    made = _user(issue, reading) if kind == "signup" else _job(issue, reading, login, labels)
    if not isinstance(made, Draft):
        return Refusal(kind, made)
    if any(entry.path == made.path for entry in registry.tree.entries(made.path)):
        return Refusal(kind, (_taken(made, labels),))
    return made


def login_of(registry: Registry, issue: Issue) -> str | None:
    """Return the login of the user who has the number of the issue's author, or None."""
    # A registry has thousands of users, and most people keep their names.
    likely = [issue.author] if _LOGIN.fullmatch(issue.author) else []
    for login in (*likely, *registry.users()):
        user = registry.user(login).value
        if user is not None and user.forge_id == issue.author_id and user.login == login:
            return login
    return None


def _user(issue: Issue, reading: Reading) -> Draft | tuple[Problem, ...]:
    login = issue.author
    if not _LOGIN.fullmatch(login):
        message = "the login of this account cannot be one of the platform"
        return (Problem("", message, "use an account whose login has letters, digits and hyphens"),)
    content = {
        "schema": "neurocaas/user/v1",
        "login": login,
        "forge_id": issue.author_id,
        "name": reading.text("name"),
    }
    return Draft(
        "signup",
        f"registry/users/{login}.yaml",
        dump(content),
        f"signup/{issue.number}",
        f"Sign up {login}",
        reading,
    )


def _job(
    issue: Issue, reading: Reading, login: str | None, labels: Mapping[str, str]
) -> Draft | tuple[Problem, ...]:
    if login is None:
        message = "you have no user file on this platform yet, and a job needs one"
        fix = "fill in the form Sign up; when it is merged, submit the job again in a new issue"
        return (Problem("", message, fix),)
    name = reading.text("name") or ""
    problems: list[Problem] = []
    if not _NAME.fullmatch(name):
        message = "this cannot name a job"
        fix = "use lower-case letters, digits and hyphens, 63 at most"
        problems.append(Problem(labels["name"], message, fix))
    datasets, wrong = _datasets(reading.text("datasets") or "")
    problems += [Problem(labels["datasets"], *one) for one in wrong]
    parameters, wrong = _parameters(reading.text("parameters"))
    problems += [Problem(labels["parameters"], *one) for one in wrong]
    if problems:
        return tuple(problems)
    group, runtime = reading.text("group"), reading.text("max_runtime")
    manifest: dict[str, Any] = {
        "schema": "neurocaas/job/v1",
        "name": name,
        "user": login,
        **({"group": group} if group else {}),
        "blueprint": reading.text("blueprint"),
        "datasets": datasets,
        **({"parameters": parameters} if parameters is not None else {}),
        "pricing": reading.text("pricing"),
        **({"max_runtime": runtime} if runtime else {}),
    }
    # The month of the issue, not of today: a form that is read again gives the same path.
    job = f"{login}/{issue.created:%Y-%m}/{name}"
    return Draft(
        "job",
        f"{JOBS}/{job}.yaml",
        dump(manifest),
        f"job/{issue.number}",
        f"Submit job {job}",
        reading,
    )


def _datasets(text: str) -> tuple[list[dict[str, Any]], list[_Wrong]]:
    """Return the datasets of the lines `ADDRESS SHA256 SIZE`, and what is wrong with them."""
    found, wrong = [], []
    for number, line in enumerate(text.split("\n"), 1):
        parts = line.strip().rsplit(maxsplit=_DATASET_PARTS - 1)
        if not parts:
            continue
        if len(parts) == _DATASET_PARTS and _SIZE.fullmatch(parts[2]):
            found.append({"uri": parts[0], "sha256": parts[1], "size": int(parts[2])})
            continue
        message = f"line {number} is no address, SHA-256 and size in bytes"
        fix = "write them with spaces between; `neurocaas data put FILE` prints such a line"
        wrong.append((message, fix))
    return found, wrong


def _parameters(text: str | None) -> tuple[dict[str, Any] | None, list[_Wrong]]:
    """Return the parameters of a YAML text, bounded in length once aliases are written out."""
    if text is None:
        return None, []
    document, findings = parse("parameters", text.encode())
    if findings:
        return None, [(f"line {f.location.line}: {f.message}", f.fix) for f in findings]
    if not isinstance(document.data, dict):
        return None, [("this is no list of `name: value`", "write one such line each")]
    if _longer(document.data, _MOST_PARAMETERS):
        return None, [("they are too long once aliases are written out", "write less")]
    return document.data, []


def _longer(data: Any, most: int) -> bool:
    """Tell whether data has more characters than that; it may refer to parts of itself often."""
    pending = [data]
    while pending and most >= 0:
        value = pending.pop()
        most -= len(value) + 4 if isinstance(value, str) else 4
        if isinstance(value, dict):
            pending += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            pending += value
    return most < 0


def _taken(made: Draft, labels: Mapping[str, str]) -> Problem:
    if made.kind == "job":
        message = "there is a job of this name already; jobs are never changed"
        return Problem(labels["name"], message, "choose another name")
    message = "your login belongs to somebody else on this platform, who has another numeric id"
    return Problem("", message, "ask a maintainer of the platform here")
