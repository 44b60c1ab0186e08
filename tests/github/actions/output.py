"""Read what act prints with --json and --verbose: one object a line, other text in between."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .run import Annotation, Job, Step

_UNSUPPORTED = "Skipping unsupported platform"
_LEVELS: dict[Any, Literal["error", "warning", "notice"]] = {
    "error": "error", "warning": "warning", "notice": "notice",
}  # fmt: skip


@dataclass(slots=True)
class Output:
    """What was said; `no_runner` are jobs that act left out because nothing runs their label."""

    own: Container[str] = ()
    jobs: dict[str, Job] = field(default_factory=dict)
    annotations: list[Annotation] = field(default_factory=list)
    masked: list[str] = field(default_factory=list)
    no_runner: set[str] = field(default_factory=set)
    reported: set[str] = field(default_factory=set)
    other: list[str] = field(default_factory=list)


def read_output(lines: Iterable[str], own: Container[str]) -> Output:
    """Read the output of one run of act; `own` are the ids of the jobs in the workflow file."""
    output = Output(own)
    for entry in _entries(lines, output):
        _take(entry, output)
    return output


def _entries(lines: Iterable[str], output: Output) -> Iterator[Mapping[str, Any]]:
    for line in lines:
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            entry = None
        if isinstance(entry, dict) and isinstance(entry.get("msg"), str):
            yield entry
        elif line.strip():
            # Go's runtime, bubblewrap and the like do not speak JSON.
            output.other.append(line.rstrip("\n"))


def _take(entry: Mapping[str, Any], output: Output) -> None:
    if "job" not in entry or "jobID" not in entry:
        if entry.get("level") in ("error", "fatal", "panic"):
            output.other.append(entry["msg"])
        return
    job = _job(entry, output)
    if _UNSUPPORTED in entry["msg"]:
        output.no_runner.add(job.name)
    if "jobResult" in entry:
        job.result = entry["jobResult"]
        output.reported.add(job.name)
    if entry.get("raw_output"):
        job.log += entry["msg"]
    elif entry.get("level") == "error" and "command" not in entry:
        job.log += f"{entry['msg'].rstrip()}\n"
    place: list[str] = entry.get("stepID") or []
    if "stepResult" in entry and entry.get("stage") == "Main" and len(place) == 1:
        job.steps.append(Step(place[0], entry.get("step", ""), entry["stepResult"]))
    if "command" in entry:
        _obey(entry, job, place, output)


def _obey(entry: Mapping[str, Any], job: Job, place: Any, output: Output) -> None:
    command = entry["command"]
    if command in _LEVELS:
        facts = {str(key): str(value) for key, value in (entry.get("kvPairs") or {}).items()}
        output.annotations.append(
            Annotation(_LEVELS[command], entry.get("arg", ""), job.name, facts)
        )
    elif command == "add-mask":
        output.masked.append(entry.get("arg", ""))
    elif command == "set-output" and len(place) == 1:
        job.outputs[f"{place[0]}.{entry.get('name', '')}"] = entry.get("arg", "")
    elif command == "summary" and len(place) == 1:
        # Steps of a composite action report theirs twice, once by themselves.
        job.summary += entry.get("content", "")


def _job(entry: Mapping[str, Any], output: Output) -> Job:
    """Return the job that an entry is of, named as GitHub names it.

    act's own names are `workflow/job`, and `caller/workflow/job` for the jobs of a called workflow.
    """
    identity, path = str(entry["jobID"]), str(entry["job"])
    called = identity not in output.own
    caller = path.partition("/")[0] if called else ""
    name = f"{caller} / {identity}" if called else identity
    if matrix := entry.get("matrix"):
        name += f" ({', '.join(str(matrix[key]) for key in sorted(matrix))})"
    return output.jobs.setdefault(name, Job(identity, name, caller))
