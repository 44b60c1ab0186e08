"""On a terminal: live bars that end clean, questions, Ctrl-C, and NO_COLOR."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.sandbox
pytest.importorskip("rich")

COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-7]m|\x1b\[[0-9;]*38;")
HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


def test_live_bars_show_runs_and_end_clean(platform, terminal):
    platform.job("bars", platform.put("a\n", "b\n"), parameters={"seconds": 1.5})
    live = terminal("reconcile", "--no-fetch")
    live.until(b"ada/2026-11/bars", b"half of it")
    code, shown = live.end()
    assert code == 0, shown
    assert "001-work" in shown
    assert "002-work succeeded in" in shown
    assert "━" in shown
    *_, ended, certified = shown.rstrip().split("\n")
    assert "ada/2026-11/bars: succeeded" in ended
    assert "certificate: certificates/ada/2026-11/bars.sigstore.json" in certified
    assert shown.rindex(SHOW) > shown.rindex(HIDE), "the cursor is back"
    assert "Traceback" not in shown


def test_without_colours(platform, terminal):
    platform.job("plain", platform.put("a\n"), parameters={"seconds": 0.8})
    code, coloured = terminal("reconcile", "--no-fetch").end()
    assert code == 0
    assert COLOUR.search(coloured)
    platform.job("plain-2", platform.put("b\n"), parameters={"seconds": 0.8})
    code, shown = terminal("reconcile", "--no-fetch", NO_COLOR="1").end()
    assert code == 0
    assert not COLOUR.search(shown)


def test_a_dumb_terminal_and_a_pipe_get_plain_lines(platform, terminal):
    platform.job("dumb", platform.put("a\n"))
    code, shown = terminal("reconcile", "--no-fetch", TERM="dumb").end()
    assert code == 0
    assert "\x1b" not in shown
    platform.job("pipe", platform.put("b\n"))
    assert "\x1b" not in platform.reconcile().stderr


def test_ctrl_c_gives_the_terminal_back_and_the_job_goes_on_later(platform, terminal):
    job = platform.job("stopped", platform.put("a\n"), parameters={"seconds": 2})
    live = terminal("reconcile", "--no-fetch")
    live.until(b"half of it")
    live.type(b"\x03")
    code, shown = live.end()
    assert code == 130, shown
    assert shown.count(SHOW) >= 1
    assert shown.rindex(SHOW) > shown.rindex(HIDE), "the cursor is back"
    assert "Traceback" not in shown
    assert platform.records(job) == {}
    platform.reconcile()
    assert platform.record(job, "001-work")["status"] == "succeeded"


def test_job_new_asks_on_a_terminal(platform, terminal):
    platform.put("a\n")
    asked = terminal("job", "new", "probe", "--group", "example-lab", "--no-fetch")
    asked.until(b"Dataset (store:NAME or a file)")
    asked.type(b"store:d000.txt\n")
    asked.until(b"Write the manifest?")
    asked.type(b"n\n")
    code, shown = asked.end()
    assert code == 130
    assert "the job costs at most" in shown
    assert not (platform.repo / "registry/jobs").exists()
    asked = terminal("job", "new", "probe", "--group", "example-lab", "--no-fetch")
    asked.until(b"Dataset (store:NAME or a file)")
    asked.interrupt()
    assert asked.end()[0] == 130
