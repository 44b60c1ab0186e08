"""The publisher's guide, played: offline with a captured base, and as written."""

import subprocess

import pytest

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(400)]


def _published_versions(folder):
    log = subprocess.run(
        ["git", "-C", folder / "origin.git", "log", "-p", "--first-parent", "-m", "--format=",
         "main", "--", "registry/blueprints/spike-intervals.yaml"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return [line.split()[-1] for line in log.splitlines() if line.startswith("+version:")]


def test_publisher_publishes_two_versions(sessions):
    assert sessions.play("publisher")
    assert _published_versions(sessions.folder) == ["1.1.0", "1.0.0"]


@pytest.mark.slow
@pytest.mark.network
def test_guide_holds_with_debian_packages(sessions_as_written):
    assert sessions_as_written.play("publisher", timeout=300)
    assert _published_versions(sessions_as_written.folder) == ["1.1.0", "1.0.0"]
    lock = sessions_as_written.folder / "publisher/iae/spike-intervals/iae.lock"
    assert "reproducible: true" in lock.read_text()
