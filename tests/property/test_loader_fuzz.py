"""The loader under a minute of damaged files: see fuzz_loader.py."""

from __future__ import annotations

import time

import pytest
from fuzz_loader import fuzz

_SEARCH_SECONDS = 60


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_minute_of_damaged_files_is_answered() -> None:
    # Another seed each time: a minute a day finds more than the same minute again and again.
    tried, lines = fuzz(_SEARCH_SECONDS, time.time_ns())
    assert tried > 100
    assert lines > 100


def test_some_damaged_files_are_answered() -> None:
    tried, _ = fuzz(2, 20261125)
    assert tried
