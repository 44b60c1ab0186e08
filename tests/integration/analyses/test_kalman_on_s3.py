"""The Kalman smoother on its sample, with the store in a folder and on S3: the same digests."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from test_sample_jobs import ROOT, Registry

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "cloud"))
from moto_server import moto_server

pytestmark = [pytest.mark.network, pytest.mark.sandbox, pytest.mark.slow, pytest.mark.timeout(600)]

JOB = "kalman-here-and-there"


@pytest.fixture
def registry(image_cache):
    folder = Path(tempfile.mkdtemp(prefix="neurocaas-s3-"))
    folder.chmod(0o755)
    yield Registry(folder, image_cache)
    shutil.rmtree(folder, ignore_errors=True)


def results(registry, folder):
    """Carry the job to its end and return what it fetched, without the lines of this very run."""
    registry.neurocaas("reconcile", "--no-certify", JOB)
    registry.neurocaas("fetch", JOB, str(folder))
    records = sorted(folder.glob("records/*.json"))
    return [json.loads(path.read_bytes())["outputs"] for path in records]


def test_the_digests_do_not_depend_on_the_store(registry, tmp_path):
    (dataset,) = (ROOT / "iae/kalman-smoother/sample/dataset").iterdir()
    uri = registry.neurocaas("data", "put", str(dataset)).split()[0]
    registry.neurocaas(
        "job", "new", "kalman-smoother", "--name", JOB, "--group", "example-lab", "--dataset", uri,
        "--max-runtime", "10m", "--yes", "--commit",
    )  # fmt: skip
    in_a_folder = results(registry, tmp_path / "folder")
    aws = moto_server()
    registry.env |= aws.environment | {"NEUROCAAS_STORE": f"s3://{aws.new_bucket()}/lab"}
    registry.neurocaas("data", "put", str(dataset))
    on_s3 = results(registry, tmp_path / "s3")
    assert on_s3 == in_a_folder
    assert len(on_s3) == 1
    assert len(on_s3[0]) >= 2
