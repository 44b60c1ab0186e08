"""Apply the repairs of findings to files in memory, and judge again; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from neurocaas_ci.model.finding import Finding, Rename, Repair, Replace, Unexecutable
from neurocaas_ci.registry.decode import MAX_BYTES
from neurocaas_ci.registry.overlay import File, OverlayTree
from neurocaas_ci.registry.source import Source
from neurocaas_ci.registry.tree import EXECUTABLE, REGULAR, Tree, parts_of

_MAX_ROUNDS = 10
_PLACES = ("registry/", "iae/", "certificates/")

Judge = Callable[[Tree], Sequence[Finding]]


@dataclass(frozen=True, slots=True)
class Repaired:
    """The files that repairs change (None: no longer there), what is left, and how much was done.

    `renamed` names the new path of every file that was given another one; `originals` holds the
    content that the repairs were made from.
    """

    files: Mapping[str, File | None]
    renamed: Mapping[str, str]
    originals: Mapping[str, bytes]
    findings: tuple[Finding, ...]
    repairs: int


def repair_all(tree: Tree, judge: Judge) -> Repaired:
    """Repair what `judge` finds, and judge again, until nothing more can be repaired.

    One repair can show what it had hidden, so there are several rounds (10 at most). `tree` is only
    read. Nothing outside of the registry's folders is repaired.
    """
    files: dict[str, File | None] = {}
    renamed: dict[str, str] = {}
    originals: dict[str, bytes] = {}
    done = 0
    findings = tuple(judge(tree))
    for _ in range(_MAX_ROUNDS):
        made = _round(OverlayTree(tree, files), findings, files, renamed, originals)
        if not made:
            break
        done += made
        findings = tuple(judge(OverlayTree(tree, files)))
    return Repaired(files, renamed, originals, findings, done)


def _round(
    tree: Tree,
    findings: Sequence[Finding],
    files: dict[str, File | None],
    renamed: dict[str, str],
    originals: dict[str, bytes],
) -> int:
    """Make the repairs of one round in `files`; return how many of them were made."""
    made = 0
    for path, repairs in by_file(findings).items():
        content = tree.read(path, MAX_BYTES)
        entry = next((e for e in tree.entries(path) if e.path == path), None)
        if content is None or entry is None or len(content) > MAX_BYTES or not _is_ours(path):
            continue
        texts = [repair for repair in repairs if isinstance(repair, Replace)]
        fresh, count = replaced(content, texts)
        mode = entry.mode
        if Unexecutable(path) in repairs and mode == EXECUTABLE:
            mode, count = REGULAR, count + 1
        target = next((r.to for r in repairs if isinstance(r, Rename)), path)
        if target != path and _is_ours(target) and tree.read(target, 0) is None:
            files[path] = None
            renamed[path] = target
            count += 1
        else:
            target = path
        if count:
            originals.setdefault(path, content)
            files[target] = File(fresh, mode)
            made += count
    return made


def _is_ours(path: str) -> bool:
    return path.startswith(_PLACES) and parts_of(path) is not None


def by_file(findings: Iterable[Finding]) -> dict[str, list[Repair]]:
    """Return the repairs of all findings by file, each once."""
    found: dict[str, list[Repair]] = {}
    for repair in (finding.repair for finding in findings):
        if repair is not None and repair not in found.setdefault(repair.path, []):
            found[repair.path].append(repair)
    return found


def replaced(content: bytes, repairs: Sequence[Replace]) -> tuple[bytes, int]:
    """Return a file with everything replaced that stands where it should, and how much that was.

    What does not stand there verbatim is left, and of two replacements that overlap only the first
    one is made: the next round asks for the other again, if it is still needed. Bytes that are not
    UTF-8 are returned as they are.
    """
    try:
        source = Source(content.decode("utf-8"))
    except UnicodeDecodeError:
        return content, 0
    edits: list[tuple[int, int, str]] = []
    end = 0
    for start, old, new in sorted(_fitting(source, repairs)):
        if start >= end:
            end = start + len(old)
            edits.append((start, end, new))
    text = source.text
    # From the end to the start: what is still to be replaced keeps its place.
    for start, stop, new in reversed(edits):
        text = text[:start] + new + text[stop:]
    return (source.mark + text).encode("utf-8"), len(edits)


def _fitting(source: Source, repairs: Sequence[Replace]) -> Iterator[tuple[int, str, str]]:
    for repair in repairs:
        newline = source.line_break(repair.line)
        old, new = (text.replace("\n", newline) for text in (repair.old, repair.new))
        index = source.offset(repair.line, repair.column)
        if index is not None and old and source.text.startswith(old, index):
            yield index, old, new
