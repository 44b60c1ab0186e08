"""`neurocaas doctor` on a GitHub that keeps state: what workflows are given, and each fix."""

from __future__ import annotations

import dataclasses
import json
import re
import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent))
from platform_on_github import PROJECT, Bot, registry_files

from neurocaas_ci.doctor import provisions
from neurocaas_ci.doctor.app import checks as app_checks
from neurocaas_ci.doctor.check import examine
from neurocaas_ci.errors import UsageError
from neurocaas_ci.forges.github_app import AppToken
from neurocaas_ci.forges.github_client import Address
from neurocaas_ci.forges.github_provisions import GitHubProvisions
from neurocaas_ci.forges.github_settings import GitHubSettings
from neurocaas_ci.forges.rights import NEEDED

KEY, APP = provisions.APP_KEY, provisions.APP_ID
SAMPLE, SECRET = provisions.SAMPLE_KEY, provisions.SAMPLE_IDENTITY
OWN = {
    APP: "123456", "NEUROCAAS_HOME": "/srv/neurocaas", "NEUROCAAS_RUNNER": "mine",
}  # fmt: skip
AWAY = {
    "NEUROCAAS_STORE": "s3://b/p", "NEUROCAAS_BATCH_IMAGE": "i@sha256:1",
}  # fmt: skip


@pytest.fixture
def well(repo):
    """A repository that is set up as docs/github.md says."""
    for name in provisions.GUARDED:
        secrets = [KEY] if name in provisions.KEY_HOLDERS else []
        secrets += [SECRET] if name == "replay" else []
        repo.add_environment(name, branches=["main"], secrets=secrets)
    repo.variables.update(OWN)
    return repo


@pytest.fixture
def examined(hub, well):
    """Return a function that makes the checks as an administrator, by name."""

    def look(executor="local", permissions=None):
        if permissions is None:
            token = hub.token(well.owner.login)
        else:
            token = hub.token("reader", permissions=permissions)
        address = Address(well.full_name, token.value, hub.base, None, hub.base)
        parts = GitHubSettings(address), GitHubProvisions(address)
        found = {one.check: one for one in examine(provisions.checks(*parts, executor))}
        assert hub.violations == []
        return found

    return look


def test_all_is_well_as_the_guide_sets_it_up(examined):
    assert {name: one.message for name, one in examined().items() if one.state != "ok"} == {}


def _environment(name, **changes):
    def change(repo):
        repo.environments[name].update(changes)

    return change


def _without(name):
    return lambda repo: repo.environments.pop(name)


def _variables(**changes):
    def change(repo):
        repo.variables.update(changes)
        for name in [name for name, value in changes.items() if value is None]:
            del repo.variables[name]

    return change


def _no_app(repo):
    del repo.variables[APP]
    for name in provisions.KEY_HOLDERS:
        repo.environments[name]["secrets"] = []


