"""What a job costs over a bare loop of the same script: everything on, side by side in one run.

    python benchmarks/run.py [--n 1 10 70 500] [--rounds 3] [--linear 2000]

Each round runs the plain loop (`xargs -P2`, same interpreter, same script, same bytes) and the
platform (sandbox, digests, store, record) one after the other on new datasets, so the ratio of a
pair is fair even on a noisy machine. A third loop starts each script in bubblewrap alone, with the
mounts of a run: what is below its ratio no tool reaches that isolates each run. Certificates are
signed afterwards, and measured by themselves.
Nothing is asserted; bars are printed beside the figures. Where the files lie matters: ext4 without
a journal, after many removals, was measured to double what is over the loop; a tmpfs shows the rest.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import peers
from measure import CpuClock, Sample, file_system, heading, median, run
from platform_fixture import BLUEPRINT, Platform

from neurocaas_ci.bubblewrap import find_bwrap
from neurocaas_ci.run import records
from neurocaas_ci.run.sandbox.command import Descriptors, Mounts, Tools, bwrap_command

ROOT = Path(__file__).resolve().parent.parent
NEUROCAAS = [sys.executable, "-m", "neurocaas_ci.cli.main"]
PARALLEL = "2"


class Bench:
    """The platform, the plain loop, and the clock they share."""

    def __init__(self, folder: Path, clock: CpuClock, blueprint: str = BLUEPRINT) -> None:
        self.folder = folder
        self.clock = clock
        self.platform = Platform(folder, ROOT, blueprint)
        self.jobs = 0
        self.loops = 0
        self.root = root = self._warm_up()
        self.python = [
            str(next((root / "lib64").resolve().glob("ld-linux*"))),
            "--library-path",
            f"{root}/usr/lib/x86_64-linux-gnu:{root}/lib/x86_64-linux-gnu",
            f"{root}/usr/bin/python3.11",
            "-s",
            "-P",
        ]
        # Bytecode written into the unpacked image would count as damage to it, and be repaired.
        self.loop_env = {
            "PATH": os.environ["PATH"],
            "PYTHONHOME": f"{root}/usr",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def _warm_up(self) -> Path:
        """Build the environment with a first job; return its unpacked root."""
        self.job_on(self.platform.datasets(1))
        roots = list((self.platform.home.cache / "roots").glob("*/root"))
        return roots[0]

    def job_on(self, datasets: list[tuple[str, str]], hardware: str = "") -> tuple[str, Sample]:
        """Commit a job on given datasets and carry it to its end."""
        self.jobs += 1
        name = f"job-{self.jobs:04d}"
        self.platform.job(name, datasets, hardware)
        return name, self.neurocaas(
            "reconcile", "--no-fetch", "--no-certify", "--cpus", PARALLEL, f"ada/2026-11/{name}"
        )

    def neurocaas(self, *arguments: str) -> Sample:
        """Measure one command of ours as a whole process."""
        command = [*NEUROCAAS, *arguments]
        return run(self.clock, command, env=self.platform.env, cwd=self.platform.repo)

    def loop(self, datasets: list[tuple[str, str]]) -> Sample:
        """Measure the plain loop over the same bytes."""
        script = ROOT / "iae/bench-stdlib/workflow.py"
        return self._each(datasets, [*self.python, str(script), "{}", "{}/out"])

    def boxed(self, datasets: list[tuple[str, str]]) -> Sample:
        """Measure the plain loop again, each script in a bubblewrap as runs have it, and no more."""
        # Nobody hears its reports, and its gate, which is at its end, is open.
        descriptors = Descriptors(status=2, gate=0, seccomp=None, claim=None)
        mounts = Mounts(self.root, Path("{}"), Path("{}/out"), 1 << 30)
        workflow = next(self.root.rglob("workflow.py")).relative_to(self.root)
        script = ("/usr/bin/python3.11", "-s", "-P", f"/{workflow}")
        tools = Tools(find_bwrap() or "bwrap")
        return self._each(datasets, bwrap_command(tools, mounts, descriptors, {}, script, "LOOP"))

    def _each(self, datasets: list[tuple[str, str]], command: list[str]) -> Sample:
        """Measure a command on the folder of each dataset, `{}` in it."""
        self.loops += 1
        folders = self.platform.files(datasets, self.folder / f"loop-{self.loops}")
        listing = self.folder / f"loop-{self.loops}.txt"
        listing.write_text("".join(f"{folder}\n" for folder in folders))
        loop = ["xargs", "-a", str(listing), "-P", PARALLEL, "-I", "{}", *command]
        return run(self.clock, loop, env=self.loop_env)


def main() -> None:
    """Run all parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--n", type=int, nargs="*", default=[1, 10, 70, 500])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--linear", type=int, default=2000, help="0 leaves the last part out")
    parser.add_argument("--peers", action="store_true", help="also Snakemake and Nix")
    arguments = parser.parse_args()
    clock = CpuClock()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        Path(folder).chmod(0o755)
        bench = Bench(Path(folder), clock)
        print(f"CPU time: {clock.source}; {os.cpu_count()} processors; {PARALLEL} at once")
        print(f"Files: {file_system(folder)} (TMPDIR chooses where)")
        with heading("Total against a bare `xargs -P2` loop of the same script"):
            last = totals(bench, arguments.n, arguments.rounds)
        with heading("Afterwards"):
            afterwards(bench, last)
        with heading("`neurocaas certify`: sign, commit, as a whole process"):
            certificates(bench, last)
        if arguments.linear:
            with heading(f"Growth to {arguments.linear} datasets"):
                growth(bench, arguments.linear)
        with heading("Where the time of one run goes (median, ms)"):
            stages(bench, last)
        if arguments.peers:
            with heading("Peers on the same datasets, each against its own bare loop"):
                against_peers(bench)
        with heading("Start-up"):
            start_up(bench)
    clock.close()


