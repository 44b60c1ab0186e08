from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurocaas_ci.run.sandbox.logs import LogWriter, printable

_STAMP = len("2026-01-01T00:00:00.000Z ")


def _write(path, chunks, limit=1 << 20):
    log = LogWriter(path, limit)
    for chunk in chunks:
        log.feed(chunk)
    log.close()
    return log, [line[_STAMP:] for line in path.read_text("utf-8").splitlines()]


def test_lines_are_joined_over_chunks(tmp_path):
    log, lines = _write(tmp_path / "log", [b"on", b"e\ntw", b"o\r\n", b"\nlast"])
    assert lines == ["one", "two", "", "last"]
    assert log.dropped == 0
    assert log.last_line() == "last"


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"caf\xc3\xa9\t!", "café\t!"),
        (b"\xff\xc3", r"\xff\xc3"),
        (b"\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b31m".encode(), r"\x9b31m"),
        ("a\u202eb\u2028c".encode(), r"a\u202eb\u2028c"),
        (b"50%\r100%", r"50%\r100%"),
    ],
)
def test_what_could_drive_a_terminal_is_escaped(raw, shown):
    assert printable(raw) == shown


def test_long_lines_are_continued_between_characters(tmp_path):
    text = "é" * 10_001 + "x"
    _, lines = _write(tmp_path / "log", [text.encode()])
    assert len(lines) == 3
    assert "".join(lines) == text


def test_the_first_part_is_kept_and_the_rest_counted(tmp_path):
    data = b"0123456789\n" * 1000
    log, lines = _write(tmp_path / "log", [data], limit=1000)
    assert (tmp_path / "log").stat().st_size <= 1000
    *kept, notice = lines
    assert set(kept) == {"0123456789"}
    assert log.dropped == len(data) - 11 * len(kept)
    assert str(log.dropped) in notice


def test_a_limit_without_room_keeps_only_the_notice(tmp_path):
    log, lines = _write(tmp_path / "log", [b"abc"], limit=0)
    assert log.dropped >= 3
    assert len(lines) == 1


def test_the_last_line_is_known_when_it_was_dropped(tmp_path):
    log, _ = _write(tmp_path / "log", [b"x\n" * 5000, b"the \x1bend\n\n"], limit=300)
    assert log.last_line() == r"the \x1bend"


def test_a_log_never_follows_a_link(tmp_path):
    (tmp_path / "target").write_text("kept")
    (tmp_path / "log").symlink_to(tmp_path / "target")
    with pytest.raises(OSError, match="symbolic"):
        LogWriter(tmp_path / "log", 1000)
    assert (tmp_path / "target").read_text() == "kept"


@given(st.lists(st.binary(max_size=300), max_size=30), st.integers(0, 2000))
def test_bounded_and_accounted(tmp_path_factory, chunks, limit):
    path = tmp_path_factory.getbasetemp() / "any.log"
    log, lines = _write(path, chunks, limit)
    assert path.stat().st_size <= max(limit, 160)
    shown = set("".join(lines)) - {"\t"}
    assert not {c for c in shown if unicodedata.category(c) in {"Cc", "Zl", "Zp"}}
    if not log.dropped:
        whole = b"".join(chunks)
        expected = whole.split(b"\n")
        if expected[-1] == b"":
            expected.pop()
        assert lines == [printable(line.removesuffix(b"\r")) for line in expected]
