"""`neurocaas budget` explains every cent, and whatever becomes of its index, it says the same."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
from inline_snapshot import snapshot
from ledger_world import ENV, World, blueprint, certificate, group, job_path, manifest, user

from neurocaas_ci.ledger.lock import index_path
from neurocaas_ci.model.places import certificate_path


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.fixture
def busy(world):
    """Return a registry in which everything that an account's lines can say has happened."""
    world.start()
    first = world.job("first", 3, group="lab")
    world.job("second", 8)
    world.certify(first, 0.123456)
    third = world.job("third", 7, pricing="save")
    world.commit({certificate_path(third): "{"}, "Damage")
    world.commit({"registry/users/ada.yaml": user("ada", 30)}, "Raise")
    world.job("fourth", 2)
    return world


def budget(world, *arguments, code=0):
    return world.run("budget", "--no-fetch", *arguments, code=code)


def plain(text):
    """Return a text without the ids of commits, which depend on the version of what is written."""
    return re.sub(r"\b[0-9a-f]{12}\b", "_" * 12, text)


def test_all_accounts(busy):
    assert plain(budget(busy).stdout) == snapshot("""\
ACCOUNT        CAP     SPENT  RESERVED        LEFT
group lab    20.00  0.123456      0.00   19.876544
user ada     30.00  1.873456      2.00   26.126544
user grace  300.00  0.00          0.00  300.00
US dollars, as of commit ____________
""")


def test_every_line_of_an_account(busy):
    assert plain(budget(busy, "ada").stdout) == snapshot("""\
user ada: 26.126544 USD left of 30.00 USD; spent 1.873456 USD, reserved 2.00 USD
COMMIT        DATE        EVENT    JOB                 RESERVED   CHARGED  REFUNDED     SPENT  HELD       LEFT  NOTE
____________  2026-11-18  budget                            -     -         -        0.00      0.00  10.00      budget is 10.00 USD
____________  2026-11-18  merged   ada/2026-11/first       3.00   -         -        0.00      3.00   7.00
____________  2026-11-18  refused  ada/2026-11/second       -     -         -        0.00      3.00   7.00      it may cost 8.00 USD, user ada has 7.00 USD of 10.00 USD left
____________  2026-11-18  ended    ada/2026-11/first        -    0.123456  2.876544  0.123456  0.00   9.876544
____________  2026-11-18  merged   ada/2026-11/third       1.75   -         -        0.123456  1.75   8.126544
____________  2026-11-18  ended    ada/2026-11/third        -    1.75      0.00      1.873456  0.00   8.126544  the certificate does not say what was used: it is not strict JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)
____________  2026-11-18  budget                            -     -         -        1.873456  0.00  28.126544  budget is 30.00 USD
____________  2026-11-18  merged   ada/2026-11/fourth      2.00   -         -        1.873456  2.00  26.126544
""")


def test_a_damaged_certificate_charges_the_maximum_and_says_why(busy):
    (found,) = accounts(busy, "ada")
    (line,) = [
        e for e in found["entries"] if (e["job"], e["what"]) == ("ada/2026-11/third", "concluded")
    ]
    assert (line["charged_usd"], line["refunded_usd"]) == (1.75, 0)
    assert line["note"].startswith("the certificate does not say what was used: ")


def accounts(world, *names):
    done = budget(world, *names, "--format", "json")
    document = json.loads(done.stdout)
    assert document["schema"] == "neurocaas/budget/v1"
    assert document["commit"] == world.git("rev-parse", "main")
    return document["accounts"]


def test_json_names_the_commit_of_every_line(busy):
    (lab,) = accounts(busy, "lab")
    assert (lab["kind"], lab["cap_usd"], lab["spent_usd"]) == ("group", 20, 0.123456)
    assert [entry["what"] for entry in lab["entries"]] == ["budget", "reserved", "concluded"]
    log = busy.git("log", "--reverse", "--format=%H %s").splitlines()
    subjects = dict(line.split(" ", 1) for line in log)
    assert [subjects[e["commit"]] for e in lab["entries"]] == ["Start", "first", "Certify"]
    for entry in lab["entries"]:
        after = entry["after"]
        left = after["cap_usd"] - after["spent_usd"] - after["reserved_usd"]
        assert after["left_usd"] == pytest.approx(left)
    assert "entries" not in accounts(busy)[0]


def test_the_past_is_as_it_was(busy):
    before = budget(busy, "--at", "HEAD~5", "lab").stdout
    assert "3 left of" not in before
    assert before.startswith(
        "group lab: 17.00 USD left of 20.00 USD; spent 0.00 USD, reserved 3.00"
    )
    busy.git("reset", "-q", "--hard", "HEAD~5")
    assert budget(busy, "lab").stdout == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["adda"], "did you mean `ada`?"),
        (["somebody-else"], "`neurocaas budget` lists all"),
        (["lab", "--kind", "user"], "no user account is named 'lab'"),
        (["--at", "no-such-commit"], "no-such-commit"),
    ],
)
def test_what_does_not_exist_is_said(busy, arguments, message):
    done = budget(busy, *arguments, code=2)
    assert message in done.stderr
    assert done.stdout == ""


