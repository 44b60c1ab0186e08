"""The folder where this machine keeps contents, state and environments."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from neurocaas_ci.errors import UsageError
from neurocaas_ci.patterns import late

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from neurocaas_ci.run.live_logs import LiveLogs
    from neurocaas_ci.stores.directory import DirectoryBlobs, DirectoryState
    from neurocaas_ci.stores.interface import BlobStore
    from neurocaas_ci.stores.s3_blobs import S3Blobs
    from neurocaas_ci.stores.s3_cell import S3Cell
    from neurocaas_ci.stores.s3_state import S3State

# The pattern of the group schema.
_GROUP = late(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_CELL = late(r"[0-9a-f]{20}")
_ENVIRONMENTS = "environments"


def default_home() -> Path:
    """Return `$NEUROCAAS_HOME`, or `neurocaas` in the user's data folder (XDG base directories)."""
    if home := os.environ.get("NEUROCAAS_HOME"):
        return Path(home).absolute()
    data = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(data).absolute() / "neurocaas"


def default_cache() -> Path | None:
    """Return `$NEUROCAAS_CACHE`, where packages and images are kept when not below the home."""
    cache = os.environ.get("NEUROCAAS_CACHE")
    return Path(cache).absolute() if cache else None


def default_store() -> tuple[str | None, str | None]:
    """Return the address of a store that is not below the home, and the group whose part it is.

    They are `$NEUROCAAS_STORE` and `$NEUROCAAS_GROUP`; with a group, the address is that of its own
    part, below which nothing of another group is. Raise UsageError for what is no group's name.
    """
    store = os.environ.get("NEUROCAAS_STORE", "").rstrip("/")
    group = os.environ.get("NEUROCAAS_GROUP", "")
    if not store or not group:
        return store or None, None
    if not _GROUP.fullmatch(group):
        raise UsageError(
            f"{group!r} is not the name of a group",
            where="NEUROCAAS_GROUP",
            hint="name one of registry/groups, or unset it",
        )
    return _group_store(store, group), group


def _group_store(store: str, group: str) -> str:
    """Return the address of a group's own part of a store."""
    return f"{store}/groups/{group}"


def default_cell() -> str | None:
    """Return `$NEUROCAAS_CELL`, the cell of the job whose worker this process is, if it is one."""
    cell = os.environ.get("NEUROCAAS_CELL", "")
    if cell and not _CELL.fullmatch(cell):
        raise UsageError(
            f"{cell!r} is not the name of a cell",
            where="NEUROCAAS_CELL",
            hint="the executor sets it for a worker; unset it elsewhere",
        )
    return cell or None


class Home:
    """Adapters for everything below one home folder; the cache may be shared between homes.

    Contents and state are in `store` (`s3://bucket/prefix`), if there is one; attempts, environments
    and logs that are being written are always on this machine. With a `group` it is the store of
    that group alone, and so are the jobs. In the worker of a confined job `cell` is where contents
    are, because it reaches no others.
    """

    def __init__(
        self,
        root: Path,
        shared_cache: Path | None = None,
        store: str | None = None,
        group: str | None = None,
        cell: str | None = None,
    ) -> None:
        self.root = root
        self.shared_cache = shared_cache
        self.store = store
        self.group = group
        self.cell = cell

    def of_group(self, group: str | None) -> Home:
        """Return this home with a group's own part of the store, where groups have one each.

        A home that is for one group, or has no store elsewhere, stays what it is.
        """
        if self.store is None or self.group is not None or group is None:
            return self
        return Home(self.root, self.shared_cache, _group_store(self.store, group), group, self.cell)

    @cached_property
    def blobs(self) -> DirectoryBlobs | S3Blobs:
        """Return the blob store."""
        if self.store is None:
            return self.local_blobs
        from neurocaas_ci.stores.s3_blobs import S3Blobs
        from neurocaas_ci.stores.s3_client import parse_place

        if self.cell is not None:
            return self._cell(self.cell).contents
        return S3Blobs(*parse_place(self.store), self._client, spool=self.scratch)

    @cached_property
    def environments(self) -> DirectoryBlobs | S3Blobs:
        """Return where the images are that machines without any fetch; they are nobody's data."""
        if self.store is None:
            return self.local_blobs
        from neurocaas_ci.stores.s3_blobs import S3Blobs
        from neurocaas_ci.stores.s3_client import parse_place

        place = parse_place(self.store)
        return S3Blobs(*place, self._client, spool=self.scratch, folder=_ENVIRONMENTS)

    def cell_of(self, job: str) -> S3Cell | None:
        """Return the part of the store that the workers of a job reach; None in a folder."""
        if self.store is None:
            return None
        from neurocaas_ci.stores.s3_cell import cell_id

        return self._cell(cell_id(job))

    def contents_of(self, job: str) -> BlobStore:
        """Return the blob store, with what the workers of a job have left in its cell."""
        cell = self.cell_of(job)
        if cell is None or self.cell is not None:
            return self.blobs
        from neurocaas_ci.stores.s3_cell import JobBlobs

        return JobBlobs(cell)

    def _cell(self, name: str) -> S3Cell:
        from neurocaas_ci.stores.s3_blobs import S3Blobs
        from neurocaas_ci.stores.s3_cell import FOLDER, S3Cell, cell_place
        from neurocaas_ci.stores.s3_client import parse_place

        assert self.store is not None  # noqa: S101 - the callers looked
        store, client = parse_place(self.store), self._client
        place = cell_place(store, name)
        main = S3Blobs(*store, client, spool=self.scratch)
        inside = S3Blobs(*place, client, spool=self.scratch, folder=FOLDER)
        return S3Cell(place, client, main, inside)

    @cached_property
    def local_blobs(self) -> DirectoryBlobs:
        """Return the blob store in this folder, wherever the contents of jobs are."""
        # Most commands ask only where the folders are.
        from neurocaas_ci.stores.directory import DirectoryBlobs

        return DirectoryBlobs(self.root / "store")

    @cached_property
    def state(self) -> DirectoryState | S3State:
        """Return the state store."""
        if self.store is None:
            from neurocaas_ci.stores.directory import DirectoryState

            return DirectoryState(self.root / "store")
        from neurocaas_ci.stores.s3_client import parse_place
        from neurocaas_ci.stores.s3_state import S3State

        return S3State(*parse_place(self.store), self._client)

    @cached_property
    def logs(self) -> LiveLogs:
        """Return where the logs of runs are while they grow."""
        from neurocaas_ci.run.live_logs import FolderLogs, UploadedLogs
        from neurocaas_ci.stores.directory import DirectoryState

        state = self.state
        if isinstance(state, DirectoryState):
            return FolderLogs(state)
        return UploadedLogs(self.root / "store" / "logs", state)

    @cached_property
    def _client(self) -> S3Client:
        from neurocaas_ci.stores.s3_client import make_client

        return make_client()

    @cached_property
    def scratch(self) -> Path:
        """Return the folder of attempts, on the file system of the store."""
        folder = self.root / "store" / "scratch"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def cache(self) -> Path:
        """Return the folder of downloaded packages, images and unpacked roots."""
        return self.shared_cache or self.root / "cache"
