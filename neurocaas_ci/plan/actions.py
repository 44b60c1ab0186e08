"""What the platform has to do to become what a registry asks for, in order; I/O is not handled here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from neurocaas_ci.model.plan import (
    Action,
    BuildIae,
    CancelJob,
    PublishBlueprint,
    RetireBlueprint,
    RunJob,
    SetResource,
)
from neurocaas_ci.plan.difference import difference, patched, text_of
from neurocaas_ci.plan.jobs import JobPlan
from neurocaas_ci.plan.state import (
    Image,
    PlatformState,
    Touched,
    Version,
    configuration,
    image_of,
    resource,
)
from neurocaas_ci.registry import Registry

_ORDER = ("hardware", "policy", "group", "user")


def plan_actions(
    head: Registry, names: Touched, state: PlatformState, jobs: JobPlan
) -> tuple[Action, ...]:
    """Return environments, hardware, policy, groups, users, blueprints, jobs, then what goes away."""
    resources = list(_resources(head, names, state))
    blueprints = list(_blueprints(head, names, state))
    retired = [a for a in blueprints if isinstance(a, RetireBlueprint)]
    return (
        *_environments(head, names, state),
        *(action for action in resources if action.verb != "remove"),
        *(action for action in blueprints if isinstance(action, PublishBlueprint)),
        *jobs.runs,
        *jobs.stops,
        *retired,
        *(action for action in reversed(resources) if action.verb == "remove"),
    )


def applied(actions: Iterable[Action], state: PlatformState) -> PlatformState:
    """Return the state of the platform after the actions of a plan that was made for it."""
    images, blueprints = dict(state.images), dict(state.blueprints)
    resources, jobs = dict(state.resources), dict(state.jobs)
    for action in actions:
        match action:
            case BuildIae():
                images[action.name] = Image(action.recipe, action.image)
            case PublishBlueprint():
                known = blueprints.get(action.name)
                before = json.loads(known.configuration) if known else {}
                text = text_of(patched(before, action.changes))
                blueprints[action.name] = Version(action.version, text)
            case RetireBlueprint():
                del blueprints[action.name]
            case SetResource(kind=kind, name=name, verb="remove"):
                del resources[kind, name]
            case SetResource(kind=kind, name=name):
                before = json.loads(resources.get((kind, name), "{}"))
                resources[kind, name] = text_of(patched(before, action.changes))
            case RunJob():
                # A refused job is known as well: it is decided once, and never asked for again.
                jobs[action.job] = None
            case CancelJob():
                jobs[action.job] = action.reason
    return PlatformState(images, blueprints, resources, jobs)


def _environments(head: Registry, names: Touched, state: PlatformState) -> Iterator[BuildIae]:
    for name in sorted(names.environments):
        wanted, known = image_of(head, name), state.images.get(name)
        if wanted is None or wanted == known:
            continue
        why = "the image is new, from the same sources"
        if known is None:
            why = "it is new"
        elif known.recipe != wanted.recipe:
            why = "its sources changed"
        yield BuildIae(name, wanted.recipe, wanted.image, why)


def _resources(head: Registry, names: Touched, state: PlatformState) -> Iterator[SetResource]:
    for kind, name in sorted(names.resources, key=lambda key: (_ORDER.index(key[0]), key[1])):
        known = state.resources.get((kind, name))
        loaded = resource(head, (kind, name))
        if loaded.value is not None:
            before: Mapping[str, Any] = json.loads(known or "{}")
            changes = difference(before, json.loads(text_of(loaded.value)))
            if changes:
                yield SetResource(kind, name, "update" if known else "create", changes)
        elif known is not None and not loaded.exists:
            yield SetResource(kind, name, "remove")


def _blueprints(
    head: Registry, names: Touched, state: PlatformState
) -> Iterator[PublishBlueprint | RetireBlueprint]:
    for name in sorted(names.blueprints):
        known = state.blueprints.get(name)
        loaded = head.blueprint(name)
        if loaded.value is not None:
            before: Mapping[str, Any] = json.loads(known.configuration) if known else {}
            changes = difference(before, json.loads(configuration(head, loaded.value)))
            if changes:
                previous = known.version if known else None
                yield PublishBlueprint(name, loaded.value.version, previous, changes)
        elif known is not None and not loaded.exists:
            yield RetireBlueprint(name, known.version)
