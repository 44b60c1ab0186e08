"""Run one workflow file for one event with act, in a box, and say what came of it."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .bounded import Ended, run_bounded
from .box import Limits, boxed, hand_over
from .certificate import make_certificate
from .errors import HarnessError
from .forward import PROXY_PORT, doors
from .output import Output, read_output
from .workflow import Workflow, actions_used, remote_action

_STANDINS = Path(__file__).with_name("standins")
_RUNNERS = ("ubuntu-24.04", "ubuntu-latest")
_SAID = 4000


@dataclass(frozen=True, slots=True)
class Order:
    """What to run: a file of a commit of a bare repository; `called` are the files it calls.

    `github` is the port of this machine that is github.com to git, `ports` are others that the run
    reaches. `shown` are folders that it reads, `kept` folders that it writes and that outlive it.
    `home` are files of the runner's home, by their paths in it.
    """

    repository: Path
    sha: str
    workflow: Workflow
    called: Mapping[str, Workflow]
    event: str
    payload: Mapping[str, Any]
    environment: Mapping[str, str]
    secrets: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    actor: str = "octocat"
    github: int | None = None
    ports: tuple[int, ...] = ()
    shown: tuple[Path, ...] = ()
    kept: tuple[Path, ...] = ()
    home: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What act said, how it ended, and the artifacts (zip files) by name."""

    output: Output
    ended: Ended
    artifacts: Mapping[str, bytes]
    said: str


def run_act(order: Order, folder: Path) -> Outcome:
    """Run it in a fresh folder; raise HarnessError when a job was left out without a reason."""
    for name in ("home", "settings", "artifacts", "actions"):
        (folder / name).mkdir(parents=True)
    for name, text in order.home.items():
        path = folder / "home" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    _check_out(order, folder / "repo")
    command = _command(order, folder)
    environment = {"HOME": str(folder / "home")}
    output, errors = folder.with_suffix(".out"), folder.with_suffix(".err")
    line = boxed(command, folder, environment, order.limits, order.shown, order.kept)
    with doors(folder / "doors", order.ports, _play_github(order, folder)):
        for path in (folder, *order.kept):
            hand_over(path)
        ended = run_bounded(line, output, errors, order.limits)
    with output.open(encoding="utf-8", errors="replace") as lines:
        found = read_output(lines, order.workflow.jobs)
    with errors.open(encoding="utf-8", errors="replace") as lines:
        found.other += read_output(lines, ()).other
    said = "\n".join(found.other)[-_SAID:]
    # A job that only calls a workflow has no result of its own, unless it was skipped.
    for job in order.workflow.jobs.values():
        if job.calls and job.id not in found.reported:
            found.jobs.pop(job.id, None)
    if ended.bound is None:
        _require_all_jobs(order, found, ended, said)
    artifacts = {path.stem: path.read_bytes() for path in (folder / "artifacts").glob("*.zip")}
    return Outcome(found, ended, artifacts, said)


def _play_github(order: Order, folder: Path) -> tuple[int, ssl.SSLContext] | None:
    """Let git in the box take the door for https://github.com."""
    if order.github is None:
        return None
    public = folder / "settings" / "github.pem"
    context = make_certificate(public, folder.with_suffix(".key"))
    (folder / "home" / ".gitconfig").write_text(
        f'[http "https://github.com/"]\n'
        f"\tproxy = http://127.0.0.1:{PROXY_PORT}\n\tsslCAInfo = {public}\n"
    )
    return order.github, context


def _check_out(order: Order, folder: Path) -> None:
    """Make the clone that act reads the workflow file and `github.sha` from."""
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    for line in (
        ("init", "-q", str(folder)),
        ("-C", str(folder), "fetch", "-q", "--depth=1", f"file://{order.repository}", order.sha),
        ("-C", str(folder), "checkout", "-q", "--detach", order.sha),
    ):
        subprocess.run(["git", *line], check=True, env=environment, capture_output=True)


