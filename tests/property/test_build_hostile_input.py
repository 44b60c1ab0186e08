"""Law: whatever the bytes of an archive or a lock are, the builder accepts them or says why not.

Any other exception would reach the user as a traceback, and a file outside of the root would be a
hole; both fail here.
"""

import contextlib
import gzip
import hashlib
import os
import sys
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "build"))

from build_archives import deb, link, member, tar, wheel

from neurocaas_ci.build.deb import deb_entries
from neurocaas_ci.build.documents import read_image, read_manifest
from neurocaas_ci.build.locks import parse_base_lock, parse_requirements_lock
from neurocaas_ci.build.spool import Spool
from neurocaas_ci.build.unpack import Layer, unpack
from neurocaas_ci.build.wheel import wheel_entries
from neurocaas_ci.errors import BuildError, IntegrityError

REFUSED = (BuildError, IntegrityError)
fuzz = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))

MEMBERS = (
    member("./usr/"),
    member("./usr/bin/tool", bytes(range(256)) * 3),
    link("./usr/bin/alias", "./usr/bin/tool", hard=True),
    link("./usr/bin/soft", "../lib/x"),
)


@st.composite
def damaged(draw, data):
    """Return data with a few bytes replaced, removed or added."""
    out = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(out) - 1)))
        kind = draw(st.sampled_from(("replace", "cut", "insert", "drop")))
        if kind == "replace" and out:
            out[at] = draw(st.integers(0, 255))
        elif kind == "cut":
            del out[at:]
        elif kind == "insert":
            out[at:at] = draw(st.binary(min_size=1, max_size=40))
        else:
            del out[at : at + draw(st.integers(1, 600))]
    return bytes(out)


def _deb() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return deb(Path(folder, "a"), *MEMBERS, pack=False).read_bytes()


def _packed_deb() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return deb(Path(folder, "a"), *MEMBERS).read_bytes()


def _wheel() -> bytes:
    files = {"a/b.py": bytes(range(256)) * 3, "a-1.data/scripts/x": b"#!python\n"}
    with tempfile.TemporaryDirectory() as folder:
        return wheel(Path(folder, "a"), files).read_bytes()


@fuzz
@given(data=st.one_of(damaged(_deb()), damaged(_packed_deb()), st.binary(max_size=300)))
def test_debian_packages(data):
    with tempfile.TemporaryDirectory() as name, Spool(Path(name)) as spool:
        path = Path(name, "a.deb")
        path.write_bytes(data)
        try:
            found = deb_entries([("a 1", path)], spool)
        except REFUSED:
            return
        assert not [p for p in found if p.startswith("/") or ".." in p.split("/")]


@fuzz
@given(data=st.one_of(damaged(_wheel()), st.binary(max_size=300)))
def test_wheels(data):
    with tempfile.TemporaryDirectory() as name, Spool(Path(name)) as spool:
        path = Path(name, "a.whl")
        path.write_bytes(data)
        try:
            found = wheel_entries([("a==1", path)], "site", "/usr/bin/python3", spool)
        except REFUSED:
            return
        assert not [p for p in found if p.startswith("/") or ".." in p.split("/")]


paths = st.lists(st.sampled_from(("a", "b", "..", ".", "", ".wh.a", ".wh..wh..opq", ".wh...")),
                 min_size=1, max_size=4).map("/".join)  # fmt: skip
hostile = st.one_of(
    st.builds(lambda p: member(p, b"x"), paths),
    st.builds(member, paths),
    st.builds(link, paths, paths),
    st.builds(lambda p, t: link(p, t, hard=True), paths, paths),
    st.builds(lambda p, t: link(p, "/" + t), paths, paths),
)


def _unpacked(data: bytes, kept: bytes) -> None:
    """Unpack one layer below a folder and see that nothing else changed."""
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        (top / "middle" / "root").mkdir(parents=True)
        (top / "a").write_text("untouched")
        (top / "middle" / "a").write_text("untouched")
        blob = top / "blob"
        blob.write_bytes(kept)
        layer = Layer(blob, hashlib.sha256(kept).hexdigest(), hashlib.sha256(data).hexdigest())
        with contextlib.suppress(*REFUSED):
            unpack([layer], top / "middle" / "root")
        assert sorted(os.listdir(top)) == ["a", "blob", "middle"]
        assert sorted(os.listdir(top / "middle")) == ["a", "root"]
        assert (top / "a").read_text() == (top / "middle" / "a").read_text() == "untouched"


@fuzz
@given(members=st.lists(hostile, max_size=8))
def test_layers_made_to_escape(members):
    data = tar(*members)
    _unpacked(data, data)


@fuzz
@given(data=st.one_of(damaged(tar(*MEMBERS)), damaged(gzip.compress(tar(*MEMBERS)))))
def test_damaged_layers(data):
    _unpacked(data, data)


@fuzz
@given(data=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_locks(data):
    for parse in (parse_base_lock, parse_requirements_lock):
        refusal = None
        try:
            parse(data, "x")
        except REFUSED as error:
            refusal = error
        assert refusal is None or refusal.where.startswith("iae/x/")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(("config", "layers", "digest", "size", "mediaType", "rootfs", "diff_ids",
                         "history", "Env", "Entrypoint", "manifests")), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@fuzz
@given(manifest=json_values, config=json_values)
def test_image_documents(manifest, config):
    import json

    for read in (
        lambda: read_manifest(json.dumps(manifest).encode()),
        lambda: read_image("0" * 64, GOOD_MANIFEST, json.dumps(config).encode()),
    ):
        try:
            read()
        except REFUSED:
            continue


GOOD_MANIFEST = (
    b'{"config": {"digest": "' + b"0" * 64 + b'", "size": 1},'
    b' "layers": [{"digest": "' + b"1" * 64 + b'", "size": 1, "mediaType": "x"}]}'
)
