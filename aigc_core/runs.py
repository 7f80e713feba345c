"""The run ledger: what was made when, with which seed, and what became of it. One SQLite file.

Write-ahead logging lets others read and write while a run goes on; what was recorded survives ``kill -9``.
Prompts are never stored.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
import time
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import Any

from aigc_core.errors import FileError, UsageError, unknown

SCHEMA = 1
#: "aigc" in ASCII; tells our file from another program's.
APPLICATION = 0x61696763
#: How long a writer waits for another one, in seconds. A transaction takes well under a millisecond.
PATIENCE = 30.0

RUN_ENDS = ("finished", "failed", "interrupted")
ITEM_STATUSES = ("created", "blocked", "failed")

_CREATE = f"""
CREATE TABLE runs (
    id TEXT PRIMARY KEY, started_at TEXT NOT NULL, finished_at TEXT, surface TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('running', 'finished', 'failed', 'interrupted')),
    modality TEXT NOT NULL, model TEXT NOT NULL, seed INTEGER NOT NULL, total INTEGER NOT NULL,
    created INTEGER NOT NULL DEFAULT 0, blocked INTEGER NOT NULL DEFAULT 0, failed INTEGER NOT NULL DEFAULT 0,
    error TEXT, pid INTEGER NOT NULL, pid_started INTEGER, output TEXT
) WITHOUT ROWID;
CREATE TABLE items (
    run TEXT NOT NULL REFERENCES runs (id), idx INTEGER NOT NULL, seed INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('created', 'blocked', 'failed')),
    recipe_id TEXT, digest TEXT, path TEXT, reason TEXT,
    PRIMARY KEY (run, idx)
) WITHOUT ROWID;
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {SCHEMA};
"""


@dataclass(frozen=True, slots=True)
class ItemRow:
    """What became of one item of a run.

    Attributes:
        idx: the item's place in its run.
        seed: the item's seed.
        status: ``"created"``, ``"blocked"`` or ``"failed"``.
        recipe_id: sha256, hex, of a created item.
        digest: of its content, hex.
        path: where it was stored, if it was.
        reason: why it was blocked or failed.
    """

    idx: int
    seed: int
    status: str
    recipe_id: str | None = None
    digest: str | None = None
    path: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run, as it stands now.

    Attributes:
        id: ``YYYYMMDD-HHMMSS-xxxx`` in UTC; ids sort by start.
        started_at, finished_at: UTC, ISO 8601.
        surface: who asked: ``"cli"``, ``"python"``, …
        status: ``"running"``, ``"finished"``, ``"failed"``, ``"interrupted"``; or ``"died"`` where it says
            running and its process is gone.
        modality, model, seed, total: what was asked for; the seed is that of item 0.
        created, blocked, failed: items recorded so far.
        error: why it failed, in one line.
        pid, pid_started: its process, and when that started, in clock ticks since boot where the system says.
        output: folder, if there is one.
    """

    id: str
    started_at: str
    finished_at: str | None
    surface: str
    status: str
    modality: str
    model: str
    seed: int
    total: int
    created: int
    blocked: int
    failed: int
    error: str | None
    pid: int
    pid_started: int | None
    output: str | None


_RUN_COLUMNS = ", ".join(field.name for field in fields(RunRow))
_ITEM_COLUMNS = ", ".join(field.name for field in fields(ItemRow))
_item_values = attrgetter(*(field.name for field in fields(ItemRow)))


