"""What a run may do: the permissions of its token, its secrets, its identity."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "signing"))
from act_orders import CHECKOUT
from actions_world import CURL, FOLDER, World, one_job
from sigstore_server import running

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(120)]


@pytest.fixture
def github(hub):
    yield hub
    assert hub.violations == []


def test_a_token_does_what_the_workflow_grants_and_nothing_else(github):
    script = f"""
{CURL}/issues/1" -X PATCH -d '{{"state": "closed"}}' -w ' %{{http_code}}\\n'
git -c user.name=x -c user.email=x@y commit -q --allow-empty -m x
git push -q origin HEAD:main 2>&1 || echo not pushed
"""
    text = one_job("{issues: {types: [opened]}}", script, permissions="{contents: read}")
    world = World(github, {f"{FOLDER}/a.yml": text})
    before = world.repo.head()
    world.ask("ada", "POST", "/issues", {"title": "a"})
    (run,) = world.actions.deliver()
    assert "Resource not accessible by integration" in run.log
    assert " 403\n" in run.log
    assert "not pushed" in run.log
    assert world.repo.head() == before


def test_a_token_ends_with_its_run(github):
    text = one_job("{push: {}}", "echo $TOKEN | rev")
    world = World(github, {f"{FOLDER}/a.yml": text})
    world.repo.commit({"a": "1"}, user="ada")
    (run,) = world.actions.deliver()
    token = run.log.strip()[::-1]
    assert token.startswith("ghs_")
    assert token not in github.tokens


def test_what_a_workflow_pushes_with_its_token_starts_nothing(github):
    script = """
git -c user.name=x -c user.email=x@y commit -q --allow-empty -m x
git push -q "https://x:$TOKEN@github.com/$GITHUB_REPOSITORY" HEAD:main
"""
    text = one_job("{push: {branches: [main]}}", script, permissions="{contents: write}")
    world = World(github, {f"{FOLDER}/a.yml": text})
    before = world.repo.commit({"a": "1"}, user="ada")
    assert world.results() == [("single", "success")]
    assert world.repo.head() != before


def test_a_fork_gets_no_secrets_and_a_token_that_reads(github):
    script = f"""
echo "secret: [$SECRET]"
{CURL}/issues/$(jq .number $GITHUB_EVENT_PATH)/comments" -d '{{"body": "x"}}' -w ' %{{http_code}}\\n'
"""
    text = one_job("pull_request", script, "environment: prod", "{pull-requests: write}")
    world = World(
        github, {f"{FOLDER}/a.yml": text}, secrets={"SECRET": "of the repository"},
        environments={"prod": {"OTHER": "x"}},
    )  # fmt: skip
    world.pull({"a": "1"})
    (own,) = world.actions.deliver()
    assert own.secrets == ("SECRET",)
    assert "secret: [***]" in own.log
    assert " 201" in own.log
    fork = github.fork("acme/registry", "eve")
    fork.commit({"b": "1"}, branch="evil", user="eve")
    world.ask("eve", "POST", "/pulls", {"title": "x", "head": "eve:evil", "base": "main"})
    (foreign,) = world.actions.deliver()
    assert foreign.secrets == ()
    assert "secret: []" in foreign.log
    assert " 403" in foreign.log


def test_an_attestation_needs_an_identity(github, tmp_path):
    attest = "actions/attest@1e69f48acb82d1966a394da916b4c1698aa569d6"
    with running(tmp_path / "sigstore") as issuer:
        found = {}
        for access in ("id-token: write", "contents: read"):
            text = one_job(
                "workflow_dispatch", f"echo '{'a' * 64}  image' > sums", permissions=f"{{{access}}}"
            )
            text += f"      - {{uses: {attest}, with: {{subject-checksums: sums}}}}\n"
            name = access.replace(": ", "-")
            world = World(github, {f"{FOLDER}/a.yml": text}, f"acme/{name}", identity=issuer)
            world.actions.dispatch("a.yml")
            (found[access],) = world.actions.deliver()
    assert found["id-token: write"].require_success().log.endswith("  image\n")
    assert found["contents: read"].errors() == ["the job needs the permission id-token: write"]
    assert len(issuer.tokens) == 1


def test_a_run_proves_who_it_is(github, tmp_path):
    ask = 'curl -sS -H "Authorization: bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" "$ACTIONS_ID_TOKEN_REQUEST_URL&audience=sigstore"'
    signing = one_job(
        "workflow_call", f"{ask} | jq -r .value | tee token | wc -l",
        permissions="{contents: read, id-token: write}",
    )  # fmt: skip
    caller = f"""
