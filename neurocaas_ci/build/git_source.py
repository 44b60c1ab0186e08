"""Fetch one commit of a git repository and write its tree as the one canonical archive.

Objects are read as they are: no checkout, no attributes, no filters, no hooks, no submodules. Which
mirror or proxy is asked, and with which credentials, is git's own configuration of this machine
(`url.<base>.insteadOf`).
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from neurocaas_ci.build.entries import Entry, clean_path, file_entry, link_entry, with_parents
from neurocaas_ci.build.spool import Spool
from neurocaas_ci.build.tar import write_tar
from neurocaas_ci.errors import BackendUnavailableError, BuildError
from neurocaas_ci.model.registry import SourcePackage
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.registry.plumbing import COMMAND, git_environment
from neurocaas_ci.registry.tree import EXECUTABLE, REGULAR, SYMLINK

_SECONDS = 1800
_MOST_BYTES = 2 << 30
_QUIET = (
    *(
        "-c",
        "protocol.version=2",
        "-c",
        "protocol.ext.allow=never",
        "-c",
        "core.hooksPath=/dev/null",
    ),
    *("-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=60", "-c", "gc.auto=0"),
)
_NOT_THERE = re.compile(
    r"not our ref|unadvertised object|no such remote ref|couldn't find remote ref"
)
_GONE = re.compile(
    r"does not exist|not found|does not appear to be a git repository|Authentication|terminal prompts"
)


def write_archive(source: SourcePackage, workspace: Path, write: Callable[[bytes], object]) -> None:
    """Fetch the commit and write its files as a tar stream that follows from them alone.

    Raise BuildError when the repository has no such commit, or when it holds what an archive
    cannot; BackendUnavailableError when it cannot be reached.
    """
    repository = workspace / "repository"
    _run(["init", "--bare", "--quiet", str(repository)], source)
    _fetch(repository, source)
    if _try(repository, ["cat-file", "-e", f"{source.commit}^{{commit}}"]) is not None:
        raise BuildError(
            f"the repository has no commit {source.commit}",
            where=_where(source),
            hint="check the id (git rev-parse NAME^{commit}); a commit that was rewritten is gone",
        )
    with GitTree(repository, source.commit) as tree, Spool(workspace) as spool:
        if tree.commit != source.commit:
            raise BuildError(
                "git knows this id as that of another object",
                where=_where(source),
                hint="name the commit itself, not a tag: git rev-parse NAME^{commit}",
            )
        entries: dict[str, Entry] = {}
        left = _MOST_BYTES
        for item in tree.entries():
            found = tree.objects.object(item.blob) if item.mode in _KEPT else None
            if found is None:
                raise BuildError(
                    f"{item.path} is a submodule, or missing from the repository",
                    where=_where(source),
                    hint="name the submodule's repository as a source of its own",
                )
            left -= len(found[1])
            if left < 0:
                raise BuildError(
                    f"the commit holds more than {_MOST_BYTES:,} bytes",
                    where=_where(source),
                    hint="name a repository or a commit without large files, or an sdist of the index",
                )
            place = clean_path(item.path, _where(source))
            if item.mode == SYMLINK:
                entries[place] = link_entry(found[1].decode("utf-8", "surrogateescape"))
            else:
                entries[place] = file_entry(
                    spool.add_bytes(found[1]), executable=item.mode == EXECUTABLE
                )
        write_tar(with_parents(entries), spool.file, write)


_KEPT = {REGULAR, EXECUTABLE, SYMLINK}


def _fetch(repository: Path, source: SourcePackage) -> None:
    quiet = ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head")
    alone = _try(repository, [*quiet, "--depth", "1", source.git, source.commit])
    if alone is None:
        return
    if not _NOT_THERE.search(alone):
        raise _failed(alone, source)
    # A server may refuse to give what no branch points at: then the branches, with their history.
    branches = "+refs/heads/*:refs/heads/*"
    failure = _try(repository, [*quiet, source.git, branches, "+refs/tags/*:refs/tags/*"])
    if failure is not None:
        raise _failed(failure, source)


def _try(repository: Path, arguments: Sequence[str]) -> str | None:
    """Run git; return what it said when it failed, else None."""
    try:
        done = subprocess.run(
            [*COMMAND, *_QUIET, "-C", str(repository), *arguments],
            capture_output=True,
            check=False,
            env=git_environment(),
            stdin=subprocess.DEVNULL,
            timeout=_SECONDS,
        )
    except FileNotFoundError:
        return "git is not installed"
    except subprocess.TimeoutExpired:
        return f"it took more than {_SECONDS} s"
    return (
        done.stderr.decode("utf-8", "replace").strip() or "git failed" if done.returncode else None
    )


def _run(arguments: Sequence[str], source: SourcePackage) -> None:
    failure = _try(Path("/"), arguments)
    if failure is not None:
        raise _failed(failure, source)


def _failed(reason: str, source: SourcePackage) -> Exception:
    reason = re.sub(r"(https?://)[^/\s@]+@", r"\1", reason)
    if _GONE.search(reason):
        return BuildError(
            f"git cannot read the repository: {reason}",
            where=_where(source),
            hint="check the address in iae.yaml; only public repositories can be rebuilt by others",
        )
    return BackendUnavailableError(
        f"the repository cannot be reached: {reason}",
        where=_where(source),
        hint="check the network; git's url.<base>.insteadOf names a mirror",
    )


def _where(source: SourcePackage) -> str:
    return f"{source.git} {source.commit[:12]}"
