"""From a pull request to certificates: seconds and calls of GitHub's API, for one job and for many.

    python benchmarks/pull_requests.py [--jobs 1 10 100]        (needs scripts/setup-js)

The workflow files of this repository are run by act, unmodified, against the fake GitHub of the
tests, on this machine: what GitHub itself takes (queueing, a fresh machine, `scripts/setup`) is not
in the figures, what the platform takes is. Calls are counted as GitHub would count them. Nothing is
asserted; GitHub's documented limits are printed beside the figures.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/github"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/integration/github"))
from fake import FakeGitHub
from measure import heading
from platform_on_github import ADA, job, propose
from workflow_world import a_world, dataset, lay_out

# docs.github.com: "Rate limits for the REST API" (calls of an installation of an app; requests that
# make content) and "Repository limits" (6 pushes a minute).
CALLS_PER_HOUR, WRITES_PER_HOUR, PUSHES_PER_HOUR = 5_000, 500, 360
_CONTENT = {"POST", "PATCH", "PUT", "DELETE"}


class Timed(list[Any]):
    """A list that knows when each entry came."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def append(self, item: Any) -> None:
        """Add an entry with the time."""
        self.times.append(time.monotonic())
        super().append(item)

    def after(self, start: float) -> Iterator[tuple[float, Any]]:
        """Yield seconds since `start` and entry of all that came later."""
        return ((t - start, item) for t, item in zip(self.times, self, strict=True) if t >= start)


def main() -> None:
    """Measure each number of jobs in a world of its own, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 10, 100])
    arguments = parser.parse_args()
    with heading("One pull request with so many jobs of one run each"):
        print(
            "seconds from the open pull request to the comment and to the merge; from the merge to"
        )
        print("the first running job and to the last certificate on main; calls of the API\n")
        print(
            f"{'jobs':>5} {'comment':>8} {'merge':>7} {'running':>8} {'certified':>10} "
            f"{'calls before':>13} {'after':>6} {'writes':>7} {'pushes':>7}"
        )
        rows = [measure(count) for count in arguments.jobs]
    with heading("Against the limits of GitHub's documentation"):
        meaning(rows)


def measure(count: int) -> dict[str, float]:
    """Return the figures of one pull request with so many jobs."""
    with _world() as (hub, repository, actions, platform):
        entry = dataset(actions, platform)
        files = dict(
            job(
                name=f"job-{number:03}", blueprint="probe@1.0.0", parameters={"seconds": 0},
                datasets=[entry], max_runtime="1m",
            )
            for number in range(count)
        )  # fmt: skip
        hub.calls = calls = Timed()
        propose(hub, repository, "ada", ADA, files)
        opened = time.monotonic()
        runs = actions.deliver()
        bad = [run for run in runs if run.conclusion != "success"]
        if bad:
            raise SystemExit(f"{bad[0].path}: {bad[0].conclusion}\n{bad[0].log}\n{bad[0].said}")
        found = list(calls.after(opened))
    times = [(when, call) for when, call in found if not call.operation.startswith("smart-http")]
    comment = next(when for when, call in times if call.operation == "issues/create-comment")
    merge = next(when for when, call in times if call.operation == "pulls/merge")
    running = next(when for when, call in times if when > merge and "checks" in call.operation)
    pushes = [when for when, call in found if call.operation == "smart-http/receive-pack"]
    row: dict[str, float] = {
        "jobs": count,
        "comment": comment,
        "merge": merge,
        "running": running - merge,
        "certified": max(pushes) - merge,
        "before": sum(when <= merge for when, _ in times),
        "after": sum(when > merge for when, _ in times),
        "writes": sum(call.method in _CONTENT for _, call in times),
        "pushes": len(pushes),
    }
    print(
        f"{count:>5} {comment:>8.1f} {merge:>7.1f} {row['running']:>8.1f} {row['certified']:>10.1f} "
        f"{row['before']:>13.0f} {row['after']:>6.0f} {row['writes']:>7.0f} {row['pushes']:>7.0f}",
        flush=True,
    )
    return row


def meaning(rows: Sequence[Mapping[str, float]]) -> None:
    """Print how many jobs an hour each limit allows, taken by itself."""
    for row in rows:
        jobs = row["jobs"]
        calls = row["before"] + row["after"]
        print(
            f"{jobs:>5.0f} jobs a pull request: {calls / jobs:.1f} calls, {row['writes'] / jobs:.1f} "
            f"writes and {row['pushes'] / jobs:.2f} pushes a job; {CALLS_PER_HOUR:,} calls an hour carry "
            f"{CALLS_PER_HOUR * jobs / calls:,.0f} jobs, {WRITES_PER_HOUR} writes "
            f"{WRITES_PER_HOUR * jobs / row['writes']:,.0f}, {PUSHES_PER_HOUR} pushes "
            f"{PUSHES_PER_HOUR * jobs / row['pushes']:,.0f}"
        )


@contextmanager
def _world() -> Iterator[Any]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "platform").mkdir()
        platform = lay_out(folder / "platform")
        with FakeGitHub(folder / "hub") as hub, a_world(hub, platform, folder) as made:
            yield made


if __name__ == "__main__":
    main()
