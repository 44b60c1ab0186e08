"""Which files a rule looks at: those of the change, or all of them; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.registry.changes import Change
from neurocaas_ci.registry.tree import TreeEntry
from neurocaas_ci.validate.context import Context


def looks_at_all(context: Context) -> bool:
    """Tell whether everything is judged; otherwise only what the change touches."""
    return context.changes is None or context.scope.everything


def files(context: Context, *folders: str) -> Iterator[TreeEntry]:
    """Yield the judged files at or below the folders, whatever kind of file they are."""
    if looks_at_all(context):
        for folder in folders:
            yield from context.head.tree.entries(folder)
        return
    for change in context.changes or ():
        if change.status != "deleted" and _below(change.path, folders):
            yield TreeEntry(change.path, change.mode, change.blob)


def removed(context: Context, *folders: str) -> Iterator[tuple[str, Change]]:
    """Yield the paths below the folders that hold no file any more: deleted, or renamed."""
    for change in context.changes or ():
        gone = {"deleted": change.path, "renamed": change.old_path}.get(change.status)
        if gone is not None and _below(gone, folders):
            yield gone, change


def added(context: Context, *folders: str) -> Iterator[Change]:
    """Yield the changes that put a file below the folders where there was none."""
    for change in context.changes or ():
        if change.status in {"added", "renamed"} and _below(change.path, folders):
            yield change


def stem(path: str) -> str:
    """Return the name that a file of the registry gives to what it describes."""
    return path.rpartition("/")[2].removesuffix(".yaml")


def _below(path: str, folders: tuple[str, ...]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def touches(context: Context, *folders: str) -> bool:
    """Tell whether anything at or below the folders is judged, or was removed."""
    return looks_at_all(context) or any(
        _below(path, folders)
        for change in context.changes or ()
        for path in (change.path, change.old_path)
        if path is not None
    )
