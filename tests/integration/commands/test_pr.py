"""`neurocaas pr`: what is merged has been judged, and nothing is lost on the way."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import time

import pytest

HARDWARE = """\
schema: neurocaas/hardware/v1
id: {id}
provider: local
vcpus: 2
memory: 4GB
price_per_hour_usd: {{standard: 0}}
source: a test
date: 2026-11-01
"""


def change(platform, name, files=None):
    """Commit on a branch of its own."""
    platform.git("switch", "-q", "-c", name, "origin/main")
    for path, text in (files or {f"docs-{name}.txt": "x\n"}).items():
        platform.write(path, text)
    return platform.commit(f"Change {name}")


def pull(platform, name, files=None):
    change(platform, name, files)
    return platform.run("pr", "open").stdout.strip()


def main_of(origin):
    return subprocess.run(
        ["git", "-C", str(origin), "rev-parse", "main"], capture_output=True, text=True, check=True
    ).stdout.strip()


def states(platform):
    rows = json.loads(platform.run("pr", "list", "--format", "json").stdout)
    assert rows["schema"] == "neurocaas/pulls/v1"
    return {row["branch"]: row["state"] for row in rows["pulls"]}


def test_open_show_merge(platform, origin):
    assert "no pull requests yet" in platform.run("pr", "list").stderr
    number = pull(platform, "topic")
    assert number == "1"
    shown = platform.run("pr", "show", number).stdout
    assert "#1 Change topic  [open]" in shown
    assert "docs-topic.txt" in shown
    assert "no findings" in shown
    commit = platform.run("pr", "merge", number).stdout.strip()
    assert commit == main_of(origin) == platform.git("rev-parse", "origin/main")
    assert platform.run("pr", "list").stdout.split() == ["#1", "merged", "ada", "Change", "topic"]
    again = platform.run("pr", "merge", number, code=2)
    assert "is merged" in again.stderr


def test_a_broken_change_is_not_merged_and_the_mended_one_is(platform, origin):
    before = main_of(origin)
    broken = (platform.repo / "registry/blueprints/probe.yaml").read_text()
    number = pull(platform, "bad", {"registry/blueprints/probe.yaml": broken + "extra: 1\n"})
    refused = platform.run("pr", "merge", number, code=10)
    assert "registry/blueprints/probe.yaml" in refused.stdout
    assert "is not merged" in refused.stderr
    assert main_of(origin) == before
    platform.write("registry/blueprints/probe.yaml", broken)
    platform.write("note.txt", "mended")
    platform.commit("Mend it")
    assert platform.run("pr", "open").stdout.strip() == number
    platform.run("pr", "merge", number)
    assert states(platform) == {"bad": "merged"}


def test_conflicts_are_said_with_the_number(platform, origin):
    first = pull(platform, "one", {"shared.txt": "1\n"})
    second = pull(platform, "two", {"shared.txt": "2\n"})
    platform.run("pr", "merge", first)
    for command in ("merge", "show"):
        done = platform.run("pr", command, second, code=2)
        assert "conflicts with main in shared.txt" in done.stderr
    platform.write("other.txt", "x")
    platform.commit("more")
    opened = platform.run("pr", "open", code=2)
    assert opened.stdout.strip() == second, "it is open all the same"
    platform.run("pr", "close", second)
    assert states(platform) == {"one": "merged", "two": "closed"}
    assert platform.run("pr", "open", code=2).stdout.strip() == "3"


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (["switch", "-q", "main"], "comes from a branch of its own"),
        (["switch", "-q", "--detach"], "comes from a branch of its own"),
        (["switch", "-q", "-c", "same", "origin/main"], "main already contains the branch same"),
        (["remote", "set-url", "origin", "https://ada:secret@example.org/x.git"], "on this machine"),
        (["remote", "set-url", "origin", "git@example.org:x.git"], "on this machine"),
        (["remote", "set-url", "origin", "/nonexistent/x.git"], "on this machine"),
        (["remote", "remove", "origin"], "has no origin"),
    ],
)  # fmt: skip
def test_open_says_what_is_missing(platform, origin, prepare, message):
    change(platform, "topic")
    platform.git(*prepare)
    done = platform.run("pr", "open", code=2)
    assert message in done.stderr
    assert "hint: " in done.stderr
    assert "secret" not in done.stderr
    assert done.stdout == ""


def test_an_origin_without_main(platform, origin):
    change(platform, "topic")
    subprocess.run(["git", "-C", str(origin), "update-ref", "-d", "refs/heads/main"], check=True)
    assert "no branch main" in platform.run("pr", "open", code=2).stderr


def test_a_file_url_and_a_relative_path_are_on_this_machine(platform, origin):
    platform.git("remote", "set-url", "origin", f"file://{origin}")
    number = pull(platform, "one")
    platform.git("remote", "set-url", "origin", "../origin.git")
    platform.run("pr", "merge", number)
    assert platform.run("pr", "list", "--repo", str(origin)).stdout.startswith("#1 ")


def test_a_tag_of_the_same_name_and_odd_branch_names(platform, origin):
    change(platform, "release")
    platform.git("tag", "release")
    assert platform.run("pr", "open").stdout.strip() == "1"
    for number, name in enumerate(("--receive-pack=touch", "a;touch_x", "größe"), start=2):
        commit = change(platform, f"plain{number}")
        platform.git("update-ref", f"refs/heads/{name}", commit)
        platform.git("symbolic-ref", "HEAD", f"refs/heads/{name}")
        assert platform.run("pr", "open").stdout.strip() == str(number)
        platform.run("pr", "merge", str(number))
    assert states(platform)["--receive-pack=touch"] == "merged"


def test_titles_and_authors_from_commits_that_are_not_utf8(platform, origin):
    platform.git("switch", "-q", "-c", "latin", "origin/main")
    platform.write("x.txt", "x")
    platform.git("add", "-A")
    subprocess.run(
        ["git", "-c", "i18n.commitEncoding=utf-8", "commit", "-q", "-F", "-"], input=b"gr\xfc\xdfe \x1b[2J",
        cwd=platform.repo, env={**os.environ, **platform.env, "GIT_AUTHOR_NAME": "J\udcfcrg"},
        check=True, capture_output=True,
    )  # fmt: skip
    platform.run("pr", "open")
    shown = platform.run("pr", "list").stdout
    assert "\x1b" not in shown
    assert "[2J" in shown


def test_the_users_pre_push_hook_is_heard(platform, origin):
    hook = platform.repo / ".git/hooks/pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho not on a Friday >&2\nexit 1\n")
    hook.chmod(0o755)
    change(platform, "topic")
    done = platform.run("pr", "open", code=16)
    assert "not on a Friday" in done.stderr
    assert states(platform) == {}


def test_a_branch_that_somebody_else_moved_is_not_overwritten(platform, origin):
    number = pull(platform, "topic")
    other = platform.repo.parent / "other"
    platform.git("clone", "-q", "-b", "topic", str(origin), str(other))
    platform.git("-C", str(other), "commit", "-q", "--allow-empty", "-m", "theirs")
    platform.git("-C", str(other), "push", "-q")
    platform.commit("ours")
    done = platform.run("pr", "open", code=16)
    assert "cannot be pushed" in done.stderr
    subject = subprocess.run(
        ["git", "-C", str(origin), "log", "-1", "--format=%s", "topic"], capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert subject.stdout == "theirs\n"
    assert number == "1"


def test_two_merges_at_once_both_land(platform, origin):
    numbers = [pull(platform, name) for name in ("one", "two", "three")]
    before = main_of(origin)
    running = [platform.start("pr", "merge", number) for number in numbers]
    for process in running:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    assert set(states(platform).values()) == {"merged"}
    line = subprocess.run(
        ["git", "-C", str(origin), "rev-list", "--first-parent", f"{before}..main"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert len(line.stdout.split()) == 3


@pytest.mark.slow
def test_killed_merges_have_happened_or_not(platform, origin):
    """kill -9 of the whole command, its git processes included, at 15 points."""
    chance = random.Random(11)
    for round_ in range(15):
        name = f"b{round_}"
        number = pull(platform, name)
        before = main_of(origin)
        process = subprocess.Popen(
            platform.command("pr", "merge", number), cwd=platform.repo, env=platform.env,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        time.sleep(chance.uniform(0.1, 0.9))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
        merged = main_of(origin) != before
        assert states(platform)[name] == ("merged" if merged else "open"), f"round {round_}"
        if not merged:
            done = platform.run("pr", "merge", number, code=None)
            if done.returncode == 16:
                # Locks that git left: the message names all and says what to do.
                locks = set(re.findall(r"/\S+\.lock", done.stderr))
                assert locks, done.stderr
                for lock in locks:
                    os.unlink(lock)
                done = platform.run("pr", "merge", number)
            assert done.returncode == 0, done.stderr
        assert states(platform)[name] == "merged"
    assert len(states(platform)) == 15
