"""`neurocaas hardware` with the real boto3 over HTTP, a real clone and its origin.

The price list is `price_server.py`. EC2 is moto: descriptions of instance types are AWS's own, the spot
price is always 0.00001 US dollars in every zone, so what is shown of it here is only that it arrives.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

import pytest
from price_rows import instance_row

pytestmark = pytest.mark.slow


def today():
    """Return the day of UTC now."""
    return datetime.now(UTC).date().isoformat()


def test_changed_prices_become_a_pull_request(world, prices) -> None:
    before = world.git("rev-parse", "main", cwd=world.origin)
    (world.repo / "mine.txt").write_text("not to be touched")
    began = today()
    done = world.hardware("refresh", "--keep", world.folder / "answers")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0] == ["TYPE", "PRICE", "BEFORE", "AFTER", "CHANGE", "NOTE"]
    assert ["fargate-4vcpu-16gb", "standard", "0.3", "0.23304", "-22.3", "%"] in lines
    assert ["m5.large", "standard", "0.1", "0.096", "-4.0", "%"] in lines
    assert ["m5.large", "save", "-", "0.0001", "new"] in lines
    assert "pull request #1: Prices of 2 hardware types in us-east-1" in done.stderr

    text = world.proposed("m5.large")
    answers = (world.folder / "answers/m5.large.json").read_bytes()
    assert text.startswith("# Small.\n")
    assert "memory: 8GiB # as AWS says\n" in text
    assert "price_usd_per_hour: {standard: 0.096, save: 0.0001}\n" in text
    assert any(f'date: "{day}"\n' in text for day in (began, today()))
    assert f'sha256: "{hashlib.sha256(answers).hexdigest()}"\n' in text
    kept = json.loads(answers)
    assert kept["products"][0]["product"]["attributes"]["instanceType"] == "m5.large"
    assert kept["machine"]["InstanceType"] == "m5.large"
    assert {row["SpotPrice"] for row in kept["spot"]} == {"0.00001"}
    assert world.proposed("laptop") == (world.repo / "registry/hardware/laptop.yaml").read_text()

    # Nothing else has moved, here or on main.
    assert world.git("status", "--porcelain").split() == ["??", "mine.txt"]
    assert world.git("rev-parse", "main", cwd=world.origin) == before
    message = world.git("log", "-1", "--format=%an%n%B", "prices/us-east-1", cwd=world.origin)
    assert message.startswith("ada\nPrices of 2 hardware types")
    assert "m5.large us-east-1a: 0.00001, 0.00001" in message
    # Instances are asked for by type, and ECS once for all sizes.
    assert {request["ServiceCode"] for request in prices.requests} == {"AmazonEC2", "AmazonECS"}


def test_the_pull_request_can_be_merged_and_is_then_done(world) -> None:
    world.hardware("refresh")
    shown = world.run("pr", "show", "1", cwd=world.repo).stdout
    assert "~ /price_standard: 0.1 -> 0.096" in shown
    world.run("pr", "merge", "1", cwd=world.repo)
    again = world.hardware("refresh")
    assert again.stdout == ""
    assert "nothing to propose: 2 prices are what they were" in again.stderr
    listed = json.loads(world.hardware("list", "--format", "json").stdout)
    rows = {row["id"]: row for row in listed["hardware"]}
    assert rows["m5.large"]["price_usd_per_hour"] == {"standard": 0.096, "save": 0.0001}
    assert rows["m5.large"]["age_days"] == 0
    assert rows["fargate-4vcpu-16gb"]["launch"] == "fargate"


def test_the_same_question_updates_its_pull_request(world, prices) -> None:
    world.hardware("refresh")
    first = world.git("rev-parse", "prices/us-east-1", cwd=world.origin)
    assert "pull request #1" in world.hardware("refresh").stderr
    assert world.git("rev-parse", "prices/us-east-1", cwd=world.origin) == first
    prices.rows[0] = instance_row("m5.large", "0.0970000000")
    assert "pull request #1" in world.hardware("refresh").stderr
    assert "standard: 0.097" in world.proposed("m5.large")
    other = world.hardware("refresh", "m5.large")
    assert "pull request #2: Prices of m5.large" in other.stderr
    assert "0.3" in world.proposed("fargate-4vcpu-16gb", "prices/us-east-1-m5.large")


def test_a_push_without_its_pull_request_is_finished(world) -> None:
    """As after a `kill -9` between the two."""
    world.hardware("refresh", "m5.large")
    branch = "prices/us-east-1-m5.large"
    first = world.git("rev-parse", branch, cwd=world.origin)
    for part in ("head", "meta"):
        world.git("update-ref", "-d", f"refs/pull/1/{part}", cwd=world.origin)
    assert "pull request #1" in world.hardware("refresh", "m5.large").stderr
    assert world.git("rev-parse", branch, cwd=world.origin) == first


def test_new_types_get_files(world) -> None:
    done = world.hardware("refresh", "g5.xlarge", "fargate-2vcpu-8gb")
    assert "a new file" in done.stdout
    branch = "prices/us-east-1-fargate-2vcpu-8gb-g5.xlarge"
    text = world.proposed("g5.xlarge", branch)
    assert "vcpus: 4\nmemory: 16GiB\ngpus: 1\n" in text
    assert "launch: fargate\nvcpus: 2\n" in world.proposed("fargate-2vcpu-8gb", branch)
    assert "no findings" in world.run("pr", "show", "1", cwd=world.repo).stdout


def test_a_dry_run_proposes_nothing(world) -> None:
    done = world.hardware("refresh", "--dry-run", "--format", "json")
    changed = {one["id"]: one for one in json.loads(done.stdout)["changed"]}
    assert changed["m5.large"]["prices"][0] == {
        "pricing": "standard", "before": 0.1, "after": 0.096, "percent": -4.0,
    }  # fmt: skip
    assert "nothing was proposed" in done.stderr
    assert world.git("for-each-ref", "refs/heads", "--format=%(refname)", cwd=world.origin) == (
        "refs/heads/main\n"
    )


def test_all_problems_come_at_once_and_nothing_is_proposed(world, prices) -> None:
    prices.rows[:2] = [instance_row("m5.large", "0.0960000000", "A"), instance_row("m5.large", "1", "B")]  # fmt: skip
    done = world.hardware("refresh", "m5.large", "p2.xlarge", "g5.xlarge", "m7g.large", code=2)
    assert "m5.large: there are 2 prices, where one is expected: A 0.096, B 1" in done.stderr
    assert "p2.xlarge: AWS has no such instance type in this region" in done.stderr
    assert "g5.xlarge: the price list has no on-demand price for it in us-east-1" in done.stderr
    assert "m7g.large: its processors are arm64" in done.stderr
    assert "4 of 4 hardware types cannot be priced; nothing was proposed" in done.stderr
    assert "prices/" not in world.git("for-each-ref", cwd=world.origin)


def test_an_absurd_change_needs_force(world, prices) -> None:
    prices.rows[0] = instance_row("m5.large", "1.1000000000")
    done = world.hardware("refresh", "m5.large", code=2)
    assert "from 0.1 to 1.1 USD per hour, by more than a factor of 10" in done.stderr
    world.hardware("refresh", "m5.large", "--force")
    assert "standard: 1.1" in world.proposed("m5.large", "prices/us-east-1-m5.large")


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("{broken", "a row of the price list is no JSON"),
        ("[1]", "a row of the price list is no mapping"),
        (instance_row("m5.large", "0.0000000000"), "is 0 US dollars"),
        (instance_row("m5.large", "0.6"), "cannot be priced"),
    ],
)
def test_answers_that_give_no_price(world, prices, row, says) -> None:
    prices.rows = [row, instance_row("m5.large", "0.1000000000", "Z")]
    done = world.hardware("refresh", "m5.large", code=2)
    assert says in done.stderr


@pytest.mark.parametrize(
    ("failure", "code", "says"),
    [
        ((400, "AccessDeniedException"), 2, "do not allow pricing:GetProducts"),
        ((400, "ExpiredTokenException"), 2, "refuses the credentials"),
        ((400, "InvalidParameterException"), 16, "failed (InvalidParameterException)"),
    ],
)
def test_what_aws_refuses(world, prices, failure, code, says) -> None:
    prices.failure = failure
    done = world.hardware("refresh", code=code)
    assert done.stderr.count("error:") == 1
    assert says in done.stderr


def test_without_credentials_region_or_forge(world) -> None:
    nobody = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    done = world.hardware("refresh", code=2, **nobody)
    assert "there are no credentials for AWS" in done.stderr
    assert (
        "there is no region 'mars-1'"
        in world.hardware("refresh", "--region", "mars-1", code=2).stderr
    )
    closed = {"AWS_ENDPOINT_URL_EC2": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
    assert "AWS cannot be asked" in world.hardware("refresh", code=16, **closed).stderr
    for name, says in (("laptop", "its provider is local"), ("../x", "is no hardware id")):
        assert says in world.hardware("refresh", name, code=2).stderr
    world.git("remote", "remove", "origin")
    assert "has no origin" in world.hardware("refresh", code=2).stderr


def test_list_and_show(world) -> None:
    listed = world.hardware("list")
    assert listed.stdout.splitlines()[1].split()[:7] == [
        "fargate-4vcpu-16gb", "fargate", "4", "16GiB", "0", "0.3", "-",
    ]  # fmt: skip
    assert "2 prices of AWS are more than 90 days old" in listed.stderr
    shown = world.hardware("show", "m5.large").stdout
    assert "source: by hand" in shown
    assert "allowed by: no analysis" in shown
    assert "there is no hardware type 'm5'" in world.hardware("show", "m5", code=2).stderr
