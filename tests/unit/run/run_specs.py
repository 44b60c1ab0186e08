"""Specs and records with values that do not matter, for tests that change some of them."""

from __future__ import annotations

from neurocaas_ci.model.blueprint import RunLimits
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.run import Isolation, RunRecord, RunSpec, Usage

IMAGE = Sha256("a" * 64)
JOB = "ada/2026-11/j"


def make_spec(**changes):
    values = {
        "job": JOB, "run": "001-work", "step": "work", "image": IMAGE, "command": ("/bin/x",),
        "environment": {}, "config": {"parameters": {}}, "inputs": (), "needs": {},
        "outputs_required": (), "limits": RunLimits(), "max_runtime": 60, "hardware": "laptop",
        "determinism": "none",
    }  # fmt: skip
    return RunSpec(**{**values, **changes})


def make_record(**changes):
    values = {
        "job": JOB, "run": "001-work", "step": "work", "identity": Sha256("b" * 64),
        "status": "succeeded", "reason": "exited", "message": "", "exit_code": 0, "image": IMAGE,
        "inputs": (), "outputs": (), "log": None, "usage": Usage(wall_s=1.5),
        "isolation": Isolation("sandbox"), "hardware": "laptop",
        "started": "2026-11-01T00:00:00.000Z", "ended": "2026-11-01T00:00:01.500Z",
    }  # fmt: skip
    return RunRecord(**{**values, **changes})
