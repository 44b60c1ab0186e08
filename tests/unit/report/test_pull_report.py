"""What the bot says below a pull request: the truth, the next step, and no markup of strangers."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from neurocaas_ci.model.finding import Finding, Location
from neurocaas_ci.model.plan import Approval, Plan
from neurocaas_ci.report import rebuilds
from neurocaas_ci.report.job_check import RunLine, job_check
from neurocaas_ci.report.pull_comment import Report, as_comment, headline
from neurocaas_ci.report.rebuilds import Rebuild

HEAD = "a" * 40
JOB = "registry/jobs/ada/2026-11/first.yaml"
AUTO = Plan("b" * 40, HEAD, "ada", (), (Approval(JOB, None, "added", "auto", "own job"),))
OWNED = Plan(
    "b" * 40,
    HEAD,
    "ada",
    (),
    (Approval("iae/demo/workflow.py", None, "modified", "owner", "it is theirs", ("grace",)),),
)
BAD = Finding("NC-J001", "error", Location(JOB, 3, 1), "no such thing", "write another")
HOSTILE = "</details><script>x</script> `@everyone` [a](javascript:b) ![i](http://h/i.png)\n# h | c"


@pytest.mark.parametrize(
    ("report", "line"),
    [
        (Report(HEAD, AUTO), "valid; merged by itself"),
        (
            Report(HEAD, AUTO, objections=("it is a draft",)),
            "valid; not merged by itself: it is a draft",
        ),
        (Report(HEAD, OWNED), "valid; waits for an owner (grace)"),
        (Report(HEAD, AUTO, (BAD,)), "to be mended: 1 error in 1 file"),
        (Report(HEAD, None, problem="it conflicts with main"), "cannot be judged: it conflicts with main"),
        (
            Report(HEAD, OWNED, environments=("demo",)),
            "to be mended: nobody knows whether the environment demo can be rebuilt",
        ),
        (
            Report(HEAD, OWNED, environments=("demo",), rebuilds=(Rebuild("demo", "different", ""),)),
            "to be mended: the environment demo is not reproduced: different",
        ),
        (
            Report(HEAD, OWNED, environments=("demo",), rebuilds=(Rebuild("demo", "reproduced", ""),)),
            "valid; waits for an owner (grace)",
        ),
    ],
)  # fmt: skip
def test_the_headline_says_state_and_reason(report: Report, line: str) -> None:
    assert headline(report) == line
    assert "Next:" in as_comment(report)


def test_a_rebuild_that_nobody_asked_for_changes_nothing() -> None:
    assert Report(HEAD, AUTO, rebuilds=None).sound
    assert not Report(HEAD, AUTO, rebuilds=(Rebuild("other", "failed", "x"),)).sound


def test_text_of_strangers_stands_in_code() -> None:
    finding = Finding("NC-J001", "error", Location(HOSTILE), HOSTILE, HOSTILE)
    approval = replace(AUTO.approvals[0], path=HOSTILE, reason=HOSTILE)
    text = as_comment(Report(HEAD, replace(AUTO, approvals=(approval,)), (finding,)))
    outside = _outside_code(text)
    for word in ("script", "@everyone", "javascript", "![", "\n# "):
        assert word not in outside


def test_a_comment_fits_below_a_pull_request() -> None:
    findings = tuple(replace_at(BAD, line) for line in range(1, 3_000))
    approvals = tuple(replace(AUTO.approvals[0], path=f"{JOB}{n}" * 10) for n in range(3_000))
    text = as_comment(Report(HEAD, replace(AUTO, approvals=approvals), findings))
    assert len(text) < 65_000
    assert "2,979 more findings" in text or "2979 more findings" in text


def replace_at(finding: Finding, line: int) -> Finding:
    return finding._replace(location=Location(JOB, line), message="x" * 5_000, fix="y" * 5_000)


def test_rebuilds_come_back_as_they_were_written() -> None:
    found = (Rebuild("demo", "reproduced", "image 1"), Rebuild("other", "failed", "a\tb"))
    again = rebuilds.read(rebuilds.as_json(found).encode())
    assert again == (found[0], Rebuild("other", "failed", "a\\tb"))


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"[" * 100_000,
        b" " * (rebuilds.MAX_BYTES + 1),
        b'{"schema": "neurocaas/rebuilds/v1"}',
        b'{"schema": "neurocaas/rebuilds/v2", "environments": []}',
        b'{"schema": "neurocaas/rebuilds/v1", "environments": {}}',
        b'{"schema": "neurocaas/rebuilds/v1", "environments": [], "environments": []}',
        b'{"schema": "neurocaas/rebuilds/v1", "environments": [], "merge": true}',
        *(
            json.dumps({"schema": rebuilds.SCHEMA, "environments": [row]}).encode()
            for row in (
                1,
                {},
                {"name": "demo", "verdict": "fine", "detail": ""},
                {"name": "../demo", "verdict": "failed", "detail": ""},
                {"name": "demo", "verdict": "failed", "detail": 1},
                {"name": "demo", "verdict": "failed", "detail": "", "more": ""},
            )
        ),
        json.dumps(
            {
                "schema": rebuilds.SCHEMA,
                "environments": [{"name": "a", "verdict": "failed", "detail": ""}] * 101,
            }
        ).encode(),
    ],
    ids=lambda document: document[:40].decode("latin-1").strip() or "blank",
)
def test_any_other_document_is_refused(document: bytes) -> None:
    with pytest.raises(ValueError, match="it "):
        rebuilds.read(document)


def test_a_check_shows_what_needs_a_look_first_and_ends() -> None:
    runs = [
        RunLine("001-smooth", "succeeded", 1.0, 3.2),
        RunLine("002-smooth", "failed", 0.4, 1.0, HOSTILE),
    ]
    log = "```\n# not a heading\n````"
    check = job_check("ada/2026-11/first", "failed", runs, cost="0.01 USD", log=log)
    assert check.title == "failed, 2 of 2 runs, 0.01 USD"
    assert check.conclusion == "failure"
    assert check.summary.index("002-smooth") < check.summary.index("001-smooth")
    assert "\n`````text\n```\n# not a heading\n````\n`````" in check.summary
    outside = _outside_code(check.summary)
    assert "script" not in outside
    assert "everyone" not in outside


def test_a_check_of_many_runs_fits() -> None:
    runs = [RunLine(f"{n:05}-smooth", "running", 0.5, 1.0, "m" * 5_000) for n in range(5_000)]
    check = job_check("ada/2026-11/first", "running", runs, log="x" * 1_000_000)
    assert len(check.summary) < 65_000
    assert check.conclusion is None
    assert "and 4800 more runs" in check.summary


def _outside_code(text: str) -> str:
    """Return what GitHub reads as Markdown: everything but fences and code spans."""
    kept: list[str] = []
    fence = ""
    for line in text.split("\n"):
        ticks = line[: len(line) - len(line.lstrip("`"))]
        if fence:
            fence = "" if line == fence else fence
        elif len(ticks) >= 3:
            fence = ticks
        else:
            kept.append("".join(line.split("`")[::2]))
    assert not fence
    return "\n".join(kept)
