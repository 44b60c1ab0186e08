"""What an engine costs per dataset, side by side: this machine, a real Slurm, an emulated AWS Batch.

    python benchmarks/scale.py [--n 1 10 70 500] [--engines local slurm aws-batch] [--rounds 1]

Two tasks at once everywhere. Each line compares one job with the bare script in a loop (`xargs -P2`)
and with the engine's own trivial job (as many tasks of `true`: on this machine by `xargs`, on Slurm and
Batch one array), which is what the engine costs without us. `calls` are the submissions that the
engine was asked for, counted there. Each job has new datasets of 1 MB. An engine that is missing is
named, and left out. The first table is printed as it is measured. Nothing is asserted.

Together 1, 10 and 70 took five minutes on a busy machine; 500 take six on Slurm and thirteen on the emulated
AWS, where each worker starts boto3 (two thirds of a CPU second): `--engines` parts them. Nothing else
should run meanwhile: server and engine of the emulated AWS share the processors with the workers.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from engines import BATCH_HARDWARE, Engine, engines
from measure import CpuClock, heading, median
from platform_fixture import BLUEPRINT
from run import PARALLEL, Bench

NAMES = ["local", "slurm", "aws-batch"]


class Line(NamedTuple):
    """One size on one engine: medians of seconds, and submissions of a job."""

    engine: str
    count: int
    loop: float
    trivial: float
    ours: float
    calls: int


def main() -> None:
    """Measure every size that was asked for on every engine that is there."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--n", type=int, nargs="*", default=[1, 10, 70, 500])
    parser.add_argument("--engines", nargs="*", choices=NAMES, default=NAMES)
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    clock = CpuClock()
    began = time.perf_counter()
    blueprint = BLUEPRINT.replace("allowed: [laptop]", f"allowed: [laptop, {BATCH_HARDWARE}]")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        Path(folder).chmod(0o755)
        bench = Bench(Path(folder), clock, blueprint)
        with engines(bench, arguments.engines) as (found, missing):
            print(f"{os.cpu_count()} processors; {PARALLEL} tasks at once; "
                  f"engines: {', '.join(engine.name for engine in found) or 'none'}")  # fmt: skip
            for name, why in missing.items():
                print(f"NOT MEASURED: {name}: {why}")
            with heading("Seconds for N datasets"):
                lines = seconds(bench, found, arguments.n, arguments.rounds)
            with heading("Against the bare script, and against the engine's own trivial job"):
                ratios(lines)
    clock.close()
    print(f"{time.perf_counter() - began:.0f} s in all")


def seconds(bench: Bench, found: list[Engine], counts: list[int], rounds: int) -> list[Line]:
    """Measure and print one line per size and engine."""
    print(f"{'N':>5} {'engine':>10} {'loop s':>8} {'trivial s':>10} {'job s':>8} "
          f"{'calls':>6} {'took s':>7}")  # fmt: skip
    lines: list[Line] = []
    for count in counts:
        loops = [bench.loop(bench.platform.datasets(count)).wall for _ in range(rounds)]
        for engine in found:
            began = time.perf_counter()
            trivial = [engine.trivial(count) for _ in range(rounds)]
            jobs = [engine.job(bench.platform.datasets(count)) for _ in range(rounds)]
            ours = median([job.seconds for job in jobs])
            calls = max(job.calls for job in jobs)
            line = Line(engine.name, count, median(loops), median(trivial), ours, calls)
            lines.append(line)
            took = time.perf_counter() - began
            print(f"{count:>5} {line.engine:>10} {line.loop:>8.2f} {line.trivial:>10.2f} "
                  f"{line.ours:>8.2f} {line.calls:>6} {took:>7.0f}", flush=True)  # fmt: skip
    return lines


def ratios(lines: list[Line]) -> None:
    """Print what is over the loop and over the trivial job, as ratios and per dataset."""
    print(f"{'N':>5} {'engine':>10} {'x loop':>7} {'x trivial':>10} "
          f"{'ms/dataset over loop':>21} {'ms/dataset over trivial':>24}")  # fmt: skip
    for line in lines:
        over_loop = (line.ours - line.loop) / line.count * 1e3
        over_trivial = (line.ours - line.trivial) / line.count * 1e3
        print(f"{line.count:>5} {line.engine:>10} {line.ours / line.loop:>7.2f} "
              f"{line.ours / line.trivial:>10.2f} {over_loop:>21.0f} {over_trivial:>24.0f}")  # fmt: skip


if __name__ == "__main__":
    main()
