"""Laws of the directory stores: they behave like a dictionary, and claims are exclusive."""

from __future__ import annotations

import contextlib
import io
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from neurocaas_ci.model.digest import sha256_bytes
from neurocaas_ci.stores.directory import DirectoryBlobs, DirectoryState

# No name is a folder of another, as keys of the project never are.
keys = st.lists(
    st.sampled_from(["a", "b", "%", "%2F", "ü", "a b"]), min_size=2, max_size=2
).map("/".join)  # fmt: skip
documents = st.binary(max_size=500)


class StateLikeADictionary(RuleBasedStateMachine):
    """Any order of writes, reads and claims by two processes (two handles on one folder)."""

    claims = Bundle("claims")

    def __init__(self):
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        root = Path(self._folder.name)
        self._states = [DirectoryState(root), DirectoryState(root)]
        self._expected = {}
        self._held = {}

    @rule(who=st.integers(0, 1), key=keys, data=documents)
    def write(self, who, key, data):
        self._states[who].write(key, data)
        self._expected[key] = data

    @rule(who=st.integers(0, 1), key=keys)
    def read(self, who, key):
        assert self._states[who].read(key) == self._expected.get(key)

    @rule(target=claims, who=st.integers(0, 1), key=keys)
    def claim(self, who, key):
        stack = contextlib.ExitStack()
        claim = stack.enter_context(self._states[who].claim(key, wait=False))
        assert (claim is None) == (key in self._held), "a claim is exclusive"
        if claim is not None:
            self._held[key] = stack
        return key

    @rule(key=consumes(claims))
    def release(self, key):
        if key in self._held:
            self._held.pop(key).close()

    @invariant()
    def everybody_sees_the_same(self):
        for state in self._states:
            for prefix in ("a", "b"):
                below = sorted(k for k in self._expected if k.startswith(f"{prefix}/"))
                assert state.keys(prefix) == below
            for key in {*self._expected, *self._held}:
                assert state.held(key) == (key in self._held)

    def teardown(self):
        for stack in self._held.values():
            stack.close()
        left = list(Path(self._folder.name, "locks").iterdir())
        self._folder.cleanup()
        assert left == [], "claims leave no files"


StateLikeADictionary.TestCase.settings = settings(
    max_examples=40, stateful_step_count=20, deadline=None
)
TestStateLikeADictionary = StateLikeADictionary.TestCase


@settings(max_examples=50, deadline=None)
@given(st.lists(documents, max_size=8))
def test_blobs_are_named_by_their_content(items):
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        blobs = DirectoryBlobs(root / "store")
        for number, data in enumerate(items):
            path = root / f"f{number}"
            path.write_bytes(data)
            assert blobs.adopt(path) == blobs.put(io.BytesIO(data))
        for data in items:
            digest = sha256_bytes(data)
            assert blobs.open(digest).read() == data
            assert blobs.verify(digest, len(data))
            assert not blobs.verify(digest, len(data) + 1)
        kept = [path for path in (root / "store/blobs").rglob("*") if path.is_file()]
        assert {path.name for path in kept} == {sha256_bytes(data) for data in items}
        assert list((root / "store/incoming").iterdir()) == []


@settings(max_examples=50, deadline=None)
@given(st.binary(min_size=1, max_size=300), st.data())
def test_any_changed_byte_is_noticed(data, draw):
    position = draw.draw(st.integers(0, len(data) - 1))
    with tempfile.TemporaryDirectory() as name:
        blobs = DirectoryBlobs(Path(name))
        blob = blobs.put(io.BytesIO(data))
        stored = blobs.path(blob.sha256)
        changed = bytearray(data)
        changed[position] ^= draw.draw(st.integers(1, 255))
        stored.chmod(0o644)
        stored.write_bytes(changed)
        assert not blobs.verify(blob.sha256, blob.size)
        blobs.put(io.BytesIO(data))
        assert blobs.verify(blob.sha256, blob.size), "putting the original again heals it"
