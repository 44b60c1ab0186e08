"""An AWS Batch in memory; the test says how each job stands."""

from __future__ import annotations

HOUR_MS = 3_600_000


class FakeBatch:
    """Jobs in memory; the test says how each stands."""

    def __init__(self):
        self.jobs, self.sizes = {}, {}

    def define(self, request):
        return request["jobDefinitionName"]

    def submit(self, request):
        handle = f"job{len(self.sizes) + 1}"
        self.sizes[handle] = request.get("arrayProperties", {}).get("size", 1)
        for name in self.places(handle):
            self.jobs[name] = {"jobId": name, "status": "RUNNABLE"}
        return handle

    def places(self, handle):
        size = self.sizes[handle]
        return [handle] if size == 1 else [f"{handle}:{k}" for k in range(size)]

    def find(self, _queue, _name):
        return None

    def describe(self, ids):
        found = {name: self.jobs[name] for name in ids if name in self.jobs}
        for handle in ids:
            if self.sizes.get(handle, 1) > 1:
                counts = {}
                for name in self.places(handle):
                    state = self.jobs[name]["status"]
                    counts[state] = counts.get(state, 0) + 1
                found[handle] = {"jobId": handle, "status": "PENDING",
                                 "arrayProperties": {"statusSummary": counts}}  # fmt: skip
        return found

    def tasks(self, array, statuses):
        return [self.jobs[n] for n in self.places(array) if self.jobs[n]["status"] in statuses]

    def instances(self, arns):
        return {arn: {"id": f"i-{arn[-1]}", "type": "m5.large"} for arn in arns}

    def end(self, _job, _reason):
        pass

    def set(self, name, status, *hours, reason=""):
        attempts = [
            {"startedAt": 1, "stoppedAt": 1 + int(h * HOUR_MS), "container": {"exitCode": 0}}
            for h in hours
        ]
        self.jobs[name] = {
            "jobId": name, "status": status, "attempts": attempts, "statusReason": reason,
            "container": {"containerInstanceArn": f"arn/bank/machine-{name}"},
        }  # fmt: skip
