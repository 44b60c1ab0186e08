"""Checkpoints survive a round trip, and nothing else passes for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurocaas_ci.signing.checkpoint import Checkpoint, read_checkpoint, read_note, sign_note

LOG_ID = bytes(range(32))
NOTE = sign_note(Checkpoint("log - 1", 5, b"\1" * 32).note(), "log", LOG_ID, b"signature")


@given(
    st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=40),
    st.integers(0, 2**62),
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=1, max_size=80),
)
def test_round_trip(origin, size, root, signature):
    checkpoint = Checkpoint(origin, size, root)
    note = read_note(sign_note(checkpoint.note(), "log", LOG_ID, signature))
    assert note.text == checkpoint.note()
    assert note.by(LOG_ID) == (signature,)
    assert note.by(bytes(32)) == ()
    assert read_checkpoint(note.text) == checkpoint


def test_the_text_is_the_one_of_the_specification():
    root = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
    expected = f"log - 1\n5\n{root}\n\n\u2014 log AAECA3NpZ25hdHVyZQ==\n"
    assert expected == NOTE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "log - 1\n5\nroot\n",
        NOTE.rstrip("\n"),
        NOTE.replace("\u2014", "-"),
        NOTE + "\u2014 log AAEC!\n",
        NOTE.split("\n\n")[0] + "\n\n",
    ],
)
def test_what_is_no_signed_note(text):
    with pytest.raises(ValueError, match="signed note"):
        read_note(text)


@pytest.mark.parametrize(
    "change",
    [("5\n", "05\n"), ("5\n", "-5\n"), ("5\n", "x\n"), ("log - 1", ""), ("AQEB", ""), ("=", "")],
)
def test_what_is_no_checkpoint(change):
    text = Checkpoint("log - 1", 5, b"\1" * 32).note()
    with pytest.raises(ValueError):
        read_checkpoint(text.replace(*change))
    with pytest.raises(ValueError):
        read_checkpoint(text.partition("\n")[0])
