"""What judging, planning and accounting cost as a registry grows: 1,000, 10,000 and 100,000 jobs.

    python benchmarks/registry.py [--jobs 1000 10000 100000] [--rounds 5] [--work FOLDER]

Each command is measured as a whole process, with the git processes that it waits for, by
`os.wait4`. The sizes take turns within a round, so a noisy minute hits all of them. The registries
(see registry_world.py) are made once and kept in the folder named by --work. Nothing is asserted;
bars are printed beside the figures.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import registry_world
from measure import Sample, heading, median
from registry_world import World

NEUROCAAS = [sys.executable, "-m", "neurocaas_ci.cli.main"]


@dataclass(frozen=True)
class Task:
    """A command by its arguments; `once` leaves out repetitions on large registries.

    `cold` begins with an empty home folder, others find what the runs before them left there.
    """

    name: str
    words: Callable[[World], list[str]]
    bar: str = ""
    once: bool = False
    cold: bool = False


TASKS = (
    Task(
        "validate one new job",
        lambda w: ["validate", "--repo", str(w.repo), "--base", w.main, "--head", w.change],
        "<= 0.5 s beyond start-up, x <= 1.3",
    ),
    Task(
        "validate --all",
        lambda w: ["validate", "--repo", str(w.repo), "--all", "--head", w.change],
        "<= 60 s on one core",
        once=True,
    ),
    Task("budget, no index yet", lambda w: ["budget", "--repo", str(w.repo), w.user], cold=True, once=True),
    Task("budget, index there", lambda w: ["budget", "--repo", str(w.repo), w.user]),
    Task(
        "plan one new job",
        lambda w: ["plan", "--repo", str(w.repo), "--base", w.main, "--head", w.change],
    ),
)  # fmt: skip


class Bench:
    """Runs commands as whole processes with a home folder of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._homes = 0

    def run(self, command: Sequence[str], *, home: str = "home") -> Sample:
        """Run a command, quietly; raise SystemExit when it fails, also by findings."""
        env = {
            **{k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"},
            "NEUROCAAS_HOME": str(self._folder / home),
            "NEUROCAAS_CACHE": str(self._folder / home / "cache"),
            "GIT_CONFIG_GLOBAL": os.devnull,
        }
        (self._folder / home / "cache").mkdir(parents=True, exist_ok=True)
        began = time.perf_counter()
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                command, env=env, cwd=self._folder, stdout=subprocess.DEVNULL, stderr=errors
            )
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - began
            process.returncode = os.waitstatus_to_exitcode(status)
            errors.seek(0)
            said = errors.read().decode(errors="replace")
        if process.returncode:
            raise SystemExit(f"{' '.join(command)}\nexit {process.returncode}\n{said[-2000:]}")
        cpu = usage.ru_utime + usage.ru_stime
        return Sample(wall, cpu, usage.ru_maxrss * 1024, process.returncode)

    def neurocaas(self, *words: str, cold: bool = False, size: int = 0) -> Sample:
        """Measure one of our commands; each size of registry has its own home folder."""
        home = f"home-{size}"
        if cold:
            self._homes += 1
            home = f"cold-{self._homes}"
        return self.run([*NEUROCAAS, *words], home=home)


def main() -> None:
    """Make the registries, run all commands on them, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--jobs", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", type=Path, help="keep the registries in this folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        work = (arguments.work or folder / "worlds").resolve()
        work.mkdir(parents=True, exist_ok=True)
        bench = Bench(folder)
        with heading("The registries"):
            worlds = registries(arguments.jobs, work)
        with heading("Commands, beyond start-up (`neurocaas --version`)"):
            commands(bench, worlds, arguments.rounds)
        with heading("Start-up"):
            start_up(bench, worlds[0], arguments.rounds * 3)


def registries(sizes: Sequence[int], work: Path) -> list[World]:
    """Make the registries that are not there yet, and say what each is."""
    worlds = []
    for size in sorted(sizes):
        began = time.perf_counter()
        world = registry_world.make(size, work)
        seconds = time.perf_counter() - began
        commits = _git(world, "rev-list", "--count", world.main)
        pack = sum(path.stat().st_size for path in world.repo.glob("objects/pack/*.pack"))
        print(f"{size:>7} jobs: {commits} commits, pack of {pack / 1e6:.0f} MB, "
              f"ready after {seconds:.0f} s", flush=True)  # fmt: skip
        worlds.append(world)
    print("one pack with a bitmap and a commit graph each, as `git gc` leaves a bare repository")
    return worlds


def commands(bench: Bench, worlds: Sequence[World], rounds: int) -> None:
    """Print time, memory and growth of every command.

    `x wall` and `x CPU` compare whole processes with those on the smallest registry, `x more` what
    they take beyond start-up.
    """
    start = median([bench.neurocaas("--version").wall for _ in range(rounds * 2)])
    print(f"start-up {start * 1e3:.0f} ms\n")
    print(
        f"{'':<22} {'jobs':>7} {'wall s':>8} {'CPU s':>8} {'MB':>6} {'x wall':>7} {'x CPU':>7}   bar"
    )
    for task in TASKS:
        samples: dict[int, list[Sample]] = {world.jobs: [] for world in worlds}
        if not task.cold:
            for world in worlds:
                bench.neurocaas(*task.words(world), size=world.jobs)  # what caches are for
        for number in range(rounds):
            for world in worlds:
                if number == 0 or not task.once or world.jobs * number < 20_000:
                    words = task.words(world)
                    sample = bench.neurocaas(*words, cold=task.cold, size=world.jobs)
                    samples[world.jobs].append(sample)
        _rows(task, samples, start)


def _rows(task: Task, samples: dict[int, list[Sample]], start: float) -> None:
    first: tuple[float, float] | None = None
    for size, found in samples.items():
        wall, cpu = (median([getattr(s, key) for s in found]) for key in ("wall", "cpu"))
        first = first or (wall, cpu)
        print(
            f"{task.name:<22} {size:>7} {wall - start:>8.3f} {cpu:>8.3f} "
            f"{max(s.rss for s in found) / 1e6:>6.0f} {wall / first[0]:>7.2f} "
            f"{(wall - start) / (first[0] - start):>7.2f} {cpu / first[1]:>7.2f}"
            f"   {task.bar if size == max(samples) else ''}",
            flush=True,
        )


def start_up(bench: Bench, world: World, rounds: int) -> None:
    """Print what commands take beside a bare interpreter, alone and with click imported."""
    first = TASKS[0].words(world)
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "python -c 'import click'": [sys.executable, "-c", "import click"],
        "neurocaas --version": [*NEUROCAAS, "--version"],
        "neurocaas --help": [*NEUROCAAS, "--help"],
        "neurocaas validate (one file)": [*NEUROCAAS, *first],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            times[name].append(bench.run(command).wall)
    bare, click = (median(times[name]) for name in list(times)[:2])
    for name, values in times.items():
        wall = median(values)
        print(f"{name:<30} {wall * 1e3:6.0f} ms, x {wall / bare:.1f} of the bare interpreter, "
              f"x {wall / click:.1f} with click (bar: 3)")  # fmt: skip


def _git(world: World, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(world.repo), *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


if __name__ == "__main__":
    main()
