"""Data that a schema has accepted, as values of the model; I/O is not handled here."""

from __future__ import annotations

from typing import Any

from neurocaas_ci.model.blueprint import (
    Blueprint,
    BlueprintLimits,
    DatasetRules,
    OutputRule,
    Reference,
    RunLimits,
    Step,
)
from neurocaas_ci.model.digest import Sha256, parse_sha256
from neurocaas_ci.model.registry import (
    DEFAULT_BUDGET_USD,
    Dataset,
    Group,
    Hardware,
    Iae,
    IaeLock,
    Job,
    Launch,
    Policy,
    SourcePackage,
    Sources,
    User,
)
from neurocaas_ci.model.units import parse_duration, parse_size

_Data = dict[str, Any]
_COUNTS = {"cpus", "processes", "output_files"}


def blueprint(data: _Data) -> Blueprint:
    """Return the blueprint of a checked document; raise ValueError for sizes no byte count fits."""
    datasets = data["datasets"]
    accepted: _Data = {"suffixes": tuple(datasets.get("suffixes", ()))}
    if "max_size" in datasets:
        accepted["max_size"] = parse_size(datasets["max_size"])
    return Blueprint(
        name=data["name"],
        version=data["version"],
        title=data["title"],
        summary=data["summary"],
        subfield=data["subfield"],
        references=tuple(Reference(**entry) for entry in data.get("references", ())),
        maintainers=tuple(data["maintainers"]),
        stage=data["stage"],
        groups=tuple(data.get("groups", ())),
        protocol=data["protocol"],
        steps=tuple(_step(entry) for entry in data["steps"]),
        datasets=DatasetRules(**accepted),
        parameters=data["parameters"],
        outputs=tuple(
            OutputRule(entry["path"], entry["compare"], entry.get("required", True))
            for entry in data["outputs"]
        ),
        limits=BlueprintLimits(**data.get("limits", {})),
        license=data.get("license"),
        implementation=data.get("implementation"),
    )


def _step(data: _Data) -> Step:
    limits = {
        key: value if key in _COUNTS else parse_size(value)
        for key, value in data.get("limits", {}).items()
    }
    return Step(
        id=data["id"],
        iae=data["iae"],
        hardware=data["hardware"]["default"],
        hardware_allowed=tuple(data["hardware"]["allowed"]),
        max_runtime=parse_duration(data["max_runtime"]),
        limits=RunLimits(**limits),
    )


def iae(data: _Data) -> Iae:
    """Return the environment of a checked document."""
    return Iae(
        name=data["name"],
        platform=data["platform"],
        base_kind=data["base"]["kind"],
        base={key: value for key, value in data["base"].items() if key != "kind"},
        python=data["python"],
        entrypoint=tuple(data["entrypoint"]),
        determinism=data.get("determinism", "none"),
        environment=data.get("environment", {}),
        sample=data.get("sample"),
        shared_wheels=tuple(sorted(data.get("shared_wheels", ()))),
        sources=_sources(data["sources"]) if "sources" in data else None,
    )


def _sources(data: _Data) -> Sources:
    packages = []
    for item in data["packages"]:
        name, _, version = item["package"].partition("==")
        packages.append(SourcePackage(name, version, item.get("git", ""), item.get("commit", "")))
    return Sources(
        packages=tuple(sorted(packages)),
        debian=tuple(sorted(data.get("debian", ()))),
        requirements=tuple(sorted(data["requirements"])),
    )


def iae_lock(data: _Data) -> IaeLock:
    """Return the lock of a checked document."""
    return IaeLock(
        recipe=parse_sha256(data["recipe"]),
        image=parse_sha256(data["image"]),
        config=parse_sha256(data["config"]),
        reproducible=data["reproducible"],
    )


def hardware(data: _Data) -> Hardware:
    """Return the hardware of a checked document; raise ValueError for a fraction of a byte."""
    price = data["price_usd_per_hour"]
    save = price.get("save")
    return Hardware(
        id=data["id"],
        provider=data["provider"],
        vcpus=data["vcpus"],
        memory=parse_size(data["memory"]),
        gpus=data.get("gpus", 0),
        price_standard=float(price["standard"]),
        price_save=None if save is None else float(save),
        source=data["source"],
        date=data["date"],
        launch=data.get("launch", _launch(data)),
    )


def _launch(data: _Data) -> Launch | None:
    """Return how AWS starts what does not say so: no instance type begins with `fargate`."""
    if data["provider"] != "aws":
        return None
    return "fargate" if data["id"].startswith("fargate") else "ec2"


def user(data: _Data) -> User:
    """Return the user of a checked document."""
    return User(
        login=data["login"],
        forge_id=data["forge_id"],
        name=data["name"],
        budget_usd=float(data.get("budget_usd", DEFAULT_BUDGET_USD)),
        groups=tuple(data.get("groups", ())),
        keys=tuple(data.get("keys", ())),
    )


def group(data: _Data) -> Group:
    """Return the group of a checked document."""
    return Group(
        name=data["name"],
        title=data["title"],
        budget_usd=float(data["budget_usd"]),
        members=tuple(data["members"]),
        blueprints=tuple(data.get("blueprints", ())),
    )


def policy(data: _Data) -> Policy:
    """Return the policy of a checked document."""
    return Policy(
        maintainers=tuple(data["maintainers"]),
        executor=data.get("executor"),
        trust_roots=tuple(data.get("trust_roots", ())),
        forge=data.get("forge"),
    )


def job(data: _Data, month: str) -> Job:
    """Return the job of a checked document; its month is the folder it lies in."""
    name, _, version = data["blueprint"].partition("@")
    runtime = data.get("max_runtime")
    cancelled = data.get("cancelled")
    return Job(
        name=data["name"],
        user=data["user"],
        month=month,
        group=data.get("group"),
        blueprint=name,
        version=version,
        datasets=tuple(
            Dataset(entry["uri"], Sha256(entry["sha256"]), entry["size"])
            for entry in data["datasets"]
        ),
        parameters=data.get("parameters", {}),
        pricing=data.get("pricing", "standard"),
        hardware=data.get("hardware", {}),
        max_runtime=None if runtime is None else parse_duration(runtime),
        retry_of=data.get("retry_of"),
        cancelled=None if cancelled is None else cancelled["reason"],
        keep_inputs=data.get("keep_inputs", True),
    )
