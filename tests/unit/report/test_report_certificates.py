"""What auditors read: certificates, verifications, replays and surveys, as text and as JSON."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from neurocaas_ci.audit.certificate import read_certificate
from neurocaas_ci.certify.statement import make_statement
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.replay import Comparison, Replay, RunReplay
from neurocaas_ci.model.verification import Verification, failed, ok, unchecked
from neurocaas_ci.report import certificate, replay, survey, verification

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "certify"))
from certify_facts import ORIGIN, make_facts, make_record

CERTIFICATE = read_certificate(make_statement(make_facts(make_record()), ORIGIN))
RESULT = Verification(
    "a" * 64, "ada/2026-11/x", "succeeded", "root:b",
    (ok("signature", "it holds"), failed("outputs", "changed: 001-work/r.json"),
     unchecked("replay", "nobody ran it")),
)  # fmt: skip
REPLAY = Replay(
    Sha256("a" * 64), "ada/2026-11/x", "different", "1 of 3 outputs differ",
    (
        RunReplay("001-work", "succeeded", "succeeded", True, "", (
            ("001-work/a.csv", Comparison("identical", "exact", "the same bytes", (), {})),
            ("001-work/b.csv", Comparison("different", "exact", "line 3 differs",
                                          ("-1.5", "+1.6"), {"lines": 1})),
            ("001-work/c.npz", Comparison("equivalent", "array", "within 1e-6", (), {})),
        )),
        RunReplay("002-work", "succeeded", "failed (nonzero_exit, exit status 3)", False,
                  "it exited with status 3", ()),
    ),
    {"cpu_model": "A processor"}, "2026-11-01T00:00:00Z", "2026-11-01T00:00:09Z",
)  # fmt: skip


def test_a_certificate_in_plain_words():
    assert certificate.as_text(CERTIFICATE, "entry 3 of log abc") == snapshot("""\
Certificate sha256:dfad15cbf42bd58411277505f1ff3260da46f41ed2ab58ff821d9aef64c371d4

  job          ada/2026-11/tracking: succeeded
  analysis     kalman@1.0.0, commit 2222222222222222222222222222222222222222
  parameters   em_iterations=50, noise="diagonal"
  registry     urn:neurocaas:registry:9999999999999999999999999999999999999999 refs/heads/main, commit 1111111111111111111111111111111111111111
  environment  kalman, image sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd
  input        store:mouse.npz  1,000 bytes  sha256:8888888888888888888888888888888888888888888888888888888888888888
  output       001-smooth/smoothed.npz  sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
               001-smooth/sub/f.csv  sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
  runs         1 (1 succeeded)
  machine      A processor, 2 processors, Linux 6.1 (asked: smooth: laptop)
  isolation    1 runs: sandbox, no network, bounded: memory, time
  cost         0.25 USD, 1.25 CPU s
  run by       urn:neurocaas:builder:local:v1 0.1.0, urn:uuid:42
  time         2026-11-01T00:00:00.000Z to 2026-11-01T00:00:01.500Z
  signature    entry 3 of log abc

Nothing here has been verified: `neurocaas verify` does that.
""")


def test_a_certificate_for_programs_has_everything():
    document = json.loads(certificate.as_json(CERTIFICATE, "entry 3"))
    assert document["schema"] == "neurocaas/certificate/v1"
    assert document["verified"] is False
    assert document["sha256"] == CERTIFICATE.sha256
    assert len(document["subjects"]) == 2
    assert document["registry"]["version"] == "2" * 40


def test_long_lists_are_cut_and_say_so():
    many = {f"001-work/{k}.csv": Sha256("a" * 64) for k in range(30)}
    text = certificate.as_text(replace(CERTIFICATE, subjects=many), "")
    assert "and 22 more (--format json has all)" in text
    assert len(text.splitlines()) < 40


@pytest.mark.parametrize(
    "internal", [{}, {"hardware": 3, "isolation": "x"}, {"hardware": {"got": []}}]
)
def test_a_strange_machine_is_not_stated(internal):
    text = certificate.as_text(replace(CERTIFICATE, internal=internal), "")
    assert "machine      not stated" in text


def test_checks_line_by_line():
    assert verification.as_text(RESULT) == snapshot("""\
certificate sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
of job ada/2026-11/x: succeeded
  ok      signature      it holds
  FAILED  outputs        changed: 001-work/r.json
  -       replay         nobody ran it
""")
    assert "\x1b[1;31mFAILED" in verification.as_text(RESULT, colour=True)
    document = json.loads(verification.as_json(RESULT))
    assert document["valid"] is False
    assert document["checks"][1] == {
        "name": "outputs", "state": "failed", "text": "changed: 001-work/r.json",
    }  # fmt: skip


def test_nothing_checked_is_not_valid():
    assert not Verification("", "", "", "", ()).valid
    assert not Verification("", "", "", "", (unchecked("a", "b"),)).valid
    assert Verification("", "", "", "", (ok("a", "b"), unchecked("a", "b"))).valid


def test_a_replay_with_its_differences():
    assert replay.as_text(REPLAY) == snapshot("""\
