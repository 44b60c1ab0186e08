"""`neurocaas usage` on a real registry with certificates that a real instance signed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from inline_snapshot import snapshot

from neurocaas_ci.certify.layout import certificate_path
from neurocaas_ci.cli import usage
from neurocaas_ci.signing.local_sigstore import LocalSigstore

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "audit"))
from usage_jobs import make_certificate, make_unsigned

JOBS = (
    ("ada/2026-01/a", {"seconds": (1800.0,), "cost": 0.096}),
    ("ada/2026-03/b", {"seconds": (60.0,) * 5, "datasets": 5, "cost": 0.02, "status": "failed"}),
    ("grace/2026-03/c", {"seconds": (3600.0,) * 30, "datasets": 30, "cost": 5.76,
                         "reference": "pmd@2.0.0"}),
    ("grace/2026-04/d", {"seconds": (), "cost": 0.0, "status": "cancelled"}),
)  # fmt: skip


@pytest.fixture
def git(shell, registry):
    def run(*arguments):
        done = subprocess.run(
            ["git", *arguments], cwd=registry, env=shell.env, check=True, capture_output=True,
            text=True,
        )  # fmt: skip
        return done.stdout.strip()

    return run


@pytest.fixture
def commit(registry, git):
    def write(files):
        for path, content in files.items():
            target = registry / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        git("add", "-A")
        git("commit", "-q", "-m", "Certify")

    return write


@pytest.fixture
def certified(shell, registry, git, commit):
    """A registry with signed certificates, a replay's verdict and a file of another kind."""
    local = LocalSigstore.open(shell.folder / "signing")
    origin = local.origin("urn:neurocaas:registry:" + "9" * 40, "refs/heads/main", "3" * 40)
    files = {
        certificate_path(job): local.sign(make_certificate(job, origin=origin, **facts), origin)
        for job, facts in JOBS
    }
    verdict = "certificates/ada/2026-01/a.replays/x.sigstore.json"
    commit({**files, verdict: b"{}", "certificates/README.md": b"What lies here"})
    return registry


def test_the_tables(shell, certified, git):
    done = shell.run("usage", cwd=certified)
    assert done.stderr == ""
    assert done.stdout.replace(git("rev-parse", "HEAD")[:12], "0123456789ab") == snapshot("""\
Usage, 2026-01 to 2026-04, from the certificates at 0123456789ab (signatures not verified)
4 jobs (1 failed, 1 cancelled) of 2 users with 37 datasets in 36 runs: 30.58 compute hours, 61.17 CPU hours, 5.876 USD
Ran locally: 4; in workflows of a forge: 0

DATASETS PER JOB  JOBS     %  RUNS  COMPUTE h     %  COST USD
1                    2  50.0     1       0.50   1.6     0.096
2-3                  0   0.0     0       0.00   0.0     0.000
4-7                  1  25.0     5       0.08   0.3     0.020
8-15                 0   0.0     0       0.00   0.0     0.000
16-31                1  25.0    30      30.00  98.1     5.760

MONTH    USERS  NEW  JOBS  COMPUTE h  COST USD
2026-01      1    1     1       0.50     0.096
2026-02      0    0     0       0.00     0.000
2026-03      2    1     2      30.08     5.780
2026-04      1    0     1       0.00     0.000

ANALYSIS  VERSIONS  USERS  JOBS  FAILED  COMPUTE h  COST USD
pmd              1      1     1       0      30.00     5.760
kalman           1      2     3       1       0.58     0.116
""")


def test_json_of_one_user_and_analysis_since_a_month(shell, certified, git):
    done = shell.run("usage", "--repo", certified, "--no-fetch", "--since", "2026-02", "--until",
                     "2026-03", "--user", "ada", "--analysis", "kalman", "--format", "json")  # fmt: skip
    document = json.loads(done.stdout)
    assert document["schema"] == "neurocaas/usage/v1"
    assert document["verified"] is False
    assert document["commit"] == git("rev-parse", "HEAD")
    assert document["selected"] == {
        "since": "2026-02", "until": "2026-03", "user": "ada", "analysis": "kalman",
    }  # fmt: skip
    assert document["total"]["jobs"] == document["total"]["failed"] == 1
    assert document["total"]["compute_s"] == 300
    assert document["total"]["cost_usd"] == 0.02
    # Ada is not new in March, although January is not looked at.
    assert [(row["month"], row["new_users"]) for row in document["months"]] == [("2026-03", 0)]


def test_main_is_read_and_not_the_working_tree(shell, certified):
    for path in certified.joinpath("certificates").rglob("*.json"):
        path.unlink()
    assert "4 jobs" in shell.run("usage", cwd=certified).stdout


def test_a_registry_without_results(shell, registry):
    done = shell.run("usage", cwd=registry)
    assert (
        done.stdout == "no finished jobs yet: a job counts from when its certificate is on main\n"
    )
    assert json.loads(shell.run("usage", "--format", "json", cwd=registry).stdout)["months"] == []


def test_nothing_of_this_kind(shell, certified):
    done = shell.run("usage", "--user", "\x1b[2Jnobody", cwd=certified)
    assert done.stdout == "no finished jobs of this kind (user \\x1b[2Jnobody)\n"


