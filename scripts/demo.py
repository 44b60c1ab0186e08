#!/usr/bin/env python3
"""The whole loop on this machine, on real recordings: publish, submit, run, fetch, audit.

    make demo          (or: .venv/bin/python scripts/demo.py [--folder .demo])

Plays the publisher's, the scientist's and the auditor's session with the commands that they would
type. The forge is a bare git repository; everything is kept below `.demo/`. Downloads and built environments
stay there in `cache/`, so that a second demo takes seconds; everything else starts afresh.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import fcntl
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECORDINGS = ("resting-state-left.csv", "event-related-fmri.csv", "grasshopper-receptor.csv")
_MARK = ".neurocaas-demo"
_KEPT = {"cache", _MARK}
_FINDINGS = 10
_INVALID = 13
_USAGE = 2
_INTERRUPTED = 130


class Stage:
    """Shows headings and commands, runs them, and stops when one goes another way than told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self.began = time.monotonic()
        self.times: list[tuple[str, float]] = []
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith("GIT_")},
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
        process = subprocess.Popen(shlex.split(line), cwd=folder, env=self.env)
        interrupted = False
        while process.returncode is None:
            try:
                process.wait()
            except KeyboardInterrupt:
                # The command has had the signal as well; let it end in good order.
                interrupted = True
        if interrupted or process.returncode == _INTERRUPTED:
            raise KeyboardInterrupt
        if process.returncode != code:
            sys.exit(f"\ndemo: `{line}` ended with {process.returncode} instead of {code}")

    def _style(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text


def main(arguments: Sequence[str] | None = None) -> int:
    """Play all sessions; return the exit code."""
    parser = argparse.ArgumentParser(description="The whole loop on this machine.")
    parser.add_argument("--folder", type=Path, default=ROOT / ".demo")
    folder = parser.parse_args(arguments).folder.resolve()
    try:
        with _emptied(folder):
            stage = Stage(folder)
            set_up(stage)
            publisher(stage)
            scientist(stage)
            ensemble(stage)
            auditor(stage)
            finale(stage)
    except KeyboardInterrupt:
        print("\ndemo: stopped; it starts afresh next time", file=sys.stderr)
        return _INTERRUPTED
    return 0


@contextlib.contextmanager
def _emptied(folder: Path) -> Iterator[None]:
    """Hold the folder for one demo, without what an earlier one left but downloads and builds.

    Only the default folder, or one that a demo has made, is ever emptied: `--folder ~` must not cost a home.
    """
    known = folder == ROOT / ".demo" or (folder / _MARK).exists()
    if folder.exists() and not known and any(folder.iterdir()):
        print(f"demo: {folder} holds other things; name an empty or a new folder", file=sys.stderr)
        sys.exit(_USAGE)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _MARK).open("a") as mark:
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"demo: another demo is running in {folder}", file=sys.stderr)
            sys.exit(_USAGE)
        for entry in folder.iterdir():
            if entry.name in _KEPT:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        yield


def set_up(stage: Stage) -> None:
    """Make an origin with users, a group and hardware, but without any analysis."""
    stage.heading("A new registry: a git repository with users, a group and hardware")
    stage.become("ada")
    seed = stage.folder / "seed"
    for part in ("users", "groups", "hardware"):
        shutil.copytree(ROOT / "registry" / part, seed / "registry" / part)
    stage.run("git init --quiet --bare -b main origin.git", stage.folder, quiet=True)
    for line in (
        "git init --quiet -b main",
        "git add registry",
        "git commit --quiet -m 'Found the registry'",
        "git push --quiet ../origin.git main",
    ):
        stage.run(line, seed, quiet=True)
    shutil.rmtree(seed)
    for who in ("publisher", "scientist"):
        stage.run(f"git clone --quiet origin.git {who}", stage.folder, quiet=True)
    print(f"everything is in {os.path.relpath(stage.folder)}/; the forge is origin.git there")


def publisher(stage: Stage) -> None:
    """Publish the Kalman smoother; the first attempt has a mistake."""
    stage.heading("The publisher (ada): publish an analysis by pull request")
    clone = stage.folder / "publisher"
    stage.run("git switch --quiet -c kalman-smoother", clone)
    shutil.copytree(ROOT / "iae/kalman-smoother", clone / "iae/kalman-smoother")
    target = clone / "registry/blueprints/kalman-smoother.yaml"
    target.parent.mkdir()
    text = (ROOT / "registry/blueprints/kalman-smoother.yaml").read_text()
    target.write_text(text.replace("default: 50", "default: fifty", 1))
    stage.tell("the sample runs in the sandbox, from the working folder, before anything is shared")
    stage.run("neurocaas try kalman-smoother --param em_iterations=5", clone)
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
    stage.heading("The scientist (grace): run it on real recordings")
    clone = stage.folder / "scientist"
    stage.become("grace")
    stage.tell(
        "fMRI and receptor recordings that others made and published inside the package nitime"
    )
    script = shlex.quote(os.path.relpath(ROOT / "scripts/nitime_datasets.py", clone))
    stage.run(f"python {script} ../recordings --cache ../cache/recordings", clone)
    files = " ".join(f"../recordings/{name}" for name in RECORDINGS)
    stage.run(f"neurocaas data put {files}", clone)
    stage.run("git switch --quiet -c my-job", clone)
    datasets = " ".join(f"--dataset store:{name}" for name in RECORDINGS)
    stage.run(
        f"neurocaas job new kalman-smoother --name smooth-01 --group example-lab {datasets}"
        " --param latent_dimension=6 --max-runtime 10m --yes --commit",
        clone,
    )
    submit(stage, clone, 2)
    stage.tell("merged: the platform carries it out, each recording in a sandbox of its own")
    stage.run("neurocaas reconcile", clone)
    stage.run("neurocaas status smooth-01", clone)
    stage.run("neurocaas fetch smooth-01 ../results/smooth-01", clone)


