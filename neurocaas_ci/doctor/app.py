"""Checks of the app that the bot is: what it may do, and where it is installed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from neurocaas_ci.doctor.check import Check, Outcome, fail, ok, warn
from neurocaas_ci.forges.hosted import AppFacts
from neurocaas_ci.forges.rights import NEEDED

_LEVELS = ("none", "read", "write", "admin")
# Every app has it, and nobody can take it away.
_ALWAYS = "metadata"
_PAGE = "the page of the app > Permissions & events > Repository permissions"
_BY_HAND = (
    'export NEUROCAAS_APP_ID=NUMBER NEUROCAAS_APP_KEY="$(cat app.private-key.pem)" and ask again, or compare '
    f"{_PAGE} with the table of docs/github.md, step 3"
)


def checks(facts: Callable[[], AppFacts] | None) -> list[Check]:
    """Return the check; `facts` asks GitHub with the app's key, None where that is not at hand."""
    return [Check("github-app", lambda: _app(facts), unknown="fail")]


def _app(facts: Callable[[], AppFacts] | None) -> Outcome:
    if facts is None:
        return warn("only the app's own key shows what the app may do", _BY_HAND)
    app, wanted = facts(), dict(NEEDED)
    lacking = _beyond(wanted, app.granted)
    if never := {
        name: level for name, level in lacking.items() if name in _beyond(wanted, app.asked)
    }:
        return fail(f"the app {app.slug} lacks {_words(never)}", f"{_PAGE}: {_words(never)}")
    if lacking:
        fix = (
            "Settings of the repository's owner > GitHub Apps > Configure > Review request, accept"
        )
        return fail(f"nobody has agreed to what {app.slug} asks for: {_words(lacking)}", fix)
    more = {name: level for name, level in _beyond(app.granted, wanted).items() if name != _ALWAYS}
    if more:
        # Whoever gets the key has these rights, whatever the tool asks for.
        found = fail if set(more.values()) - {"read"} else warn
        return found(
            f"the app {app.slug} may more than it is needed for: {_words(more)}",
            f"{_PAGE}: set back {', '.join(more)}",
        )
    if app.everywhere:
        fix = "Settings of the owner > GitHub Apps > Configure > Only select repositories"
        return warn(f"the app {app.slug} is installed on all repositories of the owner", fix)
    return ok(f"the app {app.slug} has {_words(wanted)}, and nothing else")


def _beyond(some: Mapping[str, str], others: Mapping[str, str]) -> dict[str, str]:
    """Return the rights of `some` that `others` do not have as much of."""

    def height(level: str) -> int:
        # A level that GitHub invents later counts as the highest.
        return _LEVELS.index(level) if level in _LEVELS else len(_LEVELS)

    return {
        name: level
        for name, level in some.items()
        if height(level) > height(others.get(name, "none"))
    }


def _words(rights: Mapping[str, str]) -> str:
    return ", ".join(f"{name}: {level}" for name, level in sorted(rights.items()))