def test_what_cannot_be_read_is_named_and_counted(shell, certified, commit):
    huge = json.loads(make_certificate("eve/2026-05/huge"))
    huge["predicate"]["runDetails"]["byproducts"][0]["annotations"]["cost_usd"] = 1e99
    files = {
        "certificates/eve/2026-05/empty.sigstore.json": b"",
        "certificates/eve/2026-05/deep.sigstore.json": b"[" * 100_000,
        "certificates/eve/2026-05/bytes.sigstore.json": b"\xff\x00",
        "certificates/eve/2026-05/base64.sigstore.json": b'{"dsseEnvelope": {"payload": "%%"}}',
        "certificates/eve/2026-05/huge.sigstore.json": make_unsigned(json.dumps(huge).encode()),
        "certificates/eve/2026-05/other.sigstore.json": make_unsigned(make_certificate(JOBS[0][0])),
        "certificates/eve/2026-05/\x1b[2J.sigstore.json": b"{}",
    }
    commit(files)
    target = certified / "certificates/eve/2026-05/link.sigstore.json"
    os.symlink("../../ada/2026-01/a.sigstore.json", target)
    commit({})
    done = shell.run("usage", cwd=certified)
    assert "4 jobs" in done.stdout
    assert "NOT COUNTED: 8 certificates that could not be read\n" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert done.stderr == snapshot("""\
not counted: certificates/eve/2026-05/\\x1b[2J.sigstore.json: this is no Sigstore bundle with an envelope
not counted: certificates/eve/2026-05/base64.sigstore.json: this is no Sigstore bundle with an envelope
not counted: certificates/eve/2026-05/bytes.sigstore.json: this is no Sigstore bundle with an envelope
not counted: certificates/eve/2026-05/deep.sigstore.json: this is no Sigstore bundle with an envelope
not counted: certificates/eve/2026-05/empty.sigstore.json: this is no Sigstore bundle with an envelope
not counted: certificates/eve/2026-05/huge.sigstore.json: job-record.json has cost_usd of 1e+99, which cannot be
not counted: certificates/eve/2026-05/link.sigstore.json: it is not a regular file
not counted: certificates/eve/2026-05/other.sigstore.json: it is the certificate of ada/2026-01/a
  hint: `neurocaas audit` says what is wrong with the certificates of a registry
""")
    document = json.loads(shell.run("usage", "--format", "json", cwd=certified).stdout)
    assert document["unreadable"]["count"] == len(document["unreadable"]["first"]) == 8
    assert document["total"]["jobs"] == 4


def test_of_many_that_cannot_be_read_some_are_named(shell, registry, commit):
    commit({f"certificates/eve/2026-05/{n:02d}.sigstore.json": b"{}" for n in range(30)})
    done = shell.run("usage", cwd=registry)
    lines = done.stderr.splitlines()
    assert len(lines) == 22
    assert lines[20] == "not counted: 10 more"
    assert done.stdout.endswith("NOT COUNTED: 30 certificates that could not be read\n")


def test_a_figure(shell, certified):
    done = shell.run("usage", "--png", "usage.png", cwd=certified)
    figure = certified / "usage.png"
    first = figure.read_bytes()
    assert first.startswith(b"\x89PNG\r\n\x1a\n")
    assert done.stderr == "figure: usage.png\n"
    assert "4 jobs" in done.stdout
    shell.run("usage", "--png", "usage.png", cwd=certified)
    assert figure.read_bytes() == first
    assert sorted(p.name for p in certified.iterdir()) == [".git", "certificates", "usage.png"]


def test_a_figure_that_cannot_be_written(shell, certified):
    for place in ("missing/usage.png", "certificates/README.md/usage.png"):
        done = shell.run("usage", "--png", place, cwd=certified, code=2)
        assert "the figure cannot be written: there is no such folder" in done.stderr
        assert done.stdout == ""
    done = shell.run("usage", "--png", "x" * 300, cwd=certified, code=2)
    assert "the figure cannot be written: File name too long" in done.stderr
    assert "is a directory" in shell.run("usage", "--png", ".", cwd=certified, code=2).stderr


def test_a_figure_without_matplotlib(shell, certified):
    absent = shell.folder / "absent"
    absent.mkdir()
    (absent / "matplotlib.py").write_text("raise ImportError('not here')\n")
    path = os.pathsep.join([str(absent), os.environ.get("PYTHONPATH", "")])
    done = shell.run("usage", "--png", "x.png", cwd=certified, code=2, PYTHONPATH=path)
    assert done.stderr == snapshot("""\
error: --png: a figure needs matplotlib, which is not installed here
  hint: pip install 'neurocaas-ci[plot]'
""")
    assert done.stdout == ""
    assert "4 jobs" in shell.run("usage", cwd=certified, PYTHONPATH=path).stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--since", "2026"), "'2026' is not a month"),
        (("--until", "2026-13"), "'2026-13' is not a month"),
        (("--since", "2026-02", "--until", "2026-01"), "--since is later than --until"),
    ],
)
def test_months_that_are_none(shell, registry, arguments, message):
    assert message in shell.run("usage", *arguments, cwd=registry, code=2).stderr


def test_a_damaged_object_is_a_certificate_that_cannot_be_read(shell, certified, git):
    blob = git("rev-parse", "HEAD:certificates/ada/2026-01/a.sigstore.json")
    loose = certified / ".git/objects" / blob[:2] / blob[2:]
    loose.chmod(0o644)
    loose.write_bytes(b"garbage")
    done = shell.run("usage", cwd=certified)
    assert "3 jobs" in done.stdout
    assert "a.sigstore.json: git does not have its content, or that is damaged" in done.stderr


def test_a_long_reading_shows_itself_on_a_terminal_only(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(usage, "time", SimpleNamespace(monotonic=lambda: now[0]))
    line = "3 of 9 certificates read"
    for terminal, expected in ((False, ""), (True, f"\r{line}\r{' ' * len(line)}\r")):
        monkeypatch.setattr(usage, "on_terminal", lambda answer=terminal: answer)
        progress = usage._Progress(9)
        for done, moment in ((1, 0.1), (2, 1.9), (3, 2.0), (4, 2.1)):
            now[0] = moment
            progress(done)
        progress.close()
        now[0] = 0.0
        assert capsys.readouterr().err == expected
