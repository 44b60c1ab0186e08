"""What one pass over 10^4 runs in flight costs the runner: time, memory, calls.

    python benchmarks/in_flight.py [--shapes 1x10000 100x100 1000x10]

A shape is JOBSxRUNS. The jobs are merged, admitted and submitted by a first `neurocaas reconcile --executor
aws-batch --no-wait`; a second, a whole process, finds them all running. Everything is the product, the
AWS Batch executor and its books included; only the calls to AWS are answered from memory, as fast as a dictionary, so what is
measured is the runner and not the network. `calls` are requests to AWS Batch, `reads`, `lists` and
`writes` those to the state store: with S3 each would be a request.
Bars for the second pass: 5 s and 300 MB. Nothing in it waits, so CPU seconds (of the process and of git) are what it takes on
a quiet machine, and they are what is judged; wall time is shown beside. A manifest has at most 1 MB, which is
about 9,000 datasets. Exits with 1 when a bar does not hold.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from measure import heading
from platform_fixture import BLUEPRINT, Platform

ROOT = Path(__file__).resolve().parent.parent
BAR_S, BAR_MB = 5.0, 300
WAITING = 16
"""The exit code of a reconcile that leaves runs under way."""
PRICE = "price_usd_per_hour: {standard: 0.192}"
CALLS: Counter[str] = Counter()


class SimulatedBatch:
    """An AWS Batch whose jobs all run, for ever; it keeps nothing, so another process goes on."""

    def define(self, request: Mapping[str, Any]) -> str:
        """Name a job definition."""
        CALLS["calls"] += 1
        return f"arn:aws:batch:::job-definition/{request['jobDefinitionName']}:1"

    def submit(self, request: Mapping[str, Any]) -> str:
        """Take a job; its id says how many tasks it has."""
        CALLS["calls"] += 1
        size = request.get("arrayProperties", {}).get("size", 1)
        return f"{size}-{request['jobName']}"

    def find(self, _queue: str, _name: str) -> str | None:
        """Know nothing of submissions that were cut off."""
        CALLS["calls"] += 1
        return None

    def describe(self, ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """Say that all of them run."""
        CALLS["calls"] += -(-len(ids) // 100)
        return {name: self._job(name) for name in ids}

    def tasks(self, array: str, statuses: Iterable[str]) -> Iterator[Mapping[str, Any]]:
        """Yield the lines of the tasks of an array."""
        size = int(array.partition("-")[0])
        CALLS["calls"] += len(list(statuses)) - 1 + -(-size // 100)
        for task in range(size):
            yield {"jobId": f"{array}:{task}", "status": "RUNNING", "startedAt": 1}

    def end(self, job: str, reason: str) -> None:
        """End nothing."""

    @staticmethod
    def _job(name: str) -> Mapping[str, Any]:
        array, _, task = name.partition(":")
        size = int(array.partition("-")[0])
        job: dict[str, Any] = {"jobId": name, "jobName": array, "status": "RUNNING", "attempts": []}
        if task or size == 1:
            arn = f"arn:aws:ecs:eu:1:container-instance/default/{abs(hash(name)):032x}"
            return {**job, "container": {"containerInstanceArn": arn}}
        return {**job, "arrayProperties": {"size": size, "statusSummary": {"RUNNING": size}}}


def main() -> int:
    """Measure every shape that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--shapes", nargs="*", default=["2x5000", "100x100", "1000x10"])
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    arguments = parser.parse_args()
    if arguments.inside:
        return inside(profiled=arguments.profile)
    held = True
    with heading("One pass over runs in flight, as a whole process"):
        print(f"{'jobs x runs':>12} {'pass':>9} {'wall s':>7} {'CPU s':>6} {'MB':>5} "
              f"{'us/run':>7} {'calls':>6} {'reads':>7} {'lists':>6} {'writes':>7}")  # fmt: skip
        for shape in arguments.shapes:
            jobs, runs = (int(part) for part in shape.split("x"))
            with tempfile.TemporaryDirectory(prefix="bench-") as folder:
                platform = prepare(Path(folder), jobs, runs)
                measured(platform, shape, "submit", jobs * runs, profile=False)
                row = measured(platform, shape, "in flight", jobs * runs, profile=arguments.profile)
            held = held and row["cpu"] <= BAR_S and row["mb"] <= BAR_MB
    print(
        f"bars of a pass in flight: {BAR_S:.0f} s and {BAR_MB} MB: {'held' if held else 'NOT held'}"
    )
    return 0 if held else 1


