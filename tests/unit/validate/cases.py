"""For every rule registries that break it, where and how, and ones near by that do not."""

from __future__ import annotations

import cases_blueprint
import cases_changes
import cases_hardware
import cases_iae
import cases_job
import cases_job_more
import cases_locks
import cases_money
import cases_names
import cases_people
import cases_protocol
import cases_registry
import cases_sweep
import cases_versions
from cases_support import Table

CASES: Table = {
    **cases_blueprint.CASES,
    **cases_changes.CASES,
    **cases_hardware.CASES,
    **cases_iae.CASES,
    **cases_job.CASES,
    **cases_job_more.CASES,
    **cases_locks.CASES,
    **cases_money.CASES,
    **cases_names.CASES,
    **cases_people.CASES,
    **cases_protocol.CASES,
    **cases_registry.CASES,
    **cases_sweep.CASES,
    **cases_versions.CASES,
}
