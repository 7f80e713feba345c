from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from aigc_core.errors import FileError, UsageError
from aigc_core.runs import ItemRow, Ledger

ASKED = {"surface": "cli", "modality": "image", "model": "digits-gan", "seed": 7, "total": 3}
CREATED = ItemRow(0, 7, "created", recipe_id="a" * 64, digest="b" * 64, path="/out/a.png")
BLOCKED = ItemRow(1, 8, "blocked", reason="wordlist")
FAILED = ItemRow(2, 9, "failed", reason="sharpen raised")


@pytest.fixture
def ledger(tmp_path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "data" / "runs.sqlite") as opened:
        yield opened


@pytest.fixture
def process(ledger):
    """Run a script that gets the ledger's path, in a process of its own; `print` there is read here."""
    begun: list[subprocess.Popen[str]] = []

    def start(script: str) -> subprocess.Popen[str]:
        head = f"from aigc_core.runs import ItemRow, Ledger\npath, asked = {str(ledger.path)!r}, {ASKED!r}\n"
        child = subprocess.Popen(
            [sys.executable, "-c", head + textwrap.dedent(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        begun.append(child)
        return child

    yield start
    for child in begun:
        child.kill()
        child.communicate()


def test_a_run_and_its_items_are_remembered(ledger):
    run = ledger.start(**ASKED, output="/out")
    ledger.record(run, [CREATED, BLOCKED])
    ledger.record(run, [FAILED])
    running = ledger.run(run)
    assert (running.status, running.finished_at, running.pid) == ("running", None, os.getpid())
    assert (running.created, running.blocked, running.failed) == (1, 1, 1)
    assert (running.surface, running.modality, running.model, running.seed, running.total) == tuple(ASKED.values())
    assert running.output == "/out"
    ledger.finish(run, "finished")
    assert ledger.run(run).status == "finished"
    assert ledger.run(run).finished_at > running.started_at
    assert ledger.items(run) == [CREATED, BLOCKED, FAILED]
    assert ledger.items(run, limit=1, offset=1) == [BLOCKED]


def test_a_failed_run_says_why(ledger):
    run = ledger.start(**ASKED)
    ledger.finish(run, "failed", error="no such model")
    assert (ledger.run(run).status, ledger.run(run).error) == ("failed", "no such model")
    with pytest.raises(ValueError, match="not 'done'"):
        ledger.finish(run, "done")


def test_ids_sort_by_start_and_the_newest_run_comes_first(ledger):
    ids = [ledger.start(**ASKED) for _ in range(50)]
    assert ids == sorted(set(ids))
    assert [run.id for run in ledger.runs(limit=3, offset=1)] == ids[-2:-5:-1]


def test_a_run_is_found_by_the_beginning_of_its_id(ledger):
    run = ledger.start(**ASKED)
    assert ledger.run(run[:-1]).id == run
    with pytest.raises(UsageError, match=f"did you mean '{run}'"):
        ledger.run(run[:-1] + "x")
    with pytest.raises(UsageError, match="see: aigc runs list"):
        ledger.run("nonsense")
    other = ledger.start(**ASKED)
    with pytest.raises(UsageError, match=f"several runs begin with '2'.*{other}, {run}"):
        ledger.run("2")
    for name in ("", "%", "_" * 20):
        with pytest.raises(UsageError, match="unknown run"):
            ledger.run(name)


def test_the_largest_seed_fits(ledger):
    run = ledger.start(**ASKED | {"seed": 2**63 - 1})
    ledger.record(run, [replace(CREATED, seed=2**63 - 1)])
    assert ledger.run(run).seed == ledger.items(run)[0].seed == 2**63 - 1


def test_items_are_recorded_all_or_none(ledger):
    run = ledger.start(**ASKED)
    ledger.record(run, [CREATED])
    with pytest.raises(sqlite3.IntegrityError):
        ledger.record(run, [BLOCKED, CREATED])
    with pytest.raises(sqlite3.IntegrityError):
        ledger.record("no-such-run", [BLOCKED])
    assert ledger.items(run) == [CREATED]
    assert ledger.run(run).blocked == 0


def test_no_column_could_hold_a_prompt(ledger):
    ledger.start(**ASKED)
    with sqlite3.connect(ledger.path) as connection:
        columns = {
            name for table in ("runs", "items") for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")
        }
    connection.close()
    assert columns == {
        "id", "started_at", "finished_at", "surface", "status", "modality", "model", "seed", "total", "created",
        "blocked", "failed", "error", "pid", "pid_started", "output", "run", "idx", "recipe_id", "digest", "path",
        "reason",
    }  # fmt: skip


def test_looking_makes_no_file(ledger):
    assert ledger.runs() == []
    assert ledger.items("x") == []
    assert not ledger.path.parent.exists()


def test_a_closed_ledger_opens_again(ledger):
    run = ledger.start(**ASKED)
    ledger.close()
    ledger.close()
    ledger.finish(run, "finished")
    assert ledger.run(run).status == "finished"


def test_a_ledger_that_nobody_closes_is_closed_with_it(tmp_path):
    path = tmp_path / "data" / "runs.sqlite"
    Ledger(path).start(**ASKED)  # an open connection would warn, and warnings are errors
    assert [one.name for one in path.parent.iterdir()] == ["runs.sqlite"]  # no write-ahead log left open


def test_threads_may_share_a_ledger(ledger):
    runs = [ledger.start(**ASKED) for _ in range(4)]

    def work(run: str) -> None:
        for index in range(100):
            ledger.record(run, [ItemRow(index, index, "created")])

    threads = [threading.Thread(target=work, args=(run,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [ledger.run(run).created for run in runs] == [100] * 4


def test_processes_may_share_a_ledger_even_a_new_one(ledger, process):
    script = """
        input()
        ledger = Ledger(path)
        run = ledger.start(**asked)
        for index in range(50):
            ledger.record(run, [ItemRow(2 * index, 0, "created"), ItemRow(2 * index + 1, 0, "blocked")])
        ledger.finish(run, "finished")
        print(run)
    """
    children = [process(script) for _ in range(6)]
    for child in children:  # all wait for this line, so that they meet while the file is made
        child.stdin.write("\n")
        child.stdin.flush()
    ids = [child.stdout.readline().strip() for child in children]
    assert [child.wait() for child in children] == [0] * 6
    assert sorted(ids) == sorted(run.id for run in ledger.runs())
    for run in ledger.runs():
        assert (run.status, run.created, run.blocked, len(ledger.items(run.id))) == ("finished", 50, 50, 100)


def test_a_new_ledger_waits_for_whoever_is_writing(ledger, monkeypatch):
    ledger.start(**ASKED)
    ledger.close()
    other = sqlite3.connect(ledger.path, isolation_level=None)
    other.execute("PRAGMA journal_mode = DELETE")  # as it is for a moment after it was made
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr("aigc_core.runs.time.sleep", lambda seconds: other.execute("COMMIT"))
    run = ledger.run(ledger.runs()[0].id)
    other.close()
    assert run.status == "running"
    assert ledger.path.with_name("runs.sqlite-wal").exists()


def test_a_new_ledger_does_not_wait_for_ever(ledger, monkeypatch):
    ledger.start(**ASKED)
    ledger.close()
    other = sqlite3.connect(ledger.path, isolation_level=None)
    other.execute("PRAGMA journal_mode = DELETE")
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr("aigc_core.runs.PATIENCE", -1.0)
    with pytest.raises(FileError, match=r"locked.*try again"):
        ledger.runs()
    other.close()


def test_two_runs_of_one_moment_have_two_ids(ledger, monkeypatch):
    class Clock(datetime):
        moments = iter([100, 101, 117])  # microseconds; an id tells 16 of them apart

        @classmethod
        def now(cls, tz=None):
            return datetime(2026, 11, 22, 6, 30, 15, next(cls.moments), tz)

    monkeypatch.setattr("aigc_core.runs.datetime", Clock)
    assert [ledger.start(**ASKED) for _ in range(2)] == ["20261122-063015-0006", "20261122-063015-0007"]


def test_a_run_without_a_model_is_a_mistake(ledger):
    with pytest.raises(sqlite3.IntegrityError):
        ledger.start(**ASKED | {"model": None})


def test_a_run_of_somebody_else_is_running(ledger):
    run = ledger.start(**ASKED)
    started = int(Path("/proc/1/stat").read_text().rpartition(")")[2].split()[19])
    with sqlite3.connect(ledger.path) as connection:
        connection.execute("UPDATE runs SET pid = 1, pid_started = ?", (started,))
    connection.close()
    assert ledger.run(run).status == "running"


def test_where_the_system_says_little_a_run_counts_as_running(ledger, monkeypatch):
    def forbidden(pid: int, signal: int) -> None:
        raise PermissionError

    run = ledger.start(**ASKED)
    with sqlite3.connect(ledger.path) as connection:
        connection.execute("UPDATE runs SET pid = 2147483647")
    connection.close()
    monkeypatch.setattr(os, "kill", forbidden)  # and /proc shows nothing of it
    assert ledger.run(run).status == "running"
    monkeypatch.setattr(sys, "platform", "win32")
    assert ledger.run(run).status == "running"


def test_what_was_recorded_survives_kill_9(ledger, process):
    child = process("""
        ledger = Ledger(path)
        run = ledger.start(**asked)
        print(run, flush=True)
        index = 0
        while True:
            ledger.record(run, [ItemRow(index + k, 0, "created", digest="b" * 64) for k in range(16)])
            index += 16
            print(index, flush=True)  # what is printed was committed
    """)
    run = child.stdout.readline().strip()
    for _ in range(40):
        committed = int(child.stdout.readline())
    os.kill(child.pid, signal.SIGKILL)
    assert ledger.run(run).status in ("running", "died")
    committed = max([committed, *(int(line) for line in child.stdout.read().split("\n")[:-1])])
    assert child.wait() == -signal.SIGKILL

    died = ledger.run(run)
    assert died.status == "died"
    items = ledger.items(run, limit=10**6)
    assert len(items) == died.created >= committed >= 640
    assert died.created % 16 == 0
    assert [item.idx for item in items] == list(range(len(items)))
    ledger.finish(ledger.start(**ASKED), "finished")  # and others can write at once
    with sqlite3.connect(ledger.path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def test_a_killed_process_that_nobody_has_waited_for_is_dead(ledger, process):
    child = process("print(Ledger(path).start(**asked), flush=True); input()")
    run = child.stdout.readline().strip()
    assert ledger.run(run).status == "running"
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # a zombie now
    assert ledger.run(run).status == "died"


def test_another_process_with_the_same_number_is_another_process(ledger):
    run = ledger.start(**ASKED)
    with sqlite3.connect(ledger.path) as connection:
        connection.execute("UPDATE runs SET pid_started = pid_started - 1")
    assert ledger.run(run).status == "died"
    with connection:
        connection.execute("UPDATE runs SET pid_started = NULL")  # a system that does not say
    assert ledger.run(run).status == "running"
    with connection:
        connection.execute("UPDATE runs SET status = 'finished', pid = 2147483647")
    connection.close()
    assert ledger.run(run).status == "finished"


def test_a_folder_that_cannot_be_written_names_the_setting(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "runs.sqlite", tmp_path):
        with pytest.raises(FileError, match=r"ledger .*\[runs\] ledger"):
            Ledger(path).start(**ASKED)


def test_a_read_only_folder_names_the_setting():
    # Not tmp_path, which is its owner's alone: root has to become somebody else for permissions to count.
    with tempfile.TemporaryDirectory() as folder:
        old, new = Path(folder, "old.sqlite"), Path(folder, "new.sqlite")
        with Ledger(old) as ledger:
            ledger.start(**ASKED)
        script = f"""
            import os
            from aigc_core.errors import FileError
            from aigc_core.runs import Ledger
            if os.getuid() == 0:
                os.setuid(65534)
            for path in {str(old)!r}, {str(new)!r}:
                try:
                    Ledger(path).start(**{ASKED!r})
                except FileError as error:
                    print(error)
        """
        old.chmod(0o444)
        Path(folder).chmod(0o555)
        done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True)
        Path(folder).chmod(0o755)
        first, second = done.stdout.splitlines()
        assert f"cannot use the ledger {old}: attempt to write a readonly database" in first
        assert f"cannot use the ledger {new}: unable to open database file" in second
        assert first.endswith("in aigc.toml: [runs] ledger)")
        assert second.endswith("in aigc.toml: [runs] ledger)")


def test_a_damaged_file_says_what_to_do(tmp_path):
    path = tmp_path / "runs.sqlite"
    path.write_bytes(b"this is no database, but long enough to be taken for one" * 100)
    with pytest.raises(FileError, match=r"is damaged.*move it"):
        Ledger(path).start(**ASKED)
    with pytest.raises(FileError, match="is damaged"):
        Ledger(path).runs()


def test_damage_in_the_middle_says_what_to_do(ledger):
    run = ledger.start(**ASKED)
    ledger.record(run, [ItemRow(index, 0, "created", path="x" * 200) for index in range(500)])
    ledger.close()
    data = bytearray(ledger.path.read_bytes())
    data[8192:-8192] = b"\xa5" * (len(data) - 16384)
    ledger.path.write_bytes(data)
    with pytest.raises(FileError, match=r"is damaged.*move it"):
        ledger.items(run, limit=1000)


def test_a_newer_ledger_is_left_alone(ledger):
    ledger.start(**ASKED)
    ledger.close()
    connection = sqlite3.connect(ledger.path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = ledger.path.read_bytes()
    with pytest.raises(FileError, match=r"schema 99, this one knows 1.*update aigc-core"):
        ledger.start(**ASKED)
    assert ledger.path.read_bytes() == before


def test_another_programs_database_is_left_alone(tmp_path):
    path = tmp_path / "mail.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE mail (body TEXT)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(FileError, match="database of another program"):
        Ledger(path).start(**ASKED)
    assert path.read_bytes() == before


def test_a_writer_that_does_not_end_is_named(ledger, monkeypatch):
    monkeypatch.setattr("aigc_core.runs.PATIENCE", 0.0)
    run = ledger.start(**ASKED)
    other = sqlite3.connect(ledger.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(FileError, match=r"locked.*try again"):
        ledger.record(run, [CREATED])
    assert ledger.runs()[0].id == run  # reading goes on
    other.execute("ROLLBACK")
    other.close()
    ledger.record(run, [CREATED])


def test_a_full_disk_is_named_and_nothing_is_lost(ledger):
    run = ledger.start(**ASKED)
    ledger.record(run, [CREATED])
    (pages,) = ledger._open().execute("PRAGMA page_count").fetchone()
    ledger._open().execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(FileError, match=r"full.*free some space"):
        ledger.record(run, [ItemRow(index, 0, "failed", reason="x" * 500) for index in range(1, 100)])
    assert ledger.items(run) == [CREATED]
    assert ledger.run(run).failed == 0
