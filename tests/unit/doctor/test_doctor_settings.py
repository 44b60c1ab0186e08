"""Checks of a forge's settings, through a forge in memory."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from neurocaas_ci.doctor.check import examine
from neurocaas_ci.doctor.hosted import checks
from neurocaas_ci.errors import UsageError
from neurocaas_ci.forges.hosted import ActionsSettings, Environment, RepositorySettings

_READS = ActionsSettings("read", may_approve=False)


@dataclass(frozen=True)
class MemorySettings:
    """A repository whose settings are as the platform wants them."""

    branch: str = "main"
    rights: frozenset[str] = frozenset({"pull", "push"})
    kinds: frozenset[str] = frozenset(
        {"pull_request", "non_fast_forward", "deletion", "required_status_checks"}
    )
    of_forms: frozenset[str] = frozenset({"creation", "update"})
    known: tuple[Environment, ...] = (
        Environment("bot", reviewed=False, branches="chosen"),
        Environment("signing", reviewed=True, branches="protected"),
    )
    workflows: ActionsSettings | None = _READS

    def repository(self):
        return RepositorySettings("lab/platform", self.branch, self.rights)

    def rules(self, branch):
        return {"main": self.kinds, "job/1": self.of_forms, "signup/1": self.of_forms}[branch]

    def environments(self):
        return self.known

    def actions(self):
        if self.workflows is None:
            raise UsageError("GitHub answers 403", where="lab/platform", hint="use another token")
        return self.workflows

    def clock(self):
        return 0.0


WELL = MemorySettings()


def test_all_is_well():
    assert {one.state for one in examine(checks(WELL))} == {"ok"}


@pytest.mark.parametrize(
    ("changes", "name", "state", "words"),
    [
        ({"branch": "master"}, "github-branch", "fail", "Default branch: main"),
        ({"rights": frozenset({"pull"})}, "github-token", "warn", "Pull requests"),
        ({"kinds": frozenset()}, "github-rules", "fail", "Block force pushes"),
        ({"kinds": WELL.kinds - {"pull_request"}}, "github-rules", "fail", "Require a pull request"),
        ({"kinds": WELL.kinds - {"required_status_checks"}}, "github-rules", "warn", "status checks"),
        ({"of_forms": frozenset({"creation"})}, "github-form-branches", "warn", "job/** and signup/**"),
        ({"known": ()}, "github-environments", "fail", "bot and signing"),
        ({"known": WELL.known[:1]}, "github-environments", "fail", "New environment: signing"),
        (
            {"known": (WELL.known[0], replace(WELL.known[1], branches="all"))},
            "github-environments", "fail", "signing > Deployment branches",
        ),
        ({"workflows": ActionsSettings("write", may_approve=False)}, "github-actions", "fail", "Read repository"),
        ({"workflows": ActionsSettings("read", may_approve=True)}, "github-actions", "fail", "untick"),
        ({"workflows": None}, "github-actions", "warn", "another token"),
    ],
)  # fmt: skip
def test_each_setting_that_is_amiss_is_told(changes, name, state, words):
    found = {one.check: one for one in examine(checks(replace(WELL, **changes)))}
    assert found[name].state == state
    assert words in found[name].fix
    assert {one.state for key, one in found.items() if key != name} == {"ok"}
