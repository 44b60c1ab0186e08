"""A clone of the platform, and forms filled in over it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from memory_forge import MemoryForge

from neurocaas_ci.cli.onboard import onboard
from neurocaas_ci.forges.forms import fields_of
from neurocaas_ci.onboard.draft import FORMS
from neurocaas_ci.registry.git import GitTree

# The law's rendering of a form serves here too.
sys.path.insert(0, str(Path(__file__).parents[2] / "property"))

from form_body import body

ROOT = Path(__file__).parents[3]

DATASET = f"store:mouse-01.npz {'ab' * 32} 1048576"
SIGNUP = {"name": "Lin Example", "terms": ("My login, my name and what I run here are public and stay in the history.",)}  # fmt: skip
JOB = {
    "name": "tracking-01",
    "blueprint": "kalman-smoother@1.0.2",
    "datasets": DATASET,
    "parameters": "em_iterations: 20\n# fewer than usual\nseed: 7",
    "group": "example-lab",
    "pricing": "standard",
    "max_runtime": "10m",
}


class Desk:
    """A clone of the platform, and a forge where forms are filled in."""

    def __init__(self, repo: Path) -> None:
        self.repo = repo
        self.forge = MemoryForge()
        self.fields = {k: fields_of(p, (ROOT / p).read_bytes()) for k, p in FORMS.items()}

    def git(self, *arguments: str) -> str:
        env = {
            **{k: v for k, v in os.environ.items() if not k.startswith("GIT_")},
            "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "ada", "GIT_AUTHOR_EMAIL": "ada@example.org",
            "GIT_COMMITTER_NAME": "ada", "GIT_COMMITTER_EMAIL": "ada@example.org",
        }  # fmt: skip
        done = subprocess.run(
            ["git", *arguments], cwd=self.repo, env=env, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def merge(self, files: dict[str, bytes]) -> None:
        """Let files be on main."""
        for path, content in files.items():
            target = self.repo / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "merge")

    def signup(self, *, author="lin", author_id=3003, **typed):
        text = body(self.fields["signup"], {**SIGNUP, **typed})
        return self.forge.open(text, author=author, author_id=author_id)

    def job(self, *, author="ada", author_id=1001, **typed):
        text = body(self.fields["job"], {**JOB, **typed}, "yaml")
        return self.forge.open(text, author=author, author_id=author_id)

    def handle(self, issue, event=None) -> str:
        with GitTree(self.repo, "main") as head:
            return onboard(self.repo, head, self.forge.issue(issue.number), self.forge, event)

    def only_comment(self) -> str:
        (comment,) = self.forge.comments.values()
        return comment


_CODE = re.compile(r"^(`{3,}).*?^\1$|`[^`]*`", re.MULTILINE | re.DOTALL)


def unquoted(text):
    """Return what of a comment is not in code."""
    return _CODE.sub("", text)
