"""Single faults that a registry can have: each names the rule that must find it, and its file.

A mutation changes the documents of a registry (or, with `raw`, the bytes of one file) and returns
the path where a finding is due.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from registry_worlds import World, dump

from neurocaas_ci.model.digest import sha256_bytes

Documents = dict[str, Any]
Change = Callable[[Documents, World], str]


@dataclass(frozen=True)
class Mutation:
    """`against` compares with the sound registry, as a change of it is compared."""

    name: str
    rule: str
    change: Change
    against: bool = False


def _blueprint(w: World) -> str:
    return f"registry/blueprints/{w.blueprints[0].name}.yaml"


def _hardware(w: World) -> str:
    return f"registry/hardware/{w.hardware[0].id}.yaml"


def _user(w: World) -> str:
    return f"registry/users/{w.users[0].login}.yaml"


def _group(w: World) -> str:
    return f"registry/groups/{w.groups[0].name}.yaml"


def _job(w: World) -> str:
    return f"registry/jobs/{w.jobs[0].id}.yaml"


def _iae(w: World) -> str:
    return f"iae/{w.iaes[0][0].name}/iae.yaml"


def _lock(w: World) -> str:
    return f"iae/{w.iaes[0][0].name}/iae.lock"


def _set(where: Callable[[World], str], *steps: str | int, to: Any) -> Change:
    """Put a value at a place of a document; `to` may be a function of the value there."""

    def change(documents: Documents, world: World) -> str:
        path = where(world)
        node = documents[path]
        for step in steps[:-1]:
            node = node[step]
        node[steps[-1]] = to(node[steps[-1]]) if callable(to) else to
        return path

    return change


def _drop(where: Callable[[World], str], *steps: str | int) -> Change:
    def change(documents: Documents, world: World) -> str:
        path = where(world)
        node = documents[path]
        for step in steps[:-1]:
            node = node[step]
        del node[steps[-1]]
        return path

    return change


def _raw(where: Callable[[World], str], alter: Callable[[bytes], bytes]) -> Change:
    def change(documents: Documents, world: World) -> str:
        path = where(world)
        documents[path] = alter(dump(documents[path]))
        return path

    return change


def _move(where: Callable[[World], str], rename: Callable[[str], str]) -> Change:
    def change(documents: Documents, world: World) -> str:
        path = rename(where(world))
        documents[path] = documents.pop(where(world))
        return path

    return change


def _remove(where: Callable[[World], str], found_at: Callable[[World], str]) -> Change:
    def change(documents: Documents, world: World) -> str:
        del documents[where(world)]
        return found_at(world)

    return change


def _found_in(where: Callable[[World], str], inner: Change) -> Change:
    """Make a fault that is found in another file than the one that changed."""

    def change(documents: Documents, world: World) -> str:
        inner(documents, world)
        return where(world)

    return change


def _same_forge_id(documents: Documents, world: World) -> str:
    first, second = sorted(world.users, key=lambda user: user.login)[:2]
    paths = [f"registry/users/{user.login}.yaml" for user in (first, second)]
    documents[paths[1]]["forge_id"] = first.forge_id
    return paths[1]


def _stranger(documents: Documents, world: World) -> str:
    path = _job(world).replace(f"/{world.jobs[0].user}/", "/nobody/")
    documents[path] = {**documents.pop(_job(world)), "user": "nobody"}
    documents[path].pop("group", None)
    return path


def _twice(content: bytes) -> bytes:
    return content + content.split(b"\n", 1)[0] + b"\n"


def _append(text: str) -> Callable[[bytes], bytes]:
    return lambda content: content + text.encode()


def _requirements(documents: Documents, world: World) -> str:
    folder = _iae(world).rpartition("/")[0]
    documents[f"{folder}/requirements.in"] = b"numpy\n"
    documents[f"{folder}/requirements.lock"] = b"numpy==2.4.6\n"
    return f"{folder}/requirements.lock"


_OTHER = sha256_bytes(b"other")
MUTATIONS: tuple[Mutation, ...] = (
    Mutation("not UTF-8", "NC-F003", _raw(_user, _append("# \x00"))),
    Mutation("Latin-1", "NC-F003", _raw(_user, lambda c: c + b"# caf\xe9\n")),
    Mutation("text that changes direction", "NC-F003", _raw(_job, _append("# \u202e\n"))),
    Mutation("too large", "NC-F002", _raw(_group, lambda c: c + b"#" * 1_000_001)),
    Mutation("an open bracket", "NC-F004", _raw(_hardware, _append("x: [1, 2\n"))),
    Mutation("a second document", "NC-F005", _raw(_user, _append("---\na: 1\n"))),
    Mutation("an empty file", "NC-F005", _raw(_group, lambda _: b"")),
    Mutation("a key twice", "NC-F006", _raw(_blueprint, _twice)),
    Mutation("a merge key", "NC-F007", _raw(_user, _append("<<: {a: 1}\n"))),
    Mutation("an ambiguous switch", "NC-F008", _raw(_lock, lambda c: c[: c.index(b"reproducible")] + b"reproducible: yes\n")),
    Mutation("not a number", "NC-F009", _raw(_user, _append("x: .nan\n"))),
    Mutation("a number of 40 digits", "NC-F009", _raw(_user, _append(f"x: {'9' * 40}\n"))),
    Mutation("a tag", "NC-F010", _raw(_job, _append("x: !!python/object:os.system a\n"))),
    Mutation("an alias to nothing", "NC-F011", _raw(_iae, _append("x: *nothing\n"))),
    Mutation("deep nesting", "NC-F012", _raw(_job, _append(f"x: {'[' * 60}{']' * 60}\n"))),
    Mutation("too many values", "NC-F013", _raw(_group, _append(f"x: [{'1,' * 100_001}]\n"))),
    Mutation("an unknown key", "NC-S001", _set(_group, "colour", to="blue")),
    Mutation("a missing key", "NC-S002", _drop(_blueprint, "stage")),
    Mutation("text for a number", "NC-S003", _set(_hardware, "vcpus", to="four")),
    Mutation("a wrong choice", "NC-S004", _set(_blueprint, "stage", to="public")),
    Mutation("a negative price", "NC-S004", _set(_hardware, "price_usd_per_hour", "standard", to=-1)),
    Mutation("a stray file", "NC-R001", _move(_user, lambda path: path.replace(".yaml", ".yml"))),
    Mutation("another name", "NC-R003", _set(_group, "name", to="elsewhere")),
    Mutation("an unknown maintainer", "NC-B001", _set(_blueprint, "maintainers", to=["nobody"])),
    Mutation("an unknown environment", "NC-B002", _set(_blueprint, "steps", 0, "iae", to="missing")),
    Mutation("unknown hardware", "NC-B003", _set(_blueprint, "steps", 0, "hardware", to={"default": "zx81", "allowed": ["zx81"]})),
    Mutation("a default that is not allowed", "NC-B004", _set(_blueprint, "steps", 0, "hardware", "default", to="zx81")),
    Mutation("an unknown group", "NC-B005", _set(_blueprint, "groups", to=["nobodies"])),
    Mutation("an unknown protocol", "NC-B006", _set(_blueprint, "protocol", to="sideways")),
    Mutation("a step twice", "NC-B007", _set(_blueprint, "steps", to=lambda steps: [*steps, steps[0]])),
    Mutation("an output twice", "NC-B008", _set(_blueprint, "outputs", to=lambda rules: [*rules, rules[0]])),
    Mutation("no JSON Schema", "NC-B009", _set(_blueprint, "parameters", "properties", "new", to={"type": "int"})),
    Mutation("a pattern that takes for ever", "NC-B009", _set(_blueprint, "parameters", "properties", "new", to={"type": "string", "pattern": "^(a+)+$"})),
    Mutation("a default that does not fit", "NC-B010", _set(_blueprint, "parameters", "properties", "new", to={"type": "integer", "default": "x"})),
    Mutation("more memory than there is", "NC-B011", _set(_blueprint, "steps", 0, "limits", "memory", to="900GB")),
    Mutation("a published version changed", "NC-B014", _set(_blueprint, "title", to="Another title"), against=True),
    Mutation("no lock", "NC-I001", _remove(_lock, _iae)),
    Mutation("a wheel without its digest", "NC-I002", _requirements),
    Mutation("sources that changed", "NC-I003", _set(_lock, "recipe", to=_OTHER)),
    Mutation("no such program", "NC-I004", _set(_iae, "entrypoint", 2, to="/iae/missing.py")),
    Mutation("no sample", "NC-I006", _set(_iae, "sample", to="nowhere")),
    Mutation("a group without its member", "NC-U001", _found_in(_group, _set(_user, "groups", to=[]))),
    Mutation("an unknown member", "NC-U001", _set(_group, "members", to=lambda who: [*who, "nobody"])),
    Mutation("a forge id twice", "NC-U002", _same_forge_id),
    Mutation("a group with an unknown blueprint", "NC-U003", _set(_group, "blueprints", to=["missing"])),
    Mutation("a job of another user", "NC-J001", _set(_job, "user", to="nobody")),
    Mutation("a job in no month", "NC-J002", _move(_job, lambda path: path.replace("-11/", "-13/").replace("-01/", "-00/"))),
    Mutation("a job of nobody", "NC-J003", _stranger),
    Mutation("an unpublished version", "NC-J004", _set(_job, "blueprint", to=lambda text: text.partition("@")[0] + "@9.9.9")),
    Mutation("hardware that is not allowed", "NC-J006", _set(_job, "hardware", to={"step-0": "zx81"})),
    Mutation("a dataset twice", "NC-J007", _set(_job, "datasets", to=lambda data: [*data, data[0]])),
    Mutation("a dataset of another kind", "NC-J008", _set(_job, "datasets", 0, "uri", to="store:mouse.exe")),
    Mutation("an unknown parameter", "NC-J009", _set(_job, "parameters", to={"colour": 1})),
    Mutation("a run that lasts too long", "NC-J010", _set(_job, "max_runtime", to="900d")),
    Mutation("a retry of nothing", "NC-J011", _set(_job, "retry_of", to="ada/2020-01/none")),
    Mutation("a merged job changed", "NC-C001", _set(_job, "datasets", 0, "size", to=77), against=True),
    Mutation("a merged job removed", "NC-C001", _remove(_job, _job), against=True),
)  # fmt: skip
