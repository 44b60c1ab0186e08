"""The roles that runners make for jobs: found by their path, ended with what only they are used by."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

from neurocaas_ci.deploy.aws.session import Clients, pages
from neurocaas_ci.deploy.leftover import RoleSeen
from neurocaas_ci.executors.batch.client import remove_limit
from neurocaas_ci.executors.batch.rights import job_limit
from neurocaas_ci.executors.batch.roles import remove_role
from neurocaas_ci.model.cloud_names import IAM_PATH, JOB_ROLE_OF, JOB_ROLES


def job_roles(
    clients: Clients, held: Collection[str], over: Callable[[str], str]
) -> Iterator[RoleSeen]:
    """Yield the roles of jobs; `held` are the definitions of the engine's jobs that have not ended."""
    definitions = _definitions(clients)
    for role in pages(clients.get("iam"), "list_roles", "Roles", PathPrefix=IAM_PATH):
        if not role["RoleName"].startswith(JOB_ROLES):
            continue
        said = str(role.get("Description", ""))
        job = said.removeprefix(JOB_ROLE_OF) if said.startswith(JOB_ROLE_OF) else ""
        mine = set(definitions.get(role["Arn"], ()))
        yield RoleSeen(
            role["RoleName"],
            job,
            role["CreateDate"].timestamp(),
            over(job) if job else "",
            sum(definition in mine for definition in held),
        )


def busy(clients: Clients, held: Collection[str]) -> set[str]:
    """Return what jobs of the engine that have not ended use: names of roles, and of logs.

    Logs are named by log group and the start of their streams' names, as `GROUP:PREFIX`: a replay has
    another role than the job that it replays, and logs in the same place.
    """
    found = set[str]()
    for entry in _listed(clients):
        if entry["jobDefinitionArn"] in held:
            container = entry.get("containerProperties", {})
            options = container.get("logConfiguration", {}).get("options", {})
            found.add(container.get("jobRoleArn", "").rpartition("/")[2])
            found.add(f"{options.get('awslogs-group')}:{options.get('awslogs-stream-prefix')}")
    return found


def end_role(clients: Clients, name: str) -> None:
    """Remove a role of a job, its definitions and what bounded its runs, whatever is left of them."""
    iam, batch = clients.get("iam"), clients.get("batch")
    try:
        arn = iam.get_role(RoleName=name)["Role"]["Arn"]
    except iam.exceptions.NoSuchEntityException:
        return
    for definition in _definitions(clients).get(arn, ()):
        batch.deregister_job_definition(jobDefinition=definition)
    remove_limit(batch, job_limit(name))
    remove_role(iam, name)


def _definitions(clients: Clients) -> dict[str, list[str]]:
    """Return the job definitions in use by the ARN of their role."""
    found: dict[str, list[str]] = {}
    for entry in _listed(clients):
        role = entry.get("containerProperties", {}).get("jobRoleArn", "")
        found.setdefault(role, []).append(entry["jobDefinitionArn"])
    return found


def _listed(clients: Clients) -> Iterator[Any]:
    return pages(
        clients.get("batch"), "describe_job_definitions", "jobDefinitions", status="ACTIVE"
    )
