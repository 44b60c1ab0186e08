"""A small registry on the fake GitHub, people who propose things, and the bot that answers."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr
from pathlib import Path
from unittest import mock

import yaml

REPOSITORY = "acme/registry"
PROJECT = Path(__file__).resolve().parents[3]
ADA, GRACE, MALLORY = 101, 102, 666
BUDGET = 20
BOT = {
    "actions": "read", "checks": "write", "contents": "write", "issues": "write",
    "pull_requests": "write",
}  # fmt: skip
# What the project itself has: its hardware, blueprints, environments and users.
_OWN = ("registry", "iae/kalman-smoother", "iae/kalman-consensus", ".github/ISSUE_TEMPLATE")


def registry_files() -> dict[str, bytes]:
    """Return the project's own registry, with the people of these tests as its users."""
    files = {
        str(path.relative_to(PROJECT)): path.read_bytes()
        for folder in _OWN
        for path in sorted((PROJECT / folder).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and "/jobs/" not in str(path)
    }
    for login, number in (("ada", ADA), ("grace", GRACE)):
        path = f"registry/users/{login}.yaml"
        user = yaml.safe_load(files[path])
        files[path] = yaml.safe_dump(
            {**user, "forge_id": number, "budget_usd": BUDGET}, sort_keys=False
        ).encode()
    return files


def job(user: str = "ada", name: str = "first", **changes: object) -> tuple[str, str]:
    """Return path and text of a job that costs little."""
    data = {
        "schema": "neurocaas/job/v1",
        "name": name,
        "user": user,
        "blueprint": "kalman-smoother@1.0.2",
        "datasets": [{"uri": "store:mouse.npz", "sha256": "1" * 63 + "a", "size": 1000}],
        "parameters": {"em_iterations": 5},
        "pricing": "standard",
        "max_runtime": "10m",
        **changes,
    }
    return f"registry/jobs/{user}/2026-11/{name}.yaml", yaml.safe_dump(data, sort_keys=False)


class Bot:
    """The bot's own clone, and the real command line in it."""

    def __init__(self, hub, repository, folder: Path) -> None:
        self.hub, self.repository, self.clone = hub, repository, folder / "clone"
        self.app = hub.app("neurocaas", BOT)
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("GIT", "NEUROCAAS_"))},
            "GITHUB_REPOSITORY": repository.full_name,
            "GITHUB_API_URL": hub.base,
            "GITHUB_SERVER_URL": hub.base,
            "NEUROCAAS_APP_ID": str(self.app.id),
            "NEUROCAAS_APP_KEY": self.app.private_key,
            "NEUROCAAS_HOME": str(folder / "home"),
            "NEUROCAAS_GITHUB_PAUSE": "0",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "NO_PROXY": "127.0.0.1",
        }
        self._git("clone", "-q", repository.clone_url, str(self.clone), cwd=folder)

    def _git(self, *arguments: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=cwd or self.clone, env=self.env, check=True,
            capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout.strip()

    def call(self, *arguments: str) -> tuple[int, str]:
        """Run the tool in this very process, which takes a third of the time; return code and talk."""
        from neurocaas_ci.cli.commands import cli
        from neurocaas_ci.errors import NeurocaasError

        talk, before = io.StringIO(), Path.cwd()
        with mock.patch.dict(os.environ, self.env, clear=True), redirect_stderr(talk):
            os.chdir(self.clone)
            try:
                cli.main(args=arguments, prog_name="neurocaas", standalone_mode=False)
            except NeurocaasError as error:
                return error.exit_code, f"{talk.getvalue()}{error}"
            finally:
                os.chdir(before)
        return 0, talk.getvalue()

    def run(self, *arguments: str, code: int | None = 0, **env: str):
        """Run the tool in the clone."""
        done = subprocess.run(
            [sys.executable, "-m", "neurocaas_ci.cli.main", *arguments], cwd=self.clone,
            env={**self.env, **env}, capture_output=True, text=True, timeout=100, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if code is not None:
            assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def report(self, number: int, *arguments: str, code: int | None = 0) -> tuple[str, str]:
        """Report on a pull request; return what was said to the log and what below it."""
        got, talk = self.call("report", "--pull", str(number), *arguments)
        if code is not None:
            assert got == code, f"exit {got}\n{talk}"
        assert got in {0, 10}, talk
        comments = [
            c for c in self.repository.comments_of(number) if c.user.login == "neurocaas[bot]"
        ]
        assert len(comments) <= 1
        return talk, comments[0].body if comments else ""

    def checks(self, number: int):
        """Return the checks of a pull request's head."""
        head = self.repository.items[number].pull.head_sha
        return {check.facts["name"]: check for check in self.repository.checks_of(head)}


def propose(
    hub, repository, login: str, number: int, files: Mapping[str, object], title: str = "A change",
    branch: str | None = None,
) -> int:  # fmt: skip
    """Open a pull request from a fork of somebody; return its number."""
    import github

    name = f"{login}/{repository.name}"
    fork = hub.repositories.get(name) or hub.fork(repository.full_name, login)
    branch = branch or f"change-{len(repository.items)}"
    fork.commit(files, branch=branch, message=title)
    token = hub.token(login, number)
    client = github.Github(
        base_url=hub.base, auth=github.Auth.Token(token.value), retry=None,
        seconds_between_requests=0, seconds_between_writes=0,
    )  # fmt: skip
    with client:
        pull = client.get_repo(repository.full_name).create_pull(
            base="main", head=f"{login}:{branch}", title=title, body=""
        )
        return int(pull.number)
