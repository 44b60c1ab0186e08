"""Only logs that nothing names are orphans; everything else stays, whatever it looks like."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
import time

import pytest

from neurocaas_ci.run.orphans import digests_in, orphaned_logs
from neurocaas_ci.run.sandbox.logs import LogWriter
from neurocaas_ci.stores.directory import DirectoryBlobs, DirectoryState
from neurocaas_ci.stores.names import remember

LOG = b"2026-11-30T07:00:00.123Z started\n2026-11-30T07:00:01.456Z ended\n"
OLD = 30 * 86400


class Store:
    def __init__(self, root):
        self.blobs, self.state = DirectoryBlobs(root), DirectoryState(root)

    def put(self, data, age=OLD):
        blob = self.blobs.put(io.BytesIO(data))
        then = time.time() - age
        os.utime(self.blobs.path(blob.sha256), (then, then))
        return blob

    def orphans(self, *elsewhere):
        before = time.time() - 86400
        return [one.sha256 for one in orphaned_logs(self.blobs, self.state, elsewhere, before)]


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "home/store")


def test_a_log_that_nothing_names_is_found_until_something_names_it(store):
    left = store.put(LOG)
    assert store.orphans() == [left.sha256]
    record = json.dumps({"log": [left.sha256, left.size]}).encode()
    store.state.write("jobs/ada/2026-11/j/runs/001/record.json", record)
    assert store.orphans() == []


@pytest.mark.parametrize("key", ["results/ab/abc", "names/x.txt", "jobs/a/b/c/aws-batch/1/0.json"])
def test_whatever_names_it_keeps_it(store, key):
    left = store.put(LOG)
    store.state.write(key, f'{{"x": "{left.sha256}"}}'.encode())
    assert store.orphans() == []


def test_a_dataset_that_looks_like_a_log_is_kept_by_its_name_and_by_its_manifest(store):
    named, listed = store.put(LOG), store.put(LOG * 2)
    remember(store.state, "log.txt", named)
    manifest = f"datasets: [{{sha256: {listed.sha256}}}]".encode()
    assert store.orphans(manifest) == []
    assert store.orphans() == [listed.sha256]


@pytest.mark.parametrize(
    "data",
    [b"", b"x", LOG + b"something else\n", b"\0" * 5000, LOG[:-1] + b"x" * (1 << 15), LOG[3:]],
)
def test_nothing_but_a_log_is_an_orphan(store, data):
    store.put(data)
    assert store.orphans() == []


def test_a_young_log_may_still_get_its_record(store):
    store.put(LOG, age=60)
    assert store.orphans() == []


def test_what_workers_write_is_recognized(store, tmp_path):
    log = LogWriter(tmp_path / "log", 1000)
    log.feed(b"one\n\x1b[31mtwo\n" + b"y" * 3000 + b"\nthree")
    log.close()
    left = store.put((tmp_path / "log").read_bytes())
    assert store.orphans() == [left.sha256]


def test_digests_are_words_of_their_own():
    digest = "0123456789abcdef" * 4
    assert digests_in(f"sha256:{digest},".encode()) == {digest}
    assert digests_in(f"a{digest}".encode()) == set()


def test_they_are_listed_first_and_removed_when_that_is_said(store, tmp_path):
    left, certified = store.put(LOG), store.put(LOG * 3)
    repo = tmp_path / "registry"
    (repo / "certificates/ada/2026-11").mkdir(parents=True)
    payload = base64.b64encode(f'{{"subject": "{certified.sha256}"}}'.encode()).decode()
    bundle = json.dumps({"dsseEnvelope": {"payload": payload}})
    (repo / "certificates/ada/2026-11/j.sigstore.json").write_text(bundle)
    environment = {
        **os.environ, "NEUROCAAS_HOME": str(tmp_path / "home"), "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@example.org",
    }  # fmt: skip
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        subprocess.run(["git", *command], cwd=repo, env=environment, check=True)

    def run(*arguments):
        line = [sys.executable, "-m", "neurocaas_ci.cli.main", "data", "orphans", *arguments]
        return subprocess.run(
            line, cwd=repo, env=environment, capture_output=True, text=True, check=True
        )

    assert run("--days", "31").stdout == ""
    listed = run()
    assert listed.stdout.startswith(f"{left.sha256} {left.size} ")
    assert "1 orphaned logs" in listed.stderr
    assert store.blobs.path(left.sha256).exists()
    assert "removed" in run("--remove").stderr
    assert not store.blobs.path(left.sha256).exists()
    assert store.blobs.path(certified.sha256).exists()
    assert run().stdout == ""
