"""How runs stand with Slurm: what was submitted, beside what Slurm says of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from neurocaas_ci.executors.interface import Placement
from neurocaas_ci.executors.slurm_client import Slurm, Task
from neurocaas_ci.executors.slurm_states import LOST, in_words, placement_state
from neurocaas_ci.executors.submissions import Journal
from neurocaas_ci.stores.interface import StateStore

ENGINE = "slurm"


def standing(state: StateStore, slurm: Slurm, job: str) -> Mapping[str, Placement]:
    """Return how the runs of a job stand that were submitted; empty when none was.

    Raise BackendUnavailableError when Slurm does not answer.
    """
    journal = Journal(state, job, ENGINE)
    journal.load()
    places = journal.places()
    return placements(places, tasks_at(slurm, places.values()), journal.attempts())


def tasks_at(slurm: Slurm, places: Iterable[str]) -> dict[str, Task]:
    """Ask for all arrays at once in which there is one of the places."""
    wanted = {place.partition("_")[0] for place in places}
    return slurm.tasks(wanted) if wanted else {}


def placements(
    places: Mapping[str, str], tasks: Mapping[str, Task], attempts: Mapping[str, int]
) -> dict[str, Placement]:
    """Return how runs stand, by run, from where they are and what Slurm says."""
    found: dict[str, Placement] = {}
    for run, place in places.items():
        task = tasks.get(place)
        if task is None:
            found[run] = Placement(run, "ended", LOST, "", place, attempts.get(run, 1))
        else:
            state = placement_state(task.word, task.reason)
            reason = in_words(task.word, task.reason)
            found[run] = Placement(run, state, reason, task.node, place, attempts.get(run, 1))
    return found
