"""What every state store must do, run on each adapter through the port alone."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from neurocaas_ci.errors import NeurocaasError

DOCUMENTS = [b"", b"{}", bytes(range(256)), b"x" * 300_000]


@pytest.mark.parametrize("data", DOCUMENTS, ids=len)
def test_what_is_written_is_read_back_by_everybody(new_state, data):
    new_state().write("a/b/c", data)
    assert new_state().read("a/b/c") == data


def test_what_was_never_written_is_none(state):
    assert state.read("a") is None
    state.write("a", b"1")
    assert state.read("a/b") is None


def test_what_is_erased_is_none_and_not_listed(state):
    for key in ("k/a", "k/b"):
        state.write(key, b"1", durable=True)
    state.erase("k/a")
    state.erase("k/a")
    state.erase("k/b/c")
    assert state.read("k/a") is None
    assert state.keys("k") == ["k/b"]


def test_what_is_written_under_a_claim_is_read_back(state):
    with state.claim("other", wait=True) as claim:
        for data in (b"1", b"2"):
            state.write("k", data, claim=claim)
            assert state.read("k") == data
        assert claim.alive()


def test_keys_are_sorted_and_below_the_prefix_only(state):
    for key in ("jobs/b/2", "jobs/a/1", "jobs/a/10", "jobsmore/x", "other"):
        state.write(key, b"")
    assert state.keys("jobs") == ["jobs/a/1", "jobs/a/10", "jobs/b/2"]
    assert state.keys("jobs/a") == ["jobs/a/1", "jobs/a/10"]
    assert state.keys("nothing") == []


@pytest.mark.parametrize(
    "key", ["ada/2026-11/größe", "with space", "a%2Fb", "a.b", "-x", "x" * 100]
)
def test_keys_may_have_odd_characters(state, key):
    state.write(f"k/{key}", b"1")
    assert state.read(f"k/{key}") == b"1"
    assert state.keys("k") == [f"k/{key}"]
    with state.claim(f"k/{key}", wait=False) as claim:
        assert claim is not None
        assert state.held(f"k/{key}")
    assert not state.held(f"k/{key}")


@pytest.mark.parametrize("key", ["", "/", "..", "a/../../b", "a//b", "/etc/passwd", "a\0b"])
def test_keys_that_lead_elsewhere_are_refused(state, key):
    for action in (state.read, lambda k: state.write(k, b""), state.held, state.keys):
        with pytest.raises(NeurocaasError):
            action(key)
    with pytest.raises(NeurocaasError), state.claim(key, wait=False):
        pass


def test_similar_keys_are_different_claims(state):
    with state.claim("a/b", wait=False) as one, state.claim("a%2Fb", wait=False) as two:
        assert one is not None
        assert two is not None
        assert not state.held("a")


def test_a_claim_excludes_everybody_until_it_ends(new_state):
    one, two = new_state(), new_state()
    with one.claim("k", wait=False) as claim:
        assert claim is not None
        assert claim.key == "k"
        assert two.held("k")
        with two.claim("k", wait=False) as other:
            assert other is None
        assert two.held("k"), "a failed attempt must not end the claim of another"
    assert not two.held("k")
    with two.claim("k", wait=False) as claim:
        assert claim is not None


def test_a_claim_ends_with_an_exception(state):
    def fail():
        with state.claim("k", wait=True):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not state.held("k")


LOOK = """
print("looking", flush=True)
while True:
    state.held("k")
"""


def test_looking_disturbs_nobody(opens_state, state, few):
    """A status that is shown while somebody claims must not make the claim fail."""
    watcher = subprocess.Popen(
        [sys.executable, "-c", opens_state + LOOK], stdout=subprocess.PIPE, text=True
    )
    try:
        assert watcher.stdout.readline() == "looking\n"
        for _ in range(10 * few):
            with state.claim("k", wait=False) as claim:
                assert claim is not None
    finally:
        watcher.kill()
        watcher.wait(10)
        watcher.stdout.close()


def test_waiting_takes_over_when_the_holder_ends(new_state):
    one, two = new_state(), new_state()
    taken = threading.Event()

    def wait():
        with two.claim("k", wait=True) as claim:
            assert claim is not None
            taken.set()

    with one.claim("k", wait=True):
        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(0.05)
        assert not taken.is_set()
    assert taken.wait(10)
    thread.join(10)


def test_a_reader_never_sees_half_a_document(new_state, few):
    writer, reader = new_state(), new_state()
    documents = [bytes([c]) * 200_000 for c in b"ab"]
    writer.write("k", documents[0])
    stop = threading.Event()

    def write():
        while not stop.is_set():
            for document in documents:
                writer.write("k", document)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(4 * few):
            assert reader.read("k") in documents
            assert reader.keys("k") in ([], ["k"])
    finally:
        stop.set()
        thread.join(10)


def test_counting_under_a_claim_loses_nothing(new_state, few):
    new_state().write("count", b"0")

    def count():
        state = new_state()
        for _ in range(few):
            with state.claim("count", wait=True):
                state.write("count", str(int(state.read("count")) + 1).encode())

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert int(new_state().read("count")) == 4 * few
