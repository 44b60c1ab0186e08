"""Certificates of both signers, made once for all tests of a worker."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# Facts of a job and services to sign with are those of other tests.
sys.path.insert(0, str(Path(__file__).parents[1] / "signing"))
sys.path.insert(0, str(Path(__file__).parents[2] / "unit/certify"))

from signed_results import signed_keyless, signed_locally

SIGNERS = {"local": signed_locally, "keyless": signed_keyless}


@pytest.fixture(scope="session", params=SIGNERS)
def signed(request, tmp_path_factory):
    return SIGNERS[request.param](tmp_path_factory.mktemp(request.param))
