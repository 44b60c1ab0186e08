"""Checks of a repository's settings on GitHub: what guards main, workflows and signing."""

from __future__ import annotations

from functools import partial

from neurocaas_ci.doctor.check import Check, Outcome, fail, ok, warn
from neurocaas_ci.forges.hosted import Settings

_MAIN = "main"
_ENVIRONMENTS = ("bot", "signing")
_RULES = {
    "pull_request": "whoever can push changes main without a pull request",
    "non_fast_forward": "main can be rewritten, and certificates with it",
    "deletion": "main can be deleted",
}
_FORM_BRANCHES = ("job", "signup")
_ONLY_BOT = {"creation", "update"}
_WISHED = {"required_status_checks": "a maintainer can merge what was never judged"}
_WORDS = {
    "pull_request": "Require a pull request before merging",
    "non_fast_forward": "Block force pushes",
    "deletion": "Restrict deletions",
    "required_status_checks": "Require status checks to pass",
}


def checks(settings: Settings) -> list[Check]:
    """Return the checks; what the token may not see is a warning."""
    found = {
        "github-token": _token,
        "github-branch": _branch,
        "github-rules": _rules,
        "github-form-branches": _form_branches,
        "github-environments": _environments,
        "github-actions": _actions,
    }
    return [
        Check(
            name,
            partial(look, settings),
            unknown="fail" if name == "github-token" else "warn",
        )
        for name, look in found.items()
    ]


def _token(settings: Settings) -> Outcome:
    rights = settings.repository().rights
    if "push" not in rights:
        fix = "give the token Contents, Pull requests, Issues and Checks: read and write"
        return warn("the token can only read", fix)
    return ok(f"the token may {', '.join(sorted(rights))}")


def _branch(settings: Settings) -> Outcome:
    branch = settings.repository().default_branch
    if branch != _MAIN:
        fix = f"Settings > General > Default branch: {_MAIN}"
        return fail(f"the default branch is {branch!r}; workflows act on {_MAIN}", fix)
    return ok(f"the default branch is {_MAIN}")


def _rules(settings: Settings) -> Outcome:
    rules = settings.rules(_MAIN)
    missing = {rule: why for rule, why in _RULES.items() if rule not in rules}
    wished = {rule: why for rule, why in _WISHED.items() if rule not in rules}
    if not missing and not wished:
        return ok(f"rules on {_MAIN}: {', '.join(sorted(rules))}")
    lacking = {**missing, **wished}
    words = ", ".join(f"'{_WORDS[rule]}'" for rule in lacking)
    fix = f"Settings > Rules > Rulesets > New branch ruleset for {_MAIN}: {words}"
    return (fail if missing else warn)("; ".join(lacking.values()), fix)


def _form_branches(settings: Settings) -> Outcome:
    """Look at the branches for which the bot acts in a person's name (`onboard/acting.py`)."""
    open_ones = [name for name in _FORM_BRANCHES if not settings.rules(f"{name}/1") >= _ONLY_BOT]
    if open_ones:
        fix = (
            "Settings > Rules > Rulesets > New branch ruleset for "
            f"{' and '.join(f'{name}/**' for name in _FORM_BRANCHES)}: 'Restrict creations', "
            "'Restrict updates', with the bot's app in the bypass list"
        )
        return warn("whoever can push can put another file on the branch of a form", fix)
    return ok("only the bot writes the branches of forms")


def _environments(settings: Settings) -> Outcome:
    known = {environment.name: environment for environment in settings.environments()}
    missing = [name for name in _ENVIRONMENTS if name not in known]
    if missing:
        fix = f"Settings > Environments > New environment: {' and '.join(missing)}"
        return fail(f"there is no environment {' and no '.join(missing)}", fix)
    loose = [name for name in _ENVIRONMENTS if known[name].branches == "all"]
    if loose:
        fix = (
            f"Settings > Environments > {loose[0]} > Deployment branches: "
            f"Selected branches, {_MAIN} only"
        )
        return fail(f"workflows of every branch may use {' and '.join(loose)}", fix)
    return ok(f"{' and '.join(_ENVIRONMENTS)} are there, for chosen branches only")


def _actions(settings: Settings) -> Outcome:
    actions = settings.actions()
    place = "Settings > Actions > General > Workflow permissions"
    if actions.default_rights != "read":
        fix = f"{place}: Read repository contents and packages permissions"
        return fail("a workflow that asks for nothing gets a token that can write", fix)
    if actions.may_approve:
        fix = f"{place}: untick 'Allow GitHub Actions to create and approve pull requests'"
        return fail("workflows can approve pull requests", fix)
    return ok("workflows read by default and cannot approve")