name: run
on: workflow_dispatch
permissions: {{}}
jobs:
  sign:
    uses: ./{FOLDER}/sign.yml
    permissions: {{contents: read, id-token: write}}
"""
    other = one_job("workflow_dispatch", 'echo "[$ACTIONS_ID_TOKEN_REQUEST_URL]"')
    files = {f"{FOLDER}/run.yml": caller, f"{FOLDER}/sign.yml": signing, f"{FOLDER}/b.yml": other}
    with running(tmp_path / "sigstore") as issuer:
        world = World(github, files, identity=issuer)
        world.actions.dispatch("run.yml")
        world.actions.dispatch("b.yml")
        run, without = world.actions.deliver()
    assert run.require_success().results() == {"sign / one": "success"}
    assert len(issuer.tokens) == 1
    assert issuer.claims["job_workflow_ref"] == f"acme/registry/{FOLDER}/sign.yml@refs/heads/main"
    assert issuer.claims["workflow_ref"] == f"acme/registry/{FOLDER}/run.yml@refs/heads/main"
    assert issuer.claims["run_id"] == str(run.id)
    assert issuer.claims["sha"] == world.repo.head()
    assert without.log == "[]\n"


def test_each_job_proves_who_it_is_itself(github, tmp_path):
    """Two jobs of a run have different identities, for different audiences, and a third has none."""
    ask = (
        'curl -sS -H "Authorization: bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" '
        '"$ACTIONS_ID_TOKEN_REQUEST_URL&audience={}" | jq -r .value | cut -d. -f2'
    )

    def job(text, name, rest=""):
        return f"""
  {name}:
    runs-on: ubuntu-24.04
    {rest}
    steps:
      - uses: {CHECKOUT}
      - run: |
          {text}
"""

    both = "permissions: {contents: read, id-token: write}"
    environment = "\n    environment: "
    matrix = "\n    strategy: {matrix: {group: [a, b]}}"
    caller = (
        "name: run\non: workflow_dispatch\npermissions: {}\njobs:"
        + job(ask.format("aws"), "away", both + environment + "run" + matrix)
        + job('echo "[$ACTIONS_ID_TOKEN_REQUEST_URL]"', "plain", "permissions: {contents: read}")
        + f"  sign:\n    uses: ./{FOLDER}/sign.yml\n    {both}\n"
    )
    called = "name: sign\non: workflow_call\npermissions: {}\njobs:" + job(
        ask.format("sigstore"), "inner", both + environment + "signing"
    )
    with running(tmp_path / "sigstore") as issuer:
        world = World(
            github, {f"{FOLDER}/run.yml": caller, f"{FOLDER}/sign.yml": called}, identity=issuer
        )
        world.actions.dispatch("run.yml")
        (run,) = world.actions.deliver()
    run.require_success()
    assert run.jobs["plain"].log == "[]\n"
    said = {name: _claims(one.log) for name, one in run.jobs.items() if name != "plain"}
    owner = f"acme@{world.repo.owner.id}/registry@{world.repo.id}"
    assert {name: (one["aud"], one["sub"]) for name, one in said.items()} == {
        "away (a)": ("aws", f"repo:{owner}:environment:run"),
        "away (b)": ("aws", f"repo:{owner}:environment:run"),
        "sign / inner": ("sigstore", f"repo:{owner}:environment:signing"),
    }
    files = {name: one["job_workflow_ref"] for name, one in said.items()}
    assert files["away (a)"] == f"acme/registry/{FOLDER}/run.yml@refs/heads/main"
    assert files["sign / inner"] == f"acme/registry/{FOLDER}/sign.yml@refs/heads/main"


def _claims(part):
    return json.loads(base64.urlsafe_b64decode(part.strip() + "=" * (-len(part.strip()) % 4)))