def _command(order: Order, folder: Path) -> list[str]:
    act = Path(sys.executable).with_name("act").resolve()
    settings = folder / "settings"
    forward = shutil.copy(Path(__file__).with_name("forward.py"), settings)
    python = os.path.realpath(sys.executable)
    (settings / "event.json").write_text(json.dumps(order.payload))
    # JSON is YAML, and the only other form cannot hold several lines.
    (settings / "secrets.yml").write_text(json.dumps(dict(order.secrets)))
    (settings / "vars.yml").write_text(json.dumps(dict(order.variables)))
    environment = {
        **order.environment,
        "STANDIN_PYTHON": python,
        "STANDIN_ARTIFACTS": str(folder / "artifacts"),
    }
    line = ["/bin/sh", "-c", f'{python} -I {forward} {folder}/doors && exec "$@"', "sh"]
    line += [str(act), order.event, "--eventpath", str(settings / "event.json")]
    line += ["-C", str(folder / "repo"), "-W", str(folder / "repo" / order.workflow.path)]
    line += ["--json", "--verbose", "--actor", order.actor, "--concurrent-jobs", "2"]
    line += ["--secret-file", str(settings / "secrets.yml")]
    line += ["--var-file", str(settings / "vars.yml")]
    # Otherwise act reads files of these names from the checkout, which is anybody's.
    line += ["--env-file", os.devnull, "--input-file", os.devnull]
    line += ["--action-cache-path", str(folder / "cache"), "--action-offline-mode"]
    line += ["--pull=false", "--no-skip-checkout", "--no-cache-server"]
    for name, value in environment.items():
        line += ["--env", f"{name}={value}"]
    for label in _RUNNERS:
        line += ["--platform", f"{label}=-self-hosted"]
    for mapping in _stand_ins(order, folder):
        line += ["--local-repository", mapping]
    return line


def _stand_ins(order: Order, folder: Path) -> list[str]:
    """Map every action that a file of the commit names, at exactly that commit of it."""
    mapped = {}
    for uses in _all_uses(folder / "repo", [order.workflow.path, *order.called]):
        if action := remote_action(uses):
            repository, ref = action
            source = _STANDINS / repository.partition("/")[2]
            if not source.is_dir():
                raise HarnessError(f"there is no stand-in for {uses}, named below {folder}")
            target = folder / "actions" / source.name
            if not target.exists():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            mapped[f"{repository}@{ref}"] = f"{repository}@{ref}={target}"
    return sorted(mapped.values())


def _all_uses(checkout: Path, workflows: Sequence[str]) -> set[str]:
    files = [checkout / path for path in workflows]
    actions = checkout / ".github" / "actions"
    files += [path for path in actions.glob("*/action.y*ml") if not path.is_symlink()]
    return {uses for path in files for uses in actions_used(path.read_text("utf-8"))}


def _require_all_jobs(order: Order, output: Output, ended: Ended, said: str) -> None:
    where = f"{order.workflow.path} at {order.sha}"
    for name in sorted(output.no_runner):
        raise HarnessError(f"{where}: job {name} was left out, for no runner has its label")
    missing = [name for name in _expected(order, output) if name not in _seen(output)]
    if missing:
        raise HarnessError(f"{where}: jobs that never ran: {', '.join(missing)}\n{said}")
    failed = any(job.result == "failure" for job in output.jobs.values())
    if (ended.code != 0) != failed:
        raise HarnessError(f"{where}: act ended with {ended.code}, the jobs say otherwise\n{said}")


def _expected(order: Order, output: Output) -> list[str]:
    """Return the jobs that must have reported a result, be it that their `if` was false."""
    names = []
    for job in order.workflow.jobs.values():
        if job.calls is None or job.id in output.reported:
            names.append(job.id)
        else:
            names += [f"{job.id} / {inner}" for inner in order.called[job.calls].jobs]
    return names


def _seen(output: Output) -> set[str]:
    jobs = [output.jobs[name] for name in output.reported]
    return {f"{job.caller} / {job.id}" if job.caller else job.id for job in jobs}