001-work: succeeded again; 1 identical, 1 different, 1 equivalent
    different   001-work/b.csv  (exact): line 3 differs
        -1.5
        +1.6
    equivalent  001-work/c.npz  (array): within 1e-6
002-work: succeeded when certified, failed (nonzero_exit, exit status 3) this time; no outputs
    it exited with status 3
different: 1 of 3 outputs differ
""")
    document = json.loads(replay.as_json(REPLAY))
    assert document["verdict"] == "different"
    assert document["runs"][0]["outputs"][1]["facts"] == {"lines": 1}


def test_long_differences_are_cut_and_say_so():
    rows = Comparison("different", "exact", "many", tuple(f"line {k}" for k in range(50)), {})
    files = tuple((f"001-work/{k}", rows) for k in range(20))
    run = RunReplay("001-work", "succeeded", "succeeded", True, "", files)
    text = replay.as_text(replace(REPLAY, runs=(run,)))
    assert "and 8 more files" in text
    assert "38 more lines" in text


def test_a_survey_names_what_fails_and_counts_the_rest():
    files = [
        ("certificates/a", RESULT),
        ("certificates/b", replace(RESULT, checks=RESULT.checks[:1])),
    ]
    text = survey.as_text(files, [failed("append-only", "commit 1 removed x")], [REPLAY], ["ada/j"])
    assert text == snapshot("""\
FAILED  append-only: commit 1 removed x
FAILED  certificates/a: outputs: changed: 001-work/r.json
different   ada/2026-11/x: 1 of 3 outputs differ
no certificate yet: ada/j
1 of 2 files of certificates/ are valid, 1 succeeded
1 problems of the registry as a whole; 1 jobs replayed; 1 jobs of main without a certificate
""")
    document = json.loads(survey.as_json(files, [], [REPLAY], []))
    assert document["valid"] is False
    assert document["replays"][0]["verdict"] == "different"
    assert json.loads(survey.as_json(files[1:], [], [], []))["valid"] is True


@pytest.mark.parametrize("render", [
    lambda text: verification.as_text(replace(RESULT, job=text, checks=(failed("x", text),))),
    lambda text: replay.as_text(replace(REPLAY, reason=text)),
    lambda text: certificate.as_text(
        replace(CERTIFICATE, notes={"job-record.json": {"message": text, "status": text}}), text),
    lambda text: survey.as_text([(text, RESULT)], [failed("x", text)], [], [text]),
])  # fmt: skip
def test_no_text_of_a_stranger_reaches_the_terminal_as_it_is(render):
    shown = render("a\x1b[2Jb\rc\u202ed\x07\ud800")
    assert not set(shown) & set("\x1b\r\u202e\x07\ud800")
    assert "x1b[2J" in shown


MACHINE = {"id": "i-1", "type": "m5.large", "zone": "us-east-1a", "ami": "ami-1",
           "lifecycle": "spot", "launched": "2026-11-01T00:00:00Z"}  # fmt: skip


def _instances(**notes):
    named = {f"records/{run.replace('_', '-')}.json": note for run, note in notes.items()}
    text = certificate.as_text(replace(CERTIFICATE, notes=named), "")
    lines = text.splitlines()
    start = next((n for n, line in enumerate(lines) if line.startswith("  instance")), None)
    if start is None:
        return []
    return [line[15:] for line in lines[start:] if line.startswith(("  instance", "      "))]


def test_machines_are_named_with_what_shows_that_they_were_fresh():
    fresh = {"first": True, "before": 0, "others": 0, "booted": "2026-11-01T00:01:00Z"}
    used = {"first": False, "before": 2, "others": 1}
    assert _instances(
        a={"instance": MACHINE, "machine": {"first_use": fresh}},
        b={"instance": MACHINE, "machine": {"first_use": used}},
        c={"machine": {"first_use": {"first": None, "why": "x"}}},
        d={"machine": {"cpus": 2}},
    ) == snapshot([
        "i-1 m5.large us-east-1a ami-1 spot, launched 2026-11-01T00:00:00Z; a: first use (booted 2026-11-01T00:01:00Z), b: used before, 2 times, 1 by other runs",
        "not named; c: nothing shows whether it was used before",
    ])  # fmt: skip


def test_what_a_stranger_says_of_machines_breaks_nothing():
    assert _instances(a={"instance": 1, "machine": []}) == []
    assert _instances(a={"instance": {"id": ["x"]}, "machine": {"first_use": "yes"}}) == snapshot([
        "['x']; a: nothing shows whether it was used before"
    ])  # fmt: skip
