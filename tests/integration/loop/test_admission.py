"""A job runs only when its user and group could pay for it when it was merged."""

from __future__ import annotations

import json
import signal
import time

import pytest
import yaml

from neurocaas_ci.model.places import certificate_path, job_id

pytestmark = pytest.mark.sandbox


@pytest.fixture
def priced(platform):
    """Return a platform where a dataset costs a dollar at most, and ada has three."""
    change(platform, "registry/hardware/laptop.yaml", price_usd_per_hour={"standard": 60})
    budget(platform, 3)
    return platform


def change(platform, path, **fields):
    data = yaml.safe_load((platform.repo / path).read_text())
    platform.write(path, {**data, **fields})


def budget(platform, amount):
    change(platform, "registry/users/ada.yaml", budget_usd=amount)
    return platform.commit(f"Ada may spend {amount} USD")


def submit_together(platform, *names):
    """Merge jobs of two datasets each in one commit; return it and their ids."""
    before = platform.git("rev-parse", "HEAD")
    data = platform.put("a\n", "b\n")
    jobs = [platform.job(name, data) for name in names]
    platform.git("reset", "--soft", before)
    return platform.commit("Submit jobs"), jobs


def account(platform, name="ada"):
    done = platform.run("budget", "--no-fetch", "--format", "json", name)
    (found,) = json.loads(done.stdout)["accounts"]
    return found


def on_main(platform, job):
    """Tell whether main has the certificate of a job."""
    return bool(platform.git("ls-tree", "--name-only", "main", certificate_path(job)))


def test_of_two_jobs_that_the_last_dollars_do_not_bear_the_first_runs(priced):
    commit, (first, second) = submit_together(priced, "one", "two")
    done = priced.reconcile()
    why = (
        f"refused at commit {commit[:12]}: it may cost 2.00 USD, user ada has 1.00 USD of 3.00 USD"
        f" left; raise the budget by pull request, then `neurocaas job retry {second}`"
    )
    assert why in done.stderr
    assert priced.job_record(first)["status"] == "succeeded"
    refused = priced.job_record(second)
    assert (refused["status"], refused["message"]) == ("cancelled", why)
    assert (refused["cost_usd"], refused["runs"]) == (0, [])
    assert on_main(priced, first)
    assert on_main(priced, second)
    assert "2 of 2 files of certificates/ are valid" in priced.audit("audit").stdout
    cost = priced.job_record(first)["cost_usd"]
    assert 0 < cost < 2
    found = account(priced)
    assert (found["spent_usd"], found["reserved_usd"]) == (cost, 0)
    lines = [(line["what"], line["job"], line["charged_usd"]) for line in found["entries"]]
    assert lines[-3:] == [
        ("reserved", first, 0), ("refused", second, 0), ("concluded", first, cost)
    ]  # fmt: skip
    assert "nothing to do" in priced.reconcile().stderr
    # What it did not use is there again, yet a refusal stays; the same work asked for again runs.
    budget(priced, 5)
    assert "nothing to do" in priced.reconcile().stderr
    path = priced.run("job", "retry", second, "--commit", "--no-fetch").stdout.strip()
    again = job_id(path)
    assert priced.git("branch", "--show-current") == "main"
    priced.reconcile()
    assert priced.job_record(again)["status"] == "succeeded"
    assert on_main(priced, again)


def test_a_replay_needs_no_budget(priced):
    job = priced.job("shown", priced.put("a\n"))
    priced.reconcile()
    budget(priced, 0)
    assert account(priced)["left_usd"] < 0
    before = account(priced)["entries"]
    done = priced.audit("replay", job, "--format", "json")
    assert json.loads(done.stdout)["verdict"] == "identical"
    assert account(priced)["entries"] == before
    refused = priced.job("another", priced.put("b\n"))
    assert "refused at commit" in priced.reconcile().stderr
    assert priced.job_record(refused)["status"] == "cancelled"


def test_a_job_under_way_goes_on_when_its_budget_is_lowered(priced):
    job = priced.job("slow", priced.put("a\n", "b\n"), parameters={"seconds": 3})
    process = priced.start("reconcile", "--no-fetch", "--cpus", "1")
    deadline = time.monotonic() + 60
    while not priced.state(job, "plan.json").exists() and time.monotonic() < deadline:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not priced.state(job, "job.json").exists()
    budget(priced, 0)
    late = priced.job("late", priced.put("c\n"))
    priced.reconcile()
    assert priced.job_record(job)["status"] == "succeeded"
    assert priced.job_record(late)["status"] == "cancelled"
    assert account(priced)["spent_usd"] == priced.job_record(job)["cost_usd"]


def test_a_group_or_an_analysis_can_be_what_is_short(priced):
    budget(priced, 100)
    change(priced, "registry/groups/example-lab.yaml", budget_usd=1)
    data = yaml.safe_load((priced.repo / "registry/blueprints/probe.yaml").read_text())
    data["limits"]["budget_usd"] = 0.5
    priced.write("registry/blueprints/probe.yaml", data)
    job = priced.job("both", priced.put("a\n", "b\n"))
    message = priced.reconcile().stderr
    assert "group example-lab has 1.00 USD of 1.00 USD left" in message
    assert "blueprint probe has 0.50 USD of 0.50 USD left" in message
    assert priced.job_record(job)["status"] == "cancelled"
