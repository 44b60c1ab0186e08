"""What a plan expects of a job, from certificates in a real repository."""

import os
import subprocess

import pytest
from usage_jobs import make_certificate, make_unsigned

from neurocaas_ci.audit.estimate import expected_cost
from neurocaas_ci.certify.layout import certificate_path
from neurocaas_ci.model.money import microdollars
from neurocaas_ci.model.plan import PlannedStep
from neurocaas_ci.model.registry import Job
from neurocaas_ci.registry.git import GitTree

ENVIRONMENT = {
    "GIT_AUTHOR_NAME": "T",
    "GIT_AUTHOR_EMAIL": "t@example.org",
    "GIT_COMMITTER_NAME": "T",
    "GIT_COMMITTER_EMAIL": "t@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}
PRICE = microdollars(0.36)
STEP = PlannedStep("smooth", "m5.large", 3, 7200, PRICE, microdollars(2.16))


@pytest.fixture
def tree(tmp_path):
    """Return a function that commits certificates and opens the commit."""
    trees = []

    def git(*arguments):
        subprocess.run(
            ["git", "-C", str(tmp_path), *arguments],
            check=True, capture_output=True, env={**os.environ, **ENVIRONMENT},
        )  # fmt: skip

    def write(files):
        git("init", "-q", "-b", "main")
        for job, content in files.items():
            target = tmp_path / certificate_path(job)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        git("add", "-A")
        git("commit", "-q", "--allow-empty", "-m", "x")
        trees.append(GitTree(tmp_path, "HEAD"))
        return trees[-1]

    yield write
    for opened in trees:
        opened.close()


def _job(blueprint="kalman"):
    return Job(
        "new", "ada", "2026-12", None, blueprint, "1.0.0", (), {}, "standard", {}, None, None, None
    )


def _certificate(job, **facts):
    return make_unsigned(make_certificate(job, **facts))


def test_the_mean_of_earlier_runs_at_the_prices_of_the_plan(tree):
    found = tree(
        {
            "ada/2026-10/a": _certificate("ada/2026-10/a", seconds=(100.0, 200.0)),
            "ada/2026-11/b": _certificate("ada/2026-11/b", seconds=(300.0,)),
        }
    )
    # 600 s in 3 runs: 200 s for each of 3 runs at 0.36 USD per hour (0.0001 USD per second).
    assert expected_cost(found, _job(), (STEP,)) == (microdollars(0.06), 3)


def test_only_what_says_something_counts(tree):
    found = tree(
        {
            "ada/2026-11/failed": _certificate(
                "ada/2026-11/failed", seconds=(9000.0,), status="failed"
            ),
            "ada/2026-11/other": _certificate(
                "ada/2026-11/other", seconds=(9000.0,), reference="pmd@1.0.0"
            ),
            "ada/2026-11/reused": _certificate("ada/2026-11/reused", seconds=(0.0,)),
            "ada/2026-11/broken": b"{}",
            "grace/2026-11/hers": _certificate("grace/2026-11/hers", seconds=(9000.0,)),
            "ada/2026-11/good": _certificate("ada/2026-11/good", seconds=(50.0,)),
        }
    )
    assert expected_cost(found, _job(), (STEP,)) == (microdollars(0.015), 1)
    assert expected_cost(found, _job("unheard-of"), (STEP,)) is None


def test_an_estimate_is_never_above_the_bound(tree):
    found = tree({"ada/2026-11/a": _certificate("ada/2026-11/a", seconds=(90000.0,))})
    assert expected_cost(found, _job(), (STEP,)) == (STEP.maximum, 1)


def test_without_certificates_nothing_is_expected(tree):
    assert expected_cost(tree({}), _job(), (STEP,)) is None
