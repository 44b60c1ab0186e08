"""Law: a file is identical to its copy under every kind of comparison, and to nothing else."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from neurocaas_ci.audit.compare import compare_files

MAGIC = (
    b"",
    b"\x1f\x8b",
    b"PK\x03\x04",
    b"\x93NUMPY\x01\x00",
    b"\x89HDF\r\n\x1a\n",
    b"{",
    b"a,b\n1,",
)
KINDS = ("exact", "canonical", "array", "table")
contents = st.builds(bytes.__add__, st.sampled_from(MAGIC), st.binary(max_size=200))


@settings(max_examples=100, deadline=None)
@given(kind=st.sampled_from(KINDS), one=contents, other=st.none() | contents)
def test_identical_means_equal_bytes(kind, one, other):
    other = one if other is None else other
    with tempfile.TemporaryDirectory() as folder:
        paths = Path(folder, "one"), Path(folder, "other")
        for path, data in zip(paths, (one, other), strict=True):
            path.write_bytes(data)
        found = compare_files({"kind": kind}, *paths, "out.csv")
        assert (found.verdict == "identical") == (one == other)
        back = compare_files({"kind": kind}, *reversed(paths), "out.csv")
        assert (back.verdict == "identical") == (one == other)
