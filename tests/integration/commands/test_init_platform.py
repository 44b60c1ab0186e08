"""A fresh clone becomes somebody's own platform, whole or not at all."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[3]
ME = ("--login", "lovelace", "--forge-id", "4711", "--name", "A. Lovelace", "--group", "engines")


@pytest.fixture
def clone(tmp_path):
    """Return a clone with the project's own registry, and a function that runs the tool in it."""
    folder = tmp_path / "clone"
    for part in ("registry", "iae", ".github"):
        shutil.copytree(PROJECT / part, folder / part, ignore=shutil.ignore_patterns("jobs"))
    _git(folder, "init", "-q", "-b", "main")
    _commit(folder)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "neurocaas_ci.cli.main", *arguments], cwd=folder,
            env={**os.environ, "NEUROCAAS_HOME": str(tmp_path / "home")}, capture_output=True,
            text=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    return folder, run


def _git(folder, *arguments):
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


def _commit(folder):
    _git(folder, "add", "--all")
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    _git(folder, *who, "commit", "-q", "-m", "change")


def files(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


def test_it_is_valid_and_nobody_of_the_examples_is_left(clone):
    folder, run = clone
    done = run("init", "platform", *ME)
    assert done.returncode == 0, done.stderr
    assert "git checkout --orphan" in done.stderr
    after = files(folder)
    assert [p for p in after if "/users/" in p] == ["registry/users/lovelace.yaml"]
    assert [p for p in after if "/groups/" in p] == ["registry/groups/engines.yaml"]
    everything = b"\n".join(v for p, v in after.items() if p.startswith("registry/"))
    assert b"grace" not in everything
    assert b"[ada]" not in everything
    assert b"@grace" not in after[".github/CODEOWNERS"]
    _git(folder, "checkout", "-q", "--orphan", "fresh")
    _commit(folder)
    _git(folder, "branch", "-M", "main")
    assert run("validate", "--all").returncode == 0


def test_doing_it_again_changes_nothing(clone):
    folder, run = clone
    run("init", "platform", *ME)
    before = files(folder)
    again = run("init", "platform", *ME)
    assert (again.returncode, again.stdout) == (0, "")
    assert files(folder) == before


def test_a_dry_run_only_says_it(clone):
    folder, run = clone
    before = files(folder)
    done = run("init", "platform", *ME, "--dry-run")
    assert "remove registry/users/ada.yaml" in done.stdout
    assert "write  registry/policy.yaml" in done.stdout
    assert files(folder) == before


@pytest.mark.parametrize(
    "path",
    ["registry/jobs/ada/2026-11/first.yaml", "certificates/ada/2026-11/first.sigstore.json"],
)
def test_a_registry_in_use_is_left_alone(clone, path):
    folder, run = clone
    (folder / path).parent.mkdir(parents=True)
    (folder / path).write_text("{}")
    before = files(folder)
    done = run("init", "platform", *ME)
    assert done.returncode == 2
    assert "in use" in done.stderr
    assert files(folder) == before


@pytest.mark.parametrize(
    ("option", "value"),
    [("--login", "a/b"), ("--login", "-x"), ("--group", "Lab"), ("--forge-id", "0"), ("--budget", "-1")],
)  # fmt: skip
def test_bad_names_are_refused(clone, option, value):
    folder, run = clone
    before = files(folder)
    done = run("init", "platform", *ME, option, value)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert files(folder) == before


def test_what_would_not_be_valid_is_not_written(clone):
    folder, run = clone
    (folder / "registry/hardware/laptop.yaml").write_text("id: [")
    before = files(folder)
    done = run("init", "platform", *ME)
    assert done.returncode == 10
    assert "registry/hardware/laptop.yaml" in done.stderr
    assert files(folder) == before


def test_code_owners_follow_the_registry(clone):
    folder, run = clone
    assert run("init", "owners", "--check").returncode == 0
    blueprint = folder / "registry/blueprints/pmd.yaml"
    blueprint.write_text(
        blueprint.read_text().replace("maintainers: [ada]", "maintainers: [grace]")
    )
    before = (folder / ".github/CODEOWNERS").read_bytes()
    stale = run("init", "owners", "--check")
    assert stale.returncode == 10
    assert "`neurocaas init owners` writes it anew" in stale.stderr
    assert (folder / ".github/CODEOWNERS").read_bytes() == before
    assert run("init", "owners").stdout == ".github/CODEOWNERS\n"
    lines = (folder / ".github/CODEOWNERS").read_text().splitlines()
    assert [line.split() for line in lines if "pmd.yaml" in line] == [
        ["/registry/blueprints/pmd.yaml", "@grace"]
    ]


def policy(folder):
    return yaml.safe_load((folder / "registry/policy.yaml").read_text())


def test_what_is_not_said_is_local_and_the_public_good_root(clone):
    folder, run = clone
    assert run("init", "platform", *ME).returncode == 0
    assert policy(folder)["executor"] == "local"
    assert policy(folder)["trust_roots"] == ["public-good"]


def test_the_choices_stand_in_the_policy_and_stay_when_it_is_run_again(clone):
    folder, run = clone
    chosen = run("init", "platform", *ME, "--executor", "slurm", "--trust-root", "machine")
    assert chosen.returncode == 0, chosen.stderr
    assert policy(folder)["executor"] == "slurm"
    assert policy(folder)["trust_roots"] == ["platform"]
    own = folder.parent / "home/signing/trusted_root.json"
    assert (folder / "registry/trust/platform.json").read_bytes() == own.read_bytes()
    before = files(folder)
    for again in (
        run("init", "platform", *ME),
        run("init", "platform", *ME, "--trust-root", "machine"),
    ):
        assert (again.returncode, again.stdout) == (0, "")
    assert files(folder) == before
    other = run("init", "platform", *ME, "--executor", "local", "--trust-root", "public-good")
    assert "remove registry/trust/platform.json" in other.stdout
    assert policy(folder) == {**policy(folder), "executor": "local", "trust_roots": ["public-good"]}


def test_what_somebody_else_chose_is_not_taken_over(clone):
    folder, run = clone
    (folder / "registry/trust").mkdir()
    (folder / "registry/trust/theirs.json").write_text("{}")
    text = (folder / "registry/policy.yaml").read_text()
    (folder / "registry/policy.yaml").write_text(text + "executor: slurm\ntrust_roots: [theirs]\n")
    done = run("init", "platform", *ME)
    assert done.returncode == 0, done.stderr
    assert not (folder / "registry/trust/theirs.json").exists()
    assert policy(folder)["executor"] == "local"
    assert policy(folder)["trust_roots"] == ["public-good"]


def test_a_dry_run_makes_no_signing_instance(clone):
    folder, run = clone
    before = files(folder)
    done = run("init", "platform", *ME, "--trust-root", "machine", "--dry-run")
    assert "write  registry/trust/platform.json" in done.stdout
    assert files(folder) == before
    assert not (folder.parent / "home/signing").exists()


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--forge", "gitlab", "'local', 'github'"),
        ("--executor", "kubernetes", "'local', 'slurm', 'aws-batch'"),
        ("--trust-root", "nowhere.json", "neither `public-good` nor `machine` nor a file"),
        ("--trust-root", "registry/hardware/laptop.yaml", "no trusted root"),
        ("--trust-root", "forged.json", "no trusted root"),
    ],
)
def test_choices_that_cannot_be_are_refused(clone, option, value, words):
    folder, run = clone
    forged = {"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}
    (folder / "forged.json").write_text(
        json.dumps({**forged, "certificateAuthorities": [{"uri": 7}]})
    )
    before = files(folder)
    done = run("init", "platform", *ME, option, value)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert files(folder) == before


def test_whose_platform_it_is_has_to_be_said_where_nobody_can_be_asked(clone):
    folder, run = clone
    before = files(folder)
    done = run("init", "platform", "--name", "A. Lovelace")
    assert done.returncode == 2
    assert "--login, --forge-id" in done.stderr
    assert files(folder) == before


def test_a_terminal_is_asked(clone):
    folder, _ = clone
    answers = ["lovelace", "4711", "A. Lovelace", "local", "slurm", "machine"]
    shown = _on_terminal(folder, ["init", "platform"], answers)
    for question in (
        "Your login", "numeric id", "Your name", "Where pull requests live", "Where jobs run",
        "Who signs",
    ):  # fmt: skip
        assert question in shown
    assert policy(folder) == {
        "schema": "neurocaas/policy/v1", "maintainers": ["lovelace"], "forge": "local",
        "executor": "slurm", "trust_roots": ["platform"],
    }  # fmt: skip


def test_a_bare_repository_signs_with_a_machine_and_pull_requests_go_there_alone(clone):
    folder, run = clone
    done = run("init", "platform", *ME, "--forge", "local", "--trust-root", "public-good")
    assert (done.returncode, "which a bare repository has not" in done.stderr) == (2, True)
    done = run("init", "platform", *ME, "--forge", "local")
    assert "git clone --bare" in done.stderr
    assert (policy(folder)["forge"], policy(folder)["trust_roots"]) == ("local", ["platform"])
    _commit(folder)
    bare = folder.parent / "origin.git"
    _git(folder.parent, "clone", "-q", "--bare", str(folder), str(bare))
    _git(folder, "remote", "add", "origin", str(bare))
    assert run("pr", "list").returncode == 0
    # Whoever follows another origin learns it before anything is opened there.
    _git(folder, "remote", "set-url", "origin", "https://github.com/lab/platform")
    done = run("pr", "list")
    assert done.returncode == 2
    assert "live in a bare repository" in done.stderr
    found = {
        one["check"]: one for one in json.loads(run("doctor", "--format", "json").stdout)["checks"]
    }
    assert found["forge"]["state"] == "fail"
    assert not [name for name in found if name.startswith("github-")]


def test_pull_requests_of_a_platform_on_github_go_nowhere_else(clone):
    folder, run = clone
    assert run("init", "platform", *ME).returncode == 0
    assert policy(folder)["forge"] == "github"
    _commit(folder)
    bare = folder.parent / "origin.git"
    _git(folder.parent, "clone", "-q", "--bare", str(folder), str(bare))
    _git(folder, "remote", "add", "origin", str(bare))
    done = run("pr", "list")
    assert done.returncode == 2
    assert "git remote set-url origin https://github.com/" in done.stderr


def _on_terminal(folder, arguments, answers):
    """Type each answer after a colon has been shown; return all that was shown."""
    pid, master = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.environ["NEUROCAAS_HOME"] = str(folder.parent / "home")
        os.execv(  # noqa: S606 - no shell is wanted
            sys.executable, [sys.executable, "-m", "neurocaas_ci.cli.main", *arguments]
        )
    shown, pending = b"", list(answers)
    while select.select([master], [], [], 60)[0]:
        try:
            chunk = os.read(master, 1 << 16)
        except OSError:
            break
        if not chunk:
            break
        shown += chunk
        if pending and shown.endswith(b": "):
            os.write(master, f"{pending.pop(0)}\n".encode())
    os.close(master)
    _, status = os.waitpid(pid, 0)
    text = shown.decode("utf-8", "replace")
    assert os.waitstatus_to_exitcode(status) == 0, text
    return text
