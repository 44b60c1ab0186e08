"""Who may let a change in, path by path, by the files of the base commit; I/O is not handled here.

People are known by the numeric id of the forge, which a login is given only in the user files of the
base: a change that gives its author another login, or more rights, has no effect on its own approval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from neurocaas_ci.model.actor import Actor
from neurocaas_ci.model.plan import Approval, Level
from neurocaas_ci.plan.difference import text_of
from neurocaas_ci.plan.jobs import JobPlan
from neurocaas_ci.plan.state import job_of, named, users_of
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.changes import Change
from neurocaas_ci.registry.tree import REGULAR, SUBMODULE, SYMLINK

MAX_FILES = 3_000
"""As many files of a pull request as a forge lists; nobody can review what is beyond."""

_NOTHING = "000000"
_NOBODY = "; nobody is named yet who could approve it"
_STRICTNESS: tuple[Level, ...] = ("auto", "owner", "maintainer")
_WHAT = {
    "users": "users and their budgets",
    "groups": "groups and their budgets",
    "hardware": "hardware and its prices",
    "policy.yaml": "the policy",
    "trust": "whose signatures are believed",
}
_ELSEWHERE = {
    "certificates": "certificates are recorded by the platform",
    ".github": "it concerns workflows",
}
_OTHER = "it concerns the platform itself"


@dataclass(frozen=True, slots=True)
class _Need:
    level: Level
    reason: str
    approvers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Asked:
    """A proposed change: its two states, who proposes it, whether rules are broken, its jobs."""

    base: Registry | None
    head: Registry
    author: Actor | None
    errors: bool
    jobs: JobPlan

    def is_author(self, login: str) -> bool:
        """Tell whether the author is the user with this login at the base."""
        if self.author is None or self.base is None:
            return False
        user = self.base.user(login).value
        return user is not None and (user.login, user.forge_id) == (login, self.author.forge_id)

    def author_name(self, found: Sequence[Approval]) -> str | None:
        """Return the author's login, looked for where it is likely; else the number, if there is one."""
        if self.author is None:
            return None
        # A registry has thousands of users, and most changes are a job in a folder with the login.
        places = {path for one in found for path in (one.path, one.old_path) if path}
        likely = {path.split("/")[2] for path in places if Registry.is_job(path)}
        likely |= {name for path in places if (name := named(path, "users"))}
        likely |= {login for one in found for login in one.approvers}
        for login in sorted(likely):
            if self.is_author(login):
                return login
        return f"forge id {self.author.forge_id}"

    def maintainers(self, reason: str) -> _Need:
        """Return the need for a maintainer of the platform."""
        return _Need("maintainer", reason, self._platform())

    def _platform(self) -> frozenset[str]:
        policy = None if self.base is None else self.base.policy().value
        return frozenset() if policy is None else self.known(policy.maintainers)

    def known(self, logins: Sequence[str]) -> frozenset[str]:
        """Return the logins that are users at the base; nobody can act as another one."""
        base = self.base
        return frozenset(
            login for login in logins if base is not None and base.user(login).value is not None
        )


def approvals(asked: Asked, changes: Sequence[Change]) -> tuple[Approval, ...]:
    """Return what each change needs, sorted by path."""
    found = []
    for change in sorted(changes):
        if len(changes) > MAX_FILES:
            need = asked.maintainers(f"more than {MAX_FILES:,} files change at once")
        else:
            need = _need(asked, change)
        reason = need.reason
        if need.level != "auto" and not need.approvers:
            reason += _NOBODY
        approvers = tuple(sorted(need.approvers))
        found.append(
            Approval(change.path, change.old_path, change.status, need.level, reason, approvers)
        )
    return tuple(found)


def _need(asked: Asked, change: Change) -> _Need:
    special = _special(change)
    if special is not None:
        return asked.maintainers(special)
    if change.old_path is None:
        return _automatic(asked, change) or _at(asked, change.path)
    # A rename takes something away from one place and adds it in another.
    one, other = _at(asked, change.old_path), _at(asked, change.path)
    if one.level != other.level:
        return max(one, other, key=lambda need: _STRICTNESS.index(need.level))
    both = one.approvers & other.approvers
    if one.level == "owner" and not both:
        return asked.maintainers("nobody maintains both places of the renamed file")
    reason = one.reason if one.reason == other.reason else f"{one.reason}; {other.reason}"
    return replace(one, reason=reason, approvers=both)


