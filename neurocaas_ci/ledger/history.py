"""Walk the first-parent history of a registry once, oldest commit first, by git's own plumbing."""

from __future__ import annotations

import subprocess
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from neurocaas_ci.errors import BackendUnavailableError
from neurocaas_ci.model.places import FOLDER
from neurocaas_ci.registry.plumbing import git_environment

_GIT = ("git", "--no-replace-objects", "-C")
_CHUNK = 1 << 16
# `--root`, `--no-…` and the like: what a person has configured must not change what is read.
_LOG = (
    "log", "--first-parent", "-m", "--sparse", "--full-history", "--reverse", "--root", "--raw",
    "-z", "--no-renames", "--no-abbrev", "--no-show-signature", "--no-color", "--no-relative",
    "--no-ext-diff", "--no-textconv", "--ignore-submodules=none", "--format=tformat:%H %ct %P",
)  # fmt: skip
_PLACES = ("registry", FOLDER)
_LATEST = 253_402_300_799


class Touched(NamedTuple):
    """A file that a commit added, changed or removed; a mode of zeros is no file."""

    path: str
    old_mode: str
    mode: str
    blob: str

    @property
    def added(self) -> bool:
        """Tell whether there was no such file before."""
        return not self.old_mode.strip("0")


class Commit(NamedTuple):
    """A commit of the history: its first parent, its time (seconds since 1970), what it touched.

    Only files of the registry and certificates are listed.
    """

    id: str
    parent: str | None
    time: int
    touched: tuple[Touched, ...]


def walk(repo: Path, tip: str, since: str | None = None) -> Generator[Commit]:
    """Yield the first-parent history of `tip`, from after `since` or from the first commit.

    Raise BackendUnavailableError when git cannot read all of it.
    """
    revisions = [tip] if since is None else [tip, f"^{since}"]
    process = subprocess.Popen(
        [*_GIT, str(repo), *_LOG, *revisions, "--", *_PLACES],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=git_environment(),
    )
    try:
        if process.stdout is not None:
            yield from _commits(_fields(process.stdout))
        if process.wait():
            raise BackendUnavailableError(
                "git cannot read the history of the registry to its beginning",
                where=f"{repo} at {tip}",
                hint="`git fsck` finds damage, `git fetch --unshallow` brings what was left out",
            )
    finally:
        process.kill()
        if process.stdout is not None:
            process.stdout.close()
        process.wait()


def first_parents(repo: Path, tip: str) -> Generator[str]:
    """Yield the ids of the first-parent history of `tip`, newest first, as git finds them."""
    process = subprocess.Popen(
        [*_GIT, str(repo), "rev-list", "--first-parent", tip],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=git_environment(),
        text=True,
    )
    try:
        for line in process.stdout or ():
            yield line.rstrip("\n")
    finally:
        process.kill()
        if process.stdout is not None:
            process.stdout.close()
        process.wait()


def _fields(stream: IO[bytes]) -> Iterator[str]:
    rest = b""
    while chunk := stream.read(_CHUNK):
        *whole, rest = (rest + chunk).split(b"\0")
        for field in whole:
            yield field.decode("utf-8", "backslashreplace")


def _commits(fields: Iterator[str]) -> Iterator[Commit]:
    """Group fields: `<id> <time> <parents>`, then `:<modes> <blobs> <letter>` and path in turn."""
    head: list[str] = []
    touched: list[Touched] = []
    for field in fields:
        text = field.removeprefix("\n")
        if text.startswith(":"):
            old_mode, mode, _, blob, _ = text[1:].split(" ")
            touched.append(Touched(next(fields), old_mode, mode, blob))
            continue
        if head:
            yield _commit(head, touched)
        head, touched = text.split(" "), []
    if head:
        yield _commit(head, touched)


def _commit(head: list[str], touched: list[Touched]) -> Commit:
    # A time beyond the calendar is anybody's to write into a commit.
    time = min(int(head[1] or 0), _LATEST)
    return Commit(head[0], head[2] or None, time, tuple(touched))
