"""Files that are made to cost much, to reach out, or to deceive."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import tarfile
import zipfile

import numpy as np
import pytest
from compare_support import (
    CANONICAL,
    EXACT,
    array,
    compare,
    gz,
    npy,
    npy_header,
    npz,
    png,
    table,
    tarred,
    text,
    zipped,
)

from neurocaas_ci.audit.compare.trouble import ImpossibleError, reading

LAUGHS = (
    b"""<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "haha"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>"""
)


@pytest.mark.parametrize("rule", [CANONICAL, array(), table()])
def test_a_gzip_bomb_goes_off_outside_of_memory(tmp_path, rule):
    one, other = gz(bytes(10_000_000)), gz(bytes(10_000_001))
    found = compare(tmp_path, rule, one, other, unpacked=1_000_000)
    assert text(found) == "impossible: unpacks to more bytes than are read for one output"
    found = compare(tmp_path, rule, one, other, spooled=1_000_000)
    assert found.verdict == "impossible"
    assert "unpacks to more than 1,000,000 bytes" in found.summary


@pytest.mark.parametrize("make", [zipped, tarred])
def test_what_differs_before_a_bound_is_reached_is_still_different(tmp_path, make):
    bomb = bytes(3_000_000)
    one, other = make({"a": b"x", "b": bomb, "c": b""}), make({"a": b"y", "b": bomb, "c": b""})
    found = compare(tmp_path, CANONICAL, one, other, unpacked=1_000_000)
    assert found.verdict == "different"
    assert found.details[-1].startswith("stopped after 1 member: unpacks to more bytes")
    found = compare(
        tmp_path, CANONICAL, make({"a": bomb}), make({"a": bomb, "b": b""}), unpacked=10
    )
    assert found.verdict == "impossible"


def test_archives_in_archives_end_somewhere(tmp_path):
    one, other = b"x", b"y"
    for _ in range(6):
        one, other = gz(one), gz(other)
    found = compare(tmp_path, CANONICAL, one, other)
    assert text(found) == "impossible: archives are nested more than 5 deep"


@pytest.mark.parametrize("make", [zipped, tarred])
def test_the_number_of_members_is_bounded(tmp_path, make):
    one, other = (make({str(name): b"" for name in range(count)}) for count in (30, 31))
    found = compare(tmp_path, CANONICAL, one, other, members=29)
    assert text(found) == "impossible: has more than 29 members"


def test_an_index_that_would_fill_the_memory_is_not_loaded(tmp_path):
    data = bytearray(20_000_000) + zipped({"a": b"x"})
    end = data.rindex(b"PK\x05\x06")
    # The central directory claims to be everything that stands before its end.
    struct.pack_into("<II", data, end + 12, end, 0)
    padded = bytes(data)
    found = compare(tmp_path, {**CANONICAL, "format": "zip"}, padded, padded + b"x")
    assert found.verdict == "different"
    assert "index that is too large" in found.summary
    long_name = io.BytesIO()
    with tarfile.open(fileobj=long_name, mode="w", format=tarfile.GNU_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("x" * 17_000_000))
    data = long_name.getvalue()
    found = compare(tmp_path, CANONICAL, data, data + bytes(512) + b"x")
    assert "index that is too large" in found.summary


@pytest.mark.parametrize("change", ["encrypted", "lzma"])
def test_members_that_are_not_plainly_deflated_are_refused(tmp_path, change):
    if change == "lzma":
        data = zipped({"a": b"x" * 100}, method=zipfile.ZIP_LZMA)
    else:
        made = bytearray(zipped({"a": b"x" * 100}))
        made[made.rindex(b"PK\x01\x02") + 8] |= 1
        data = bytes(made)
    found = compare(tmp_path, CANONICAL, data, zipped({"a": b"x" * 100}))
    assert found.verdict == "different"
    assert "encrypted or not deflated: a" in found.summary


def test_a_link_in_an_archive_is_not_followed(tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    one = tarred({"l@": str(secret).encode(), "x": b"1"})
    found = compare(tmp_path, CANONICAL, one, tarred({"l@": str(secret).encode(), "x": b"2"}))
    assert found.details[0].startswith("x: differs")
    assert "secret" not in text(found)


def test_a_sparse_member_is_as_long_as_it_says(tmp_path):
    info = tarfile.TarInfo("s")
    info.size = 1 << 50
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[156:157] = b"S"
    header[386:482] = bytes(96)
    header[483:495] = (1 << 50 | 128 << 88).to_bytes(12, "big")
    header[124:136] = b"00000000000\0"
    header[148:156] = b"%06o\0 " % (sum(header[:148]) + 8 * 32 + sum(header[156:]))
    data = bytes(header) + bytes(1024)
    found = compare(tmp_path, CANONICAL, data, data + bytes(512), unpacked=1_000_000)
    assert found.verdict == "impossible"
    assert "unpacks to more bytes" in found.summary


@pytest.mark.parametrize("rule", [CANONICAL, array()])
@pytest.mark.parametrize(
    "header",
    [
        npy_header("(1000000000000000,)"),
        npy_header("(1000000000000000000000000,)", data=bytes(64)),
        npy_header("(2, 100000000000, 3)", data=bytes(64)),
        npy_header("(1000000000,)", "'|S60000000'", bytes(64)),
    ],
)
def test_a_shape_that_the_file_does_not_hold_is_not_allocated(tmp_path, rule, header):
    found = compare(tmp_path, rule, npy(np.zeros(2)), header)
    assert found.verdict == "different"
    found = compare(tmp_path, array(), header, header + b" ")
    assert found.verdict == "impossible"


def test_an_element_that_is_too_wide_is_not_read(tmp_path):
    one = npy_header("(1,)", "'|S99999999'", bytes(10))
    found = compare(tmp_path, array(), one, one + b" ")
    assert text(found) == "impossible: one element has 99,999,999 bytes, too many to read at once"


def test_a_shape_in_another_order_that_the_file_does_not_hold(tmp_path):
    shape = "(100000, 100000)"
    one = npy_header(shape, data=bytes(64))
    other = one.replace(b"False", b"True ")
    found = compare(tmp_path, array(), one, other)
    assert found.verdict == "impossible"
    assert "its size is not that of its array" in found.summary


def test_text_that_is_no_unicode_is_shown_as_bytes(tmp_path):
    one, other = (npy_header("(1,)", "'<U1'", data) for data in (b"a\0\0\0", b"\xff\xff\xff\xff"))
    found = compare(tmp_path, array(), one, other)
    assert found.verdict == "different"
    found = compare(tmp_path, array(), other, npy_header("(1,)", "'<U1'", b"\xfe\xff\xff\x7f"))
    assert found.verdict == "different"


def test_booleans_of_other_bits_differ(tmp_path):
    one, other = (npy_header("(1,)", "'|b1'", data) for data in (b"\1", b"\2"))
    assert compare(tmp_path, array(), one, other).verdict == "different"


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (LAUGHS, "declares entities or attributes of its own"),
        (
            b'<?xml version="1.0"?><!DOCTYPE a [<!ATTLIST b c CDATA "long">]><a><b/></a>',
            "declares entities or attributes of its own",
        ),
        (b"<?xml version='1.0'?>" + b"<a>" * 300 + b"</a>" * 300, "nested more than 256 deep"),
        (
            b"<?xml version='1.0'?><a %s/>" % b" ".join(b'xmlns:n%d="u"' % n for n in range(1001)),
            "names more than 1000 namespaces",
        ),
    ],
)
def test_expensive_xml_is_not_expanded(tmp_path, document, says):
    found = compare(tmp_path, CANONICAL, document, document.replace(b"<a", b"<!-- x --><a", 1))
    assert found.verdict == "different"
    assert says in found.summary


def test_an_external_document_type_is_not_fetched(tmp_path):
    one = b'<!DOCTYPE svg SYSTEM "file:///etc/passwd"><svg xmlns="http://www.w3.org/2000/svg"/>'
    one = b'<?xml version="1.0"?>' + one
    assert compare(tmp_path, CANONICAL, one, one + b"\n").verdict == "equivalent"


@pytest.mark.parametrize("document", [b"[%s]" % b" " * 1000, b"<?xml version='1.0'?><a/>"])
def test_large_documents_are_not_parsed(tmp_path, document):
    found = compare(tmp_path, CANONICAL, document, document + b"\n", document=10)
    assert found.verdict == "impossible"
    assert "at most 10 are parsed as one document" in found.summary


def test_deep_json_is_not_recursed_into(tmp_path):
    deep = b"[" * 900 + b"]" * 900
    assert compare(tmp_path, CANONICAL, deep, b" " + deep).verdict == "equivalent"
    found = compare(tmp_path, CANONICAL, deep, b"[" * 899 + b"1" + b"]" * 899)
    assert "expected a list of 0, got 1" in text(found)


def test_numbers_of_any_length_are_compared_in_time(tmp_path):
    one, other = (b"[1%s, 1e999999999%s]" % (b"0" * 200_000, end) for end in (b"", b"9"))
    assert compare(tmp_path, CANONICAL, one, b" " + one).verdict == "equivalent"
    assert compare(tmp_path, CANONICAL, one, other).verdict == "different"
    assert compare(tmp_path, CANONICAL, b"[1e9999999999999999999]", b"[1]").verdict == "different"


def test_a_picture_of_many_chunks_is_bounded(tmp_path):
    one, other = (png(*[(b"sPLT", b"")] * 50, (b"tEXt", text_of)) for text_of in (b"a", b"b"))
    assert compare(tmp_path, CANONICAL, one, other).verdict == "equivalent"
    found = compare(tmp_path, CANONICAL, one, other, members=50)
    assert text(found) == "impossible: has more than 50 chunks"


@pytest.mark.parametrize("rule", [EXACT, table(), array()])
def test_an_endless_line_is_not_held(tmp_path, rule):
    endless = b"1,2\n" + b"1," * 9_000_000
    found = compare(tmp_path, rule, endless, endless + b"1", "t.csv")
    assert found.verdict in {"different", "impossible"}
    if rule is not EXACT:
        assert "a line of more than 16,777,216 bytes" in found.summary


def test_names_of_members_and_columns_cannot_steer_a_terminal(tmp_path):
    evil = "\x1b[2J\u202e" + "x" * 5000
    one, other = (zipped({evil: data, "b": b""}) for data in (b"1", b"2"))
    assert "\\x1b[2J\\u202e" in compare(tmp_path, CANONICAL, one, other).summary
    one, other = (f"{evil},b\n{value},1\n".encode() for value in ("x", "y"))
    assert "\\x1b[2J\\u202e" in compare(tmp_path, table(), one, other, "t.csv").summary
    header = compare(tmp_path, table(), one, b"b\n1\n", "t.csv")
    assert "\\x1b[2J\\u202e" in text(header)


def test_facts_of_archives_in_archives_stay_short(tmp_path):
    def nested(value):
        inner = npz(**{f"{'n' * 100}{i}": np.full(3, i + value) for i in range(30)})
        middle = zipped({f"{'m' * 100}{i}.npz": inner for i in range(25)})
        return zipped({f"{'o' * 100}{i}.zip": middle for i in range(3)})

    found = compare(tmp_path, CANONICAL, nested(0.0), nested(1.0))
    assert found.verdict == "different"
    assert found.facts["different"] == 3


def test_memory_stays_flat_for_large_arrays(tmp_path):
    size = 40 << 20
    for name, value in (("a", b"\0"), ("b", b"\1")):
        data = npy_header(f"({size},)", "'|u1'")
        (tmp_path / name).write_bytes(data + value * size)
    program = (
        "import resource, sys; from pathlib import Path; import numpy;"
        "from neurocaas_ci.audit.compare import compare_files;"
        "rule = {'kind': sys.argv[1]};"
        "compare_files(rule, Path('a'), Path('a'), 'x');"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "found = compare_files(rule, Path('a'), Path('b'), 'x');"
        "after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "print(found.verdict, after - before)"
    )
    for kind in ("array", "canonical", "exact"):
        done = subprocess.run(
            [sys.executable, "-c", program, kind],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
        )
        verdict, grown = done.stdout.split()
        assert verdict == "different"
        assert int(grown) < size // 1024


def test_no_memory_left_says_nothing_about_a_file():
    with pytest.raises(ImpossibleError, match="needs too much memory"), reading("replay", "zip"):
        raise MemoryError