@pytest.mark.parametrize(
    ("change", "check", "state", "fix"),
    [
        (_environment("signing", secrets=[]), "github-secrets", "fail", f"gh secret set {KEY} --env signing <"),
        (_environment("deploy", secrets=[KEY]), "github-secrets", "fail", f"gh secret delete {KEY} --env deploy"),
        (lambda repo: repo.secrets.add(KEY), "github-secrets", "fail", f"gh secret delete {KEY};"),
        (_variables(**{APP: None}), "github-secrets", "fail", f"gh variable set {APP} --body"),
        (_variables(**{APP: "my-app"}), "github-secrets", "fail", f"gh variable set {APP} --body"),
        (_no_app, "github-secrets", "warn", "steps 3 and 4"),
        (_variables(NEUROCAAS_RUNNER=None), "github-variables", "fail", "gh variable set NEUROCAAS_RUNNER"),
        (_variables(NEUROCAAS_HOME=None), "github-variables", "fail", "gh variable set NEUROCAAS_HOME"),
        (_variables(NEUROCAAS_HOME=None, NEUROCAAS_RUNNER=None), "github-variables", "warn", "steps 4 and 5"),
        (_without("deploy"), "github-deploy", "fail", "environments/deploy with chosen branches"),
        (_variables(NEUROCAAS_IMAGES="https://ghcr.io/x"), "github-deploy", "fail", "gh variable set NEUROCAAS_IMAGES"),
        (_variables(NEUROCAAS_AWS_ACCOUNT="lab", NEUROCAAS_AWS_REGION="r"), "github-deploy", "fail", "gh variable set NEUROCAAS_AWS_ACCOUNT"),
        (_variables(NEUROCAAS_AWS_ACCOUNT="1" * 12), "github-deploy", "fail", "gh variable set NEUROCAAS_AWS_REGION"),
        (_environment("deploy", branches=None), "github-environment-branches", "fail", "environments/deploy"),
        (_environment("deploy", branches=["main", "*"]), "github-environment-branches", "fail", "deploy > Deployment"),
        (_environment("github-pages", branches=["gh-pages"]), "github-environment-branches", "fail", "github-pages > Depl"),
        (_environment("bot", branches=[]), "github-environment-branches", "fail", "bot > Deployment branches"),
        (lambda repo: setattr(repo.pages, "enabled", False), "github-pages", "warn", "build_type=workflow"),
        (lambda repo: setattr(repo.pages, "build_type", "legacy"), "github-pages", "fail", "Source: GitHub Actions"),
    ],
)  # fmt: skip
def test_each_thing_that_is_amiss_is_told_with_its_fix(well, examined, change, check, state, fix):
    change(well)
    found = examined()
    assert (found[check].state, fix in found[check].fix) == (state, True), found[check]
    assert [one for one in found.values() if one.state != "ok" and one.check != check] == []


def test_branches_that_are_protected_need_no_list(well, examined):
    well.add_environment("deploy", protected=True)
    assert examined()["github-environment-branches"].state == "ok"


@pytest.mark.parametrize(
    ("executor", "missing"),
    [("aws-batch", "NEUROCAAS_BATCH_IMAGE"), ("slurm", "NEUROCAAS_HOME")],
)
def test_what_an_executor_needs(well, examined, executor, missing):
    well.variables.update(AWAY if executor == "aws-batch" else {})
    assert examined(executor)["github-variables"].state == "ok"
    well.variables[missing] = ""
    found = examined(executor)["github-variables"]
    assert found.state == "fail"
    assert f"gh variable set {missing}" in found.fix


def test_a_bucket_is_for_executors_that_reach_it(well, examined):
    """Nobody is lent an identity where analyses run; a machine of one's own has credentials."""
    well.variables["NEUROCAAS_STORE"] = "s3://b/p"
    assert examined("local")["github-variables"].state == "ok"
    found = examined("slurm")["github-variables"]
    assert (found.state, "nodes of Slurm share a home" in found.message) == ("fail", True)
    for name in ("NEUROCAAS_HOME", "NEUROCAAS_RUNNER"):
        del well.variables[name]
    found = examined("local")["github-variables"]
    assert (found.state, "lent no credentials for a bucket" in found.message) == ("fail", True)
    assert "gh variable delete NEUROCAAS_STORE" in found.fix


def test_with_an_account_of_aws_there_is_an_environment_more(well, examined):
    well.variables.update(NEUROCAAS_AWS_ACCOUNT="1" * 12, NEUROCAAS_AWS_REGION="us-east-1")
    assert examined()["github-deploy"].state == "ok"
    del well.environments["audit"]
    assert "environments/audit" in examined()["github-deploy"].fix


def test_jobs_on_aws_need_no_machine_and_no_key(well, examined):
    """With an account a role is taken on; what is asked for is the environment, image and bucket."""
    account = {"NEUROCAAS_AWS_ACCOUNT": "1" * 12, "NEUROCAAS_AWS_REGION": "us-east-1"}
    for name in ("NEUROCAAS_HOME", "NEUROCAAS_RUNNER"):
        del well.variables[name]
    well.variables |= {**account, "NEUROCAAS_BATCH_IMAGE": "i@sha256:1"}
    assert "NEUROCAAS_STORE" in examined("aws-batch")["github-variables"].fix
    well.variables["NEUROCAAS_STORE"] = "s3://elsewhere"
    assert f"s3://neurocaas-{'1' * 12}-us-east-1" in examined("aws-batch")["github-variables"].fix
    well.variables["NEUROCAAS_STORE"] = f"s3://neurocaas-{'1' * 12}-us-east-1"
    well.variables[SAMPLE] = "age1" + "q" * 58
    assert {one.state for one in examined("aws-batch").values()} == {"ok"}
    del well.environments["run"]
    assert "environments/run" in examined("aws-batch")["github-deploy"].fix
    assert examined()["github-deploy"].state == "ok"


