"""Deliver the events of a fake GitHub to the workflow files that they start, until all is quiet."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from . import queue
from .act import Order, Outcome, run_act
from .box import Limits
from .conclusion import conclusion
from .errors import HarnessError
from .events import MAIN, Event, Registry, Source
from .expressions import evaluate
from .grants import Grant, grant, identities
from .run import Run
from .triggers import held_back, starts
from .workflow import Workflow

_BOT = "github-actions[bot]"
_BOT_ID = 41898282
# More workflow_run events in a row are not delivered.
_CHAIN = 3


@dataclass(frozen=True, slots=True)
class _Planned:
    event: Event
    workflow: Workflow
    called: Mapping[str, Workflow]
    source: Source
    id: int
    contexts: Mapping[str, Any]
    grant: Grant


@dataclass
class Actions:
    """GitHub Actions for one repository of a fake GitHub.

    Not as on GitHub: the jobs of a run share one token and one set of secrets, for act knows no
    other way; groups of `concurrency` count for workflows, not for single jobs; time limits of jobs
    and the approval of strangers' first pull requests are left out.

    `environments` maps the names of environments to their secrets. `identity` issues identity
    tokens (tests/integration/signing/sigstore_server.py). Besides the machine's own files runs read
    what is `shown` (where anybody may), and write to `kept` folders as on a self-hosted runner. On
    127.0.0.1 they reach the fake, the issuer, and `ports`. `home` are files of the runner's home, by
    their paths in it; `machine` are variables that the runner's machine sets. `ready` is what checkouts are made ready with (ready.py).
    """

    github: Any
    repository: Any
    secrets: Mapping[str, str] = field(default_factory=dict)
    environments: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    identity: Any = None
    ready: str | None = None
    shown: tuple[Path, ...] = ()
    kept: tuple[Path, ...] = ()
    ports: tuple[int, ...] = ()
    home: Mapping[str, str] = field(default_factory=dict)
    machine: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    runs: list[Run] = field(default_factory=list)
    _seen: int = 0
    _own: list[Event] = field(default_factory=list)
    _depths: dict[int, int] = field(default_factory=dict)

    def deliver(self, rounds: int = 20) -> list[Run]:
        """Run what the events since the last call start, and what that starts; return the runs.

        Runs that start in one round count as running at the same time, for `concurrency`; they are
        carried out one after the other. Raise HarnessError when there is no end.
        """
        first = len(self.runs)
        for _ in range(rounds):
            events = self._take()
            if not events:
                return self.runs[first:]
            planned = [plan for event in events for plan in self._plan(event)]
            gone = queue.cancelled([_waiting(plan) for plan in planned])
            for place, plan in enumerate(planned):
                self._finish(plan, self._cancel(plan) if place in gone else self._carry_out(plan))
        raise HarnessError(f"after {rounds} rounds of events there are still new ones")

    def dispatch(self, workflow: str, inputs: Mapping[str, str] | None = None) -> None:
        """Start a workflow file (such as `run.yml`) on main, as a person does by hand."""
        payload = {"workflow": workflow, "inputs": dict(inputs or {}), "ref": MAIN}
        self._own.append(Event("workflow_dispatch", {**payload, **self._facts()}))

    def schedule(self, cron: str) -> None:
        """Let the time come for which workflows have this line as their schedule."""
        self._own.append(Event("schedule", {"schedule": cron, **self._facts()}))

    def _take(self) -> list[Event]:
        new = self.github.events[self._seen :]
        self._seen += len(new)
        own, self._own = self._own, []
        mine = [
            Event(name, payload)
            for name, payload in new
            if (payload.get("repository") or {}).get("full_name") == self.repository.full_name
        ]
        return [*own, *mine]

    def _plan(self, event: Event) -> list[_Planned]:
        if held_back(event.name, event.payload) or self._depth(event) > _CHAIN:
            return []
        registry = self._registry
        source = registry.source(event)
        if source is None:
            return []
        return [
            self._planned(event, workflow, source)
            for workflow in registry.workflows(source.sha, proposed=event.name == "pull_request")
            if starts(workflow, event.name, event.payload, lambda: registry.changed(event))
        ]

    def _planned(self, event: Event, workflow: Workflow, source: Source) -> _Planned:
        number = self._record(event, workflow, source)
        payload = event.payload
        pull = payload.get("pull_request") or {}
        contexts = {
            "github": {
                "event_name": event.name, "event": payload, "repository": self.repository.full_name,
                "repository_id": self.repository.id,
                "repository_owner_id": self.repository.owner.id,
                "ref": source.ref, "ref_name": source.ref.split("/", 2)[-1], "sha": source.sha,
                "head_ref": (pull.get("head") or {}).get("ref", ""),
                "base_ref": (pull.get("base") or {}).get("ref", ""),
                "workflow": workflow.name, "run_id": str(number),
                "actor": payload["sender"]["login"],
            },
            "inputs": payload.get("inputs") or {},
            "vars": self.variables,
        }  # fmt: skip
        called = {
            job.calls: self._registry.workflow(source.sha, job.calls)
            for job in workflow.jobs.values()
            if job.calls
        }
        granted = grant(workflow, called.values(), contexts, self.secrets, self.environments)
        return _Planned(event, workflow, called, source, number, contexts, granted)

    def _record(self, event: Event, workflow: Workflow, source: Source) -> int:
        """Let the fake list the run, and return its id."""
        payload = event.payload
        own = source.head_repository == self.repository.full_name
        pulls = [payload["number"]] if event.name == "pull_request" and own else []
        number: int = self.repository.add_run(
            workflow.path, event.name, source.head, "queued", head_branch=source.head_branch,
            head_repository=self.github.repositories.get(source.head_repository),
            actor=payload["sender"]["login"], pulls=pulls, name=workflow.name,
        )  # fmt: skip
        self._depths[number] = self._depth(event) + 1
        return number

    def _depth(self, event: Event) -> int:
        """Return how many workflow runs in a row led to an event."""
        if event.name != "workflow_run":
            return 0
        return self._depths.get(event.payload["workflow_run"]["id"], 1)

    def _carry_out(self, plan: _Planned) -> Run:
        self.repository.update_run(plan.id, "in_progress")
        # The API has other names for them than workflow files: pull_requests, and so on.
        permissions = {k.replace("-", "_"): v for k, v in plan.grant.permissions.items()}
        token = self.github.token(_BOT, id=_BOT_ID, permissions=permissions, kind="GITHUB_TOKEN")
        order = Order(
            repository=self._registry.path,
            sha=plan.source.sha,
            workflow=plan.workflow,
            called=plan.called,
            event=plan.event.name,
            payload=plan.event.payload,
            environment={**self._environment(plan), **self._identify(plan)},
            secrets={**plan.grant.secrets, "GITHUB_TOKEN": str(token)},
            variables=self.variables,
            actor=plan.contexts["github"]["actor"],
            github=urlsplit(self.repository.clone_url).port,
            ports=self._ports,
            shown=self.shown,
            kept=self.kept,
            home=self.home,
            limits=self.limits,
        )
        try:
            with tempfile.TemporaryDirectory(prefix="neurocaas-act-") as folder:
                self.repository.uploads = Path(folder, "run", "artifacts")
                return self._run(plan, run_act(order, Path(folder, "run")))
        finally:
            self.repository.uploads = None
            # It ends with the run: whoever finds it in an artifact or a log has nothing.
            del self.github.tokens[str(token)]

    def _run(self, plan: _Planned, outcome: Outcome) -> Run:
        found = outcome.output
        return replace(
            self._cancel(plan),
            conclusion=conclusion(plan.workflow, outcome),
            jobs=found.jobs,
            annotations=tuple(found.annotations),
            masked=tuple(found.masked),
            artifacts=outcome.artifacts,
            bound=outcome.ended.bound,
            seconds=outcome.ended.seconds,
            said=outcome.said,
        )

    def _cancel(self, plan: _Planned) -> Run:
        return Run(
            plan.id, plan.workflow.path, plan.workflow.name, plan.event.name, plan.source.sha,
            "cancelled", permissions=plan.grant.permissions, secrets=tuple(plan.grant.secrets),
        )  # fmt: skip

    def _finish(self, plan: _Planned, run: Run) -> None:
        self.runs.append(run)
        self.repository.update_run(run.id, "completed", run.conclusion, dict(run.artifacts))

    def _environment(self, plan: _Planned) -> dict[str, str]:
        github, path = plan.contexts["github"], plan.workflow.path
        environment = {
            **self.machine,
            "GITHUB_API_URL": self.github.base,
            "GITHUB_GRAPHQL_URL": f"{self.github.base}/graphql",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_REPOSITORY": self.repository.full_name,
            "GITHUB_REPOSITORY_OWNER": self.repository.full_name.partition("/")[0],
            "GITHUB_REF": plan.source.ref,
            "GITHUB_REF_NAME": github["ref_name"],
            "GITHUB_REF_TYPE": "branch",
            "GITHUB_RUN_ID": github["run_id"],
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_TRIGGERING_ACTOR": github["actor"],
            "GITHUB_WORKFLOW_REF": f"{self.repository.full_name}/{path}@{plan.source.ref}",
            "GITHUB_WORKFLOW_SHA": plan.source.sha,
            "RUNNER_ENVIRONMENT": "github-hosted",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }
        return environment if self.ready is None else {**environment, "STANDIN_READY": self.ready}

    def _identify(self, plan: _Planned) -> dict[str, str]:
        """Let the issuer say who each job is; the checkout stand-in tells them apart."""
        if self.identity is None or not plan.grant.identity:
            return {}
        told = identities(plan.workflow, plan.called, plan.contexts)
        known = {job: said for job, said in told.items() if said is not None}
        if not known:
            return {}
        self.identity.claims = {**self.identity.claims, **next(iter(known.values()))}
        self.identity.jobs = {job: {**self.identity.claims, **said} for job, said in known.items()}
        jobs = {"STANDIN_IDENTITIES": " ".join(known)}
        return {**self.identity.environment(), **jobs}

    @property
    def _registry(self) -> Registry:
        return Registry(Path(self.repository.path), self.repository.full_name)

    @property
    def _ports(self) -> tuple[int, ...]:
        addresses = [self.github.base, self.github.storage]
        if self.identity is not None:
            addresses.append(self.identity.url)
        found = {urlsplit(address).port for address in addresses}
        return (*(port for port in found if port is not None), *self.ports)

    def _facts(self) -> dict[str, Any]:
        owner, _, name = self.repository.full_name.partition("/")
        repository = {
            "full_name": self.repository.full_name, "name": name, "default_branch": "main",
            "owner": {"login": owner},
        }  # fmt: skip
        return {"repository": repository, "sender": {"login": "octocat"}}


def _waiting(plan: _Planned) -> queue.Waiting:
    written = plan.workflow.concurrency
    if not written:
        return queue.Waiting()
    return queue.Waiting(
        group=str(evaluate(written["group"], plan.contexts)),
        cancels=bool(evaluate(written.get("cancel-in-progress", False), plan.contexts)),
        queues=written.get("queue") == "max",
    )
