from __future__ import annotations

import json

from inline_snapshot import snapshot

from neurocaas_ci.model.finding import Finding, Location, Replace
from neurocaas_ci.report.machine import as_github, as_json
from neurocaas_ci.report.text import render, summary

SOURCE = "name: demo\nversion: '1.0'\n日本: {max_runtime: 30}\n" + "x: " + "y" * 400 + "\n"
FINDINGS = (
    Finding(
        "NC-S004", "error", Location("a.yaml", 2, 10, "/version"), "not a version", "write 1.0.0"
    ),
    Finding(
        "NC-S003", "warning", Location("a.yaml", 3, 19, "/日本/max_runtime"), "no unit", "write 30s"
    ),
    Finding("NC-F001", "error", Location("gone.yaml"), "there is no file", "add it"),
)


def _sources(path: str) -> str | None:
    return SOURCE if path == "a.yaml" else None


def test_text_shows_the_line_a_caret_and_the_fix() -> None:
    assert render(FINDINGS, _sources) == snapshot("""\
a.yaml:2:10: error: not a version [NC-S004]
    2 | version: '1.0'
      |          ^~~~~
      fix: write 1.0.0

a.yaml:3:19: warning: no unit [NC-S003]
    3 | 日本: {max_runtime: 30}
      |                     ^~
      fix: write 30s

gone.yaml:1:1: error: there is no file [NC-F001]
      fix: add it
""")


def test_colour_only_when_asked_for() -> None:
    assert "\x1b" not in render(FINDINGS, _sources)
    coloured = render(FINDINGS, _sources, colour=True)
    assert "\x1b[31m" in coloured
    assert coloured.count("\x1b[0m") == coloured.count("\x1b[1m") + coloured.count("\x1b[36m")


def test_the_caret_stands_under_the_value_in_terminal_columns() -> None:
    wide = render(FINDINGS[1:2], _sources).split("\n")
    # The two wide characters take four columns.
    assert wide[2].index("^") == wide[1].index("30") + 2


def test_long_lines_are_cut_around_the_place() -> None:
    far = Finding("NC-X", "error", Location("a.yaml", 4, 300), "m", "f")
    lines = render((far,), _sources).split("\n")
    assert max(map(len, lines)) < 230
    assert lines[1].count("...") == 2
    assert lines[2].index("^") > 100


def test_places_outside_of_the_source_show_no_line() -> None:
    for place in (Location("a.yaml", 99, 1), Location("a.yaml", 2, 9999), Location("b", 1, 1)):
        text = render((Finding("NC-X", "error", place, "m", ""),), _sources)
        assert text.startswith(f"{place}: error: m [NC-X]\n")


def test_escape_sequences_of_strangers_are_shown_not_obeyed() -> None:
    nasty = Finding("NC-X", "error", Location("p\x1b]0;x\x07", 1, 1), "m\x1b[2J\nnew line", "f\r")
    text = render((nasty,), lambda _: "a\x1b[31mb\u202ec\n")
    assert not any(c in text for c in "\x1b\x07\r\u202e")
    assert "\\x1b[2J\\nnew line" in text


def test_json_carries_its_schema_and_everything_else() -> None:
    document = json.loads(as_json(FINDINGS))
    assert document["schema"] == "neurocaas/findings/v1"
    assert document["findings"][1] == {
        "rule": "NC-S003",
        "severity": "warning",
        "path": "a.yaml",
        "line": 3,
        "column": 19,
        "pointer": "/日本/max_runtime",
        "message": "no unit",
        "fix": "write 30s",
        "fixable": False,
    }
    assert json.loads(as_json(())) == {"schema": "neurocaas/findings/v1", "findings": []}


def test_an_annotation_cannot_start_another_command() -> None:
    nasty = Finding(
        "NC-X", "error", Location("a,b:c%\n.yaml", 1, 2), "x\n::set-env name=A::b\r50%", "f"
    )
    text = as_github((nasty, FINDINGS[1]))
    assert text == snapshot("""\
::error file=a%2Cb%3Ac%25%0A.yaml,line=1,col=2,title=NC-X::x%0A::set-env name=A::b%0D50%25%0Afix: f
::warning file=a.yaml,line=3,col=19,title=NC-S003::no unit%0Afix: write 30s
""")
    assert len(text.splitlines()) == 2


def test_github_is_told_no_more_than_it_shows() -> None:
    many = [
        Finding("NC-X", severity, Location(f"{n:03}.yaml"), "m", "f")
        for n in range(30, 0, -1)
        for severity in ("warning", "error")
    ]
    lines = as_github(many).splitlines()
    assert [line.split(" ")[0] for line in lines] == ["::error"] * 10 + ["::warning"] * 10 + [
        "::notice"
    ]
    assert lines[0].startswith("::error file=001.yaml,")
    assert "40 more" in lines[-1]


def test_the_summary_counts() -> None:
    assert summary(FINDINGS) == "2 errors and 1 warning in 2 files"
    assert summary(FINDINGS[:1]) == "1 error in 1 file"
    assert summary(()) == "no problems in 0 files"


def test_what_mends_itself_is_marked_in_every_form() -> None:
    place = Location("a.yaml", 2, 10, "/version")
    repair = Replace("a.yaml", 2, 10, "'1.0'", "1.0.0")
    fixable = (Finding("NC-S004", "error", place, "not a version", "write 1.0.0", repair),)
    assert render(fixable, _sources).startswith("a.yaml:2:10: error: not a version [NC-S004] [*]\n")
    assert summary((*FINDINGS, *fixable)).endswith("in 2 files; [*] 1 fixable with --fix")
    assert json.loads(as_json(fixable))["findings"][0]["fixable"] is True
    assert "fix: write 1.0.0 (`neurocaas validate --fix` does it)" in as_github(fixable)
