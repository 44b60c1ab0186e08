"""What must hold after whatever happened: nothing remains, nothing was done twice, the money is right."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import tempfile
import time
from pathlib import Path

from bridge import inventory

# What may be new in an account after a job: its log group stays, with the lines that were written.
_KEPT = ("log groups: /neurocaas/batch",)
_OF_JOBS = ("roles: neurocaas-job-", "job definitions: ")
_TIMED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Baseline:
    """What an account listed before a test began."""

    def __init__(self, cloud):
        self._cloud = cloud
        self._listed, self._made = inventory.listed(cloud.client), inventory.made()

    def remains(self) -> list[str]:
        """Name everything that is there now and was not there before."""
        new = sorted(inventory.listed(self._cloud.client) - self._listed - {*_KEPT})
        return [*new, *inventory.unknown(self._made), *self._cloud.left()]


def remains(world, seconds: float = 20) -> list[str]:
    """Name what is left of the jobs of a world: in the account, in its store, on this machine.

    A machine is given a moment to go after its job has ended.
    """
    deadline = time.monotonic() + seconds
    while (found := _remains(world)) and time.monotonic() < deadline:
        time.sleep(0.5)
    return found


def _remains(world) -> list[str]:
    found = world.baseline.remains()
    if world.shares:
        # Job definitions that do not belong to a job are used by the next one.
        found = [line for line in found if not line.startswith("job definitions: ")]
    if not world.closed:
        # A job that was left unfinished on purpose keeps what its workers need.
        found = [line for line in found if not line.startswith(_OF_JOBS)]
    if world.closed:
        found += _in_store(world)
    found += [f"file {path}" for path in world.platform.home.glob("store/scratch/*/*")]
    found += [f"process {line}" for line in processes(world.bucket)]
    names = {i["InstanceId"] for i in world.cloud.instances()}
    folders = Path(tempfile.gettempdir()).glob("i-*")
    return found + [f"folder {f}" for f in folders if f.name.rpartition("-")[0] in names]


def _in_store(world) -> list[str]:
    """Name claims that are held, live logs, and contents that no document of the store names."""
    s3, prefix = world.cloud.client("s3"), f"{world.prefix}/"
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=world.bucket, Prefix=prefix)
    keys = [o["Key"].removeprefix(prefix) for page in pages for o in page.get("Contents", [])]
    found, named = list[str](), set[str]()
    for key in keys:
        if key.startswith(("blobs/", "environments/")):
            continue
        if key.startswith("cells/"):
            found.append(f"a cell: {key}")
        named.update(_named(s3, world.bucket, prefix + key))
        # One whose holder died is free when its time is over.
        if key.startswith("locks/") and world.state.held(key.removeprefix("locks/")):
            found.append(f"a claim that is held: {key}")
        if key.endswith("/log"):
            found.append(f"a log that was being written: {key}")
    contents = {key.rpartition("/")[2] for key in keys if key.startswith("blobs/")}
    unnamed = sorted(contents - named)
    if len(unnamed) <= world.orphans:
        # Only logs: each line of one begins with its time.
        unnamed = [d for d in unnamed if not _is_log(s3, world.bucket, prefix, d)]
    return found + [f"a content that nothing names: {d}" for d in unnamed]


def _is_log(s3, bucket: str, prefix: str, digest: str) -> bool:
    key = f"{prefix}blobs/sha256/{digest[:2]}/{digest}"
    lines = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode("utf-8", "replace")
    return all(_TIMED.match(line) for line in lines.splitlines())


def _named(s3, bucket: str, key: str) -> list[str]:
    """Return the digests that a document names."""
    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return _DIGEST.findall(body.decode("utf-8", "replace"))


def processes(mark: str) -> list[str]:
    """Name the processes that have a word in their environment, this one left out."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if (
                int(pid) != os.getpid()
                and mark.encode() in Path(f"/proc/{pid}/environ").read_bytes()
            ):
                line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
                found.append(f"{pid} {line[:200].decode('utf-8', 'replace')}")
    return found


def wrong_in_books(world) -> list[str]:
    """Name what is wrong with certificates and money of a world whose only user is ada.

    Each job that has ended has one certificate, made by one commit, and is charged what that says;
    for each other job a maximum is reserved.
    """
    platform, wrong = world.platform, []
    manifests = sorted((platform.repo / "registry/jobs").glob("*/*/*.yaml"))
    names = [str(p.relative_to(platform.repo / "registry/jobs"))[:-5] for p in manifests]
    certified = {name: _certificate(platform, name) for name in names}
    spent = 0.0
    for name, costs in certified.items():
        ended = world.document(f"jobs/{name}/job.json")
        if ended is None and platform.state(name, "job.json").exists():
            # One that was run on this machine, for comparison.
            ended = platform.job_record(name)
        if (ended is not None) != (len(costs) == 1):
            wrong.append(f"{name}: {len(costs)} certificates, record: {ended is not None}")
        elif ended is not None:
            spent += costs[0]
            if costs[0] < ended["cost_usd"] or not 0 <= costs[0] <= 1:
                wrong.append(f"{name}: charged {costs[0]}, used {ended['cost_usd']}")
    shown = json.loads(platform.run("budget", "--no-fetch", "--format", "json").stdout)
    (account,) = [a for a in shown["accounts"] if (a["kind"], a["name"]) == ("user", "ada")]
    if abs(account["spent_usd"] - spent) > 1e-9:
        wrong.append(f"spent {account['spent_usd']}, certified {spent}")
    waiting = [name for name, costs in certified.items() if not costs]
    if bool(waiting) != (account["reserved_usd"] > 0):
        wrong.append(f"reserved {account['reserved_usd']} for {waiting}")
    return wrong


def _certificate(platform, name: str) -> list[float]:
    """Return the cost in the certificate of a job, once for each commit that touched it."""
    path = f"certificates/{name}.sigstore.json"
    commits = platform.git("log", "--format=%H", "main", "--", path).split()
    if not commits:
        return []
    bundle = json.loads(platform.git("show", f"main:{path}"))
    statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    products = statement["predicate"]["runDetails"]["byproducts"]
    costs = [
        p["annotations"]["cost_usd"] for p in products if "cost_usd" in p.get("annotations", {})
    ]
    return [max(costs)] * len(commits)
