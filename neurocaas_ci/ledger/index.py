"""The books in an SQLite file: derived from git, only ever appended to, thrown away when in doubt.

Every row carries a checksum of itself, so that a damaged file is noticed and never believed.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from neurocaas_ci import __version__
from neurocaas_ci.ledger.rows import CommitRow, EndRow, EntryRow, JobRow, VersionRow
from neurocaas_ci.model.ledger import Account

# What is derived depends on this program as much as on git, so each version has books of its own.
_FORMAT = zlib.crc32(f"2 {__version__}".encode()) & 0x7FFFFFFF
_APPLICATION = 0x4E434C47
_WAIT_SECONDS = 60.0
_PAGE = 500
_SCHEMA = f"""
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_FORMAT};
CREATE TABLE commits (position INTEGER PRIMARY KEY, id TEXT UNIQUE, time INTEGER, seal INTEGER);
CREATE TABLE accounts (kind TEXT, name TEXT, position INTEGER, seal INTEGER,
    PRIMARY KEY (kind, name)) WITHOUT ROWID;
CREATE TABLE entries (kind TEXT, name TEXT, position INTEGER, number INTEGER, what TEXT, job TEXT,
    reserved INTEGER, charged INTEGER, refunded INTEGER, cap INTEGER, spent INTEGER, held INTEGER,
    note TEXT, seal INTEGER, PRIMARY KEY (kind, name, position, number)) WITHOUT ROWID;
CREATE TABLE jobs (job TEXT PRIMARY KEY, position INTEGER, maximum INTEGER, accounts TEXT,
    short TEXT, reason TEXT, seal INTEGER) WITHOUT ROWID;
CREATE TABLE ends (job TEXT PRIMARY KEY, position INTEGER, used INTEGER, seal INTEGER)
    WITHOUT ROWID;
CREATE TABLE versions (name TEXT, version TEXT, position INTEGER, blob TEXT, seal INTEGER,
    PRIMARY KEY (name, version)) WITHOUT ROWID;
"""
_TABLES = ("commits", "accounts", "entries", "jobs", "ends", "versions")


# Codes of SQLite that say nothing about the content: busy, read-only, no space and the like.
_ELSEWHERE = {
    sqlite3.SQLITE_PERM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_AUTH,
}  # fmt: skip


def is_damage(error: sqlite3.Error) -> bool:
    """Tell whether an error means that the file must be made anew, rather than left alone."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is None or code & 0xFF not in _ELSEWHERE


class MovedError(Exception):
    """Another process has written to the books meanwhile."""


