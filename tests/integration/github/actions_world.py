"""A repository on the fake GitHub whose workflows run."""

from __future__ import annotations

import sys
from pathlib import Path

import requests

sys.path.insert(0, str(Path(__file__).resolve().parent))
from act_orders import CHECKOUT
from actions import Actions
from actions.box import Limits

FOLDER = ".github/workflows"
CURL = 'curl -sS -H "Authorization: Bearer $TOKEN" "$GITHUB_API_URL/repos/$GITHUB_REPOSITORY'


def one_job(on: str, script: str, extra: str = "", permissions: str = "{}") -> str:
    lines = "\n".join(f"          {line}" for line in script.strip().splitlines())
    return f"""
name: single
on: {on}
permissions: {permissions}
jobs:
  one:
    runs-on: ubuntu-24.04
    {extra}
    steps:
      - uses: {CHECKOUT}
      - env: {{TOKEN: "${{{{ github.token }}}}", SECRET: "${{{{ secrets.SECRET }}}}"}}
        run: |
{lines}
"""


class World:
    """A repository on the fake GitHub, with Actions."""

    def __init__(self, github, files: dict[str, str], name="acme/registry", **settings) -> None:
        self.github = github
        self.repo = github.create_repository(
            name,
            files={"policy.txt": "be good\n", "registry/jobs/first.yaml": "a: 1\n", **files},
        )
        self.repo.add_collaborator("ada")
        self.actions = Actions(github, self.repo, limits=Limits(seconds=60), **settings)

    def ask(self, login: str, method: str, path: str, body: object = None):
        with requests.Session() as session:
            # Nothing of this machine's configuration.
            session.trust_env = False
            answer = session.request(
                method, f"{self.repo.url}{path}", json=body, timeout=30,
                headers={"Authorization": f"Bearer {self.github.token(login).value}"},
            )  # fmt: skip
        answer.raise_for_status()
        return answer.json()

    def pull(self, files: dict[str, str], branch: str = "change", login: str = "ada") -> int:
        """Open a pull request from a branch of the repository."""
        self.repo.commit(files, branch=branch, user=login)
        return self.ask(
            login, "POST", "/pulls", {"title": "A change", "head": branch, "base": "main"}
        )["number"]

    def results(self):
        return [(run.name, run.conclusion) for run in self.actions.deliver()]