def _special(change: Change) -> str | None:
    """Say what makes a change more than new text of a file, or return None."""
    for mode, what in ((SYMLINK, "a symbolic link"), (SUBMODULE, "a submodule")):
        if change.mode == mode:
            return f"it is {what}"
        if change.old_mode == mode:
            return f"it was {what}"
    if change.status == "deleted":
        return "a file is deleted"
    if _NOTHING not in {change.mode, change.old_mode} and change.mode != change.old_mode:
        return "the mode of the file changes"
    return None


def _automatic(asked: Asked, change: Change) -> _Need | None:  # noqa: PLR0911 - one guard each
    """Return that nobody is needed, or what an own job lacks; None for a change of another kind."""
    if asked.errors or change.mode != REGULAR:
        return None
    added = change.status == "added"
    if change.path.startswith("certificates/"):
        platform = asked.author is not None and asked.author.platform
        return _Need("auto", "the platform records a certificate") if added and platform else None
    if not Registry.is_job(change.path):
        return None
    job = job_of(change.path)
    value = asked.head.job(change.path).value
    if value is None or value.id != job or not asked.is_author(value.user):
        return None
    if added:
        return _own_job(asked, job, value.group)
    before = None if asked.base is None else asked.base.job(change.path).value
    if before is None or before.cancelled is not None or value.cancelled is None:
        return None
    rest = value._replace(cancelled=None)
    # As text: 1 and true are equal in Python, and not the same parameter.
    same = text_of(rest) == text_of(before)
    return _Need("auto", "the author cancels a job of their own") if same else None


def _own_job(asked: Asked, job: str, group: str | None) -> _Need | None:
    if group is not None:
        payer = None if asked.base is None else asked.base.group(group).value
        if payer is None or job.split("/", maxsplit=1)[0] not in payer.members:
            return asked.maintainers(f"the author is no member of the group {group} yet")
    if job in asked.jobs.unplaced:
        return asked.maintainers(f"the job would not run: {asked.jobs.unplaced[job]}")
    for run in asked.jobs.runs:
        if run.job == job and run.short:
            accounts = " and ".join(f"that of {account}" for account in run.short)
            return asked.maintainers(f"it is over a budget: {accounts}")
    return _Need("auto", "the author's own job, valid and within budget")


def _at(asked: Asked, path: str) -> _Need:
    """Return what a change of the text at a path needs."""
    parts = path.split("/")
    if (name := named(path, "blueprints")) is not None:
        return _blueprint(asked, name)
    if parts[0] == "iae" and len(parts) > 2:  # noqa: PLR2004 - iae/<name>/<file>
        return _environment(asked, parts[1])
    if Registry.is_job(path):
        return asked.maintainers(_about_job(asked, parts[2]))
    if parts[0] == "registry" and len(parts) > 1 and parts[1] in _WHAT:
        return asked.maintainers(f"it concerns {_WHAT[parts[1]]}")
    return asked.maintainers(_ELSEWHERE.get(parts[0], _OTHER))


def _about_job(asked: Asked, login: str) -> str:
    if asked.errors:
        return "it is a job, and rules are broken"
    if asked.author is None:
        return "it is a job, and nobody knows who proposes it"
    if asked.is_author(login):
        return "a job is added or cancelled, and not changed otherwise"
    return f"it is a job of {login}, and the author is not that user at the base"


def _blueprint(asked: Asked, name: str) -> _Need:
    loaded = None if asked.base is None else asked.base.blueprint(name)
    if loaded is None or not loaded.exists:
        return asked.maintainers(f"the name {name} is new among the blueprints")
    if loaded.value is None:
        return asked.maintainers(f"the blueprint {name} cannot be read at the base")
    owners = asked.known(loaded.value.maintainers)
    if not owners:
        return asked.maintainers(f"no maintainer of the blueprint {name} is a user at the base")
    return _Need("owner", f"the blueprint {name} has maintainers of its own", owners)


def _environment(asked: Asked, name: str) -> _Need:
    base = asked.base
    if base is None or not base.iae(name).exists:
        return asked.maintainers(f"the name {name} is new among the environments")
    using = users_of({name}, base)
    if not using:
        return asked.maintainers(f"no blueprint uses the environment {name} yet")
    owners = [
        set(value.maintainers)
        for blueprint in using
        if (value := base.blueprint(blueprint).value) is not None
    ]
    common = asked.known(sorted(set.intersection(*owners)))
    listed = ", ".join(using)
    if not common:
        return asked.maintainers(f"nobody maintains all blueprints that use {name}: {listed}")
    return _Need("owner", f"the environment {name} is used by {listed}", common)