class Index:
    """The rows of one history; every question but `position` is asked as of a position.

    Whatever is wrong with the file raises sqlite3.Error.
    """

    def __init__(self, name: str | Path) -> None:
        self._database = sqlite3.connect(name, timeout=_WAIT_SECONDS, isolation_level=None)
        self._sound = False
        try:
            self._prepare()
        except BaseException:
            self._database.close()
            raise

    @classmethod
    def memory(cls) -> Index:
        """Return empty books that nobody else sees."""
        return cls(":memory:")

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    @contextmanager
    def writing(self, tip: CommitRow | None) -> Iterator[None]:
        """Write in one transaction, on top of `tip`; raise MovedError when it is the tip no more."""
        self._rows("BEGIN IMMEDIATE")
        try:
            self._check_tip(tip)
            yield
            self._rows("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                self._rows("ROLLBACK")
            raise

    def forget_after(self, position: int) -> None:
        """Remove all rows of later commits: main does not contain them any more."""
        for table in _TABLES:
            self._rows(f"DELETE FROM {table} WHERE position > ?", position)  # noqa: S608 - a name of ours

    def tip(self) -> CommitRow | None:
        """Return the newest commit."""
        row = self._one("SELECT * FROM commits ORDER BY position DESC LIMIT 1")
        return None if row is None else CommitRow(*row)

    def position(self, commit: str) -> int | None:
        """Return where a commit stands in the history, or None for one that is not known."""
        row = self._one("SELECT * FROM commits WHERE id = ?", commit)
        return None if row is None else CommitRow(*row).position

    def commit(self, position: int) -> CommitRow | None:
        """Return the commit at a position."""
        row = self._one("SELECT * FROM commits WHERE position = ?", position)
        return None if row is None else CommitRow(*row)

    def accounts(self, upto: int) -> list[Account]:
        """Return all accounts, sorted."""
        rows = self._all("SELECT * FROM accounts WHERE position <= ? ORDER BY kind, name", upto)
        return [Account(row[0], row[1]) for row in rows]

    def last(self, account: Account, upto: int) -> EntryRow | None:
        """Return the last line of an account."""
        row = self._one(
            "SELECT * FROM entries WHERE kind = ? AND name = ? AND position <= ?"
            " ORDER BY position DESC, number DESC LIMIT 1",
            *account, upto,
        )  # fmt: skip
        return None if row is None else EntryRow(*row)

    def page(self, account: Account, after: tuple[int, int], upto: int) -> list[EntryRow]:
        """Return the lines of an account that follow the line `after` (position, number), some."""
        rows = self._all(
            "SELECT * FROM entries WHERE kind = ? AND name = ? AND (position, number) > (?, ?)"
            " AND position <= ? ORDER BY position, number LIMIT ?",
            *account, *after, upto, _PAGE,
        )  # fmt: skip
        return [EntryRow(*row) for row in rows]

    def job(self, job: str, upto: int) -> JobRow | None:
        """Return a merged job."""
        row = self._one("SELECT * FROM jobs WHERE job = ? AND position <= ?", job, upto)
        return None if row is None else JobRow(*row)

    def end(self, job: str, upto: int) -> EndRow | None:
        """Return what ended a job."""
        row = self._one("SELECT * FROM ends WHERE job = ? AND position <= ?", job, upto)
        return None if row is None else EndRow(*row)

    def version(self, name: str, version: str, upto: int) -> VersionRow | None:
        """Return what introduced a blueprint version."""
        row = self._one(
            "SELECT * FROM versions WHERE name = ? AND version = ? AND position <= ?",
            name, version, upto,
        )  # fmt: skip
        return None if row is None else VersionRow(*row)

    def add(self, row: CommitRow | EntryRow | JobRow | EndRow | VersionRow) -> None:
        """Write a row; the first entry of an account also opens it."""
        if isinstance(row, EntryRow):
            opened = (row.kind, row.name, row.position)
            self._rows("INSERT OR IGNORE INTO accounts VALUES (?, ?, ?, ?)", *opened, _seal(opened))
        table = _TABLE_OF[type(row)]
        marks = ", ".join("?" * (len(row) + 1))
        self._rows(f"INSERT INTO {table} VALUES ({marks})", *row, _seal(tuple(row)))  # noqa: S608 - a name of ours

    def ensure_sound(self) -> None:
        """Read all of the file once, before it is believed that something is not in it.

        A row under a damaged key is not found, which no checksum of rows shows.
        """
        if not self._sound:
            if self._value("PRAGMA quick_check(1)") != "ok":
                raise sqlite3.DatabaseError("the file is damaged")
            self._sound = True

    def _check_tip(self, tip: CommitRow | None) -> None:
        if self.tip() != tip:
            raise MovedError

    def _prepare(self) -> None:
        if self._value("PRAGMA application_id") == 0 and not self._rows(
            "SELECT name FROM sqlite_master"
        ):
            self._create()
        marks = self._value("PRAGMA application_id"), self._value("PRAGMA user_version")
        if marks != (_APPLICATION, _FORMAT):
            raise sqlite3.DatabaseError("these are not books of this version")
        # Losing the last commits to a power failure is harmless; a torn file would not be.
        self._rows("PRAGMA journal_mode = WAL")
        self._rows("PRAGMA synchronous = NORMAL")

    def _create(self) -> None:
        self._rows("BEGIN IMMEDIATE")
        try:
            if not self._rows("SELECT name FROM sqlite_master"):
                for statement in _SCHEMA.split(";"):
                    self._rows(statement)
            self._rows("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                self._rows("ROLLBACK")
            raise

    def _value(self, query: str) -> Any:
        return self._rows(query)[0][0]

    def _one(self, query: str, *values: Any) -> tuple[Any, ...] | None:
        rows = self._rows(query, *values)
        return _unsealed(rows[0]) if rows else None

    def _all(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return [_unsealed(row) for row in self._rows(query, *values)]

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        try:
            return self._database.execute(query, values).fetchall()
        except ValueError as error:
            # Text in the file, even that of a message, that is no text.
            raise sqlite3.DatabaseError(f"the file is damaged: {error}") from error


_TABLE_OF: dict[type, str] = {
    CommitRow: "commits",
    EntryRow: "entries",
    JobRow: "jobs",
    EndRow: "ends",
    VersionRow: "versions",
}


def _seal(row: tuple[Any, ...]) -> int:
    return zlib.crc32(repr(row).encode())


def _unsealed(row: tuple[Any, ...]) -> tuple[Any, ...]:
    if _seal(row[:-1]) != row[-1]:
        raise sqlite3.DatabaseError("a row is damaged")
    return row[:-1]
