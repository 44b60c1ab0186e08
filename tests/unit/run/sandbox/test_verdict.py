from __future__ import annotations

import pytest

from neurocaas_ci.model.blueprint import RunLimits
from neurocaas_ci.run.sandbox.verdict import End, judge, signal_of

_FINE = {
    "stopped": None,
    "detail": "",
    "exit_code": 0,
    "oom_kills": 0,
    "last_line": "",
    "overgrown": None,
}


@pytest.mark.parametrize(
    ("facts", "reason", "said"),
    [
        ({}, "exited", ""),
        ({"exit_code": 3}, "nonzero_exit", "it exited with status 3"),
        ({"exit_code": 1, "last_line": "Error: x"}, "nonzero_exit", "ends with: Error: x"),
        ({"exit_code": 137}, "killed", "killed by SIGKILL"),
        ({"exit_code": 139}, "killed", "killed by SIGSEGV"),
        ({"exit_code": 255}, "nonzero_exit", "status 255"),
        ({"exit_code": None}, "killed", "from outside"),
        ({"exit_code": 137, "oom_kills": 1}, "memory_limit", "the run was killed"),
        ({"exit_code": 0, "oom_kills": 2}, "memory_limit", "a child process was killed"),
        ({"exit_code": 1, "oom_kills": 1}, "memory_limit", "limits.memory"),
        ({"stopped": "memory_limit", "exit_code": None}, "memory_limit", "2,147,483,648 bytes"),
        ({"stopped": "time_limit", "exit_code": None}, "time_limit", "longer than 60 s"),
        ({"stopped": "cancelled", "exit_code": 0}, "cancelled", "cancelled"),
        ({"stopped": "time_limit", "oom_kills": 3}, "time_limit", "longer than"),
        (
            {"stopped": "output_limit", "detail": "/outputs held too much"},
            "output_limit",
            "held too much",
        ),
        ({"exit_code": 1, "overgrown": "a/b"}, "output_limit", "a/b reached the limit"),
        ({"exit_code": 153, "overgrown": "a"}, "output_limit", "limits.file_size"),
        ({"exit_code": 0, "overgrown": "a"}, "exited", ""),
        (
            {"exit_code": 1, "last_line": "OSError: [Errno 28] No space left on device"},
            "nonzero_exit",
            "limits.tmp_size",
        ),
        ({"exit_code": 1, "last_line": "MemoryError"}, "nonzero_exit", "limits.memory"),
        (
            {"exit_code": 1, "last_line": "RuntimeError: can't start new thread"},
            "nonzero_exit",
            "limits.processes",
        ),
    ],
)
def test_judge(facts, reason, said):
    got, message = judge(End(**{**_FINE, **facts}), RunLimits(), 60)
    assert got == reason
    assert said in message
    assert bool(message) == (reason != "exited")


@pytest.mark.parametrize(
    ("code", "number"), [(None, None), (0, None), (128, None), (129, 1), (137, 9), (255, None)]
)
def test_signal_of(code, number):
    assert signal_of(code) == number
