"""The description of an IAE, read through the registry's loader."""

from __future__ import annotations

from neurocaas_ci.errors import BuildError, FindingsError
from neurocaas_ci.model.finding import Finding
from neurocaas_ci.model.registry import Iae, IaeLock
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.tree import Tree


def load_iae(tree: Tree, name: str) -> Iae:
    """Return the IAE; raise FindingsError with every problem of iae.yaml, with its place."""
    if tree.read(f"iae/{name}/iae.yaml", 0) is None:
        raise BuildError(
            f"there is no IAE named {name!r}",
            where=f"iae/{name}/iae.yaml",
            hint="check the name, or make one: neurocaas init blueprint NAME",
        )
    loaded = Registry(tree).iae(name)
    if loaded.value is None:
        raise _invalid(f"iae/{name}/iae.yaml", loaded.findings)
    return loaded.value


def has_sources(tree: Tree, name: str) -> bool:
    """Tell whether the IAE builds packages from source; False for one that cannot be read."""
    value = Registry(tree).iae(name).value
    return value is not None and value.sources is not None


def load_lock(tree: Tree, name: str) -> IaeLock | None:
    """Return what iae.lock pins, or None without one; raise FindingsError when it is not valid."""
    loaded = Registry(tree).iae_lock(name)
    if loaded.value is None and loaded.exists:
        raise _invalid(f"iae/{name}/iae.lock", loaded.findings)
    return loaded.value


def _invalid(where: str, findings: tuple[Finding, ...]) -> FindingsError:
    problems = "\n".join(f"  {f.location}: {f.message} ({f.fix})" for f in findings)
    return FindingsError(f"the file is not valid\n{problems}", where=where)
