"""The tree is RFC 6962's: against its recursive definition, and against pymerkle."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurocaas_ci.signing.merkle import Frontier, leaf_hash, root_through

entries = st.lists(st.binary(max_size=40), max_size=70)


def split(count):
    """Return the largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1


def tree_hash(leaves):
    """RFC 6962, section 2.1: MTH, as it is written there."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    k = split(len(leaves))
    return hashlib.sha256(b"\1" + tree_hash(leaves[:k]) + tree_hash(leaves[k:])).digest()


def audit_path(index, leaves):
    """RFC 6962, section 2.1.1: PATH, as it is written there."""
    if len(leaves) <= 1:
        return []
    k = split(len(leaves))
    if index < k:
        return [*audit_path(index, leaves[:k]), tree_hash(leaves[k:])]
    return [*audit_path(index - k, leaves[k:]), tree_hash(leaves[:k])]


def grown(leaves):
    tree = Frontier()
    for leaf in leaves:
        tree = tree.add(leaf_hash(leaf))
    return tree


@given(entries)
def test_roots_are_those_of_the_definition(leaves):
    tree = Frontier()
    assert tree.root == tree_hash([])
    for count, leaf in enumerate(leaves, 1):
        tree = tree.add(leaf_hash(leaf))
        assert (tree.size, tree.root) == (count, tree_hash(leaves[:count]))


@given(entries.filter(bool))
def test_the_next_leaf_gets_the_path_of_the_definition(leaves):
    before = grown(leaves[:-1])
    assert list(before.path_of_next) == audit_path(len(leaves) - 1, leaves)


@given(entries.filter(bool))
def test_every_leaf_is_proved_by_its_path(leaves):
    root = tree_hash(leaves)
    for index, leaf in enumerate(leaves):
        path = audit_path(index, leaves)
        assert root_through(leaf_hash(leaf), index, len(leaves), path) == root


@given(entries.filter(bool), st.data())
def test_no_other_leaf_place_or_path_leads_to_the_root(leaves, data):
    size = len(leaves)
    index = data.draw(st.integers(0, size - 1))
    path, leaf = audit_path(index, leaves), leaf_hash(leaves[index])
    root = tree_hash(leaves)
    assert root_through(leaf_hash(b"another" * 10), index, size, path) != root
    if path:
        broken = data.draw(st.integers(0, len(path) - 1))
        changed = [*path[:broken], bytes(32), *path[broken + 1 :]]
        assert root_through(leaf, index, size, changed) != root
        with pytest.raises(ValueError, match="too short"):
            root_through(leaf, index, size, path[:-1])
    with pytest.raises(ValueError, match="too long"):
        root_through(leaf, index, size, [*path, bytes(32)])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (-1, 3), (3, 3)])
def test_a_leaf_outside_of_the_tree_has_no_path(index, size):
    with pytest.raises(ValueError, match="no leaf"):
        root_through(bytes(32), index, size, [])


@given(entries)
def test_pymerkle_agrees(leaves):
    pymerkle = pytest.importorskip("pymerkle")
    theirs = pymerkle.InmemoryTree(algorithm="sha256")
    for leaf in leaves:
        theirs.append_entry(leaf)
    ours = grown(leaves)
    if leaves:
        assert ours.root == theirs.get_root(len(leaves))


@pytest.mark.parametrize("size", [-1, 1, 2, 7])
def test_a_frontier_that_cannot_be_is_refused(size):
    with pytest.raises(ValueError, match="cannot hold"):
        Frontier(size, (bytes(32),) * (0 if size < 3 else 2))