def totals(
    bench: Bench, sizes: list[int], rounds: int
) -> dict[int, tuple[str, list[tuple[str, str]]]]:
    """Print total wall and CPU of both sides; return the last job of each size."""
    print(f"{'':>23}{'ours':^14} {'bubblewrap alone':^16}{'ours':>18}")
    print(f"{'N':>5} {'loop s':>8} {'ours s':>8} {'wall x':>6} {'cpu x':>6} {'wall x':>8} {'cpu x':>7} "
          f"{'CPU ms/dataset over':>20} {'RSS MB':>7}   bars")  # fmt: skip
    last: dict[int, tuple[str, list[tuple[str, str]]]] = {}
    for count in sizes:
        loops: list[Sample] = []
        boxed: list[Sample] = []
        ours: list[Sample] = []
        for _ in range(rounds if count < 500 else max(1, rounds // 3 * 2)):
            datasets = bench.platform.datasets(count)
            loops.append(bench.loop(datasets))
            boxed.append(bench.boxed(datasets))
            name, sample = bench.job_on(datasets)
            ours.append(sample)
            last[count] = (name, datasets)
        pairs = list(zip(ours, loops, strict=True))
        floor = list(zip(boxed, loops, strict=True))
        over = median([(o.cpu - p.cpu) / count for o, p in pairs]) * 1e3
        bar = "fixed CPU <= 0.25 s" if count == 1 else "<= 1.25, <= 15 ms" if count >= 70 else ""
        print(
            f"{count:>5} {median([p.wall for p in loops]):>8.2f} {median([o.wall for o in ours]):>8.2f} "
            f"{median([o.wall / p.wall for o, p in pairs]):>6.2f} "
            f"{median([o.cpu / p.cpu for o, p in pairs]):>6.2f} "
            f"{median([o.wall / p.wall for o, p in floor]):>8.2f} "
            f"{median([o.cpu / p.cpu for o, p in floor]):>7.2f} {over:>20.1f} "
            f"{max(o.rss for o in ours) / 1e6:>7.0f}   {bar}",
            flush=True,
        )
    return last


def afterwards(bench: Bench, last: dict[int, tuple[str, list[tuple[str, str]]]]) -> None:
    """Print a no-op that verifies every output, and a job with one changed dataset."""
    for count, (name, datasets) in last.items():
        if count < 70:
            continue
        noop = [
            bench.neurocaas(
                "reconcile", "--no-fetch", "--no-certify", "--verify", f"ada/2026-11/{name}"
            )
            for _ in range(5)
        ]
        bar = 0.35 if count <= 70 else 1.0
        print(f"no-op that verifies {count} datasets: CPU {median([s.cpu for s in noop]):.2f} s, "
              f"wall {median([s.wall for s in noop]):.2f} s (bar: CPU {bar} s)")  # fmt: skip
        changed, current = [], datasets
        for _ in range(3):
            current = [*current[1:], *bench.platform.datasets(1)]
            changed.append(bench.job_on(current)[1])
        bar_text = "(bar: 0.6 s)" if count == 70 else ""
        print(f"one of {count} datasets changed: wall {median([s.wall for s in changed]):.2f} s, "
              f"CPU {median([s.cpu for s in changed]):.2f} s {bar_text}", flush=True)  # fmt: skip


def certificates(bench: Bench, last: dict[int, tuple[str, list[tuple[str, str]]]]) -> None:
    """Print what the certificate of a job costs, one for all its datasets."""
    for count, (name, _) in last.items():
        sample = bench.neurocaas("certify", "--no-fetch", f"ada/2026-11/{name}")
        file = bench.platform.repo / f"certificates/ada/2026-11/{name}.sigstore.json"
        print(f"{count:>5} datasets: CPU {sample.cpu:.2f} s, wall {sample.wall:.2f} s, "
              f"{sample.rss / 1e6:.0f} MB, {file.stat().st_size:,} bytes")  # fmt: skip


def growth(bench: Bench, top: int) -> None:
    """Print the CPU time per dataset as N grows."""
    sizes = [top // 8, top // 4, top // 2, top]
    rows = [(n, bench.job_on(bench.platform.datasets(n))[1]) for n in sizes]
    first = rows[0][1].cpu / rows[0][0]
    for count, sample in rows:
        each = sample.cpu / count
        print(f"{count:>6} datasets: {each * 1e3:.1f} CPU ms each, x {each / first:.2f}, "
              f"{sample.rss / 1e6:.0f} MB")  # fmt: skip


def stages(bench: Bench, last: dict[int, tuple[str, list[tuple[str, str]]]]) -> None:
    """Print the median of each stage over the runs of the largest job.

    A record cannot hold how long it took to write it, and hashing is one pass with storing: both
    are measured here again on the same outputs.
    """
    name, _ = last[max(last)]
    job = f"ada/2026-11/{name}"
    home = bench.platform.home
    documents = {
        key.split("/")[-2]: home.state.read(key) or b""
        for key in home.state.keys(f"jobs/{job}/runs")
        if key.endswith("/record.json")
    }
    decoded = [records.decode_record(data) for data in documents.values()]
    hashing = median(
        [
            _seconds(lambda r=r: [home.blobs.verify(f.sha256, f.size) for f in r.outputs])
            for r in decoded
        ]
    )
    writing = median(
        [
            _seconds(lambda r=r: home.state.write("bench/record", records.encode_record(r)))
            for r in decoded
        ]
    )
    rows = {stage: median([r.stages[stage] for r in decoded]) for stage in decoded[0].stages}
    rows["hash"] = hashing
    rows["store"] = max(0.0, rows.pop("hash_store") - hashing)
    rows["record"] = writing
    for stage, seconds in rows.items():
        print(f"{stage:>14} {seconds * 1e3:8.2f}")


def _seconds(function: Callable[[], object]) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def against_peers(bench: Bench, count: int = 70) -> None:
    """Print total wall and CPU of other tools, relative to a bare loop over the same bytes."""
    for name, peer in peers.peers(bench.folder, shlex.join(bench.python)).items():
        pairs = []
        for number in range(2):
            datasets = bench.platform.datasets(count)
            loop = bench.loop(datasets)
            work = bench.folder / f"{name}-{number}"
            bench.platform.files(datasets, work / "in")
            shutil.copy(ROOT / "iae/bench-stdlib/workflow.py", work / "workflow.py")
            pairs.append((peers.measure(bench.clock, peer, work, [n for n, _ in datasets]), loop))
        over = median([(p.cpu - q.cpu) / count for p, q in pairs]) * 1e3
        print(f"{name:>10} N = {count}: wall x {median([p.wall / q.wall for p, q in pairs]):.2f}, "
              f"CPU x {median([p.cpu / q.cpu for p, q in pairs]):.2f}, "
              f"{over:.0f} CPU ms per dataset over the loop", flush=True)  # fmt: skip


def start_up(bench: Bench) -> None:
    """Print how long small commands take against a bare interpreter."""
    bare = [
        run(bench.clock, [sys.executable, "-c", "pass"], env=bench.platform.env) for _ in range(15)
    ]
    base = median([s.wall for s in bare])
    for words in (["--version"], ["--help"], ["status", "--no-fetch"]):
        ours = median([bench.neurocaas(*words).wall for _ in range(7)])
        print(
            f"neurocaas {' '.join(words):<18} {ours * 1e3:6.0f} ms, x {ours / base:.1f} of `python -c pass`"
        )


if __name__ == "__main__":
    main()
