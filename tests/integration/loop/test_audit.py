"""The audit of a whole registry: every certificate, the history, the logs, a sample of replays."""

from __future__ import annotations

import json
import subprocess

import pytest

pytestmark = pytest.mark.sandbox


def audit(platform, *arguments: str, code: int = 0) -> dict:
    done = platform.audit("audit", *arguments, "--format", "json", code=code)
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout)


def failures(document: dict) -> dict[str, list[str]]:
    return {
        file["path"].rpartition("/")[2]: [
            c["name"] for c in file["checks"] if c["state"] == "failed"
        ]
        for file in document["files"]
        if not file["valid"]
    }


@pytest.fixture
def registry(platform):
    """Three certified jobs, one of them failed, and one that has not been run."""
    data = platform.put("a\n", "b\n")
    platform.job("one", data[:1])
    platform.job("two", data[1:])
    platform.job("bad", data[:1], parameters={"mode": "exit3"})
    platform.reconcile(code=12)
    platform.job("open", data)
    return platform


def path_of(platform, name: str):
    return platform.repo / f"certificates/ada/2026-11/{name}.sigstore.json"


def test_a_sound_registry(registry):
    document = audit(registry)
    assert document["valid"]
    assert [file["status"] for file in document["files"]] == ["failed", "succeeded", "succeeded"]
    assert document["problems"] == []
    assert document["uncertified"] == ["ada/2026-11/open"]
    text = registry.audit("audit").stdout
    assert "3 of 3 files of certificates/ are valid, 1 failed, 2 succeeded" in text
    assert "no certificate yet: ada/2026-11/open" in text


def test_an_empty_registry(platform):
    platform.job("open", platform.put("a\n"))
    platform.reconcile("--no-certify")
    done = platform.run("audit", "--offline")
    assert "0 of 0 files" in done.stdout


def test_one_changed_byte_is_found_and_so_is_the_commit_that_changed_it(registry):
    file = path_of(registry, "one")
    content = file.read_text()
    at = content.index('"payload"') + 60
    file.write_text(content[:at] + ("A" if content[at] != "A" else "B") + content[at + 1 :])
    commit = registry.commit("Improve a result")
    document = audit(registry, code=13)
    assert failures(document) == {"one.sigstore.json": ["signature"]}
    (problem,) = document["problems"]
    assert problem["name"] == "append-only"
    assert commit[:12] in problem["text"]
    assert "one.sigstore.json" in problem["text"]


def test_a_removal_is_found_even_when_it_was_put_back(registry):
    file = path_of(registry, "two")
    content = file.read_bytes()
    file.unlink()
    commit = registry.commit("Remove")
    file.write_bytes(content)
    registry.commit("Put back")
    document = audit(registry, code=13)
    assert failures(document) == {}
    (problem,) = document["problems"]
    assert problem["text"] == f"commit {commit[:12]} removed {file.relative_to(registry.repo)}"


def test_a_removal_in_a_merge_is_found(registry):
    registry.git("switch", "-q", "-c", "side")
    path_of(registry, "two").unlink()
    registry.commit("Remove on the side")
    registry.git("switch", "-q", "main")
    registry.job("more", registry.put("m\n"))
    registry.git("merge", "-q", "--no-ff", "-m", "Merge the side", "side")
    merge = registry.git("rev-parse", "HEAD")
    (problem,) = audit(registry, code=13)["problems"]
    assert problem["text"].startswith(f"commit {merge[:12]} removed")


def test_a_certificate_in_the_place_of_another_job(registry):
    path_of(registry, "open").write_bytes(path_of(registry, "one").read_bytes())
    registry.commit("Certify what never ran")
    document = audit(registry, code=13)
    assert failures(document) == {"open.sigstore.json": ["certificate"]}
    assert any("is also" in problem["text"] for problem in document["problems"]) is False
    (file,) = [f for f in document["files"] if not f["valid"]]
    assert "a certificate of ada/2026-11/one" in file["checks"][0]["text"]