@pytest.mark.parametrize(
    ("change", "state", "fix"),
    [
        (_variables(NEUROCAAS_AWS_ACCOUNT=None), "fail", "gh variable set NEUROCAAS_AWS_ACCOUNT"),
        (_variables(**{SAMPLE: "AGE-SECRET-KEY-1"}), "fail", f"gh variable set {SAMPLE} --body age1"),
        (_without("gather"), "fail", "environments/gather"),
        (_without("replay"), "fail", "environments/replay"),
        (_environment("replay", secrets=[]), "fail", f"gh secret set {SECRET} --env replay"),
        (_environment("gather", secrets=[SECRET]), "fail", f"gh secret delete {SECRET} --env gather"),
        (lambda repo: repo.secrets.add(SECRET), "fail", f"gh secret delete {SECRET};"),
    ],
)  # fmt: skip
def test_what_replays_of_jobs_in_a_bucket_need(well, examined, change, state, fix):
    well.variables |= {
        "NEUROCAAS_AWS_ACCOUNT": "1" * 12, "NEUROCAAS_AWS_REGION": "us-east-1",
        "NEUROCAAS_STORE": f"s3://neurocaas-{'1' * 12}-us-east-1", SAMPLE: "age1" + "q" * 58,
    }  # fmt: skip
    assert examined()["github-replays"].state == "ok"
    change(well)
    found = examined()["github-replays"]
    assert (found.state, fix in found.fix) == (state, True), found


def test_without_a_key_a_machine_of_ones_own_replays_what_it_reaches(well, examined):
    well.variables["NEUROCAAS_STORE"] = "s3://b/p"
    assert examined()["github-replays"].state == "ok"
    del well.variables["NEUROCAAS_RUNNER"]
    found = examined()["github-replays"]
    assert (found.state, "step 10" in found.fix) == ("warn", True)


def test_what_a_token_may_not_see_is_a_warning(examined):
    found = examined(permissions={"metadata": "read", "contents": "read"})
    assert found["github-secrets"].state == "warn"
    assert "permission" in found["github-secrets"].fix


def test_more_names_than_a_page_holds(hub, well):
    well.variables.update({f"V{n:03}": "x" for n in range(230)})
    token = hub.token(well.owner.login)
    given = GitHubProvisions(Address(well.full_name, token.value, hub.base, None, hub.base))
    assert given.variables() == well.variables
    with pytest.raises(UsageError, match="reading the names of secrets"):
        given.secrets("nowhere")


def test_the_names_are_those_of_the_workflows():
    """Whoever renames a secret, a variable or an environment renames it for the doctor too."""
    text = {p.name: p.read_text() for p in (PROJECT / ".github/workflows").glob("*.yml")}
    secrets = {name for one in text.values() for name in re.findall(r"secrets\.(\w+)", one)}
    assert secrets == {KEY, SECRET}
    assert set(re.findall(r"vars\.(\w+_APP_ID)", "".join(text.values()))) == {APP}
    jobs = [job for one in text.values() for job in yaml.safe_load(one)["jobs"].values()]
    assert {job["environment"] for job in jobs if "environment" in job} <= set(provisions.GUARDED)
    holders = {job.get("environment") for job in jobs if f"secrets.{KEY}" in json.dumps(job)}
    assert holders == set(provisions.KEY_HOLDERS)
    assert {j.get("environment") for j in jobs if f"secrets.{SECRET}" in json.dumps(j)} == {
        "replay"
    }
    variables = set(re.findall(r"vars\.(\w+)", text["run.yml"] + text["deploy.yml"]))
    assert {*OWN, *AWAY, "NEUROCAAS_IMAGES"} <= variables | {APP}


