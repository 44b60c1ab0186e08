"""Law: a registry written from the model is read back as the same values, and breaks no rule."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from registry_worlds import MemoryTree, World, files_of, recipe_of, worlds

from neurocaas_ci.registry import Loaded, Registry
from neurocaas_ci.validate.engine import judge

_FEW = settings(
    max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


def _value(loaded: Loaded[Any]) -> Any:
    assert loaded.findings == ()
    return loaded.value


@_FEW
@given(worlds(), st.sampled_from([None, False, True]))
def test_what_the_model_wrote_is_read_back(world: World, flow: bool | None) -> None:
    registry = Registry(MemoryTree(files_of(world, flow=flow)))
    assert registry.hardware_ids() == sorted(h.id for h in world.hardware)
    assert [_value(registry.hardware(h.id)) for h in world.hardware] == list(world.hardware)
    assert [_value(registry.user(u.login)) for u in world.users] == list(world.users)
    assert [_value(registry.group(g.name)) for g in world.groups] == list(world.groups)
    assert [_value(registry.blueprint(b.name)) for b in world.blueprints] == list(world.blueprints)
    assert [_value(registry.job(j.id)) for j in world.jobs] == list(world.jobs)
    for iae, lock in world.iaes:
        assert _value(registry.iae(iae.name)) == iae
        assert _value(registry.iae_lock(iae.name)) == lock
    assert _value(registry.policy()) == world.policy
    assert len(registry.jobs()) == len(world.jobs)


@_FEW
@given(worlds(), st.sampled_from([None, False, True]))
def test_what_the_model_wrote_breaks_no_rule(world: World, flow: bool | None) -> None:
    head = Registry(MemoryTree(files_of(world, flow=flow)))
    assert judge(None, head, recipe_of=recipe_of, published=world.published) == ()