class Ledger:
    """The run ledger in the SQLite file at `path`. May be used by several threads and processes at once.

    The file is opened when first needed, and made when the first run starts. Every method raises FileError
    when it cannot be opened, read or written, is damaged, or was written by a newer version.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._closer: weakref.finalize[..., Ledger] | None = None

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. The ledger may be used again; it then opens it anew."""
        with self._lock:
            if self._closer is not None:
                self._closer()
            self._connection = self._closer = None

    # Writing

    def start(
        self, *, surface: str, modality: str, model: str, seed: int, total: int, output: str | None = None
    ) -> str:
        """Record that a run of this process begins, and return its id."""
        pid = os.getpid()
        with self._writing() as connection:
            while True:
                now = datetime.now(UTC)
                # 16 bits hold the microsecond in steps of 16, so ids of one second sort by start, too.
                run = f"{now:%Y%m%d-%H%M%S}-{now.microsecond // 16:04x}"
                begun = (run, now.isoformat(), pid, _started(pid))
                done = connection.execute(
                    "INSERT INTO runs (id, started_at, pid, pid_started, status,"
                    " surface, modality, model, seed, total, output)"
                    " VALUES (?, ?, ?, ?, 'running', ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
                    (*begun, surface, modality, model, seed, total, output),
                )
                if done.rowcount:
                    return run

    def record(self, run: str, rows: Iterable[ItemRow]) -> None:
        """Record what became of items, all or none; called once a micro-batch."""
        rows = tuple(rows)
        counts = [sum(row.status == status for row in rows) for status in ITEM_STATUSES]
        with self._writing() as connection:
            connection.executemany(
                f"INSERT INTO items (run, {_ITEM_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                ((run, *_item_values(row)) for row in rows),
            )
            connection.execute(
                "UPDATE runs SET created = created + ?, blocked = blocked + ?, failed = failed + ? WHERE id = ?",
                (*counts, run),
            )

    def finish(self, run: str, status: str, error: str | None = None) -> None:
        """Record that a run ended: ``"finished"``, ``"failed"`` or ``"interrupted"``.

        Raises:
            ValueError: any other status.
        """
        if status not in RUN_ENDS:
            raise ValueError(f"a run ends as one of {', '.join(RUN_ENDS)}, not {status!r}")
        with self._writing() as connection:
            connection.execute(
                "UPDATE runs SET status = ?, finished_at = ?, error = ? WHERE id = ?",
                (status, datetime.now(UTC).isoformat(), error, run),
            )

    # Reading

    def runs(self, limit: int = 20, offset: int = 0) -> list[RunRow]:
        """Return runs, the newest first."""
        rows = self._read(
            f"SELECT {_RUN_COLUMNS} FROM runs ORDER BY id DESC LIMIT ? OFFSET ?",  # noqa: S608
            (limit, offset),
        )
        return [_run_row(row) for row in rows]

    def run(self, name: str) -> RunRow:
        """Return the run with the id `name`, or with the only id that begins so.

        Raises:
            UsageError: there is none, or more than one.
        """
        rows = self._read(
            f"SELECT {_RUN_COLUMNS} FROM runs WHERE substr(id, 1, ?) = ? ORDER BY id DESC LIMIT 6",  # noqa: S608
            (len(name), name),
        )
        if not rows or not name:
            raise unknown("run", name, [run.id for run in self.runs(limit=1000)], listing="aigc runs list")
        if len(rows) > 1:
            several = ", ".join(str(row[0]) for row in rows[:5])
            raise UsageError(f"several runs begin with {name!r}", hint=f"one of: {several}")
        return _run_row(rows[0])

    def items(self, run: str, limit: int = 1000, offset: int = 0) -> list[ItemRow]:
        """Return items of the run with the id `run`, in order."""
        rows = self._read(
            f"SELECT {_ITEM_COLUMNS} FROM items WHERE run = ? ORDER BY idx LIMIT ? OFFSET ?",  # noqa: S608
            (run, limit, offset),
        )
        return [ItemRow(*row) for row in rows]

    # The file

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: committed when the block ends, undone when it raises."""
        with self._lock, self._explained():
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _read(self, query: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        with self._lock, self._explained():
            if self._connection is None and not self.path.exists():
                return []  # looking into a ledger does not make one
            return self._open().execute(query, values).fetchall()

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
            self._closer = weakref.finalize(self, connection.close)
        return self._connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("BEGIN")  # the checks need one moment of the file: another process may be making it
        known = self._is_ours(connection)
        connection.execute("COMMIT")
        if not known:
            connection.execute("BEGIN IMMEDIATE")
            if not self._is_ours(connection):
                for statement in _CREATE.split(";"):
                    connection.execute(statement)
            connection.execute("COMMIT")
        _use_write_ahead_log(connection)
        # A committed transaction survives the death of the process, though not always that of the machine.
        connection.execute("PRAGMA synchronous = NORMAL")

    def _is_ours(self, connection: sqlite3.Connection) -> bool:
        """Return False for a new file.

        Raises:
            FileError: it is another program's, or of a newer version of this one.
        """
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if application != APPLICATION:
            if tables or version:
                raise FileError(
                    f"{self.path} is a database of another program",
                    hint="name another file in aigc.toml: [runs] ledger",
                )
            return False
        if version > SCHEMA:
            raise FileError(
                f"the ledger {self.path} was written by a newer version: it has schema {version},"
                f" this one knows {SCHEMA}",
                hint="update aigc-core, or name another file in aigc.toml: [runs] ledger",
            )
        return True

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what SQLite and the system raise into words."""
        elsewhere = "name a file that can be written in aigc.toml: [runs] ledger"
        try:
            yield
        except OSError as error:
            raise FileError(f"cannot open the ledger {self.path}: {error.strerror}", hint=elsewhere) from error
        except sqlite3.IntegrityError:
            raise  # an item recorded twice, or for no run: a bug of ours, not the user's to mend
        except sqlite3.OperationalError as error:
            reason = str(error)
            hint = elsewhere
            if "locked" in reason or "busy" in reason:
                hint = "another process has been writing to it for long; try again when it is done"
            elif "full" in reason:
                hint = "free some space, or " + elsewhere
            raise FileError(f"cannot use the ledger {self.path}: {reason}", hint=hint) from error
        except sqlite3.DatabaseError as error:
            raise FileError(
                f"the ledger {self.path} is damaged: {error}",
                hint="move it and its -wal and -shm files away, and a new one is made",
            ) from error


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            # This needs the file for itself, and SQLite does not wait for a writer here as it does elsewhere.
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        else:
            return


def _run_row(columns: tuple[Any, ...]) -> RunRow:
    row = RunRow(*columns)
    if row.status != "running" or _alive(row.pid, row.pid_started):
        return row
    return replace(row, status="died")


def _alive(pid: int, started: int | None) -> bool:
    """Whether the process still runs, and is not another one that was given the same number."""
    if sys.platform == "win32":  # there, os.kill does kill
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # somebody else's process
    now = _started(pid)
    return now == started if now is not None and started is not None else True


def _started(pid: int) -> int | None:
    """Return when the process started, in clock ticks since boot; -1 for a zombie; None where unknown.

    Fields 3 (state) and 22 (starttime) of ``/proc/<pid>/stat``, proc(5). The second field may contain spaces.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    columns = stat.rpartition(")")[2].split()
    return -1 if columns[0] in "ZX" else int(columns[19])
