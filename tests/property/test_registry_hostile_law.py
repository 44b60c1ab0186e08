"""Law: whatever stands in a file of the registry, judging it ends, in bounded time and memory."""

from __future__ import annotations

import pytest
from hostile_files import BOMBS, PLACES, YAML_PLACES, contents, judged
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

_PEAK = 200_000_000
_ADDRESSES = 1_000_000_000
# A file takes a fraction of a second; only a file whose work grows without bound takes this long.
_SECONDS = 10


def _bounded(files: list[tuple[str, bytes]]) -> list[int]:
    result = judged(files, _ADDRESSES)
    assert len(result["seconds"]) == len(files)
    assert result["peak"] < _PEAK
    slowest = max(zip(result["seconds"], files, strict=True), key=lambda pair: pair[0])
    assert slowest[0] < _SECONDS, (slowest[1][0], slowest[1][1][:100])
    return result["errors"]


@pytest.mark.parametrize("place", PLACES)
def test_bombs_are_refused_within_bounds(place: str) -> None:
    errors = _bounded([(place, content) for content in BOMBS.values()])
    if place in YAML_PLACES:
        assert [name for name, found in zip(BOMBS, errors, strict=True) if not found] == []


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.lists(st.tuples(st.sampled_from(PLACES), contents), min_size=40, max_size=40))
def test_anything_is_judged_within_bounds(files: list[tuple[str, bytes]]) -> None:
    _bounded(files)
