"""The tool of a checkout is set up by its own scripts/setup, and certifies with GitHub's word."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "signing"))
from act_orders import CHECKOUT
from actions import Actions
from actions.box import Limits
from actions.ready import project_files, ready
from sigstore_server import running

HERE = Path(__file__).resolve().parent
_spec = importlib.util.spec_from_file_location("loop_platform", HERE.parent / "loop/conftest.py")
assert _spec is not None
_loop = importlib.util.module_from_spec(_spec)
sys.modules.setdefault("loop_platform", _loop)
_spec.loader.exec_module(_loop)
_template, platform = _loop._template, _loop.platform

pytestmark = [pytest.mark.sandbox, pytest.mark.slow, pytest.mark.timeout(300)]

PROJECT = HERE.parents[2]
WORKFLOW = ".github/workflows/run.yml"
SET_UP = """
scripts/setup
.venv/bin/neurocaas --version
.venv/bin/python -c 'import neurocaas_ci; print(neurocaas_ci.__file__)'
"""


def workflow(script: str) -> str:
    lines = "\n".join(f"          {line}" for line in script.strip().splitlines())
    return f"""
name: run
on: workflow_dispatch
permissions: {{}}
jobs:
  one:
    runs-on: ubuntu-24.04
    permissions: {{contents: write, id-token: write}}
    steps:
      - uses: {CHECKOUT}
      - run: |
{lines}
"""


def run(hub, files, **settings):
    repository = hub.create_repository("acme/registry", files=files)
    actions = Actions(hub, repository, ready=ready(PROJECT), limits=Limits(seconds=200), **settings)
    actions.dispatch("run.yml")
    (done,) = actions.deliver()
    return repository, done


def test_set_up_finds_nothing_to_do_and_the_code_of_the_checkout_runs(hub):
    files = {**project_files(PROJECT), WORKFLOW: workflow(SET_UP)}
    _, done = run(hub, files)
    version, where = done.require_success().log.splitlines()
    assert version.startswith("neurocaas")
    assert where.endswith("/hostexecutor/neurocaas_ci/__init__.py")


def test_a_checkout_that_would_install_something_else_is_not_ready(hub):
    files = {**project_files(PROJECT), WORKFLOW: workflow("ls -d .venv || echo none")}
    _, content = files["requirements.lock"]
    files["requirements.lock"] = ("100644", content + b"# another\n")
    _, done = run(hub, files)
    assert "none\n" in done.log


CERTIFY = """
scripts/setup
export PATH=$PWD/.venv/bin:$PATH NEUROCAAS_HOME=$RUNNER_TEMP/home
export GIT_AUTHOR_NAME=ada GIT_AUTHOR_EMAIL=ada@example.org
export GIT_COMMITTER_NAME=ada GIT_COMMITTER_EMAIL=ada@example.org
cd "$GITHUB_WORKSPACE"
echo a > $RUNNER_TEMP/d000.txt
neurocaas data put $RUNNER_TEMP/d000.txt
neurocaas reconcile --no-fetch --signer sigstore --trust-config "${{ vars.TRUST_CONFIG }}"
neurocaas verify signed --offline --trust-root "${{ vars.TRUST_ROOT }}" --format json \\
  --workflow .github/workflows/run.yml
grep -o '"level":"[a-z]*"' $NEUROCAAS_HOME/store/state/jobs/ada/*/signed/runs/*/record.json
"""


def test_a_job_runs_in_its_sandbox_and_is_certified_with_the_identity_of_the_run(
    hub, tmp_path, platform
):
    platform.job("signed", platform.put("a\n"))
    registry = {
        str(path.relative_to(platform.repo)): path.read_bytes()
        for path in platform.repo.rglob("*")
        if path.is_file() and ".git" not in path.parts
    }
    with running(tmp_path / "sigstore") as issuer:
        repository, done = run(
            hub,
            {**project_files(PROJECT), **registry, WORKFLOW: workflow(CERTIFY)},
            identity=issuer,
            shown=(issuer.folder,),
            variables={
                "TRUST_CONFIG": str(issuer.trust_config), "TRUST_ROOT": str(issuer.trusted_root),
            },
        )  # fmt: skip
    log = done.require_success().log
    assert '"level":"sandbox"' in log
    document = json.loads(log[log.index("{") : log.rindex("}") + 1])
    assert not [check for check in document["checks"] if check["state"] == "failed"]
    assert issuer.claims["sha"] == done.sha
    assert repository.read("certificates/ada/2026-11/signed.sigstore.json") is not None
    whole = f"acme@{repository.owner.id}/registry@{repository.id}"
    assert issuer.claims["sub"] == f"repo:{whole}:ref:refs/heads/main"
