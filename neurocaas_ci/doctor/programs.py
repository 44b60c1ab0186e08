"""Checks of the programs that everything needs: git, its identity, Python and what it can import."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

from neurocaas_ci.doctor.check import Check, Outcome, fail, ok, warn

# `git merge-tree --write-tree` merges without a working folder since then.
_GIT = (2, 38)
_PYTHON = (3, 11)
_EXTRAS = {
    "sign": (("sigstore", "cryptography"), "certificates can be neither signed nor verified"),
    "github": (("github",), "nothing can be asked of GitHub"),
    "terminal": (("rich",), "progress is shown as plain lines"),
}


def checks(repo: Path | None) -> list[Check]:
    """Return the checks; the identity is the one for commits in `repo`."""
    return [
        Check("git", _git),
        Check("git-identity", lambda: _identity(repo)),
        Check("python", _python),
        Check("extras", _extras),
    ]


def _git() -> Outcome:
    try:
        text = _run(["git", "--version"])
    except FileNotFoundError:
        return fail("git is not installed", "sudo apt-get install git")
    match = re.search(r"(\d+)\.(\d+)", text)
    if match is None or (int(match[1]), int(match[2])) < _GIT:
        wanted = ".".join(map(str, _GIT))
        return fail(f"{text} is too old", f"install git {wanted} or later")
    return ok(text)


def _identity(repo: Path | None) -> Outcome:
    place = ["-C", str(repo)] if repo else []
    try:
        missing = [
            key
            for key, variable in (
                ("user.name", "GIT_AUTHOR_NAME"),
                ("user.email", "GIT_AUTHOR_EMAIL"),
            )
            if not os.environ.get(variable) and not _run(["git", *place, "config", "--get", key])
        ]
    except FileNotFoundError:
        return warn("it is unknown without git", "install git first")
    if missing:
        fix = "; ".join(f"git config --global {key} '...'" for key in missing)
        return warn(f"git does not know your {' and '.join(missing)}: no commit can be made", fix)
    return ok("git knows who commits")


def _python() -> Outcome:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < _PYTHON:
        return fail(f"Python {version} is too old", "install Python 3.11 or later")
    return ok(f"Python {version}")


def _extras() -> Outcome:
    missing = {
        extra: loss
        for extra, (modules, loss) in _EXTRAS.items()
        if any(importlib.util.find_spec(module) is None for module in modules)
    }
    if missing:
        losses = "; ".join(f"without {extra}, {loss}" for extra, loss in missing.items())
        return warn(losses, f"pip install 'neurocaas-ci[{','.join(missing)}]'")
    return ok(f"{', '.join(_EXTRAS)} are installed")


def _run(command: list[str]) -> str:
    done = subprocess.run(
        command, capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    return done.stdout.strip()
