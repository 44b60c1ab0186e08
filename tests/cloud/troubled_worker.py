"""The real worker, in trouble: it dies by SIGKILL at a chosen point, and its claims are short.

Started as `neurocaas worker ...` in place of the real one. TROUBLE is JSON: `lease_s`, and by the
number of the task `die`: before so many acts (calls to the disk, the network and other processes,
counted from where the run begins), or with `in_workflow`, so many seconds after the workflow began.
At its end it says how many acts there were.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from importlib import import_module

_ACTS = frozenset(
    {
        "fcntl.flock", "http.client.send", "open", "os.chmod", "os.chown", "os.link", "os.listdir",
        "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.scandir", "os.truncate",
        "shutil.rmtree", "socket.connect", "subprocess.Popen",
    }
)  # fmt: skip


class _Count:
    """Count acts once told to; die at one."""

    def __init__(self, deadly: int | None) -> None:
        self.deadly, self.acts, self.counting = deadly, 0, False

    def hear(self, event: str, _arguments: object) -> None:
        if self.counting and event in _ACTS:
            self.acts += 1
            if self.acts == self.deadly:
                die()


def die() -> None:
    """End this process as the kernel does when memory is out."""
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Arm what TROUBLE says, then be the worker."""
    trouble = json.loads(os.environ.get("TROUBLE", "{}"))
    task = os.environ.get("AWS_BATCH_JOB_ARRAY_INDEX", "0")
    point = trouble.get("die", {}).get(task, {})
    state = import_module("neurocaas_ci.stores.s3_state").S3State
    state.__init__.__kwdefaults__["lease_s"] = trouble.get("lease_s", 8.0)
    count = _Count(point.get("acts"))
    worker = import_module("neurocaas_ci.run.worker").Worker
    sandbox = import_module("neurocaas_ci.run.sandbox").Sandbox
    execute, run = worker.execute, sandbox.execute

    def begin(self, spec):
        count.counting = True
        return execute(self, spec)

    def timed(self, request, cancelled=None):
        if (seconds := point.get("in_workflow")) is not None:
            threading.Timer(seconds, die).start()
        return run(self, request, cancelled)

    worker.execute, sandbox.execute = begin, timed
    sys.addaudithook(count.hear)
    try:
        import_module("neurocaas_ci.cli.main").main()
    finally:
        sys.stderr.write(f"acts: {count.acts}\n")


main()
