"""Octokit, which GitHub makes, takes a pull request from its opening to its merge."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "js/octokit.mjs"


def test_octokit_is_content(hub, repo, bot):
    """It pages, comments, checks and merges; a stale head is refused; nothing strays."""
    if shutil.which("node") is None:
        pytest.skip("there is no Node on this machine")
    repo.commit({name: name for name in "vwxyz"}, branch="feature")
    asked = {"base": hub.base, "token": bot.value, "owner": "acme", "repo": "registry",
             "head": "feature"}  # fmt: skip
    done = subprocess.run(
        ["node", str(SCRIPT)], input=json.dumps(asked), capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "number": 1, "files": list("vwxyz"), "check": "success", "stale": 409,
        "sha": repo.head(), "merged": True, "labels": ["auto"],
    }  # fmt: skip
    assert hub.violations == []
    assert sum(call.operation == "pulls/list-files" for call in hub.calls) == 3
