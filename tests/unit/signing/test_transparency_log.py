"""The log on the disk: what it acknowledged stays, and what happened to it shows."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from neurocaas_ci.errors import BackendUnavailableError, VerificationError
from neurocaas_ci.signing import keys
from neurocaas_ci.signing.checkpoint import read_checkpoint, read_note
from neurocaas_ci.signing.envelope import bundle, promise_payload
from neurocaas_ci.signing.log_signer import LogSigner
from neurocaas_ci.signing.merkle import Frontier, leaf_hash, root_through
from neurocaas_ci.signing.transparency_log import TransparencyLog, make_log

SIGNER = LogSigner("log.invalid", keys.generate("P-256"))
OTHER = LogSigner("other.invalid", keys.generate("P-256"))

# Appends an entry and dies at one point of doing so.
DIE = """
import os, signal, sys
from pathlib import Path
from neurocaas_ci.signing import keys
from neurocaas_ci.signing.log_signer import LogSigner
from neurocaas_ci.signing.transparency_log import TransparencyLog

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

point, folder, pem = sys.argv[1:]
pwrite, replace, fsync = os.pwrite, os.replace, os.fsync
if point == "half a line":
    os.pwrite = lambda fd, data, at: (pwrite(fd, data[: len(data) // 2], at), die())
elif point == "all but the end of the line":
    os.pwrite = lambda fd, data, at: (pwrite(fd, data[:-1], at), die())
elif point == "before it is on the disk":
    os.fsync = die
elif point == "before it is remembered":
    os.replace = die
elif point == "after it is remembered":
    os.replace = lambda *paths: (replace(*paths), die())
signer = LogSigner("log.invalid", keys.load(pem.encode()))
TransparencyLog(Path(folder), signer).append(b"killed", 1)
"""
POINTS = {
    "before the line": False,
    "half a line": False,
    "all but the end of the line": False,
    "before it is on the disk": True,
    "before it is remembered": True,
    "after it is remembered": True,
}


@pytest.fixture
def log(tmp_path):
    make_log(tmp_path / "log")
    return TransparencyLog(tmp_path / "log", SIGNER)


def fill(log, count, start=0):
    return [log.append(b"entry %d" % n, 1000 + n) for n in range(start, start + count)]


def as_bundle(entry):
    return bundle(b"payload", b"signature", b"certificate", entry)


def leaves(log):
    return log.folder / "leaves.jsonl"


def lines(log):
    return leaves(log).read_bytes().splitlines(keepends=True)


def check(log, entries=(), checkpoints=()):
    bundles = {f"bundle {n}": as_bundle(entry) for n, entry in enumerate(entries)}
    return log.check(bundles, {f"checkpoint {n}": text for n, text in enumerate(checkpoints)})


def places(report):
    return [(problem.kind, problem.first, problem.last) for problem in report.problems]


def test_every_entry_is_proved_when_it_is_added(log):
    tree = Frontier()
    for number, entry in enumerate(fill(log, 20)):
        tree = tree.add(leaf_hash(entry.body))
        assert (entry.index, entry.size, entry.time) == (number, number + 1, 1000 + number)
        assert entry.root == tree.root
        assert root_through(leaf_hash(entry.body), number, entry.size, entry.path) == tree.root
        promise = promise_payload(SIGNER.id, number, entry.time, entry.body)
        assert keys.is_signed(SIGNER.key.public, entry.promise, promise)
        checkpoint = SIGNER.accept(entry.checkpoint)
        assert (checkpoint.size, checkpoint.root) == (entry.size, entry.root)
    assert log.checkpoint() == entry.checkpoint


def test_an_empty_log_has_a_checkpoint_too(log):
    assert SIGNER.accept(log.checkpoint()) == read_checkpoint(read_note(log.checkpoint()).text)
    assert SIGNER.accept(log.checkpoint()).size == 0
    assert check(log, checkpoints=[log.checkpoint()]).consistent


def test_another_log_has_other_checkpoints(log):
    fill(log, 1)
    assert OTHER.accept(log.checkpoint()) is None


def test_threads_take_turns(log):
    with ThreadPoolExecutor(8) as pool:
        entries = list(pool.map(lambda n: log.append(b"%d" % n, n), range(64)))
    assert sorted(entry.index for entry in entries) == list(range(64))
    report = check(log, entries)
    assert report.consistent
    assert (report.size, report.compared) == (64, 65)


@pytest.mark.parametrize("before", [0, 3])
@pytest.mark.parametrize("point", POINTS)
def test_a_killed_append_has_happened_or_not(log, point, before):
    entries = fill(log, before)
    if point != "before the line":
        done = subprocess.run(
            [sys.executable, "-c", DIE, point, str(log.folder), SIGNER.key.pem().decode()],
            check=False,
        )
        assert done.returncode == -signal.SIGKILL
    assert check(log, entries).consistent
    after = log.append(b"next", 2)
    assert after.index == before + POINTS[point]
    report = check(log, [*entries, after])
    assert report.consistent
    assert report.size == after.size
    bodies = [base64.b64decode(json.loads(line)["body"]) for line in lines(log)]
    assert bodies[before:] == ([b"killed"] if POINTS[point] else []) + [b"next"]


@pytest.mark.parametrize(
    "damage", ["gone", "empty", "garbage", "other peaks", "other end", "older"]
)
def test_the_state_is_derived_from_the_entries(log, damage):
    entries = fill(log, 5)
    state = log.folder / "state.json"
    older = state.read_bytes()
    entries += fill(log, 6, 5)
    document = json.loads(state.read_bytes())
    if damage == "gone":
        state.unlink()
    elif damage == "older":
        state.write_bytes(older)
    elif damage == "other peaks":
        document["peaks"][0] = base64.b64encode(bytes(32)).decode()
        state.write_text(json.dumps(document))
    elif damage == "other end":
        state.write_text(json.dumps({**document, "end": "far"}))
    else:
        state.write_bytes(b"" if damage == "empty" else b"\0" * 200)
    checkpoint = log.checkpoint()
    assert SIGNER.accept(checkpoint).size == 11
    entries += fill(log, 2, 11)
    assert [entry.index for entry in entries] == list(range(13))
    assert check(log, entries, [checkpoint]).consistent


@pytest.mark.parametrize("loss", ["last entry", "all entries", "the file", "part of a line"])
def test_a_log_that_lost_entries_takes_no_more(log, loss):
    fill(log, 4)
    content = leaves(log).read_bytes()
    if loss == "the file":
        leaves(log).unlink()
    else:
        kept = {"last entry": content.rindex(b"{"), "all entries": 0, "part of a line": -5}[loss]
        leaves(log).write_bytes(content[:kept])
    left = os.path.exists(leaves(log)) and leaves(log).read_bytes()
    for use in (lambda: log.append(b"x", 1), log.checkpoint):
        with pytest.raises(VerificationError, match="lost entries") as caught:
            use()
        assert caught.value.hint
    assert (os.path.exists(leaves(log)) and leaves(log).read_bytes()) == left


def test_a_damaged_entry_behind_the_state_is_not_built_upon(log):
    fill(log, 3)
    (log.folder / "state.json").unlink()
    first, second, third = lines(log)
    leaves(log).write_bytes(first + b"x" + second[1:] + third)
    with pytest.raises(VerificationError, match=r"entry 1 .* missing or altered") as caught:
        log.append(b"x", 1)
    assert caught.value.where == f"{leaves(log)}:2"


def test_an_altered_entry_is_named_by_the_bundle_that_has_it(log):
    entries = fill(log, 9)
    altered = lines(log)
    altered[4] = altered[4].replace(base64.b64encode(b"entry 4"), base64.b64encode(b"entry X"))
    leaves(log).write_bytes(b"".join(altered))
    report = check(log, entries)
    assert places(report) == [("altered", 4, 4)]
    assert "bundle 4" in report.problems[0].message


def test_an_altered_entry_is_narrowed_down_by_the_checkpoints_around_it(log):
    entries = fill(log, 9)
    altered = lines(log)
    altered[4] = altered[4].replace(base64.b64encode(b"entry 4"), base64.b64encode(b"entry X"))
    leaves(log).write_bytes(b"".join(altered))
    assert places(check(log)) == [("altered", 0, 8)]
    kept = [entries[2].checkpoint, entries[6].checkpoint]
    assert places(check(log, checkpoints=kept)) == [("altered", 3, 6)]
    report = check(log, checkpoints=[entries[3].checkpoint, entries[4].checkpoint])
    assert places(report) == [("altered", 4, 4)]
    assert not report.consistent


def test_a_removed_entry_is_named(log):
    entries = fill(log, 9)
    kept = lines(log)
    del kept[4:6]
    leaves(log).write_bytes(b"".join(kept))
    report = check(log, entries)
    assert places(report) == [("missing", 4, 5)]
    assert report.size == 4


def test_an_unreadable_entry_is_named(log):
    entries = fill(log, 9)
    broken = lines(log)
    broken[4] = b"\0" * 50 + b"\n"
    leaves(log).write_bytes(b"".join(broken))
    assert places(check(log, entries)) == [("altered", 4, 4)]


@pytest.mark.parametrize("memory", ["its own", "a bundle", "a checkpoint"])
def test_a_shortened_log_is_noticed_by_whoever_remembers(log, memory):
    entries = fill(log, 9)
    leaves(log).write_bytes(b"".join(lines(log)[:6]))
    if memory != "its own":
        (log.folder / "state.json").unlink()
    report = check(
        log,
        entries[8:] if memory == "a bundle" else (),
        [entries[8].checkpoint] if memory == "a checkpoint" else (),
    )
    assert places(report) == [("missing", 6, 8)]
    assert report.size == 6


def test_a_log_that_was_put_back_and_went_on_has_two_histories(log):
    entries = fill(log, 5)
    old = {name: (log.folder / name).read_bytes() for name in ("leaves.jsonl", "state.json")}
    entries += fill(log, 2, 5)
    for name, content in old.items():
        (log.folder / name).write_bytes(content)
    entries.append(log.append(b"instead of entry 5", 1))
    entries.append(log.append(b"instead of entry 6", 1))
    report = check(log, entries)
    assert places(report) == [("altered", 5, 5), ("altered", 6, 6)]
    own = [entry.checkpoint for entry in entries]
    assert places(check(log, checkpoints=own)) == [("altered", 5, 5)]


def test_evidence_of_other_logs_is_left_aside(log, tmp_path):
    make_log(tmp_path / "other")
    other = TransparencyLog(tmp_path / "other", OTHER)
    foreign = fill(other, 3)
    mine = fill(log, 2)
    report = check(log, [foreign[2]], [foreign[1].checkpoint, mine[0].checkpoint])
    assert report.consistent
    assert (report.compared, report.foreign, report.size) == (2, 2, 2)
    assert report.root == mine[1].root.hex()


def changed(entry, *keys_and_value):
    """Return the bundle of an entry with one value replaced."""
    *path, last, value = keys_and_value
    document = json.loads(as_bundle(entry))
    place = document["verificationMaterial"]["tlogEntries"][0]
    for key in path:
        place = place[key]
    place[last] = value
    return json.dumps(document).encode()


def test_evidence_that_proves_nothing_is_reported_and_blames_no_entry(log):
    first, second = fill(log, 2)
    forged = second.checkpoint.replace("\n2\n", "\n3\n")
    bundles = {
        "no json": b"{",
        "no bundle": b"{}",
        "list": b"[]",
        "deep": b"[" * 100_000,
        "no entries": as_bundle(first).replace(b"tlogEntries", b"others"),
        "other body": changed(first, "canonicalizedBody", base64.b64encode(b"other").decode()),
        "other place": changed(second, "inclusionProof", "logIndex", "0"),
        "huge place": changed(second, "inclusionProof", "logIndex", "9" * 5000),
        "forged": changed(second, "inclusionProof", "checkpoint", {"envelope": forged}),
    }
    report = log.check(bundles, {"c": "no checkpoint", "d": forged})
    assert {problem.kind for problem in report.problems} == {"unproven"}
    named = [problem.message.partition(" proves nothing")[0] for problem in report.problems]
    assert named == [*bundles, "c", "d"]
    assert {(problem.first, problem.last) for problem in report.problems} == {(None, None)}


def test_a_bundle_may_leave_out_zeros_and_empty_lists(log):
    document = json.loads(as_bundle(fill(log, 1)[0]))
    (entry,) = document["verificationMaterial"]["tlogEntries"]
    del entry["logIndex"], entry["inclusionProof"]["logIndex"], entry["inclusionProof"]["hashes"]
    report = log.check({"from sigstore-js": json.dumps(document).encode()}, {})
    assert report.consistent
    assert report.compared == 2


def test_half_a_line_is_no_entry_yet(log):
    entries = fill(log, 2)
    with leaves(log).open("ab") as stream:
        stream.write(lines(log)[0][:30])
    report = check(log, entries)
    assert report.consistent
    assert report.size == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small tmpfs needs root")
def test_a_full_disk_is_a_clear_error_and_heals(tmp_path):
    target = tmp_path / "small"
    target.mkdir()
    line = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(target)]
    if subprocess.run(line, check=False).returncode:
        pytest.skip("this container may not mount")
    try:
        make_log(target / "log")
        log = TransparencyLog(target / "log", SIGNER)
        entries = fill(log, 2)
        ballast = target / "ballast"
        with ballast.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
            while True:
                stream.write(b"x" * 4096)
        with pytest.raises(BackendUnavailableError, match="No space left") as caught:
            log.append(b"x" * 9000, 1)
        assert "free some space" in caught.value.hint
        ballast.unlink()
        entries.append(log.append(b"again", 3))
        assert entries[-1].index == 2
        assert check(log, entries).consistent
    finally:
        subprocess.run(["umount", str(target)], check=True)


def test_a_folder_that_is_no_folder_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    log = TransparencyLog(tmp_path / "file", SIGNER)
    with pytest.raises(BackendUnavailableError, match="Not a directory"):
        log.append(b"x", 1)
