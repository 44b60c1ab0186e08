"""For every rule registries that break it, where and how, and ones near by that do not."""

from __future__ import annotations

import cases_blueprint
import cases_changes
import cases_iae
import cases_job
import cases_people
import cases_registry
from cases_support import Table

CASES: Table = {
    **cases_registry.CASES,
    **cases_blueprint.CASES,
    **cases_iae.CASES,
    **cases_people.CASES,
    **cases_job.CASES,
    **cases_changes.CASES,
}
