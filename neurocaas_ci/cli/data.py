"""`neurocaas data`: datasets in this machine's store."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import click

from neurocaas_ci.cli.common import human_size, on_terminal, open_home, say
from neurocaas_ci.cli.orphans import orphans
from neurocaas_ci.errors import UsageError
from neurocaas_ci.model.digest import parse_sha256
from neurocaas_ci.run.home import Home
from neurocaas_ci.stores.interface import Blob
from neurocaas_ci.stores.names import NamedBlob, all_names, check_name, forget, look_up, remember

_LARGE = 64 << 20


@click.group("data", short_help="Put, list and remove datasets in the store.")
def command() -> None:
    """Keep datasets in this machine's store, where jobs find them by digest."""


command.add_command(orphans)


@command.command("put")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--name", help="The name to store one file under (default: its file name).")
@click.option("--replace", is_flag=True, help="Let an existing name mean the new content.")
@click.option(
    "--grant",
    type=click.Path(path_type=Path),
    help="Send one file by what `data grant` made; needs no account.",
)
def put(files: tuple[Path, ...], name: str | None, grant: Path | None, *, replace: bool) -> None:
    """Copy FILES into the store and print a `uri sha256 size` line for each.

    Jobs that name an older content of the same name keep it: the digest is the identity.
    """
    if grant is not None:
        if name is not None or replace or len(files) > 1:
            raise UsageError(
                "--grant goes with one file and nothing else",
                hint="`neurocaas data put FILE --grant GRANT`, once for each grant",
            )
        entry = _put_granted(files[0], grant)
        click.echo(f"store:{entry.name} {entry.sha256} {entry.size}")
        return
    if name is not None and len(files) > 1:
        raise UsageError("--name goes with one file", hint="put the files one by one")
    home = open_home()
    for file in files:
        entry = store_file(home, file, name, replace=replace)
        click.echo(f"store:{entry.name} {entry.sha256} {entry.size}")


def store_file(home: Home, file: Path, name: str | None, *, replace: bool) -> NamedBlob:
    """Put a file into the store under a name; raise UsageError when the name means other content."""
    label = check_name(name or file.name)
    with _open_regular(file) as stream:
        size = os.fstat(stream.fileno()).st_size
        source = _Metered(stream, size, label) if size > _LARGE else stream
        blob = home.blobs.put(source)
    return _name(home, label, blob, replace=replace, where=str(file))


def _name(home: Home, label: str, blob: Blob, *, replace: bool, where: str = "") -> NamedBlob:
    known = look_up(home.state, label)
    if known is not None and known.sha256 != blob.sha256 and not replace:
        raise UsageError(
            f"store:{label} already names other content (sha256 {known.sha256[:12]}…)",
            where=where,
            hint="choose another name, or say --replace: `neurocaas data put --help`",
        )
    return remember(home.state, label, blob)


@command.command("grant")
@click.argument("name")
@click.option("--sha256", required=True, help="The digest of the file, as `sha256sum` says it.")
@click.option("--size", required=True, type=click.IntRange(min=1), help="Its size in bytes.")
@click.option("--hours", type=click.IntRange(1, 168), default=24, show_default=True)
@click.option("--replace", is_flag=True, help="Let an existing name mean the new content.")
def grant(name: str, sha256: str, size: int, hours: int, *, replace: bool) -> None:
    """Let somebody without an account store one file as NAME; print what they need, as JSON.

    Only for a store on S3. The grant takes this very content, once, and is a secret while it lasts:
    at most as long as your own credentials. The other side says
    `neurocaas data put FILE --grant FILE.json`.
    """
    from neurocaas_ci.stores.directory import DirectoryBlobs
    from neurocaas_ci.stores.grants import LARGEST, Grant

    home = open_home()
    blobs = home.blobs
    if isinstance(blobs, DirectoryBlobs):
        raise UsageError(
            "the store is a folder of this machine, which cannot be reached from outside",
            hint="grants are for a store on S3: NEUROCAAS_STORE=s3://BUCKET/PREFIX",
        )
    if size > LARGEST:
        raise UsageError(
            f"a grant carries at most {LARGEST:,} bytes",
            where=name,
            hint="somebody with access to the store puts larger files: `neurocaas data put`",
        )
    try:
        blob = Blob(parse_sha256(sha256), size)
    except ValueError as error:
        raise UsageError(
            f"not a sha256: {sha256!r}", where=name, hint="`sha256sum FILE` prints it"
        ) from error
    expires = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=hours)
    url, headers = blobs.presign(blob, hours * 3600)
    _name(home, check_name(name), blob, replace=replace)
    made = Grant(name, blob.sha256, size, url, headers, expires.isoformat())
    click.echo(made.encode(), nl=False)


