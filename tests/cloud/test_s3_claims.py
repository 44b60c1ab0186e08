"""Claims on S3: one winner, taken over from the dead, and never used by one who has lost it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from proxy import Harm

from neurocaas_ci.errors import BackendUnavailableError, UsageError
from neurocaas_ci.stores.interface import Claim, LostClaimError
from neurocaas_ci.stores.s3_client import make_client
from neurocaas_ci.stores.s3_state import S3State

LEASE = 1.5
# After the lease come two seconds of slack for the whole seconds of S3's times.
TAKEN_OVER = LEASE + 5

HOLD = """
import sys, time
from neurocaas_ci.stores.interface import LostClaimError
from neurocaas_ci.stores.s3_client import make_client
from neurocaas_ci.stores.s3_state import S3State
state = S3State(sys.argv[1], "p", make_client(), lease_s=float(sys.argv[2]))
with state.claim("run", wait=True) as claim:
    print("held", flush=True)
    sys.stdin.readline()
    print("alive" if claim.alive() else "dead", flush=True)
    try:
        state.write("record", b"of the first", claim=claim)
    except LostClaimError:
        print("refused", flush=True)
    else:
        print("written", flush=True)
"""

TRY = """
import sys
from neurocaas_ci.stores.s3_client import make_client
from neurocaas_ci.stores.s3_state import S3State
with S3State(sys.argv[1], "p", make_client()).claim("run", wait=False) as claim:
    print("mine" if claim else "not mine")
"""


@pytest.fixture
def new_state(bucket):
    return lambda lease=LEASE: S3State(bucket, "p", make_client(), lease_s=lease)


@pytest.fixture
def lease_patch():
    """Patches of a lease alone: undoing them leaves the environment as it is."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture
def holder(bucket):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, bucket, str(LEASE)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait(10)
    process.stdin.close()
    process.stdout.close()


@pytest.mark.slow
def test_of_many_at_once_one_has_the_claim(new_state):
    state, barrier, release = new_state(60), threading.Barrier(32), threading.Event()
    results = []

    def try_it(_):
        barrier.wait(20)
        with state.claim("k", wait=False) as claim:
            results.append(claim is not None)
            if claim:
                release.wait(20)

    with ThreadPoolExecutor(32) as pool:
        futures = [pool.submit(try_it, n) for n in range(32)]
        while len(results) < 32:
            time.sleep(0.01)
        release.set()
        for future in futures:
            future.result(20)
    assert sorted(results) == [False] * 31 + [True]
    assert not state.held("k")


@pytest.mark.slow
def test_a_holder_keeps_its_claim_far_beyond_one_lease(new_state):
    one, two = new_state(), new_state()
    with one.claim("k", wait=False) as claim:
        until = time.monotonic() + 3 * LEASE + 2
        while time.monotonic() < until:
            assert claim.alive()
            with two.claim("k", wait=False) as other:
                assert other is None
            time.sleep(0.2)


@pytest.mark.slow
def test_a_killed_holder_loses_its_claim_after_the_lease(holder, new_state):
    state = new_state()
    holder.send_signal(signal.SIGKILL)
    holder.wait(10)
    killed = time.monotonic()
    with state.claim("run", wait=False) as early:
        assert early is None, "nobody knows yet that it is dead"
    with state.claim("run", wait=True) as claim:
        assert claim is not None
        assert LEASE / 2 < time.monotonic() - killed < TAKEN_OVER
        state.write("record", b"of the second", claim=claim)
    assert state.read("record") == b"of the second"


@pytest.mark.slow
def test_a_stalled_holder_wakes_and_cannot_write(holder, new_state):
    state = new_state()
    holder.send_signal(signal.SIGSTOP)
    with state.claim("run", wait=True) as claim:
        state.write("record", b"of the second", claim=claim)
        holder.send_signal(signal.SIGCONT)
        holder.stdin.write("\n")
        holder.stdin.flush()
        assert holder.stdout.readline() == "dead\n"
        assert holder.stdout.readline() == "refused\n"
        assert holder.wait(20) == 0
        assert claim.alive()
        assert state.held("run"), "giving up a lost claim must not end that of another"
    assert state.read("record") == b"of the second"


