"""Checks of what workflows on GitHub are given: secrets, variables, branches, Pages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial

from neurocaas_ci.doctor.check import Check, Outcome, fail, ok, warn
from neurocaas_ci.forges.hosted import Provisions, Settings
from neurocaas_ci.model.registry import ExecutorKind

APP_ID, APP_KEY = "NEUROCAAS_APP_ID", "NEUROCAAS_APP_KEY"
KEY_HOLDERS = ("bot", "signing")
"""The environments whose workflows act as the app."""

SAMPLE_KEY, SAMPLE_IDENTITY = "NEUROCAAS_SAMPLE_KEY", "NEUROCAAS_SAMPLE_IDENTITY"
"""The public and the private key with which contents of a bucket go to replays."""

GUARDED = ("bot", "signing", "deploy", "run", "audit", "gather", "replay", "github-pages")
"""The environments that workflows may name; each that is there is for main alone."""

_MAIN = "main"
_RUNNER, _HOME, _STORE = "NEUROCAAS_RUNNER", "NEUROCAAS_HOME", "NEUROCAAS_STORE"
_IMAGES = "NEUROCAAS_IMAGES"
_ACCOUNT, _REGION = "NEUROCAAS_AWS_ACCOUNT", "NEUROCAAS_AWS_REGION"
_ACCOUNT_ID = re.compile(r"[0-9]{12}")
_PUBLIC_KEY = re.compile(r"age1[0-9a-z]{50,}")
_NEEDED: Mapping[ExecutorKind, tuple[str, ...]] = {
    "local": (),
    "slurm": (_RUNNER, _HOME),
    "aws-batch": (_STORE, "NEUROCAAS_BATCH_IMAGE"),
}


def checks(settings: Settings, given: Provisions, executor: ExecutorKind) -> list[Check]:
    """Return the checks; `executor` is where jobs run. What the token may not see is a warning."""
    found = {
        "github-secrets": partial(_secrets, settings, given),
        "github-variables": partial(_variables, given, executor),
        "github-deploy": partial(_deploy, settings, given, executor),
        "github-environment-branches": partial(_branches, settings, given),
        "github-replays": partial(_replays, settings, given),
        "github-pages": partial(_pages, given),
    }
    return [Check(name, look, unknown="warn") for name, look in found.items()]


def _secrets(settings: Settings, given: Provisions) -> Outcome:
    """Look for the key of the app by its name, where the workflows read it and nowhere else."""
    if APP_KEY in given.secrets(None):
        fix = f"gh secret delete {APP_KEY}; it belongs to the environments {_listed(KEY_HOLDERS)}"
        return fail(f"workflows of every branch can read {APP_KEY}: it is the repository's", fix)
    known = {environment.name for environment in settings.environments()}
    holders = [name for name in KEY_HOLDERS if name in known and APP_KEY in given.secrets(name)]
    without = [name for name in KEY_HOLDERS if name not in holders]
    number = given.variables().get(APP_ID, "")
    if not number and not holders:
        fix = "make the app and give it to the workflows: docs/github.md, steps 3 and 4"
        return warn("there is no app: merges start no run, and forms open no pull request", fix)
    if without:
        fix = "; ".join(
            f"gh secret set {APP_KEY} --env {name} < app.private-key.pem" for name in without
        )
        return fail(f"{APP_KEY} is missing in the environment {' and '.join(without)}", fix)
    if not number.isdecimal():
        fix = f"gh variable set {APP_ID} --body NUMBER; the page of the app shows its App ID"
        return fail(f"{APP_ID} is {number!r}, which is no App ID" if number else f"{APP_ID} is missing", fix)  # fmt: skip
    elsewhere = [name for name in known - set(KEY_HOLDERS) if APP_KEY in given.secrets(name)]
    if elsewhere:
        fix = f"gh secret delete {APP_KEY} --env {min(elsewhere)}"
        return fail(
            f"{APP_KEY} is also in {_listed(sorted(elsewhere))}, where nothing uses it", fix
        )
    return ok(f"app {number}; its key is in {_listed(KEY_HOLDERS)} alone")


def _variables(given: Provisions, executor: ExecutorKind) -> Outcome:
    variables = given.variables()
    there = {name for name, value in variables.items() if value}
    by_role = executor == "aws-batch" and _ACCOUNT in there
    missing = [name for name in _NEEDED[executor] if name not in there]
    if missing:
        fix = "; ".join(f"gh variable set {name} --body VALUE" for name in missing)
        return fail(f"jobs run on {executor}, which needs {_listed(missing)}", fix)
    if by_role:
        bucket = f"s3://neurocaas-{variables[_ACCOUNT]}-{variables.get(_REGION, '')}"
        if variables[_STORE].rstrip("/") != bucket:
            # It is the only one that the role of the runner reaches, and in it by groups.
            fix = f"gh variable set {_STORE} --body {bucket}"
            return fail(f"{_STORE} is not the bucket of the foundation", fix)
        return ok(f"jobs run on AWS, as a role that needs no key, with {bucket}")
    if _STORE in there and (executor == "slurm" or (executor == "local" and _RUNNER not in there)):
        fix = f"gh variable delete {_STORE}; or run jobs elsewhere: docs/operator.md#a-bucket-and-who-reaches-it"
        why = {
            "slurm": "nodes of Slurm share a home, and no store elsewhere",
            "local": "machines of GitHub's are lent no credentials for a bucket",
        }
        return fail(f"{_STORE} is set, but {why[executor]}", fix)
    return _machine(variables, there, executor)


def _machine(variables: Mapping[str, str], there: set[str], executor: ExecutorKind) -> Outcome:
    if (_HOME in there) != (_RUNNER in there):
        lacking = _RUNNER if _HOME in there else _HOME
        what = "label of your machine" if lacking == _RUNNER else "/folder/on/that/machine"
        fix = f"gh variable set {lacking} --body '{what}'"
        return fail(f"{_HOME} and {_RUNNER} belong together, and {lacking} is missing", fix)
    if _HOME not in there:
        fix = f"gh variable set {_RUNNER} and {_HOME}: docs/github.md, steps 4 and 5"
        return warn(
            "jobs run on machines of GitHub's, which have no datasets and forget results", fix
        )
    return ok(f"jobs run on {executor}, from {variables[_RUNNER]}, with {variables[_HOME]}")


def _deploy(settings: Settings, given: Provisions, executor: ExecutorKind) -> Outcome:
    """Look at what works with AWS: the environments, where images go, and the account."""
    variables = given.variables()
    account, images = variables.get(_ACCOUNT, ""), variables.get(_IMAGES, "")
    known = {environment.name for environment in settings.environments()}
    runs = ("run",) if executor == "aws-batch" else ()
    for name in ("deploy", "audit", *runs) if account else ("deploy",):
        if name not in known:
            # GitHub makes one that a workflow names and that is not there, and it guards nothing.
            what = f"there is no environment {name}; the first run would make it, for all branches"
            return fail(what, _made(name))
    if "://" in images or images.endswith("/") or any(c.isspace() for c in images):
        fix = f"gh variable set {_IMAGES} --body ghcr.io/OWNER/NAME"
        return fail(
            f"{_IMAGES} is {images!r}: a registry and a path, without scheme or final /", fix
        )
    if account and not _ACCOUNT_ID.fullmatch(account):
        fix = f"gh variable set {_ACCOUNT} --body 123456789012, the account's number"
        return fail(f"{_ACCOUNT} is {account!r}, which is no account of AWS", fix)
    if account and not variables.get(_REGION):
        return fail(
            f"{_ACCOUNT} is set and {_REGION} is not", f"gh variable set {_REGION} --body us-east-1"
        )
    where = f"; account {account} in {variables[_REGION]}" if account else ""
    return ok(f"images go to {images or 'ghcr.io, below the name of the repository'}{where}")


def _replays(settings: Settings, given: Provisions) -> Outcome:
    """Look at what brings contents of the account's bucket to the replays of the audit."""
    variables = given.variables()
    known = {environment.name for environment in settings.environments()}
    holders = [n for n in sorted(known - {"replay"}) if SAMPLE_IDENTITY in given.secrets(n)]
    if SAMPLE_IDENTITY in given.secrets(None) or holders:
        where = f" --env {holders[0]}" if holders else ""
        fix = f"gh secret delete {SAMPLE_IDENTITY}{where}; it belongs to the environment replay"
        return fail(f"{SAMPLE_IDENTITY} is in {_listed(holders) or 'the repository'}", fix)
    key = variables.get(SAMPLE_KEY, "")
    if not variables.get(_STORE) or (not key and variables.get(_RUNNER)):
        return ok("replays read the store of the machine that audits")
    if not key:
        fix = "make a pair of keys, and the environments gather and replay: docs/github.md, step 10"
        return warn(f"{SAMPLE_KEY} is not set, so nothing is replayed", fix)
    if not _PUBLIC_KEY.fullmatch(key):
        fix = f"gh variable set {SAMPLE_KEY} --body age1...; the private key is a secret"
        return fail(f"{SAMPLE_KEY} is no public key of age", fix)
    if not variables.get(_ACCOUNT):
        fix = f"gh variable set {_ACCOUNT} --body 123456789012, the account's number"
        return fail(
            f"{SAMPLE_KEY} is set, and {_ACCOUNT}, whose role reads the bucket, is not", fix
        )
    return _sealed(known, given)


