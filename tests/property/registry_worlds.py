"""Valid registries drawn from the model, and their files: what laws about the registry start from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from hypothesis import strategies as st

from neurocaas_ci.model.blueprint import (
    Blueprint,
    BlueprintLimits,
    DatasetRules,
    OutputRule,
    Reference,
    RunLimits,
    Step,
)
from neurocaas_ci.model.digest import Sha256, sha256_bytes
from neurocaas_ci.model.registry import (
    Dataset,
    Group,
    Hardware,
    Iae,
    IaeLock,
    Job,
    Policy,
    User,
)
from neurocaas_ci.model.units import format_duration, format_size
from neurocaas_ci.registry.tree import REGULAR, Tree, TreeEntry, blob_id, parts_of

Data = dict[str, Any]
_PLAIN_WORD = frozenset("abcdefghijklmnopqrstuvwxyz")
_LINES = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=12
)
_DIGESTS = st.binary(min_size=1, max_size=8).map(sha256_bytes)
_NAMES = ("first", "second-one", "3rd", "x")
_BASE_LOCK = "".join(
    f"{name} 1.0-1 {sha256_bytes(name.encode())} 1000 pool/main/{name}_1.0-1_amd64.deb\n"
    for name in ("libc6", "python3.11")
).encode()
_RUNTIMES = st.sampled_from([60, 90, 1800, 3600, 5400])
_COMPARE: tuple[Data, ...] = (
    {"kind": "exact"}, {"kind": "ignore"}, {"kind": "canonical", "format": "json"},
    {"kind": "array", "norm": "l2", "rtol": 1e-8},
)  # fmt: skip
_PROPERTIES: Mapping[str, tuple[Data, tuple[Any, ...]]] = {
    "rounds": ({"type": "integer", "minimum": 1, "maximum": 9, "default": 3}, (1, 5, 9)),
    "rate": ({"type": "number", "minimum": 0, "default": 0.5}, (0, 1.25, 1e9)),
    "label": ({"type": "string", "pattern": "^[a-z]{1,20}$", "default": "no"}, ("a", "true")),
    "fast": ({"type": "boolean", "default": False}, (True, False)),
    "mode": ({"enum": ["on", "1:30"], "default": "on"}, ("on", "1:30")),
}


class MemoryTree:
    """The Tree port over a dictionary of bytes; `order` gives the order in which files are listed."""

    def __init__(
        self, files: Mapping[str, bytes], order: Callable[[TreeEntry], Any] | None = None
    ) -> None:
        self._files = dict(files)
        self._order = order

    def read(self, path: str, limit: int | None = None) -> bytes | None:
        content = self._files.get(path)
        if content is None or parts_of(path) is None:
            return None
        return content[: None if limit is None else limit + 1]

    def entries(self, prefix: str = "") -> list[TreeEntry]:
        prefix = prefix.strip("/")
        found = [
            TreeEntry(path, REGULAR, blob_id(content))
            for path, content in self._files.items()
            if not prefix or path == prefix or path.startswith(f"{prefix}/")
        ]
        return sorted(found, key=self._order)


def recipe_of(tree: Tree, name: str) -> Sha256:
    """Stand for the recipe of an environment: the digest of its workflow alone."""
    return sha256_bytes(tree.read(f"iae/{name}/workflow.py") or b"")


@dataclass(frozen=True)
class World:
    """A registry as values of the model."""

    hardware: tuple[Hardware, ...]
    users: tuple[User, ...]
    groups: tuple[Group, ...]
    iaes: tuple[tuple[Iae, IaeLock], ...]
    blueprints: tuple[Blueprint, ...]
    jobs: tuple[Job, ...]
    policy: Policy

    def documents(self) -> dict[str, Data]:
        """Return the content of every YAML file by its path."""
        found = {f"registry/hardware/{h.id}.yaml": _hardware(h) for h in self.hardware}
        found |= {f"registry/users/{u.login}.yaml": _user(u) for u in self.users}
        found |= {f"registry/groups/{g.name}.yaml": _group(g) for g in self.groups}
        found |= {f"registry/blueprints/{b.name}.yaml": _blueprint(b) for b in self.blueprints}
        found |= {f"registry/jobs/{j.id}.yaml": _job(j) for j in self.jobs}
        found["registry/policy.yaml"] = {
            "schema": "neurocaas/policy/v1", "maintainers": list(self.policy.maintainers)
        }  # fmt: skip
        for iae, lock in self.iaes:
            found[f"iae/{iae.name}/iae.yaml"] = _iae(iae)
            found[f"iae/{iae.name}/iae.lock"] = _lock(lock)
        return found

    def others(self) -> dict[str, bytes]:
        """Return the files that are not YAML."""
        found: dict[str, bytes] = {}
        for iae, _ in self.iaes:
            folder = f"iae/{iae.name}"
            found[f"{folder}/workflow.py"] = f"print('{iae.name}')\n".encode()
            found[f"{folder}/base.lock"] = _BASE_LOCK
            found[f"{folder}/sample/config.yaml"] = b"{}\n"
            found[f"{folder}/sample/dataset/one.csv"] = b"1,2\n"
        return found

    def published(self, name: str, version: str) -> Blueprint | None:
        """Return a blueprint that this registry holds."""
        same = (b for b in self.blueprints if b.name == name and b.version == version)
        return next(same, None)


def dump(data: Any, *, flow: bool | None = False) -> bytes:
    """Return YAML that means the same to readers of YAML 1.1 and 1.2."""
    text: str = yaml.dump(
        data, Dumper=_Dumper, allow_unicode=True, sort_keys=False, default_flow_style=flow
    )
    return text.encode()


def files_of(world: World, *, flow: bool | None = False) -> dict[str, bytes]:
    """Return all files of a registry."""
    documents = {path: dump(data, flow=flow) for path, data in world.documents().items()}
    return {**documents, **world.others()}


_FIRST = "m0.large"


def _draw_hardware(draw: st.DrawFn, name: str) -> Hardware:
    provider = draw(st.sampled_from(["local", "aws", "slurm"]))
    launch = draw(st.sampled_from(["ec2", "fargate"])) if provider == "aws" else None
    # No step may use a GPU, but there may be some.
    gpus = draw(st.integers(0, 8)) if name != _FIRST else 0
    shape = draw(st.integers(2, 64)), draw(st.integers(4, 64)) * 10**9, gpus
    if launch == "fargate":
        shape = 4, draw(st.integers(8, 30)) << 30, 0
    return Hardware(
        name, provider, *shape,
        draw(st.sampled_from([0.096, 1.0, 3.072])), draw(st.sampled_from([None, 0.03])),
        draw(_LINES), "2026-11-01", launch,
    )  # fmt: skip


@st.composite
def worlds(draw: st.DrawFn, *, least_jobs: int = 0) -> World:
    """Draw a registry that breaks no rule."""
    hardware = tuple(_draw_hardware(draw, f"m{n}.large") for n in range(draw(st.integers(1, 3))))
    logins = draw(
        st.lists(st.sampled_from(["ada", "grace", "Emmy", "x-1"]), min_size=2, unique=True)
    )
    members = {
        name: tuple(login for login in logins if draw(st.booleans()) or login == logins[0])
        for name in ("lab", "other-lab")[: draw(st.integers(1, 2))]
    }
    users = tuple(
        User(
            login, 1000 + number, draw(_LINES), draw(st.sampled_from([300.0, 99.5, 10_000.0])),
            tuple(name for name, who in members.items() if login in who),
        )
        for number, login in enumerate(logins)
    )  # fmt: skip
    iaes = tuple(_draw_iae(draw, name) for name in _NAMES[: draw(st.integers(1, 2))])
    blueprints = tuple(
        _draw_blueprint(draw, name, hardware, tuple(i.name for i, _ in iaes), logins, list(members))
        for name in _NAMES[: draw(st.integers(1, 3))]
    )
    groups = tuple(
        Group(name, draw(_LINES), draw(st.sampled_from([2000.0, 500.25])), who, ())
        for name, who in members.items()
    )
    jobs = tuple(
        _draw_job(draw, name, users, blueprints)
        for name in _NAMES[: draw(st.integers(least_jobs, 3))]
    )
    policy = Policy((logins[0],))
    return World(hardware, users, groups, iaes, blueprints, jobs, policy)


def _draw_iae(draw: st.DrawFn, name: str) -> tuple[Iae, IaeLock]:
    environment = draw(st.dictionaries(st.sampled_from(["MODE", "x_1"]), _LINES, max_size=2))
    iae = Iae(
        name, "linux/amd64", "deb", {"packages": ["python3.11", "libc6"]}, "3.11",
        ("/usr/bin/python3.11", "-I", "/iae/workflow.py"),
        draw(st.sampled_from(["none", "x86-64-v3"])), environment, "sample",
    )  # fmt: skip
    recipe = sha256_bytes(f"print('{name}')\n".encode())
    return iae, IaeLock(recipe, draw(_DIGESTS), draw(_DIGESTS), draw(st.booleans()))


def _draw_blueprint(
    draw: st.DrawFn,
    name: str,
    hardware: tuple[Hardware, ...],
    iaes: tuple[str, ...],
    logins: list[str],
    groups: list[str],
) -> Blueprint:
    protocol = draw(st.sampled_from(["parallel", "chain"]))
    count = draw(st.integers(1, 3)) if protocol == "chain" else 1
    allowed = tuple(h.id for h in hardware if not h.gpus)
    steps = tuple(
        Step(
            f"step-{n}", draw(st.sampled_from(iaes)), draw(st.sampled_from(allowed)), allowed,
            draw(_RUNTIMES), RunLimits(memory=draw(st.sampled_from([10**9, 2 << 30])), cpus=2),
        )
        for n in range(count)
    )  # fmt: skip
    chosen = draw(st.lists(st.sampled_from(sorted(_PROPERTIES)), min_size=1, unique=True))
    return Blueprint(
        name=name, version=draw(st.sampled_from(["1.0.0", "0.1.12", "20.3.0"])), title=draw(_LINES),
        summary=draw(_LINES), subfield=draw(_LINES),
        references=(Reference(draw(_LINES), "https://example.org/1"),),
        maintainers=tuple(logins[:2]), stage=draw(st.sampled_from(["invited", "open"])),
        groups=tuple(groups), protocol=protocol, steps=steps,
        datasets=DatasetRules((".csv", ".npz"), 2_000_000),
        parameters={"type": "object", "additionalProperties": False,
                    "properties": {key: _PROPERTIES[key][0] for key in chosen}},
        outputs=tuple(OutputRule(f"out-{n}.json", rule, draw(st.booleans()))
                      for n, rule in enumerate(_COMPARE[: draw(st.integers(1, 4))])),
        limits=BlueprintLimits(100, 300.0, draw(st.sampled_from([None, 1000.0]))),
        license="Apache-2.0",
    )  # fmt: skip


def _draw_job(
    draw: st.DrawFn, name: str, users: tuple[User, ...], blueprints: tuple[Blueprint, ...]
) -> Job:
    blueprint = draw(st.sampled_from(blueprints))
    # The first user is a maintainer and a member of every group.
    user = users[0] if blueprint.stage != "open" else draw(st.sampled_from(users))
    known = blueprint.parameters["properties"]
    return Job(
        name=name, user=user.login, month=draw(st.sampled_from(["2026-11", "2025-01"])),
        group=draw(st.sampled_from([None, *user.groups])),
        blueprint=blueprint.name, version=blueprint.version,
        datasets=tuple(
            Dataset(f"store:mouse-{n}.csv", sha256_bytes(f"{name}-{n}".encode()), 10 + n)
            for n in range(draw(st.integers(1, 3)))
        ),
        parameters={k: draw(st.sampled_from(_PROPERTIES[k][1])) for k in known if draw(st.booleans())},
        pricing="standard", hardware={}, max_runtime=draw(st.sampled_from([None, 60])),
        retry_of=None, cancelled=None,
    )  # fmt: skip


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: _Dumper, text: str) -> yaml.Node:
    # Quotes wherever a reader of YAML 1.1 or 1.2 could take the text for something else.
    plain = set(text) <= _PLAIN_WORD and text not in {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}  # fmt: skip
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


_Dumper.add_representer(str, _text)


def _some(**values: Any) -> Data:
    return {key: value for key, value in values.items() if value is not None}


def _hardware(h: Hardware) -> Data:
    price = _some(standard=h.price_standard, save=h.price_save)
    # Without it an instance is meant: both ways of saying so are read.
    launch = None if h.launch == "ec2" and h.gpus % 2 else h.launch
    return {
        "schema": "neurocaas/hardware/v1", "id": h.id, "provider": h.provider,
        **_some(launch=launch), "vcpus": h.vcpus,
        "memory": format_size(h.memory), "gpus": h.gpus, "price_usd_per_hour": price,
        "source": h.source, "date": h.date,
    }  # fmt: skip


def _user(u: User) -> Data:
    budget = None if u.budget_usd == 300 else u.budget_usd
    return {
        "schema": "neurocaas/user/v1", "login": u.login, "forge_id": u.forge_id, "name": u.name,
        **_some(budget_usd=budget), "groups": list(u.groups),
    }  # fmt: skip


def _group(g: Group) -> Data:
    return {
        "schema": "neurocaas/group/v1", "name": g.name, "title": g.title,
        "budget_usd": g.budget_usd, "members": list(g.members),
        **_some(blueprints=list(g.blueprints) or None),
    }  # fmt: skip


def _iae(i: Iae) -> Data:
    return {
        "schema": "neurocaas/iae/v1", "name": i.name, "platform": i.platform,
        "base": {"kind": i.base_kind, **i.base}, "python": i.python,
        "entrypoint": list(i.entrypoint), "determinism": i.determinism,
        "environment": dict(i.environment), **_some(sample=i.sample),
    }  # fmt: skip


def _lock(lock: IaeLock) -> Data:
    digests = {"recipe": lock.recipe, "image": f"sha256:{lock.image}", "config": lock.config}
    return {"schema": "neurocaas/iae-lock/v1", **digests, "reproducible": lock.reproducible}


def _blueprint(b: Blueprint) -> Data:
    return {
        "schema": "neurocaas/blueprint/v1", "name": b.name, "version": b.version, "title": b.title,
        "summary": b.summary, "subfield": b.subfield,
        "references": [{"citation": r.citation, "url": r.url} for r in b.references],
        "license": b.license, "maintainers": list(b.maintainers), "stage": b.stage,
        "groups": list(b.groups), "protocol": b.protocol,
        "steps": [
            {"id": s.id, "iae": s.iae, "max_runtime": format_duration(s.max_runtime),
             "hardware": {"default": s.hardware, "allowed": list(s.hardware_allowed)},
             "limits": {"memory": format_size(s.limits.memory), "cpus": s.limits.cpus}}
            for s in b.steps
        ],
        "datasets": {"suffixes": list(b.datasets.suffixes), "max_size": format_size(b.datasets.max_size)},
        "parameters": dict(b.parameters),
        "outputs": [{"path": o.path, "compare": dict(o.compare), "required": o.required} for o in b.outputs],
        "limits": _some(max_parallel=b.limits.max_parallel, max_cost_usd=b.limits.max_cost_usd,
                        budget_usd=b.limits.budget_usd),
    }  # fmt: skip


def _job(j: Job) -> Data:
    runtime = None if j.max_runtime is None else format_duration(j.max_runtime)
    datasets = [{"uri": d.uri, "sha256": d.sha256, "size": d.size} for d in j.datasets]
    return {
        "schema": "neurocaas/job/v1", "name": j.name, "user": j.user, **_some(group=j.group),
        "blueprint": f"{j.blueprint}@{j.version}", "datasets": datasets,
        "parameters": dict(j.parameters), "pricing": j.pricing, **_some(max_runtime=runtime),
    }  # fmt: skip