def test_accounts_of_one_kind_and_of_one_name(busy):
    busy.commit(
        {
            "registry/groups/ada.yaml": group("ada", 7, "ada"),
            "registry/blueprints/probe.yaml": blueprint("1.0.1", budget=50),
        }
    )
    assert [(a["kind"], a["name"]) for a in accounts(busy, "--kind", "blueprint")] == [
        ("blueprint", "probe")
    ]
    assert [a["kind"] for a in accounts(busy, "ada")] == ["group", "user"]
    assert [a["kind"] for a in accounts(busy, "ada", "--kind", "user")] == ["user"]
    # A budget that was taken away is history, not an account that never was.
    busy.commit({"registry/blueprints/probe.yaml": blueprint("1.0.2")})
    assert "no budget of its own" in budget(busy, "probe").stdout
    assert "no budget any more" in budget(busy, "probe").stdout


def test_a_registry_without_budgets(world):
    world.commit({"README.md": "nothing here"})
    assert plain(budget(world).stdout) == "nobody has a budget at commit ____________\n"
    assert accounts(world) == []


def test_a_shallow_clone_cannot_tell(busy, tmp_path):
    whole = budget(busy, "ada").stdout
    clone = World(tmp_path / "clone")
    clone.git("remote", "add", "origin", f"file://{busy.repo}")
    clone.git("fetch", "-q", "--depth", "2", "origin")
    done = budget(clone, "ada", code=16)
    assert "lacks the beginning of the history" in done.stderr
    assert "git fetch --unshallow" in done.stderr
    assert done.stdout == ""
    clone.git("fetch", "-q", "--unshallow", "origin")
    assert budget(clone, "ada").stdout == whole


def test_a_place_for_the_index_is_not_needed(busy):
    kept = budget(busy, "ada")
    assert kept.stderr == ""
    shutil.rmtree(busy.cache / "ledger")
    (busy.cache / "ledger").write_text("in the way")
    done = budget(busy, "ada")
    assert done.stdout == kept.stdout
    assert "the index of the ledger is not used" in done.stderr


def test_what_strangers_write_cannot_move_the_cursor(world):
    world.start()
    name = "\x1b[2J\u202e"
    world.commit({job_path(name): manifest("x")}, "Hostile")
    world.commit({certificate_path(f"ada/2026-11/{name}"): certificate("x", 1)})
    world.commit({f"registry/users/{name}.yaml": user("ada", 4)})
    for text in (budget(world).stdout, budget(world, "ada", name).stdout):
        assert "\\x1b[2J\\u202e" in text
        assert "\x1b" not in text
        assert "\u202e" not in text


def many(world, count):
    """Write a history of jobs, two commits each: merged, then certified with half of its dollar."""
    stream = []
    parent = world.start(10**6, 10**6)
    for i in range(count):
        name = f"job-{i:05d}"
        job = f"ada/2026-11/{name}"
        files = ((job_path(name), json.dumps(manifest(name))),
                 (certificate_path(job), certificate(job, 0.5)))  # fmt: skip
        for path, text in files:
            stream.append("commit refs/heads/main\n")
            stream.append(f"committer ada <ada@example.org> {1_796_000_000 + i} +0000\ndata 0\n")
            stream.append(f"from {parent}\n" if not i and path.startswith("registry") else "")
            stream.append(f"M 100644 inline {path}\ndata {len(text)}\n{text}\n")
    subprocess.run(
        ["git", "fast-import", "--quiet"], cwd=world.repo, env=ENV, check=True,
        input="".join(stream), text=True,
    )  # fmt: skip


def start(world, *arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "neurocaas_ci.cli.main", "budget", "--no-fetch", *arguments],
        cwd=world.repo, env={**ENV, "NEUROCAAS_HOME": str(world.home)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_killed_while_it_indexes_and_asked_again(world):
    many(world, 700)
    index = index_path(world.repo, world.cache)
    for size in (1, 100_000, 250_000):
        process = start(world, "ada")
        # The log grows as batches are written; killed early, in the middle, and late.
        while process.poll() is None and _size(index) < size:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert index.exists()
    (ada,) = accounts(world, "ada")
    assert (ada["spent_usd"], ada["reserved_usd"]) == (350, 0)
    assert len(ada["entries"]) == 1401
    os.truncate(index, index.stat().st_size // 2)
    assert accounts(world, "ada") == [ada]


def _size(index):
    files = (index, index.with_name(f"{index.name}-wal"))
    return sum(file.stat().st_size for file in files if file.exists())


def test_several_at_once_say_the_same(world):
    many(world, 400)
    first = [start(world, "--format", "json", "ada") for _ in range(3)]
    texts = []
    for process in first:
        text, errors = process.communicate(timeout=100)
        assert process.returncode == 0, errors
        texts.append(text)
    assert len(set(texts)) == 1
    assert json.loads(texts[0])["accounts"][0]["spent_usd"] == 200
    # What they left behind is whole.
    assert budget(world, "--format", "json", "ada").stdout == texts[0]
