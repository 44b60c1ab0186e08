#!/usr/bin/env python3
"""The whole loop on this machine, on real recordings: publish, submit, run, fetch.

    make demo          (or: .venv/bin/python scripts/demo.py [--folder .demo])

Plays the publisher's and the scientist's sessions with the commands that they would type. The
forge is a bare git repository; everything is kept below `.demo/`. Downloads and built environments
stay there in `cache/`, so that a second demo takes seconds; everything else starts afresh.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECORDINGS = ("resting-state-left.csv", "resting-state-right.csv", "event-related-fmri.csv")
_KEPT = {"cache"}
_FINDINGS = 10


class Stage:
    """Shows headings and commands, runs them, and stops when one goes another way than told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self.began = time.monotonic()
        self.times: list[tuple[str, float]] = []
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "NEUROCAAS_"))},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "NEUROCAAS_HOME": str(folder / "home"),
            "NEUROCAAS_CACHE": str(folder / "cache"),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
        }

    def become(self, login: str) -> None:
        """Type as another user from now on."""
        self.env["NEUROCAAS_USER"] = login
        for role in ("AUTHOR", "COMMITTER"):
            self.env[f"GIT_{role}_NAME"] = login
            self.env[f"GIT_{role}_EMAIL"] = f"{login}@example.org"

    def heading(self, text: str) -> None:
        """Begin a part of the demo."""
        self.times.append((text, time.monotonic()))
        print(f"\n{self._style('1;36', '━━ ' + text)}", flush=True)

    def tell(self, text: str) -> None:
        """Say what comes next and why."""
        print(f"\n{self._style('2', '# ' + text)}", flush=True)

    def run(self, line: str, folder: Path, code: int = 0, *, quiet: bool = False) -> None:
        """Show and run one command; leave the demo when it exits with another code."""
        if not quiet:
            print(f"{self._style('1', '$ ' + line)}", flush=True)
        done = subprocess.run(shlex.split(line), cwd=folder, env=self.env, check=False)
        if done.returncode != code:
            sys.exit(f"\ndemo: `{line}` ended with {done.returncode} instead of {code}")

    def _style(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text


def main(arguments: Sequence[str] | None = None) -> int:
    """Play all sessions; return the exit code."""
    parser = argparse.ArgumentParser(description="The whole loop on this machine.")
    parser.add_argument("--folder", type=Path, default=ROOT / ".demo")
    folder = parser.parse_args(arguments).folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for entry in folder.iterdir():
        if entry.name not in _KEPT:
            shutil.rmtree(entry)
    stage = Stage(folder)
    set_up(stage)
    publisher(stage)
    scientist(stage)
    ensemble(stage)
    finale(stage)
    return 0


def set_up(stage: Stage) -> None:
    """Make an origin with users, a group and hardware, but without any analysis."""
    stage.heading("A new registry: a git repository with users, a group and hardware")
    stage.become("ada")
    origin, seed = stage.folder / "origin.git", stage.folder / "seed"
    for part in ("users", "groups", "hardware"):
        shutil.copytree(ROOT / "registry" / part, seed / "registry" / part)
    stage.run(f"git init --quiet --bare -b main {origin}", stage.folder, quiet=True)
    for line in (
        "git init --quiet -b main",
        "git add registry",
        "git commit --quiet -m 'Found the registry'",
        f"git push --quiet {origin} main",
    ):
        stage.run(line, seed, quiet=True)
    shutil.rmtree(seed)
    for who in ("publisher", "scientist"):
        stage.run(f"git clone --quiet {origin} {who}", stage.folder, quiet=True)
    print(f"origin: {origin}")


def publisher(stage: Stage) -> None:
    """Publish the Kalman smoother; the first attempt has a mistake."""
    stage.heading("The publisher: publish an analysis by pull request")
    clone = stage.folder / "publisher"
    stage.run("git switch --quiet -c kalman-smoother", clone)
    shutil.copytree(ROOT / "iae/kalman-smoother", clone / "iae/kalman-smoother")
    target = clone / "registry/blueprints/kalman-smoother.yaml"
    target.parent.mkdir()
    text = (ROOT / "registry/blueprints/kalman-smoother.yaml").read_text()
    target.write_text(text.replace("default: 50", "default: fifty", 1))
    stage.tell("the sample runs in the sandbox, from the working folder, before anything is shared")
    stage.run("neurocaas try kalman-smoother", clone)
    stage.run("git add .", clone)
    stage.run("git commit --quiet -m 'Publish the Kalman smoother'", clone)
    stage.run("neurocaas pr open", clone)
    stage.tell("there is a mistake in the blueprint: the gate shows where, and what to do")
    stage.run("neurocaas pr merge 1", clone, code=_FINDINGS)
    stage.tell("mend it, and propose it again")
    stage.run(
        "sed -i 's/default: fifty/default: 50/' registry/blueprints/kalman-smoother.yaml", clone
    )
    stage.run("git commit --quiet -am 'Fix the default number of iterations'", clone)
    stage.run("neurocaas pr open", clone)
    stage.run("neurocaas pr merge 1", clone)


def scientist(stage: Stage) -> None:
    """Submit a job on real recordings and fetch its results."""
    stage.heading("The scientist: run it on real recordings")
    clone = stage.folder / "scientist"
    stage.become("grace")
    stage.tell("fMRI recordings that others made and published inside the package nitime")
    script, cache = ROOT / "scripts/nitime_datasets.py", stage.folder / "cache/recordings"
    stage.run(f"python {script} {stage.folder}/recordings --cache {cache}", clone)
    files = " ".join(f"../recordings/{name}" for name in RECORDINGS)
    stage.run(f"neurocaas data put {files}", clone)
    stage.run("git switch --quiet -c my-job", clone)
    datasets = " ".join(f"--dataset store:{name}" for name in RECORDINGS)
    stage.run(
        f"neurocaas job new kalman-smoother --name smooth-01 --group example-lab {datasets}"
        " --param latent_dimension=4 --max-runtime 10m --yes --commit",
        clone,
    )
    submit(stage, clone, 2)
    stage.run("neurocaas reconcile", clone)
    stage.run("neurocaas status smooth-01", clone)
    stage.run("neurocaas fetch smooth-01 ../results/smooth-01", clone)


def ensemble(stage: Stage) -> None:
    """Publish a second analysis and run it: fan-out to replicas, fan-in to a consensus."""
    stage.heading("A second analysis on the same data: an ensemble, and its consensus")
    publisher_clone, clone = stage.folder / "publisher", stage.folder / "scientist"
    stage.become("ada")
    stage.run("git switch --quiet -c kalman-ensemble origin/main", publisher_clone)
    shutil.copytree(ROOT / "iae/kalman-consensus", publisher_clone / "iae/kalman-consensus")
    name = "registry/blueprints/kalman-ensemble.yaml"
    shutil.copy(ROOT / name, publisher_clone / name)
    stage.run("git add .", publisher_clone)
    stage.run("git commit --quiet -m 'Publish the ensemble'", publisher_clone)
    submit(stage, publisher_clone, 3)
    stage.become("grace")
    stage.run("git switch --quiet -c my-ensemble origin/main", clone)
    stage.run("git pull --quiet --rebase origin main", clone)
    datasets = " ".join(f"--dataset store:{name}" for name in RECORDINGS[:2])
    stage.run(
        f"neurocaas job new kalman-ensemble --name ensemble-01 --group example-lab {datasets}"
        " --param replicas=3 --max-runtime 10m --yes --commit",
        clone,
    )
    submit(stage, clone, 4)
    stage.run("neurocaas reconcile", clone)
    stage.run("neurocaas status", clone)
    stage.run("neurocaas fetch ensemble-01 ../results/ensemble-01", clone)


def submit(stage: Stage, clone: Path, number: int) -> None:
    """Open and merge a pull request."""
    stage.run("neurocaas pr open", clone)
    stage.run(f"neurocaas pr merge {number}", clone)


def finale(stage: Stage) -> None:
    """Name the files to look at, and say how long everything took."""
    stage.heading("Look at")
    results = stage.folder / "results"
    for path in sorted([*results.glob("*/*/figure.png"), *results.glob("*/README.md")]):
        print(f"  {os.path.relpath(path)}")
    ends = [began for _, began in stage.times[1:]]
    print("\nSeconds:")
    for (text, began), end in zip(stage.times[:-1], ends, strict=True):
        print(f"  {end - began:6.1f}  {text}")
    print(f"  {time.monotonic() - stage.began:6.1f}  in all")


if __name__ == "__main__":
    sys.exit(main())