@pytest.fixture
def app(hub, repo):
    """Return a function that looks at an app with the key of it."""

    def look(permissions=None, **changes):
        made = hub.app("neurocaas", dict(NEEDED) if permissions is None else permissions)
        hub.keys[made.id] = dataclasses.replace(made, **changes)
        token = AppToken(str(made.id), made.private_key, repo.full_name, hub.base)
        (found,) = examine(app_checks(token.facts))
        assert hub.violations == []
        return found

    return look


def test_an_app_that_is_as_the_guide_makes_it(app):
    found = app()
    assert found.state == "ok"
    assert "checks: write" in found.message
    assert {call[0] for call in NEEDED} <= {
        w.split(":")[0] for w in found.message.split(" has ")[1].split(", ")
    }


@pytest.mark.parametrize(
    ("permissions", "changes", "state", "said", "fix"),
    [
        ({"checks": "read"}, {}, "fail", "lacks checks: write", "Permissions & events"),
        ({"checks": None}, {"asked": dict(NEEDED)}, "fail", "nobody has agreed", "Review request"),
        ({"workflows": "write"}, {}, "fail", "workflows: write", "set back workflows"),
        ({"actions": "write"}, {}, "fail", "actions: write", "set back actions"),
        ({"packages": "read"}, {}, "warn", "packages: read", "set back packages"),
        ({}, {"selection": "all"}, "warn", "all repositories", "Only select repositories"),
        ({}, {"installed": False}, "fail", "not installed", "install it there"),
    ],
    ids=str,
)
def test_what_is_amiss_with_an_app(app, permissions, changes, state, said, fix):
    wanted = {**dict(NEEDED), **permissions}
    found = app({name: level for name, level in wanted.items() if level}, **changes)
    assert (found.state, said in found.message, fix in found.fix) == (state, True, True), found


def test_without_the_key_of_the_app_the_doctor_says_where_to_look(hub, repo):
    (found,) = examine(app_checks(None))
    assert (found.state, "docs/github.md, step 3" in found.fix) == ("warn", True)


def test_the_command_says_it_and_that_code_owners_are_stale(hub, tmp_path):
    files = {**registry_files(), ".github/CODEOWNERS": b"* @nobody\n"}
    repository = hub.create_repository("acme/platform", files=files)
    repository.add_environment("bot", branches=["main"])
    bot = Bot(hub, repository, tmp_path)
    owner = hub.token(repository.owner.login)
    settings = {
        "GITHUB_TOKEN": owner.value, "NEUROCAAS_APP_ID": "", "NEUROCAAS_APP_KEY": "",
        "NEUROCAAS_DEB_MIRRORS": "file:///",
    }  # fmt: skip
    done = bot.run("doctor", "--format", "json", code=10, **settings)
    found = {one["check"]: one for one in json.loads(done.stdout)["checks"]}
    assert found["code-owners"]["state"] == "warn"
    assert "neurocaas init owners" in found["code-owners"]["fix"]
    assert found["github-secrets"]["state"] == "warn"
    assert found["github-deploy"]["state"] == "fail"
    assert found["github-pages"]["state"] == "ok"
    assert found["github-app"]["state"] == "warn"

    bot.run("init", "owners")
    repository.commit({".github/CODEOWNERS": (bot.clone / ".github/CODEOWNERS").read_bytes()})
    bot._git("fetch", "-q")
    # With the key at hand the app is looked at, and all else as a person still.
    key = {"NEUROCAAS_APP_ID": str(bot.app.id), "NEUROCAAS_APP_KEY": bot.app.private_key}
    done = bot.run("doctor", "--format", "json", code=10, **{**settings, **key})
    found = {one["check"]: one for one in json.loads(done.stdout)["checks"]}
    assert found["code-owners"]["state"] == "ok"
    assert found["github-app"]["state"] == "ok"
    assert "names of secrets" not in found["github-secrets"]["message"]
