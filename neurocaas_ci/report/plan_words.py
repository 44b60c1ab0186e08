"""What the parts of a plan say to people, whatever the form; I/O is not handled here.

Names, reasons and values are strangers' text: every line that comes from here is printable.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from neurocaas_ci.model.ledger import Balance
from neurocaas_ci.model.money import dollars, show
from neurocaas_ci.model.plan import (
    Action,
    Approval,
    BuildIae,
    CancelJob,
    FieldChange,
    Plan,
    PublishBlueprint,
    RetireBlueprint,
    RunJob,
    SetResource,
)
from neurocaas_ci.model.units import format_duration
from neurocaas_ci.report.plain import printable

Quote = Callable[[str], str]
Lines = list[str]

_MOST_VALUE, _MOST_NAMES, _MOST_GROUPS = 200, 10, 5


def headline(plan: Plan, quote: Quote = printable) -> tuple[str, str, str]:
    """Return what happens, what it costs at most, and who has to approve, a line each."""
    return _happens(plan), _costs(plan), _approves(plan.approvals, quote)


def sections(plan: Plan) -> list[tuple[str, Lines]]:
    """Return the titles and lines of the parts of a plan that are not empty, in its order."""
    parts: dict[str, Lines] = {}
    for action in plan.actions:
        parts.setdefault(_title(action), []).extend(action_lines(action))
    if plan.approvals:
        parts["Changed files, and who may approve them"] = [
            line for approval in plan.approvals for line in _approval_lines(approval)
        ]
    return list(parts.items())


def action_lines(action: Action) -> Lines:  # noqa: PLR0911 - one case per kind of action
    """Return one action: a line, and its details indented below."""
    match action:
        case BuildIae():
            return [
                f"build {printable(action.name)}: {printable(action.why)}",
                f"    recipe {action.recipe[:12]}, image {action.image[:12]}",
            ]
        case PublishBlueprint(previous=None):
            return [f"publish {printable(action.name)} {printable(action.version)}: it is new"]
        case PublishBlueprint():
            versions = f"{printable(action.version)}, after {printable(str(action.previous))}"
            return [f"publish {printable(action.name)} {versions}", *_fields(action.changes)]
        case RetireBlueprint():
            return [f"retire blueprint {printable(action.name)} {printable(action.version)}"]
        case SetResource():
            name = "" if action.kind == "policy" else f" {printable(action.name)}"
            return [f"{action.verb} {action.kind}{name}", *_fields(action.changes)]
        case RunJob():
            return list(_run(action))
        case CancelJob():
            return list(_cancel(action))


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def admitted(plan: Plan) -> list[RunJob]:
    """Return the jobs that would run."""
    return [a for a in plan.actions if isinstance(a, RunJob) and not a.short]


def _happens(plan: Plan) -> str:
    counts = Counter(_kind(action) for action in plan.actions)
    words = [
        counted(counts["build"], "environment to build", "environments to build"),
        counted(counts["set"], "resource to set", "resources to set"),
        counted(counts["publish"], "blueprint to publish", "blueprints to publish"),
        counted(counts["run"], "job to run", "jobs to run"),
        counted(counts["refuse"], "job that no budget covers", "jobs that no budget covers"),
        counted(counts["cancel"], "job to cancel", "jobs to cancel"),
        counted(counts["remove"], "thing to remove", "things to remove"),
    ]
    found = [word for word in words if not word.startswith("0 ")]
    return f"Plan: {', '.join(found) or 'nothing to do'}."


def _costs(plan: Plan) -> str:
    runs = admitted(plan)
    text = f"Cost: at most {show(sum(run.maximum for run in runs))}"
    known = [run.expected for run in runs if run.expected is not None]
    if known and len(known) == len(runs):
        text += f", expected {show(sum(known))}"
    return f"{text}."


def _approves(approvals: Sequence[Approval], quote: Quote) -> str:
    groups = Counter((a.level, a.approvers) for a in approvals if a.level != "auto")
    if not groups:
        return "Approval: nobody has to approve it."
    # Maintainers decide about more than owners do: they are named first.
    ordered = sorted(groups.items(), key=lambda item: (item[0][0] != "maintainer", item[0][1]))
    parts = []
    for (level, approvers), files in ordered[:_MOST_GROUPS]:
        who = "an owner" if level == "owner" else "a maintainer of the platform"
        parts.append(f"{who} ({_names(approvers, quote)}) for {counted(files, 'file')}")
    if len(ordered) > _MOST_GROUPS:
        parts.append(f"{len(ordered) - _MOST_GROUPS:,} more groups of files")
    return f"Approval: {'; '.join(parts)}."


def _names(names: Sequence[str], quote: Quote) -> str:
    if not names:
        return "nobody is named yet"
    more = len(names) - _MOST_NAMES
    shown = [quote(name) for name in names[:_MOST_NAMES]]
    return " or ".join([*shown, *([f"{more:,} others"] if more > 0 else [])])


def _kind(action: Action) -> str:
    match action:
        case BuildIae():
            return "build"
        case PublishBlueprint():
            return "publish"
        case RunJob():
            return "refuse" if action.short else "run"
        case CancelJob():
            return "cancel"
        case SetResource(verb="create" | "update"):
            return "set"
        case _:
            return "remove"


def _title(action: Action) -> str:
    titles = {
        "build": "Environments",
        "set": "Hardware, policy, groups and users",
        "publish": "Blueprints",
        "cancel": "Cancelled jobs",
        "remove": "Removed",
    }
    return titles.get(_kind(action), "Jobs")


def _fields(changes: Sequence[FieldChange]) -> Iterator[str]:
    for change in changes:
        pointer = _value(change.pointer)
        if change.before is None:
            yield f"    + {pointer}: {_value(change.after or '')}"
        elif change.after is None:
            yield f"    - {pointer}: {_value(change.before)}"
        else:
            yield f"    ~ {pointer}: {_value(change.before)} -> {_value(change.after)}"


def _value(text: str) -> str:
    shown = printable(text[:_MOST_VALUE])
    rest = len(text) - _MOST_VALUE
    return f"{shown}... ({rest:,} more characters)" if rest > 0 else shown


def _run(action: RunJob) -> Iterator[str]:
    what = f"{printable(action.blueprint)}@{printable(action.version)}"
    runs = counted(sum(step.runs for step in action.steps), "run")
    if action.short:
        yield f"refuse {printable(action.job)}: {what}, {runs}, may cost {show(action.maximum)}"
        names = " and ".join(printable(str(account)) for account in action.short)
        yield f"    not covered by the budget of {names}"
    else:
        yield f"run {printable(action.job)}: {what}, {runs}, at most {show(action.maximum)}"
    for step in action.steps:
        each = f"{format_duration(step.seconds)} at {show(step.price)} per hour"
        if step.priced:
            each += f" (price of {printable(step.priced)})"
        yield (
            f"    {printable(step.step)}: {counted(step.runs, 'run')} on "
            f"{printable(step.hardware)}, each {each} at most: {show(step.maximum)}"
        )
    if action.expected is not None:
        yield f"    expected {show(action.expected)}, from {counted(action.sample, 'earlier run')}"
    for line in action.budgets:
        if line.before.left is None:
            yield f"    {printable(str(line.account))}: no budget is set"
        else:
            yield (
                f"    {printable(str(line.account))}: {_left(line.before)} left before, "
                f"{_left(line.after)} after"
            )


def _left(balance: Balance) -> str:
    left = balance.left
    if left is None:
        return "all"
    return f"{show(left)} of {dollars(balance.cap or 0):,.2f}"


def _cancel(action: CancelJob) -> Iterator[str]:
    yield f"cancel {printable(action.job)}: {_value(action.reason)}"
    if action.maximum is not None:
        yield f"    what it did not use of {show(action.maximum)} is given back"


def _approval_lines(approval: Approval) -> Iterator[str]:
    origin = f" (was {printable(approval.old_path)})" if approval.old_path else ""
    yield f"{approval.level}: {approval.status} {printable(approval.path)}{origin}"
    who = f" [{_names(approval.approvers, printable)}]" if approval.approvers else ""
    yield f"    {_value(approval.reason)}{who}"
