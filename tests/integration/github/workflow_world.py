"""A platform on the fake GitHub whose workflow files are run by act; for the tests of these files."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "signing"))
from actions import Actions
from actions.box import Limits
from actions.ready import project_files, ready
from platform_on_github import ADA, BOT, PROJECT, job, propose
from sigstore_server import running

_spec = importlib.util.spec_from_file_location(
    "loop_platform", Path(__file__).resolve().parents[1] / "loop/conftest.py"
)
assert _spec is not None
_loop = importlib.util.module_from_spec(_spec)
sys.modules.setdefault("loop_platform", _loop)
_spec.loader.exec_module(_loop)
_template, platform = _loop._template, _loop.platform
lay_out = _loop.lay_out


# One tests the tool itself; the other one would run after every merge (test_workflows_site.py adds it).
_LEFT_OUT = {"ci.yml", "site.yml"}


def workflow_files() -> dict[str, object]:
    """Return what the repository on GitHub has besides the registry: the tool and its workflows."""
    files: dict[str, object] = dict(project_files(PROJECT))
    for folder in (".github/workflows", ".github/ISSUE_TEMPLATE"):
        for path in (PROJECT / folder).glob("*.yml"):
            if path.name not in _LEFT_OUT:
                files[str(path.relative_to(PROJECT))] = path.read_bytes()
    script = PROJECT / "scripts/allow-sandbox"
    files["scripts/allow-sandbox"] = ("100755", script.read_bytes())
    return files


@pytest.fixture
def world(hub, platform, tmp_path):
    """A platform on GitHub for one test."""
    with a_world(hub, platform, tmp_path) as made:
        yield made


@contextmanager
def a_world(hub, platform, folder):
    """A platform on GitHub: workflows, an app, environments, a home that outlives jobs, a Sigstore."""
    platform.git("rm", "-rq", "--ignore-unmatch", "registry/jobs")
    user = "registry/users/ada.yaml"
    text = (platform.repo / user).read_text()
    registry = {
        str(path.relative_to(platform.repo)): path.read_bytes()
        for path in sorted(platform.repo.rglob("*"))
        if path.is_file() and ".git" not in path.parts
    }
    registry[user] = _with_forge_id(text).encode()
    repository = hub.create_repository("acme/registry", files={**workflow_files(), **registry})
    app = hub.app("neurocaas", BOT)
    key = {"NEUROCAAS_APP_KEY": app.private_key}
    home = folder / "actions-home"
    home.mkdir(mode=0o777)
    home.chmod(0o777)
    with running(folder / "sigstore") as issuer:
        hub.issuer = issuer
        actions = Actions(
            hub, repository, ready=ready(PROJECT), identity=issuer,
            environments={"bot": key, "signing": key},
            variables={
                "NEUROCAAS_APP_ID": str(app.id), "NEUROCAAS_HOME": str(home),
                "NEUROCAAS_TRUST_CONFIG": str(issuer.trust_config),
                "NEUROCAAS_TRUST_ROOT": str(issuer.trusted_root),
            },
            shown=(issuer.folder,), kept=(home,), limits=Limits(seconds=300),
        )  # fmt: skip
        yield hub, repository, actions, platform


def _with_forge_id(text: str) -> str:
    return yaml.safe_dump({**yaml.safe_load(text), "forge_id": ADA}, sort_keys=False)


def names(runs) -> list[tuple[str, str]]:
    return [(run.path.rpartition("/")[2], run.conclusion) for run in runs]


def told(runs) -> str:
    """Return what runs said, for the message of a test that fails."""
    return "\n".join(f"{run.path}: {run.conclusion}\n{run.log[-3000:]}\n{run.said}" for run in runs)


def submit(hub, repository, actions, platform, title="A job", branch=None, **changes) -> int:
    """Open a pull request with one job of ada's, whose dataset is in the store."""
    wanted = {
        "blueprint": "probe@1.0.0",
        "parameters": {},
        "datasets": [dataset(actions, platform)],
        "max_runtime": "1m",
    }
    path, text = job(**{**wanted, **changes})
    return propose(hub, repository, "ada", ADA, {path: text}, title=title, branch=branch)


def dataset(actions, platform) -> dict[str, object]:
    """Put a dataset into the store that the workflows use; return its entry for a manifest."""
    (entry,) = platform.put("a\n")
    shutil.copytree(platform.home / "store", actions.kept[0] / "store", dirs_exist_ok=True)
    return entry
