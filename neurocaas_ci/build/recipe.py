"""The sources of an IAE and their digest, read through a tree and nothing else.

What is no source: `iae.lock` (it holds the digest), `README.md` and everything below `sample/` (no byte
of them enters the image, so better words or a better example need no new version), and what editors
and interpreters leave behind (names that start with a dot, `__pycache__`, `*.pyc`).
"""

from __future__ import annotations

from dataclasses import dataclass

from neurocaas_ci.build.constants import BUILDER, EPOCH
from neurocaas_ci.errors import BuildError
from neurocaas_ci.model.digest import Sha256, canonical_json, sha256_bytes
from neurocaas_ci.registry.tree import EXECUTABLE, REGULAR, Tree

_CODE_PREFIX = "workflow."
_BESIDE = frozenset({"iae.lock", "README.md"})


@dataclass(frozen=True, slots=True)
class Source:
    """One source file; `path` is relative to `iae/<name>/`."""

    path: str
    executable: bool
    content: bytes

    @property
    def is_code(self) -> bool:
        """Tell whether the file becomes part of the image, below /iae."""
        return self.path.startswith("src/") or (
            "/" not in self.path and self.path.startswith(_CODE_PREFIX)
        )


def sources(tree: Tree, name: str) -> tuple[Source, ...]:
    """Return the sources of the IAE, sorted by path.

    Raise BuildError when there are none, or when one of them is not a regular file.
    """
    folder = f"iae/{name}/"
    found = []
    for entry in tree.entries(folder.rstrip("/")):
        path = entry.path.removeprefix(folder)
        if not _is_source(path):
            continue
        if entry.mode not in (REGULAR, EXECUTABLE):
            raise BuildError(
                "the sources of an IAE are regular files, not links or submodules",
                where=entry.path,
                hint="put a copy of the file here",
            )
        content = tree.read(entry.path)
        if content is None:
            raise BuildError("the file went away while it was read", where=entry.path)
        found.append(Source(path, entry.mode == EXECUTABLE, content))
    if not found:
        raise BuildError(
            f"there is no IAE named {name!r}",
            where=folder,
            hint="check the name, or make one: neurocaas init blueprint NAME",
        )
    return tuple(sorted(found, key=lambda source: source.path.encode()))


def recipe(tree: Tree, name: str) -> Sha256:
    """Return the recipe digest: the same sources, built by the same rules, give the same image."""
    return recipe_of(sources(tree, name))


def recipe_of(files: tuple[Source, ...]) -> Sha256:
    """Return the recipe digest of sources already read."""
    return sha256_bytes(
        canonical_json(
            {
                "builder": BUILDER,
                "epoch": EPOCH,
                "files": [
                    [f.path, "755" if f.executable else "644", sha256_bytes(f.content)]
                    for f in files
                ],
            }
        )
    )


def _is_source(path: str) -> bool:
    parts = path.split("/")
    if path in _BESIDE or parts[0] == "sample" or path.endswith(".pyc"):
        return False
    return not any(part.startswith(".") or part == "__pycache__" for part in parts)
