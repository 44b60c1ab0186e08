"""A bare repository with workflow files, and orders to run one of them without any forge."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "github"))
from actions.act import Order, Outcome, run_act
from actions.box import Limits
from actions.workflow import read_workflow

CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"
UPLOAD = "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f"
DOWNLOAD = "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c"
SETUP_PYTHON = "actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97"
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "ada", "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "ada", "GIT_COMMITTER_EMAIL": "ada@example.org",
}  # fmt: skip
HEAD = "on: push\npermissions: {}\njobs:\n"


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=ENVIRONMENT, check=True, capture_output=True,
        text=True,
    )  # fmt: skip
    return done.stdout.strip()


def commit(folder: Path, files: dict[str, str], message: str = "change") -> str:
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD")


class Bench:
    """Runs workflow files of one repository, each in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.work = folder / "work"
        self.work.mkdir()
        git(self.work, "init", "-q", "-b", "main")
        self.count = 0

    def run(self, text: str, *, others: dict[str, str] | None = None, **settings) -> Outcome:
        path = ".github/workflows/test.yml"
        sha = commit(self.work, {path: text, **(others or {})})
        called = {
            name: read_workflow(name, content)
            for name, content in (others or {}).items()
            if name.startswith(".github/workflows/")
        }
        limits = Limits(**{"seconds": 60, **settings.pop("limits", {})})
        environment = {
            "GITHUB_REPOSITORY": "acme/registry", "GITHUB_REF": "refs/heads/main",
            **settings.pop("environment", {}),
        }  # fmt: skip
        order = Order(
            repository=self.work, sha=sha, workflow=read_workflow(path, text), called=called,
            event="push", payload={"ref": "refs/heads/main"}, environment=environment,
            limits=limits, **settings,
        )  # fmt: skip
        self.count += 1
        return run_act(order, self.folder / f"{self.count}")


def one(script: str, extra: str = "") -> str:
    lines = "\n".join(f"          {line}" for line in script.strip().splitlines())
    return f"{HEAD}  one:\n    runs-on: ubuntu-24.04\n    {extra}\n    steps:\n      - id: main\n        run: |\n{lines}\n"


def log(outcome) -> str:
    return "".join(job.log for job in outcome.output.jobs.values())