@pytest.mark.parametrize(
    "name", ["notes.txt", "ada/2026-11/one.replays/x.txt", "ada/x.sigstore.json"]
)
def test_files_that_do_not_belong_there(registry, name):
    target = registry.repo / "certificates" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("{}")
    registry.commit("Something else")
    assert failures(audit(registry, code=13)) == {target.name: ["certificate"]}


def test_a_symbolic_link_is_no_certificate(registry):
    file = path_of(registry, "open")
    file.symlink_to("one.sigstore.json")
    registry.commit("Link")
    assert failures(audit(registry, code=13)) == {"open.sigstore.json": ["certificate"]}


def test_only_what_was_added_since(registry):
    since = registry.git("rev-parse", "HEAD")
    registry.job("new", registry.put("n\n"))
    registry.reconcile()
    names = [f["path"].rpartition("/")[2] for f in audit(registry, "--since", since)["files"]]
    assert sorted(names) == ["new.sigstore.json", "open.sigstore.json"]
    assert "cannot compare" in registry.audit("audit", "--since", "no-such", code=2).stderr


def test_a_sample_is_replayed(registry):
    document = audit(registry, "--sample", "5")
    assert sorted(r["job"] for r in document["replays"]) == ["ada/2026-11/one", "ada/2026-11/two"]
    assert {r["verdict"] for r in document["replays"]} == {"identical"}
    assert len(audit(registry, "--sample", "1", "--seed", "7")["replays"]) == 1


def test_a_sample_with_a_different_result(registry):
    registry.job("chance", registry.put("c\n"), parameters={"mode": "random"})
    registry.reconcile(code=None)
    document = audit(registry, "--sample", "9", code=14)
    verdicts = {r["job"].rpartition("/")[2]: r["verdict"] for r in document["replays"]}
    assert verdicts["chance"] == "different"
    assert verdicts["one"] == "identical"


def test_many_processes_find_the_same(registry):
    for k in range(20):
        name = f"certificates/ada/2026-11/copy-{k:02d}.sigstore.json"
        (registry.repo / name).write_bytes(path_of(registry, "one").read_bytes())
    registry.commit("Copies")
    alone = audit(registry, "--workers", "1", code=13)
    together = audit(registry, "--workers", "2", code=13)
    assert together == alone
    assert len(failures(together)) == 20


def test_a_log_that_shows_two_trees_is_found(registry):
    """A machine whose log was set back signs another entry in the same place."""
    log = registry.home / "signing/log"
    saved = {p: p.read_bytes() for p in log.rglob("*") if p.is_file()}
    registry.job("later", registry.put("l\n"))
    registry.reconcile("later", code=None)
    for path in list(log.rglob("*")):
        if path.is_file() and path not in saved:
            path.unlink()
    for path, content in saved.items():
        path.write_bytes(content)
    registry.job("again", registry.put("g\n"))
    registry.reconcile("again", code=None)
    problems = audit(registry, code=13)["problems"]
    assert problems
    assert {problem["name"] for problem in problems} == {"log"}
    assert any("is another in" in problem["text"] for problem in problems)


def test_the_log_of_this_machine_is_compared_with_every_bundle(registry):
    log = registry.home / "signing/log"
    leaves = next(path for path in log.iterdir() if b'"body"' in path.read_bytes())
    leaves.write_bytes(b"".join(leaves.read_bytes().splitlines(keepends=True)[1:]))
    document = audit(registry, code=13)
    assert failures(document) == {}
    assert {problem["name"] for problem in document["problems"]} == {"log"}
    assert all("this machine's log" in problem["text"] for problem in document["problems"])


def test_it_needs_a_registry(platform, tmp_path):
    done = subprocess.run(
        platform.command("audit", "--offline"), cwd=tmp_path, env=platform.env, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert "needs a clone of the registry" in done.stderr
