"""A clone whose policy says where jobs run and who signs: plain commands follow it."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.sandbox


def _choose(platform, **choices):
    maintainers = {"schema": "neurocaas/policy/v1", "maintainers": ["ada"]}
    platform.write("registry/policy.yaml", {**maintainers, **choices})
    platform.commit("Choose")


def test_what_this_machine_signs_is_verified_without_naming_its_root(platform):
    job = platform.job("first", platform.put("a\n"))
    platform.reconcile()
    # Before: the public good root verifies, and knows nothing of this machine.
    assert "local instance" in platform.run("verify", job, "--offline", code=13).stdout
    export = platform.repo / "registry/trust/platform.json"
    export.parent.mkdir()
    platform.run("trust", "export", str(export))
    _choose(platform, trust_roots=["platform"])
    done = platform.run("verify", job, "--offline")
    assert "which the registry itself names" in done.stdout
    named = platform.run("verify", job, "--offline", "--trust-root", platform.root)
    assert "which you named" in named.stdout
    assert platform.run("verify", job, "--offline", "--trust-root", "public-good", code=13)
    audit = platform.run("audit", "--offline", "--format", "json")
    assert json.loads(audit.stdout)["valid"]
    # A pull request that has not been merged believes nothing for main.
    platform.git("switch", "-q", "-c", "proposal")
    _choose(platform, trust_roots=["public-good"])
    platform.run("verify", job, "--offline")
    platform.git("switch", "-q", "main")

    # On another machine nothing runs that nobody could certify.
    platform.job("second", platform.put("b\n"))
    signing = platform.home / "signing"
    signing.rename(platform.home / "elsewhere")
    done = platform.reconcile(code=2)
    assert "no signing instance" in done.stderr
    assert not platform.state("ada/2026-11/second").exists()
    (platform.home / "elsewhere").rename(signing)
    platform.reconcile()
    platform.run("verify", "second", "--offline")


def test_a_plain_reconcile_places_jobs_where_the_policy_says(platform, tmp_path):
    platform.job("first", platform.put("a\n"))
    platform.env["AWS_DEFAULT_REGION"] = "us-east-1"
    _choose(platform, executor="aws-batch")
    done = platform.reconcile(code=2)
    assert "AWS Batch needs NEUROCAAS_STORE" in done.stderr
    _choose(platform, executor="slurm")
    log = tmp_path / "called"
    for name in ("sbatch", "squeue", "sacct", "scontrol"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\necho {name} >> {log}\necho no cluster >&2\nexit 1\n")
        program.chmod(0o755)
    platform.env["PATH"] = f"{tmp_path / 'bin'}:{platform.env['PATH']}"
    platform.reconcile(code=16)
    assert log.read_text()
    platform.reconcile("--executor", "local")
    assert platform.job_record("ada/2026-11/first")["status"] == "succeeded"
