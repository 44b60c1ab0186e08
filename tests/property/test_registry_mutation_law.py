"""Law: any single fault in any registry is found by its rule, in the file that has it."""

from __future__ import annotations

import copy

import pytest
from hypothesis import HealthCheck, given, settings
from registry_mutations import MUTATIONS, Mutation
from registry_worlds import MemoryTree, World, dump, files_of, recipe_of, worlds

from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.changes import of_entries
from neurocaas_ci.validate.engine import judge


def test_mutations_have_names_of_their_own() -> None:
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(world=worlds(least_jobs=1))
def test_a_fault_is_found_where_it_is(mutation: Mutation, world: World) -> None:
    documents = copy.deepcopy(world.documents())
    path = mutation.change(documents, world)
    files = {name: d if isinstance(d, bytes) else dump(d) for name, d in documents.items()}
    head = MemoryTree({**files, **world.others()})
    base = MemoryTree(files_of(world))
    findings = judge(
        Registry(base) if mutation.against else None,
        Registry(head),
        of_entries(base.entries(), head.entries()) if mutation.against else None,
        recipe_of=recipe_of,
        published=world.published,
    )
    hits = [f for f in findings if f.rule == mutation.rule and f.location.path == path]
    assert hits, [f"{f.location} {f.rule} {f.message}" for f in findings]
    assert all(hit.message and hit.fix and hit.location.line >= 1 for hit in hits)