@command.command("ls")
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text")
def ls(style: str) -> None:
    """List the named datasets."""
    entries = all_names(open_home().state)
    if style == "json":
        rows = [{"uri": f"store:{e.name}", "sha256": e.sha256, "size": e.size} for e in entries]
        click.echo(json.dumps({"schema": "neurocaas/datasets/v1", "datasets": rows}, indent=2))
        return
    width = max((len(entry.name) for entry in entries), default=0)
    for entry in entries:
        click.echo(f"store:{entry.name.ljust(width)}  {human_size(entry.size):>9}  {entry.sha256}")
    if not entries:
        say("the store holds no datasets yet; `neurocaas data put FILE` adds one")


@command.command("rm")
@click.argument("names", nargs=-1, required=True)
@click.option("--content", is_flag=True, help="Also delete the bytes, if no other name needs them.")
def rm(names: tuple[str, ...], *, content: bool) -> None:
    """Forget NAMES; with --content also delete their bytes.

    Without its bytes a job on the dataset can neither run nor be replayed.
    """
    home = open_home()
    for name in names:
        label = name.removeprefix("store:")
        entry = look_up(home.state, label)
        if entry is None:
            raise UsageError(
                f"no dataset named store:{label}", hint="`neurocaas data ls` lists them"
            )
        forget(home.state, label)
        others = [e.name for e in all_names(home.state) if e.sha256 == entry.sha256]
        if content and not others:
            home.blobs.erase(entry.sha256)
        say(f"removed store:{label}{_fate(others) if content else ''}")


def _put_granted(file: Path, path: Path) -> NamedBlob:
    from neurocaas_ci.stores.grants import read_grant, use

    found = read_grant(path)
    with _open_regular(file) as stream:
        size = os.fstat(stream.fileno()).st_size
        body = _Metered(stream, size, found.name) if size > _LARGE else stream
        blob = use(found, stream, body)
    return NamedBlob(found.name, blob.sha256, blob.size)


def _fate(others: list[str]) -> str:
    return f"; its content is kept, store:{others[0]} is the same" if others else " and its content"


def _open_regular(path: Path) -> BinaryIO:
    """Open a file that can be a dataset; raise UsageError otherwise."""
    if path.is_dir() or (path.exists() and not path.is_file()):
        raise UsageError("a dataset is one regular file", where=str(path), hint="pack it first")
    try:
        stream = path.open("rb")
    except OSError as error:
        raise UsageError(f"the file cannot be read: {error.strerror}", where=str(path)) from error
    if os.fstat(stream.fileno()).st_size == 0:
        stream.close()
        raise UsageError("the file is empty", where=str(path), hint="check how it was made")
    return stream


class _Metered:
    """A stream that shows on a terminal how much of it has been read.

    A store that needs the digest before it can send anything reads it twice.
    """

    def __init__(self, stream: BinaryIO, size: int, label: str) -> None:
        self._stream, self._size, self._label = stream, size, label
        self._shown = -1
        self._hashed = False

    def read(self, count: int = -1, /) -> bytes:
        """Read on and redraw the line at each full percent."""
        chunk = self._stream.read(count)
        done = self._stream.tell()
        percent = 100 * done // self._size
        if on_terminal() and percent != self._shown:
            self._shown = percent
            # The end is read once more, and empty.
            end = "\n" if done >= self._size else ""
            what = " sending" if self._hashed else ""
            click.echo(f"\r{self._label}{what} {percent:3d} %{end}", err=True, nl=False)
        return chunk

    def seekable(self) -> bool:
        """Tell that it can be read again."""
        return True

    def tell(self) -> int:
        """Return the place in the file."""
        return self._stream.tell()

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to another place in the file."""
        self._hashed = self._stream.tell() >= self._size
        return self._stream.seek(offset, whence)