def ensemble(stage: Stage) -> None:
    """Publish a second analysis and run it: fan-out to replicas, fan-in to a consensus."""
    stage.heading("A second analysis on the same recordings: an ensemble, and its consensus")
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
    datasets = " ".join(f"--dataset store:{name}" for name in RECORDINGS[::2])
    stage.run(
        f"neurocaas job new kalman-ensemble --name ensemble-01 --group example-lab {datasets}"
        " --param replicas=3 --max-runtime 10m --yes --commit",
        clone,
    )
    submit(stage, clone, 4)
    stage.tell("three replicas for each recording, then one consensus of the three")
    stage.run("neurocaas reconcile", clone)
    stage.run("neurocaas status", clone)
    stage.run("neurocaas fetch ensemble-01 ../results/ensemble-01", clone)


def auditor(stage: Stage) -> None:
    """Verify and replay the scientist's results with a store of one's own, then tamper with them."""
    stage.heading("The auditor (rosalind): is that really how the results came about?")
    stage.tell("the scientist hands over the results and the root of the machine that signed them")
    stage.run("neurocaas trust export ../trusted_root.json", stage.folder / "scientist")
    stage.become("rosalind")
    stage.env["NEUROCAAS_HOME"] = str(stage.folder / "auditor-home")
    stage.run("git clone --quiet origin.git auditor", stage.folder)
    clone = stage.folder / "auditor"
    stage.run("neurocaas inspect smooth-01", clone)
    root = "--offline --trust-root ../trusted_root.json"
    stage.run(f"neurocaas verify smooth-01 ../results/smooth-01 {root}", clone)
    stage.tell("run it again: same commit, same environment, same recordings, nothing reused")
    files = " ".join(f"../recordings/{name}" for name in RECORDINGS)
    stage.run(f"neurocaas data put {files}", clone)
    stage.run(f"neurocaas replay smooth-01 {root} --attest", clone)
    stage.tell("now somebody changes one byte of a result")
    changed = stage.folder / "tampered"
    shutil.copytree(stage.folder / "results/smooth-01", changed)
    _flip(changed / "001-smooth/metrics.json")
    stage.run(f"neurocaas verify smooth-01 ../tampered {root}", clone, code=_INVALID)
    stage.tell("or one field of the certificate: another analysis version")
    certificate = changed / "certificate.sigstore.json"
    bundle = json.loads(certificate.read_bytes())
    payload = base64.b64decode(bundle["dsseEnvelope"]["payload"])
    payload = payload.replace(
        b'"blueprint":"kalman-smoother@1', b'"blueprint":"kalman-smoother@2', 1
    )
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
    certificate.chmod(0o644)
    certificate.write_text(json.dumps(bundle))
    stage.run(
        f"neurocaas verify ../tampered/certificate.sigstore.json {root}", clone, code=_INVALID
    )


def _flip(path: Path) -> None:
    """Change the last bit of the middle byte of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)


def submit(stage: Stage, clone: Path, number: int) -> None:
    """Open and merge a pull request."""
    stage.run("neurocaas pr open", clone)
    stage.run(f"neurocaas pr merge {number}", clone)


def finale(stage: Stage) -> None:
    """Name the files to look at, and say how long everything took."""
    stage.heading("Look at")
    results = stage.folder / "results"
    patterns = ("smooth-01/*/figure.png", "ensemble-01/*-consensus/figure.png", "*/README.md",
                "*/certificate.sigstore.json")  # fmt: skip
    for path in (path for pattern in patterns for path in sorted(results.glob(pattern))):
        print(f"  {os.path.relpath(path)}")
    ends = [began for _, began in stage.times[1:]]
    print("\nSeconds:")
    for (text, began), end in zip(stage.times[:-1], ends, strict=True):
        print(f"  {end - began:6.1f}  {text}")
    print(f"  {time.monotonic() - stage.began:6.1f}  in all")


if __name__ == "__main__":
    sys.exit(main())
