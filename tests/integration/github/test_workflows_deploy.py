"""deploy.yml, run by act with skopeo: the images of main's environments in a real registry."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent))
import workflow_world
from container_registry import ContainerRegistry, available
from workflow_world import names, told

pytestmark = [pytest.mark.sandbox, pytest.mark.slow, pytest.mark.timeout(600)]

_template, platform, world = (
    workflow_world._template,
    workflow_world.platform,
    workflow_world.world,
)
IMAGE = "acme/registry/probe"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DEPLOY = ".github/workflows/deploy.yml"


@pytest.fixture
def images(world, tmp_path):
    """A registry of images that the workflows of the platform publish to."""
    if not available():
        pytest.skip("there is no skopeo or no registry (scripts/setup-registry sets them up)")
    hub, repository, actions, _ = world
    with ContainerRegistry(tmp_path / "images", hub, repository.full_name).running() as found:
        actions.ports, actions.home = found.ports, found.home
        # A name that is not in lower case is allowed on GitHub, and not in a registry.
        place = f"127.0.0.1:{found.port}/Acme/Registry"
        actions.variables = {**actions.variables, "NEUROCAAS_IMAGES": place}
        yield found


def locked(repository) -> str:
    return yaml.safe_load(repository.read("iae/probe/iae.lock"))["image"]


def test_an_environment_is_published_by_the_digest_of_its_lock_and_only_once(world, images):
    hub, repository, actions, _ = world
    digest = locked(repository)
    text, attest = repository.read(DEPLOY).decode(), "subject-checksums: published.txt"
    assert attest in text
    repository.commit({DEPLOY: text.replace(attest, "subject-checksums: lost")}, user="octocat")
    actions.dispatch("deploy.yml")
    (run,) = actions.deliver()
    assert run.jobs["publish"].result == "failure", told([run])
    assert images.ask(IMAGE, f"manifests/{digest}", MANIFEST).status_code == 404
    # What ended before there was provenance is done again.
    repository.commit({DEPLOY: text}, user="octocat")
    actions.dispatch("deploy.yml")
    runs = actions.deliver()
    assert names(runs) == [("deploy.yml", "success")], told(runs)
    assert runs[0].results() == {
        "look": "success", "build": "success", "publish": "success", "aws": "skipped",
        "no-aws": "success",
    }  # fmt: skip
    assert "NEUROCAAS_AWS_ACCOUNT is not set" in runs[0].jobs["no-aws"].summary
    (notice,) = [note for note in runs[0].annotations if note.level == "notice"]
    assert "nothing is deployed to AWS" in notice.message
    assert f"attested {digest}  127.0.0.1:{images.port}/{IMAGE}" in runs[0].log
    assert images.ask(IMAGE, f"manifests/{digest}", MANIFEST).status_code == 200
    answer = images.ask(IMAGE, f"manifests/sha256:{digest}", MANIFEST)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == MANIFEST
    assert hashlib.sha256(answer.content).hexdigest() == digest
    manifest = json.loads(answer.content)
    for blob in (manifest["config"], *manifest["layers"]):
        held = images.ask(IMAGE, f"blobs/{blob['digest']}").content
        assert f"sha256:{hashlib.sha256(held).hexdigest()}" == blob["digest"]
    before, held = images.pushed, images.held()
    assert before

    # Main moves on, and the environment is still the same one.
    repository.commit({"iae/README.md": "Environments\n"}, user="octocat")
    (run,) = actions.deliver()
    assert run.conclusion == "success", told([run])
    assert (run.jobs["look"].result, run.jobs["build"].result) == ("success", "skipped")
    assert images.pushed == before
    assert images.held() == held
    # What is no environment publishes nothing.
    repository.commit({"registry/README.md": "Registry\n"}, user="octocat")
    assert actions.deliver() == []
    assert hub.violations == []


def test_nothing_is_published_that_the_lock_does_not_pin(world, images):
    _, repository, actions, _ = world
    lock, digest = repository.read("iae/probe/iae.lock").decode(), locked(repository)
    repository.commit({"iae/probe/iae.lock": lock.replace(digest, "0" * 64)}, user="octocat")
    (run,) = actions.deliver()
    assert (run.path, run.conclusion) == (DEPLOY, "failure")
    assert (run.jobs["look"].result, run.jobs["build"].result) == ("success", "failure")
    assert "iae.lock pins 000000" in run.log, run.log + run.said
    assert images.pushed == []


def test_bytes_that_the_build_left_instead_of_those_of_the_lock_are_refused(world, images):
    """What builds has run the sources of environments; what it hands over is not believed."""
    _, repository, actions, _ = world
    text = repository.read(DEPLOY).decode()
    line = '            .venv/bin/neurocaas build "$name" --output "images/$name"\n'
    changed = f"""{line}
            manifest=$(sed -n 's/^image: "\\([0-9a-f]*\\)"$/\\1/p' "iae/$name/iae.lock")
            blobs="images/$name/blobs/sha256"
            {{ cat "$blobs/$manifest"; echo; }} > other
            other=$(sha256sum other | cut -d' ' -f1)
            size=$(stat -c %s other)
            mv other "$blobs/$other"
            sed -Ei "s/$manifest/$other/; s/(\"size\": *)[0-9]+/\\1$size/" "images/$name/index.json"
            cat "images/$name/index.json"
"""
    assert line in text
    repository.commit({DEPLOY: text.replace(line, changed)}, user="octocat")
    actions.dispatch("deploy.yml")
    (run,) = actions.deliver()
    failed = [job.id for job in run.jobs.values() if job.result == "failure"]
    assert failed == ["publish"], run.log + run.said
    assert images.ask(IMAGE, f"manifests/sha256:{locked(repository)}", MANIFEST).status_code == 404
    assert "would not match destination reference" in run.log, run.log + run.said
    assert "attested" not in run.log


def test_a_job_without_the_right_to_packages_publishes_nothing(world, images):
    _, repository, actions, _ = world
    text = repository.read(DEPLOY).decode()
    weaker = text.replace("packages: write", "packages: read")
    assert weaker != text
    repository.commit({DEPLOY: weaker}, user="octocat")
    actions.dispatch("deploy.yml")
    (run,) = actions.deliver()
    assert run.conclusion == "failure"
    assert "denied" in run.log, run.log + run.said
    assert images.pushed == []
