"""A small valid registry in memory, and edits of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from neurocaas_ci.model.actor import Actor
from neurocaas_ci.model.blueprint import Blueprint
from neurocaas_ci.model.digest import Sha256, sha256_bytes
from neurocaas_ci.model.finding import Finding
from neurocaas_ci.model.ledger import Account, Balance
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.changes import of_entries
from neurocaas_ci.registry.tree import (
    EXECUTABLE,
    REGULAR,
    SYMLINK,
    Tree,
    TreeEntry,
    blob_id,
    parts_of,
)
from neurocaas_ci.validate.engine import judge

Files = Mapping[str, str]
Edit = Callable[[dict[str, str]], None]
LINK = "link to: "
RUN = "#!run\n"


class MemoryTree:
    """The Tree port over a dictionary.

    A text that begins with `LINK` is a symbolic link, one that begins with `RUN` is executable.
    """

    def __init__(self, files: Files) -> None:
        self._files = dict(files)

    def read(self, path: str, limit: int | None = None) -> bytes | None:
        text = self._files.get(path)
        if text is None or parts_of(path) is None or text.startswith(LINK):
            return None
        content = text.removeprefix(RUN).encode("utf-8", "surrogateescape")
        return content[: None if limit is None else limit + 1]

    def entries(self, prefix: str = "") -> list[TreeEntry]:
        prefix = prefix.strip("/")
        return sorted(
            TreeEntry(path, _mode(text), blob_id(text.encode("utf-8", "surrogateescape")))
            for path, text in self._files.items()
            if not prefix or path == prefix or path.startswith(f"{prefix}/")
        )


def _mode(text: str) -> str:
    if text.startswith(LINK):
        return SYMLINK
    return EXECUTABLE if text.startswith(RUN) else REGULAR


WORKFLOW = "print('hello')\n"
D1, D2 = "1" * 63 + "a", "2" * 63 + "b"
BLUEPRINT = "registry/blueprints/demo.yaml"
ENSEMBLE = "registry/blueprints/voted.yaml"
JOB = "registry/jobs/ada/2026-11/first.yaml"
NEW_JOB = "registry/jobs/ada/2026-11/second.yaml"
LOCK = "iae/demo/iae.lock"

_BLUEPRINT = """\
schema: neurocaas/blueprint/v1
name: demo
version: 1.0.0
title: Demo
summary: Counts things.
subfield: Counting
references: [{citation: Counter 1999, url: https://example.org/counter}]
maintainers: [ada]
stage: open
groups: [lab]
protocol: parallel
steps:
  - id: count
    iae: demo
    hardware: {default: small, allowed: [small, large]}
    max_runtime: 1h
    limits: {memory: 1GB, cpus: 2}
datasets: {suffixes: [.csv], max_size: 2MB}
parameters:
  type: object
  additionalProperties: false
  properties:
    rounds: {type: integer, minimum: 1, maximum: 9, default: 3, description: Number of rounds}
    label: {type: string, pattern: "^[a-z]{1,20}$"}
outputs:
  - {path: result.npz, compare: {kind: array, norm: l2, rtol: 1.0e-8}}
  - {path: figure.png, compare: {kind: ignore}, required: false}
limits: {max_parallel: 10, max_cost_usd: 50}
license: MIT
"""

_JOB = f"""\
schema: neurocaas/job/v1
name: first
user: ada
group: lab
blueprint: demo@1.0.0
datasets:
  - {{uri: "store:one.csv", sha256: "{D1}", size: 10}}
  - {{uri: "store:two.csv", sha256: "{D2}", size: 20}}
parameters: {{rounds: 5}}
pricing: standard
hardware: {{count: large}}
max_runtime: 30m
"""


def _hardware(name: str, vcpus: int, memory: str, price: str) -> str:
    return (
        f"schema: neurocaas/hardware/v1\nid: {name}\nprovider: local\nvcpus: {vcpus}\n"
        f"memory: {memory}\nprice_usd_per_hour: {price}\nsource: made up\ndate: 2026-11-01\n"
    )


def _user(login: str, number: int) -> str:
    return (
        f"schema: neurocaas/user/v1\nlogin: {login}\nforge_id: {number}\nname: {login.title()}\n"
        "budget_usd: 10\ngroups: [lab]\n"
    )


VALID: Files = {
    BLUEPRINT: _BLUEPRINT,
    ENSEMBLE: _BLUEPRINT.replace("name: demo", "name: voted")
    .replace("protocol: parallel", "protocol: ensemble")
    .replace(
        "datasets: {suff",
        "  - id: vote\n    iae: demo\n    hardware: {default: small, allowed: [small]}\n"
        "    max_runtime: 10m\ndatasets: {suff",
    )
    .replace(
        "  properties:\n",
        "  properties:\n    replicas: {type: integer, minimum: 1, maximum: 9, default: 3}\n",
    ),
    "registry/hardware/small.yaml": _hardware("small", 2, "4GB", "{standard: 1}"),
    "registry/hardware/large.yaml": _hardware("large", 8, "64GiB", "{standard: 4, save: 1.5}"),
    "registry/users/ada.yaml": _user("ada", 1),
    "registry/users/grace.yaml": _user("grace", 2),
    "registry/groups/lab.yaml": (
        "schema: neurocaas/group/v1\nname: lab\ntitle: Laboratory\nbudget_usd: 100\n"
        "members: [ada, grace]\nblueprints: [demo, voted]\n"
    ),
    JOB: _JOB,
    "iae/demo/iae.yaml": (
        "schema: neurocaas/iae/v1\nname: demo\nplatform: linux/amd64\n"
        "base: {kind: deb, packages: [python3.11]}\npython: '3.11'\n"
        "entrypoint: [/usr/bin/python3.11, -I, /iae/workflow.py]\ndeterminism: x86-64-v3\n"
        "environment: {MODE: fast}\nsample: sample\n"
    ),
    "iae/demo/workflow.py": WORKFLOW,
    "iae/demo/base.lock": f"# packages\npython3.11 3.11.2-6 {D1} 100 pool/p/python3.11_3.11.2_amd64.deb\n",
    "iae/demo/requirements.in": "numpy\n",
    "iae/demo/requirements.lock": f"# wheels\nnumpy==2.4.6 --hash=sha256:{D1}\n",
    "iae/demo/sample/config.yaml": "{}\n",
    "iae/demo/sample/dataset/one.csv": "1,2\n",
    LOCK: (
        f"schema: neurocaas/iae-lock/v1\nrecipe: '{sha256_bytes(WORKFLOW.encode())}'\n"
        f"image: sha256:{D1}\nconfig: '{D2}'\nreproducible: true\n"
    ),
    "certificates/ada/2026-11/first.sigstore.json": "{}\n",
}


def put(path: str, text: str) -> Edit:
    def edit(files: dict[str, str]) -> None:
        files[path] = text

    return edit


def sub(path: str, old: str, new: str) -> Edit:
    def edit(files: dict[str, str]) -> None:
        assert old in files[path], (path, old)
        files[path] = files[path].replace(old, new, 1)

    return edit


def rm(path: str) -> Edit:
    def edit(files: dict[str, str]) -> None:
        del files[path]

    return edit


def mv(path: str, target: str) -> Edit:
    def edit(files: dict[str, str]) -> None:
        files[target] = files.pop(path)

    return edit


def new_job(*changes: tuple[str, str]) -> Edit:
    """Add a second valid job, then change it."""

    def edit(files: dict[str, str]) -> None:
        text = files[JOB].replace("name: first", "name: second")
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new, 1)
        files[NEW_JOB] = text

    return edit


@dataclass(frozen=True)
class Case:
    """Edits of the valid registry; `against` judges them as a change of it.

    `before` are edits of the registry that the change starts from; `author` proposes the change,
    and `balances` stand on accounts before it (none: nobody knows).
    """

    edits: tuple[Edit, ...] = ()
    against: bool = True
    before: tuple[Edit, ...] = ()
    author: Actor | None = None
    balances: tuple[tuple[Account, Balance], ...] = ()

    def base(self) -> dict[str, str]:
        return _edited(VALID, self.before)

    def files(self) -> dict[str, str]:
        return _edited(self.base(), self.edits)


def _edited(files: Files, edits: tuple[Edit, ...]) -> dict[str, str]:
    result = dict(files)
    for edit in edits:
        edit(result)
    return result


def recipe_of(tree: Tree, name: str) -> Sha256:
    return sha256_bytes(tree.read(f"iae/{name}/workflow.py") or b"")


def published(name: str, version: str) -> Blueprint | None:
    """Know what the valid registry has published."""
    value = Registry(MemoryTree(VALID)).blueprint(name).value
    return value if value is not None and value.version == version else None


def findings_of(case: Case, head: Tree | None = None) -> tuple[Finding, ...]:
    """Judge what the case proposes, or another tree in its place."""
    head = head or MemoryTree(case.files())
    if not case.against:
        return judge(None, Registry(head), recipe_of=recipe_of, published=published)
    base = MemoryTree(case.base())
    known = dict(case.balances)
    return judge(
        Registry(base),
        Registry(head),
        of_entries(base.entries(), head.entries()),
        recipe_of=recipe_of,
        published=published,
        author=case.author,
        balance_of=(lambda account: known.get(account, Balance())) if known else None,
    )
