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
import json
import os
import shlex
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from demo_stage import INTERRUPTED, ROOT, Stage, emptied

RECORDINGS = ("resting-state-left.csv", "event-related-fmri.csv", "grasshopper-receptor.csv")
_FINDINGS = 10
_INVALID = 13


def main(arguments: Sequence[str] | None = None) -> int:
    """Play all sessions; return the exit code."""
    parser = argparse.ArgumentParser(description="The whole loop on this machine.")
    parser.add_argument("--folder", type=Path, default=ROOT / ".demo")
    folder = parser.parse_args(arguments).folder.resolve()
    try:
        with emptied(folder):
            stage = Stage(folder)
            set_up(stage)
            publisher(stage)
            scientist(stage)
            ensemble(stage)
            auditor(stage)
            finale(stage)
    except KeyboardInterrupt:
        print("\ndemo: stopped; it starts afresh next time", file=sys.stderr)
        return INTERRUPTED
    return 0


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