@pytest.mark.slow
def test_a_stalled_holder_whom_nobody_replaced_goes_on(holder, new_state):
    holder.send_signal(signal.SIGSTOP)
    time.sleep(LEASE + 3)
    holder.send_signal(signal.SIGCONT)
    time.sleep(LEASE)
    holder.stdin.write("\n")
    holder.stdin.flush()
    assert holder.stdout.readline() == "alive\n"
    assert holder.stdout.readline() == "written\n"


@pytest.mark.slow
def test_one_who_stalls_between_renewal_and_write_overwrites_nothing(new_state, lease_patch):
    """The document itself is fenced: it is replaced only as it was seen before the renewal."""
    slow, other = new_state(), new_state()
    with slow.claim("run", wait=False) as claim:
        lease = claim.alive
        renew = lease.renew

        def renew_and_stall():
            lease_patch.undo()
            renew()
            lease._ended.set()
            with other.claim("run", wait=True) as theirs:
                other.write("record", b"theirs", claim=theirs)

        lease_patch.setattr(lease, "renew", renew_and_stall)
        with pytest.raises(LostClaimError):
            slow.write("record", b"mine", claim=claim)
        assert other.read("record") == b"theirs"


@pytest.mark.slow
def test_a_holder_that_cannot_reach_s3_stops_being_sure(proxy, new_state):
    state = new_state()
    with state.claim("run", wait=False) as claim:
        assert claim.alive()
        proxy.harms.append(Harm(lambda m, p: m == "PUT", status=503))
        time.sleep(LEASE + 0.3)
        assert not claim.alive()
        with pytest.raises(BackendUnavailableError):
            state.write("record", b"1", claim=claim)
        proxy.harms.clear()
        state.write("record", b"2", claim=claim)
        assert claim.alive(), "nobody took it meanwhile"
    assert not state.held("run")


def test_an_answer_that_got_lost_is_still_a_claim(proxy, new_state):
    state = new_state(60)
    proxy.harms.append(Harm(lambda m, p: m == "PUT" and "/locks/" in p, 1, cut=0, forward=True))
    with state.claim("run", wait=False) as claim:
        assert claim is not None
        proxy.harms.append(
            Harm(lambda m, p: m == "PUT" and "/locks/" in p, 1, status=500, forward=True)
        )
        proxy.harms.append(
            Harm(lambda m, p: m == "PUT" and "/state/" in p, 1, status=500, forward=True)
        )
        state.write("record", b"1", claim=claim)
        assert claim.alive()
        proxy.harms.append(Harm(lambda m, p: m == "PUT" and "/locks/" in p, 1, cut=0, forward=True))
    assert not state.held("run")
    assert state.read("record") == b"1"


def test_a_conflict_is_not_a_loss(proxy, new_state):
    """S3 answers 409 to conditional requests that meet; nobody need have won."""
    state = new_state(60)
    proxy.harms.append(Harm(lambda m, p: m == "PUT", 2, status=409))
    with state.claim("run", wait=False) as claim:
        assert claim is not None
        proxy.harms.append(Harm(lambda m, p: m == "PUT", 2, status=409))
        state.write("record", b"1", claim=claim)
    assert state.read("record") == b"1"


def test_an_epoch_counts_the_holders(new_state, bucket, aws):
    state = new_state(60)
    for _ in range(3):
        with state.claim("run", wait=False) as claim:
            state.write("record", os.urandom(4), claim=claim)
    head = aws.client("s3").head_object(Bucket=bucket, Key="p/state/record")
    assert head["Metadata"] == {"epoch": "3"}


def test_a_clock_that_is_wrong_takes_nothing_from_a_holder(new_state, bucket):
    """Only S3's clock says when a lease is over."""
    wrong = "import time; time.time = lambda now=time.time: now() + 600\n"
    with new_state(60).claim("run", wait=False):
        done = subprocess.run(
            [sys.executable, "-c", wrong + TRY, bucket], capture_output=True, text=True, check=True
        )
    assert done.stdout == "not mine\n"


def test_a_claim_of_another_store_is_refused(new_state):
    with pytest.raises(UsageError):
        new_state().write("k", b"", claim=Claim("k", 3))
