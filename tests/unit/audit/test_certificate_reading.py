"""A statement that contradicts itself is no certificate."""

import json
import sys
from pathlib import Path

import pytest

from neurocaas_ci.audit.certificate import NotACertificateError, read_certificate
from neurocaas_ci.certify.statement import make_statement

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "certify"))
from certify_facts import ORIGIN, digest, make_facts, make_record

FAILED = make_statement(make_facts(make_record(status="failed", outputs=())), ORIGIN)


def test_the_log_of_a_failed_run_is_subject_and_byproduct():
    certificate = read_certificate(FAILED)
    assert certificate.subjects == {"logs/001-smooth.log": digest("c")}
    assert certificate.byproducts["logs/001-smooth.log"] == digest("c")
    assert list(certificate.runs) == ["001-smooth"]


def test_one_name_with_two_digests_is_refused():
    statement = json.loads(FAILED)
    statement["subject"][0]["digest"]["sha256"] = digest("d")
    with pytest.raises(NotACertificateError, match=r"disagree about .logs/001-smooth\.log"):
        read_certificate(json.dumps(statement).encode())


@pytest.mark.parametrize(
    "path",
    [
        "registry/jobs/../2026-11/x.yaml",
        "registry/jobs/ada/2026-11/...yaml",
        "registry/jobs/ada/٢٠٢٦-11/x.yaml",
    ],
)
def test_a_job_lies_where_jobs_lie(path):
    statement = json.loads(FAILED)
    statement["predicate"]["buildDefinition"]["externalParameters"]["job"] = path
    with pytest.raises(NotACertificateError, match="not of the documented form"):
        read_certificate(json.dumps(statement).encode())
