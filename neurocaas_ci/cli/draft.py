"""A file that is in no commit yet, judged as if it were proposed."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from neurocaas_ci.cli.balances import balances_at
from neurocaas_ci.model.actor import Actor
from neurocaas_ci.model.finding import Finding
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.changes import Change
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.registry.overlay import File, OverlayTree
from neurocaas_ci.registry.tree import REGULAR, blob_id
from neurocaas_ci.validate.engine import judge
from neurocaas_ci.validate.gate import history


@dataclass(frozen=True, slots=True)
class Judged:
    """The registry with the draft in it, and what is wrong then that was not before."""

    registry: Registry
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> list[Finding]:
        """Return what speaks against the draft."""
        return [finding for finding in self.findings if finding.severity == "error"]


def judge_draft(
    repo: Path,
    head: GitTree,
    path: str,
    content: bytes,
    *,
    old: bytes | None = None,
    author: Actor | None = None,
) -> Judged:
    """Judge one file on top of a commit as the gate would; `old` is what it holds there."""
    registry = Registry(OverlayTree(head, {path: File(content, REGULAR)}))
    change = Change(path, "added", "000000", REGULAR, "0" * 40, blob_id(content))
    if old is not None:
        change = Change(path, "modified", REGULAR, REGULAR, blob_id(old), blob_id(content))
    with ExitStack() as stack:
        findings = judge(
            Registry(head),
            registry,
            [change],
            published=history(head),
            author=author,
            balance_of=balances_at(stack, repo, head.commit, head.objects),
        )
    return Judged(registry, findings)
