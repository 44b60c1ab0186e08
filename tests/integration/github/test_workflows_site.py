"""site.yml, run by act: main as a website on GitHub Pages, of which the running job has no more rights."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
import workflow_world
from actions_world import World
from platform_on_github import MALLORY, PROJECT, propose
from workflow_world import dataset, names, told

pytestmark = [pytest.mark.sandbox, pytest.mark.slow, pytest.mark.timeout(600)]

_template, platform, world = (
    workflow_world._template,
    workflow_world.platform,
    workflow_world.world,
)
SITE = ".github/workflows/site.yml"
JOB = """schema: neurocaas/job/v1
name: late-01
user: ada
blueprint: probe@1.0.0
datasets:
  - {{uri: "{uri}", sha256: "{sha256}", size: {size}}}
parameters: {{}}
pricing: standard
"""


@pytest.fixture
def site(world):
    """The platform, with the workflow that publishes it."""
    _, repository, _, _ = world
    repository.commit({SITE: (PROJECT / SITE).read_bytes()})
    return world


def test_main_is_published_whenever_it_changes(site):
    hub, repository, actions, platform = site
    text = repository.read("registry/blueprints/probe.yaml").decode()
    hostile = text.replace("A probe of the platform", "A <script>alert(1)</script> probe")
    repository.commit({"registry/blueprints/probe.yaml": hostile}, user="octocat")
    # A blueprint concerns deploy.yml as well, which has no registry of images to look at here.
    runs = [run for run in actions.deliver() if run.path == SITE]
    assert names(runs) == [("site.yml", "success")], told(runs)
    assert sorted(runs[0].permissions) == ["contents", "pages"]
    shown = repository.pages.files["analyses/probe.html"].decode()
    assert "A &lt;script&gt;alert(1)&lt;/script&gt; probe" in shown
    assert repository.head()[:12] in repository.pages.files["index.html"].decode()
    assert "https://acme.github.io/registry/" in runs[0].log

    # What the workflow's token pushes starts nothing, and is shown an hour later where no app pushes.
    path = "registry/jobs/ada/2026-11/late-01.yaml"
    repository.commit({path: JOB.format(**dataset(actions, platform))})
    assert actions.deliver() == []
    actions.schedule("41 * * * *")
    (skipped,) = actions.deliver()
    assert (skipped.path, skipped.conclusion) == (SITE, "skipped")
    actions.variables = {k: v for k, v in actions.variables.items() if k != "NEUROCAAS_APP_ID"}
    actions.schedule("41 * * * *")
    runs = actions.deliver()
    assert names(runs) == [("site.yml", "success")], told(runs)
    assert "waiting" in repository.pages.files["jobs/ada/2026-11/late-01.html"].decode()

    # There the end of the run that pushed certificates shows them, and nobody waits for the hour.
    actions.dispatch("run.yml")
    runs = actions.deliver()
    assert names(runs) == [("run.yml", "success"), ("site.yml", "success")], told(runs)
    assert runs[1].event == "workflow_run"
    assert "succeeded" in repository.pages.files["jobs/ada/2026-11/late-01.html"].decode()
    assert hub.violations == []


@pytest.mark.parametrize("app", ["", "1"])
def test_a_workflow_of_a_pull_request_that_is_called_run_publishes_nothing(hub, app):
    """GitHub goes by the name of a workflow, and runs the file that a pull request proposes."""
    world = World(
        hub,
        {SITE: (PROJECT / SITE).read_text()},
        variables={"NEUROCAAS_APP_ID": app} if app else {},
    )
    lure = "name: run\non: pull_request\njobs: {one: {runs-on: ubuntu-24.04, steps: [{run: 'true'}]}}\n"
    # From the main of a fork: the filter of branches looks at that name too.
    files = {".github/workflows/lure.yml": lure}
    propose(hub, world.repo, "mallory", MALLORY, files, branch="main")
    runs = world.actions.deliver()
    assert names(runs) == [("lure.yml", "success"), ("site.yml", "skipped")], told(runs)
    # What people with rights start as `run` is another matter, but where the app's push does it.
    world.repo.commit(
        {".github/workflows/run.yml": lure.replace("pull_request", "workflow_dispatch")}
    )
    world.actions.dispatch("run.yml")
    runs = world.actions.deliver()
    assert names(runs)[0] == ("run.yml", "success")
    built = [step.name for step in runs[1].jobs["build"].steps]
    assert bool(built) is not bool(app), told(runs)
    assert world.repo.pages.files == {}