def _sealed(known: set[str], given: Provisions) -> Outcome:
    for name in ("gather", "replay"):
        if name not in known:
            what = f"there is no environment {name}; the first run would make it, for all branches"
            return fail(what, _made(name))
    if SAMPLE_IDENTITY not in given.secrets("replay"):
        fix = f"gh secret set {SAMPLE_IDENTITY} --env replay < sample.key"
        return fail(f"{SAMPLE_IDENTITY} is missing in the environment replay", fix)
    return ok("what replays read is sealed for the environment replay")


def _branches(settings: Settings, given: Provisions) -> Outcome:
    """See that of the environments that there are, each is for main and for no other branch."""
    known = [e for e in settings.environments() if e.name in GUARDED]
    for environment in known:
        chosen = (
            given.branches(environment.name) if environment.branches == "chosen" else frozenset()
        )
        # Of those that hold the key, `github-environments` says it.
        if environment.branches == "all" and environment.name not in KEY_HOLDERS:
            return fail(f"workflows of every branch may use {environment.name}", _made(environment.name))  # fmt: skip
        if environment.branches == "chosen" and chosen != {_MAIN}:
            fix = (
                f"Settings > Environments > {environment.name} > Deployment branches and tags: "
                f"{_MAIN}, and no other"
            )
            what = _listed(sorted(chosen)) if chosen else "no branch"
            return fail(f"{environment.name} is for {what} instead of {_MAIN}", fix)
    return ok(f"{_listed([e.name for e in known]) or 'none is there'}: for {_MAIN} alone")


def _pages(given: Provisions) -> Outcome:
    source = given.pages()
    if source is None:
        fix = "gh api -X POST repos/{owner}/{repo}/pages -f build_type=workflow, or disable the workflow site"
        return warn("there is no website, so the workflow site fails", fix)
    if source != "workflow":
        return fail(f"the website comes from a branch ({source}), not from the workflow site",
                    "Settings > Pages > Source: GitHub Actions")  # fmt: skip
    return ok("the website comes from the workflow site")


def _made(environment: str) -> str:
    return (
        "gh api -X PUT repos/{owner}/{repo}/environments/" + environment + " with chosen branches, "
        f"then {_MAIN} alone: docs/github.md, step 4"
    )


def _listed(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(names)
