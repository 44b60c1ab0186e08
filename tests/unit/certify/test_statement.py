"""The statement: in-toto and SLSA in form, everything a replay needs in content."""

import json

import pytest
from certify_facts import JOB, ORIGIN, digest, make_facts, make_record
from google.protobuf.json_format import ParseDict
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement

from neurocaas_ci.certify import layout
from neurocaas_ci.certify.statement import make_statement


def statement(*runs, **changes):
    return json.loads(make_statement(make_facts(*runs, **changes), ORIGIN))


def dependency(document, name):
    rows = document["predicate"]["buildDefinition"]["resolvedDependencies"]
    (row,) = [row for row in rows if row["name"] == name]
    return row


def test_the_reference_implementation_accepts_it():
    document = statement(make_record())
    Statement.copy_from_pb(ParseDict(document, statement_pb2.Statement())).validate()
    found = ParseDict(document["predicate"], provenance_pb2.Provenance())
    assert found.build_definition.build_type == layout.BUILD_TYPE
    assert found.run_details.builder.id == "urn:neurocaas:builder:local:v1"


def test_equal_facts_give_equal_bytes_and_other_facts_others():
    first = make_statement(make_facts(make_record()), ORIGIN)
    assert first == make_statement(make_facts(make_record()), ORIGIN)
    assert first != make_statement(make_facts(make_record(), cost_usd=0.5), ORIGIN)


def test_outputs_are_the_subjects_named_as_they_are_fetched():
    document = statement(make_record(), make_record("002-smooth", outputs=()))
    assert document["subject"] == [
        {"name": "001-smooth/smoothed.npz", "digest": {"sha256": digest("a")}},
        {"name": "001-smooth/sub/f.csv", "digest": {"sha256": digest("b")}},
    ]


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_the_log_of_a_run_without_success_is_a_subject(status):
    document = statement(make_record(status=status, outputs=()))
    assert document["subject"] == [
        {"name": "logs/001-smooth.log", "digest": {"sha256": digest("c")}}
    ]


def test_a_job_without_any_file_is_certified_by_its_record():
    skipped = make_record(status="skipped", outputs=(), log=None, exit_code=None)
    for runs in ((), (skipped,)):
        document = statement(*runs)
        assert document["subject"] == [
            {"name": "job-record.json", "digest": {"sha256": digest("9")}}
        ]


def test_what_a_replay_needs_is_pinned():
    document = statement(make_record())
    external = document["predicate"]["buildDefinition"]["externalParameters"]
    assert external == {
        "registry": {"repository": ORIGIN.repository, "ref": "refs/heads/main"},
        "job": f"registry/jobs/{JOB}.yaml",
        "blueprint": "kalman@1.0.0",
        "parameters": {"em_iterations": 50, "noise": "diagonal"},
    }
    assert dependency(document, "registry")["digest"] == {"gitCommit": "1" * 40}
    assert dependency(document, "main")["digest"] == {"gitCommit": "3" * 40}
    assert dependency(document, "version")["digest"] == {"gitCommit": "2" * 40}
    assert dependency(document, "job")["digest"] == {"gitBlob": "4" * 40, "sha256": digest("5")}
    assert dependency(document, "blueprint")["digest"] == {
        "gitBlob": "6" * 40,
        "sha256": digest("7"),
    }
    assert dependency(document, "recipe:kalman")["digest"] == {"sha256": digest("e")}
    image = dependency(document, "image:kalman")
    assert image["digest"] == {"sha256": digest("d")}
    assert image["annotations"] == {"config": f"sha256:{digest('f')}", "steps": ["smooth"]}
    given = dependency(document, "input:mouse.npz")
    assert given["uri"] == "store:mouse.npz"
    assert given["digest"] == {"sha256": digest("8")}
    assert given["annotations"] == {"size": 1000}


def test_machine_isolation_and_limits_are_told_as_they_were():
    other = make_record("002-smooth")
    never = make_record("003-smooth", status="skipped", exit_code=None, log=None, outputs=())
    document = statement(make_record(), other, never)
    internal = document["predicate"]["buildDefinition"]["internalParameters"]
    assert internal["hardware"]["asked"] == {"smooth": "laptop"}
    assert internal["hardware"]["got"]["cpu_flags"] == ["avx2", "fma"]
    assert internal["determinism"] == {"smooth": "x86-64-v3"}
    assert internal["limits"] == {"smooth": {"memory": 1000, "cpus": 1, "max_runtime": 60}}
    (kind,) = internal["isolation"]
    assert kind["runs"] == 2
    assert kind["level"] == "sandbox"
    assert kind["network"] is False


def test_records_logs_and_usage_are_byproducts():
    document = statement(make_record(taken_from="ada/2026-10/x#001-smooth"))
    details = document["predicate"]["runDetails"]
    rows = {row["name"]: row for row in details["byproducts"]}
    assert sorted(rows) == ["job-record.json", "logs/001-smooth.log", "records/001-smooth.json"]
    assert rows["job-record.json"]["annotations"]["cost_usd"] == 0.25
    note = rows["records/001-smooth.json"]["annotations"]
    assert note["status"] == "succeeded"
    assert note["cpu_s"] == 1.25
    assert note["memory_peak"] == 4096
    assert note["taken_from"] == "ada/2026-10/x#001-smooth"
    assert details["metadata"] == {
        "invocationId": "urn:uuid:42",
        "startedOn": "2026-11-01T00:00:00.000Z",
        "finishedOn": "2026-11-01T00:00:01.500Z",
    }


@pytest.mark.parametrize(
    ("path", "job", "replayed"),
    [
        ("certificates/ada/2026-11/x.sigstore.json", "ada/2026-11/x", None),
        ("certificates/ada/2026-11/x.replays/1.sigstore.json", None, "ada/2026-11/x"),
        ("certificates/ada/x.sigstore.json", None, None),
        ("certificates/ada/2026-11/x.json", None, None),
        ("certificates/ada/2026-11/x/y.sigstore.json", None, None),
    ],
)
def test_places_of_certificates_and_verdicts(path, job, replayed):
    assert layout.job_of(path) == job
    assert layout.replayed_job(path) == replayed
    if job:
        assert layout.certificate_path(job) == path


def test_the_machine_that_an_engine_chose_is_in_the_note_of_its_run():
    machine = {"cpu_model": "x", "cpu_flags": ["avx2"], "cpus": 2, "kernel": "Linux 9"}
    document = statement(make_record(run="001-work", machine=machine), make_record(run="002-work"))
    notes = {
        row["name"]: row.get("annotations", {})
        for row in document["predicate"]["runDetails"]["byproducts"]
    }
    assert notes["records/001-work.json"]["machine"] == machine
    assert "machine" not in notes["records/002-work.json"]