def prepare(folder: Path, jobs: int, runs: int) -> Platform:
    """Lay out a registry with merged jobs; contents of datasets are never read by the runner."""
    folder.chmod(0o755)
    platform = Platform(folder, ROOT, BLUEPRINT.replace("laptop", "m5.xlarge"))
    if cache := os.environ.get("NEUROCAAS_CACHE"):
        platform.env["NEUROCAAS_CACHE"] = cache
    hardware = platform.repo / "registry/hardware/m5.xlarge.yaml"
    # Cheap, so that the example users' budgets bear all jobs and the ledger is asked in earnest.
    hardware.write_text(hardware.read_text().replace(PRICE, PRICE.replace("0.192", "0.001")))
    platform.commit("Set the price")
    stream = "".join(commit(job, runs) for job in range(jobs))
    subprocess.run(
        ["git", "fast-import", "--quiet"],
        cwd=platform.repo,
        env=platform.env,
        input=stream.encode(),
        check=True,
    )
    return platform


def commit(job: int, runs: int) -> str:
    """Return the commit that merges one job, as `git fast-import` takes it."""
    name = f"job-{job:05d}"
    rows = "\n".join(
        f'  - {{uri: "store:{n}.bin", sha256: "{job:032x}{n:032x}", size: 1}}' for n in range(runs)
    )
    manifest = (
        f"schema: neurocaas/job/v1\nname: {name}\nuser: ada\ngroup: example-lab\n"
        f"blueprint: bench@1.0.0\ndatasets:\n{rows}\n"
        "parameters: {}\npricing: standard\nmax_runtime: 5m\n"
    )
    first = "from refs/heads/main^0\n" if job == 0 else ""
    return (
        f"commit refs/heads/main\ncommitter ada <ada@example.org> {1_790_000_000 + job} +0000\n"
        f"data 6\nSubmit\n{first}M 100644 inline registry/jobs/ada/2026-11/{name}.yaml\n"
        f"data {len(manifest)}\n{manifest}\n"
    )


def measured(
    platform: Platform, shape: str, name: str, total: int, *, profile: bool
) -> dict[str, float]:
    """Measure a pass as a whole process and print its line."""
    command = [sys.executable, __file__, "--inside", *(["--profile"] if profile else [])]
    start = time.perf_counter()
    done = subprocess.run(
        command, cwd=platform.repo, env=platform.env, capture_output=True, text=True, check=False
    )
    wall = time.perf_counter() - start
    if done.returncode != WAITING:
        raise SystemExit(done.stderr[-3000:])
    *said, last = done.stdout.splitlines()
    row = {"wall": wall, **json.loads(last)}
    if row["runs"] != total:
        raise SystemExit(f"{row['runs']} of {total} runs are in flight\n{done.stderr[-3000:]}")
    print(
        f"{shape:>12} {name:>9} {wall:>7.2f} {row['cpu']:>6.2f} {row['mb']:>5.0f} "
        f"{wall / total * 1e6:>7.0f} {row['calls']:>6} {row['reads']:>7} {row['lists']:>6} "
        f"{row['writes']:>7}",
        flush=True,
    )
    print("\n".join(said), end="\n" if said else "")
    return row


def inside(*, profiled: bool) -> int:
    """Be `neurocaas reconcile --no-wait`, with AWS answered from memory; print what it took."""
    from neurocaas_ci.cli import batch_settings
    from neurocaas_ci.cli.main import main as neurocaas
    from neurocaas_ci.executors.batch.requests import Settings
    from neurocaas_ci.stores.directory import DirectoryState

    batch_settings.Batch.connect = SimulatedBatch  # type: ignore[method-assign,assignment]
    batch_settings.settings = lambda *_: Settings("image", "role", "s3://bucket/prefix", "/log")
    # Where no image is, it would be put into the store; that happens once and is not the point.
    batch_settings.publish_image = lambda *_: None
    for method, name in (("read", "reads"), ("keys", "lists"), ("write", "writes")):
        setattr(DirectoryState, method, _counted(getattr(DirectoryState, method), name))
    os.environ["NEUROCAAS_EXECUTOR"] = "aws-batch"
    sys.argv = ["neurocaas", "reconcile", "--no-fetch", "--no-certify", "--no-wait"]
    profiler = None
    if profiled:
        import cProfile

        profiler = cProfile.Profile()
        profiler.enable()
    with contextlib.suppress(SystemExit):
        # The process ends with its exit code, whatever is returned here.
        neurocaas()
    if profiler is not None:
        import pstats

        profiler.disable()
        pstats.Stats(profiler).sort_stats("cumulative").print_stats(45)
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    state = Path(os.environ["NEUROCAAS_HOME"]) / "store/state/jobs"
    journals = [json.loads(p.read_bytes()) for p in state.glob("*/*/*/aws-batch/submissions.json")]
    runs = sum(len(s["runs"]) for j in journals for s in j["submissions"] if s["handle"])
    cpu = sum(u.ru_utime + u.ru_stime for u in usage)
    counts = {name: CALLS[name] for name in ("calls", "reads", "lists", "writes")}
    print(json.dumps({"cpu": cpu, "mb": usage[0].ru_maxrss / 1e3, "runs": runs, **counts}))
    return 0


def _counted(method: Any, name: str) -> Any:
    def call(*arguments: Any, **named: Any) -> Any:
        CALLS[name] += 1
        return method(*arguments, **named)

    return call


if __name__ == "__main__":
    raise SystemExit(main())
