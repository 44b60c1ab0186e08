"""A laptop that has nothing but a clone and the store follows what a runner elsewhere does, live."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "cloud"))
from moto_server import moto_server

pytestmark = [pytest.mark.sandbox, pytest.mark.slow, pytest.mark.timeout(300)]

JOB = "ada/2026-11/seen"


class Laptop:
    """A clone, a home and the address of the store."""

    def __init__(self, platform) -> None:
        self._platform = platform
        self.folder = Path(tempfile.mkdtemp(prefix="laptop-", dir=platform.repo.parent))
        subprocess.run(
            ["git", "clone", "-q", str(platform.repo), str(self.folder / "clone")],
            check=True, env=platform.env,
        )  # fmt: skip
        self.env = {
            **platform.env, "NEUROCAAS_HOME": str(self.folder / "home"), "PYTHONUNBUFFERED": "1",
        }  # fmt: skip
        del self.env["NEUROCAAS_CACHE"]

    def start(self, *arguments: str) -> Heard:
        process = subprocess.Popen(
            self._platform.command(*arguments), cwd=self.folder / "clone", env=self.env,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        return Heard(process)


class Heard:
    """A command under way, with the time at which each of its lines came."""

    def __init__(self, process: subprocess.Popen) -> None:
        self.process = process
        self.lines: list[tuple[float, str]] = []
        self.said: list[str] = []
        self._threads = [
            threading.Thread(target=self._listen, daemon=True),
            threading.Thread(target=lambda: self.said.extend(process.stderr), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _listen(self) -> None:
        for line in self.process.stdout:
            self.lines.append((time.monotonic(), line.rstrip("\n")))

    @property
    def text(self) -> str:
        return "\n".join(line for _, line in self.lines)

    def when(self, *words: str) -> float:
        """Return when the first line with all these words came."""
        return next(t for t, line in self.lines if all(word in line for word in words))

    def end(self) -> int:
        code = self.process.wait(120)
        for thread in self._threads:
            thread.join()
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.end()
        self.process.stdout.close()
        self.process.stderr.close()


@pytest.fixture
def runner(platform):
    """The machine that runs jobs; its state is in a bucket."""
    aws = moto_server()
    platform.env |= aws.environment | {"NEUROCAAS_STORE": f"s3://{aws.new_bucket()}/lab"}
    return platform


def test_status_and_logs_are_followed_from_before_the_start_to_the_end(runner):
    runner.job("seen", runner.put("a\n"), blueprint="chain", parameters={"seconds": 8})
    laptop = Laptop(runner)
    heard: list[Heard] = []
    try:
        status = laptop.start("status", JOB, "--follow", "--no-fetch")
        logs = laptop.start("logs", JOB, "--follow", "--no-fetch")
        heard += [status, logs]
        deadline = time.monotonic() + 60
        while "queued" not in status.text or not logs.said:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert "has not started; waiting for it" in logs.said[0]
        runner.reconcile("--no-certify")
        ended = time.monotonic()
        assert [one.end() for one in heard] == [0, 0], status.said + logs.said
    finally:
        for one in heard:
            one.close()
    # Live: seen while it ran, and not only when all was over.
    assert status.when(JOB, "running") < ended
    assert status.when("001-one", "running", "##########", "half of it") < ended
    assert status.when("001-one", "succeeded") < ended
    assert status.lines[-1][0] >= ended - 5
    assert any(line.startswith(f"{JOB}  succeeded") for _, line in status.lines[-4:])
    assert logs.when("::progress 0.5 half of it") < ended - 5
    assert [line.split(" ", 1)[1] for _, line in logs.lines] == ["::progress 0.5 half of it"] * 2
    # Whoever only looks leaves nothing behind but an empty home.
    kept = [path for path in (laptop.folder / "home").rglob("*") if path.is_file()]
    assert kept == []


def test_whoever_follows_outlasts_a_store_that_is_away(runner):
    runner.job("seen", runner.put("a\n"))
    runner.reconcile("--no-certify")
    laptop = Laptop(runner)
    away = dict(laptop.env)
    laptop.env |= {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
    asked = laptop.start("status", JOB, "--no-fetch")
    following = laptop.start("status", JOB, "--follow", "--no-fetch")
    try:
        assert asked.end() == 16
        deadline = time.monotonic() + 60
        while not following.said:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert following.process.poll() is None
        assert "asking again until there is an answer" in following.said[0]
    finally:
        asked.close()
        following.close()
    laptop.env = away
    again = laptop.start("status", JOB, "--follow", "--no-fetch", "--format", "json")
    try:
        assert again.end() == 0
        assert json.loads(again.text)["jobs"][0]["state"] == "succeeded"
    finally:
        again.close()


def test_following_the_logs_of_a_job_that_never_starts_ends(runner):
    runner.job("seen", runner.put("a\n"), cancelled={"reason": "no need"})
    laptop = Laptop(runner)
    logs = laptop.start("logs", JOB, "--follow", "--no-fetch")
    try:
        runner.reconcile("--no-certify")
        assert logs.end() == 2
        assert any("ended before it started" in line for line in logs.said)
    finally:
        logs.close()
