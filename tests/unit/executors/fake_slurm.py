"""A Slurm in memory that runs a task when it is told to, and a worker that keeps records."""

from __future__ import annotations

from neurocaas_ci.executors.slurm_client import Task


class CrashError(BaseException):
    """The runner is killed here."""


class FakeSlurm:
    """Arrays by id; `execute` plays a task to its end, `lose` ends one without a record."""

    def __init__(self, max_size=1000):
        self.max_size = max_size
        self.arrays = {}
        self.states = {}
        self.held_by = []

    def max_array_size(self):
        return self.max_size

    def submit(self, arguments, script, keep):
        name = next(a.partition("=")[2] for a in arguments if a.startswith("--job-name="))
        last = next(a for a in arguments if a.startswith("--array=")).partition("-0"[1:])
        tasks = int(last[2].removeprefix("-").partition("%")[0]) + 1
        handle = str(len(self.arrays) + 1)
        self.arrays[handle] = (name, list(arguments), script)
        for task in range(tasks):
            self.states[f"{handle}_{task}"] = ("PENDING", "Priority")
        self.held_by.append(keep)
        return handle

    def find(self, name):
        return next((h for h, (known, _, _) in self.arrays.items() if known == name), None)

    def tasks(self, arrays):
        return {
            handle: Task(handle, word, reason, "n1" if word == "RUNNING" else "")
            for handle, (word, reason) in self.states.items()
            if handle.partition("_")[0] in arrays
        }

    def cancel(self, handles):
        for handle, (word, _) in list(self.states.items()):
            if handle.partition("_")[0] in handles and word in {"PENDING", "RUNNING"}:
                self.states[handle] = ("CANCELLED", "None")

    def option(self, handle, name):
        _, arguments, _ = self.arrays[handle]
        return next((a.partition("=")[2] for a in arguments if a.startswith(f"--{name}=")), None)


class Crashing:
    """Pass every call on to something, but die at the chosen one, before or after it."""

    def __init__(self, inner, counter, names):
        self._inner, self._counter, self._names = inner, counter, names

    def __getattr__(self, name):
        found = getattr(self._inner, name)
        if name not in self._names:
            return found

        def call(*arguments, **options):
            self._counter.step("before")
            result = found(*arguments, **options)
            self._counter.step("after")
            return result

        return call


class Counter:
    """Counts the points at which the runner could die; dies at number `at`."""

    def __init__(self, at=None):
        self.at, self.seen = at, 0

    def step(self, _when):
        self.seen += 1
        if self.seen == self.at:
            raise CrashError
