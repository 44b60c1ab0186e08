"""The same script over the same datasets in Snakemake and Nix, where they can be installed.

    python benchmarks/run.py --peers

Snakemake is installed from the package index into a folder of its own; Nix is used when
`nix-build` is on the PATH (Debian: `apt-get install --no-install-recommends nix-bin`). Both run two
at once, with what they record by default; Nix in its sandbox, with a store of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from measure import CpuClock, Sample, run

_SNAKEMAKE = "snakemake==9.27.0"
_SNAKEFILE = """\
NAMES = {names}
rule all:
    input: expand("out/{{name}}/summary.json", name=NAMES)
rule work:
    input: "in/{{name}}/dataset/{{name}}"
    output: "out/{{name}}/summary.json", "out/{{name}}/reduced.bin"
    shell: "{python} {script} in/{{wildcards.name}} out/{{wildcards.name}}"
"""
_NIX = """\
{ names }:
let
  script = builtins.path { path = ./workflow.py; name = "workflow.py"; };
  one = name: derivation {
    inherit name script;
    system = builtins.currentSystem;
    builder = "/usr/bin/python3";
    data = builtins.path { path = ./in + "/${name}/dataset/${name}"; inherit name; };
    args = [ "-I" "-c" ''
      import os, runpy, sys
      folder = "/build/i/dataset"
      os.makedirs(folder)
      os.symlink(os.environ["data"], folder + "/data.bin")
      os.makedirs(os.environ["out"])
      sys.argv = ["workflow", "/build/i", os.environ["out"]]
      runpy.run_path(os.environ["script"], run_name="__main__")
    '' ];
  };
in map one (builtins.fromJSON names)
"""

Peer = Callable[[Path, list[str]], list[str]]


def peers(folder: Path, python: str) -> dict[str, Peer]:
    """Return the peers that can run here: each lays out its project and names its command."""
    found: dict[str, Peer] = {}
    snakemake = _install_snakemake(folder)
    if snakemake is not None:
        found["snakemake"] = lambda work, names: _snakemake(work, names, snakemake, python)
    if shutil.which("nix-build"):
        found["nix-build"] = _nix
    return found


def measure(clock: CpuClock, peer: Peer, work: Path, names: list[str]) -> Sample:
    """Lay out the project in `work` and run it."""
    command = peer(work, names)
    env = {"PATH": os.environ["PATH"], "HOME": str(work), "XDG_CACHE_HOME": str(work / "cache")}
    return run(clock, command, env=env, cwd=work)


def _install_snakemake(folder: Path) -> str | None:
    place = folder / "snakemake"
    commands = (
        [sys.executable, "-m", "venv", str(place)],
        [str(place / "bin/pip"), "install", "--quiet", _SNAKEMAKE],
    )
    for command in commands:
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode:
            print(f"snakemake cannot be installed: {done.stderr.decode()[-300:]}")
            return None
    return str(place / "bin/snakemake")


def _snakemake(work: Path, names: list[str], program: str, python: str) -> list[str]:
    text = _SNAKEFILE.format(names=names, python=python, script=work / "workflow.py")
    (work / "Snakefile").write_text(text)
    return [program, "-j2", "--quiet", "all"]


def _nix(work: Path, names: list[str]) -> list[str]:
    (work / "default.nix").write_text(_NIX)
    options = {
        "sandbox": "true",
        "sandbox-paths": "/usr /lib /lib64 /bin",
        "build-users-group": "",
        "substitute": "false",
    }
    flags = [word for name, value in options.items() for word in ("--option", name, value)]
    return [
        "nix-build", "--store", str(work / "store"), *flags, "--no-out-link", "-j2",
        "--argstr", "names", json.dumps(names),
    ]  # fmt: skip
