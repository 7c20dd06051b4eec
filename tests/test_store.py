"""The workspace on disk: records, the life of a run, damage, migrations, and writing without halves."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
import types
from dataclasses import replace
from pathlib import Path

import pytest

from convmf.config import ConvMFConfig
from convmf.errors import RunError
from convmf.files import FileLock, read_json, replacing, temporary_files, write_atomic, write_json
from convmf.runs import database
from convmf.runs.check import check_workspace
from convmf.runs.jobs import Jobs
from convmf.runs.store import ACTIVE, LIFE, Store, wants_read_only, workspace_folder
from tests.jobs.fakes import FakeDataset, FakeSplit


class FullDiskDataset(FakeDataset):
    def save(self, folder: Path) -> None:
        (folder / "half").write_bytes(b"x")
        raise OSError(28, "No space left on device")


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "workspace")
    yield opened
    opened.close()


@pytest.fixture
def run(store):
    dataset = store.add_dataset(FakeDataset())
    return store.create_run(dataset.id, ConvMFConfig(), FakeSplit())


PATHS_TO_STATE = {
    "queued": (),
    "running": ("running",),
    "stopping": ("running", "stopping"),
    "stopped": ("stopped",),
    "failed": ("running", "failed"),
    "interrupted": ("running", "interrupted"),
    "done": ("running", "done"),
}


def take_to(store: Store, run_id: str, state: str) -> None:
    for step in PATHS_TO_STATE[state]:
        store.set_state(run_id, step)


class UnwritableVectors:
    def save(self, path: Path) -> None:
        path.write_bytes(b"x")
        raise OSError(28, "No space left on device")


def test_a_run_that_cannot_be_made_leaves_nothing(store):
    dataset = store.add_dataset(FakeDataset())
    with pytest.raises(RunError, match="full disk"):
        store.create_run(dataset.id, ConvMFConfig(), FakeSplit(), word_vectors=UnwritableVectors())
    with pytest.raises(RunError, match="no data set"):
        store.create_run("0123456789abcdef", ConvMFConfig(), FakeSplit())
    assert store.runs() == []
    assert list((store.folder / "runs").iterdir()) == []


# Data sets


def test_dataset_comes_back_as_it_was_added(store, monkeypatch):
    monkeypatch.setitem(sys.modules, "convmf.data.dataset", types.SimpleNamespace(Dataset=FakeDataset))
    record = store.add_dataset(FakeDataset(), note=" from a file ")
    assert (record.name, record.n_users, record.n_items, record.n_ratings) == ("Films", 3, 4, 5)
    assert (record.n_items_with_text, record.note) == (2, "from a file")
    assert store.datasets() == [record]
    assert store.load_dataset(record.id) == FakeDataset()


def test_datasets_are_listed_newest_first(store):
    names = [store.add_dataset(FakeDataset(name=name)).name for name in ("a", "b", "c")]
    assert [record.name for record in store.datasets()] == names[::-1]


def test_dataset_that_fills_the_disk_leaves_nothing(store):
    with pytest.raises(RunError, match="full disk. Free some space"):
        store.add_dataset(FullDiskDataset())
    assert store.datasets() == []
    assert list((store.folder / "datasets").iterdir()) == []


def test_long_dataset_name_is_cut(store):
    assert store.add_dataset(FakeDataset(name="x" * 150)).name == "x" * 100


def test_names_have_no_unseen_characters(store):
    record = store.add_dataset(FakeDataset(name="films\u202egnp.exe\x07"))
    assert record.name == "films gnp.exe"
    assert store.add_dataset(FakeDataset(name="\u202e")).name == "Data set"
    run = store.create_run(record.id, ConvMFConfig(), FakeSplit(), name="\u2067\x00")
    assert run.name == "Run 1"
    assert store.update_run(run.id, name="a\u2066b").name == "a b"


def test_rename_dataset(store):
    record = store.add_dataset(FakeDataset())
    assert store.rename_dataset(record.id, "  Old \n films ").name == "Old films"
    for name, length in (("", 0), ("  ", 0), ("x" * 101, 101)):
        with pytest.raises(RunError, match=f"1 to 100 characters; this one has {length}"):
            store.rename_dataset(record.id, name)
    assert store.dataset_record(record.id).name == "Old films"


@pytest.mark.parametrize("state", ACTIVE)
def test_dataset_and_run_in_use_are_not_deleted(store, run, state):
    take_to(store, run.id, state)
    for with_runs in (False, True):
        with pytest.raises(RunError, match="in use by Run 1"):
            store.delete_dataset(run.dataset_id, with_runs=with_runs)
    with pytest.raises(RunError, match=f"Run 1 is {state}. Stop it first"):
        store.delete_run(run.id)
    assert store.run(run.id).state == state
    assert store.dataset_folder(run.dataset_id).is_dir() and store.run_folder(run.id).is_dir()


def test_dataset_with_ended_runs_is_deleted_only_with_them(store, run):
    take_to(store, run.id, "done")
    store.append_iteration(run.id, {"iteration": 1})
    other = store.create_run(store.add_dataset(FakeDataset()).id, ConvMFConfig(), FakeSplit())
    folders = store.run_folder(run.id), store.dataset_folder(run.dataset_id)
    with pytest.raises(RunError, match="has trained runs: Run 1"):
        store.delete_dataset(run.dataset_id)
    store.delete_dataset(run.dataset_id, with_runs=True)
    assert [left.id for left in store.runs()] == [other.id]
    assert [left.id for left in store.datasets()] == [other.dataset_id]
    assert not any(folder.exists() for folder in folders)
    assert store.history(run.id) == []


# Runs


def test_run_keeps_its_settings_and_gets_a_name(store, run):
    config = ConvMFConfig(n_iterations=7, device="cpu", kernel_sizes=(2, 3))
    named = store.create_run(run.dataset_id, config, FakeSplit(seed=9), name=" best ")
    assert (run.name, named.name) == ("Run 1", "best")
    assert ConvMFConfig.from_dict(named.config) == config
    assert (named.split, named.device, named.n_iterations) == ({"seed": 9}, "cpu", 7)
    assert (named.state, named.started, named.ended, named.report) == ("queued", None, None, None)
    assert [listed.id for listed in store.runs()] == [named.id, run.id]


@pytest.mark.parametrize("old", list(LIFE))
@pytest.mark.parametrize("new", list(LIFE))
def test_only_the_steps_of_a_life_are_allowed(store, run, old, new):
    take_to(store, run.id, old)
    if new in LIFE[old]:
        assert store.set_state(run.id, new, "why").reason == "why"
    else:
        with pytest.raises(RunError, match=f"Run 1 is {old} and can't become {new}"):
            store.set_state(run.id, new)
    assert store.run(run.id).state == (new if new in LIFE[old] else old)


def test_times_follow_the_states(store, run):
    started = store.set_state(run.id, "running")
    assert started.started >= started.created and started.ended is None
    stopping = store.set_state(run.id, "stopping")
    assert (stopping.started, stopping.ended) == (started.started, None)
    stopped = store.set_state(run.id, "stopped", report={"rmse": {"test": 0.9}}, device="cpu")
    assert stopped.ended >= started.started
    assert (stopped.report, stopped.device) == ({"rmse": {"test": 0.9}}, "cpu")
    again = store.set_state(run.id, "queued")
    assert (again.started, again.ended, again.report) == (None, None, stopped.report)


def test_update_run_changes_only_what_is_given(store, run):
    changed = store.update_run(run.id, name="new", phase="reading", baselines={"biases": {"valid": 0.5}})
    assert changed == replace(run, name="new", phase="reading", baselines={"biases": {"valid": 0.5}})
    assert store.update_run(run.id) == changed


def test_history_is_in_order_and_a_repeated_iteration_ends_it(store, run):
    for iteration, value in ((1, 0.9), (2, 0.8), (3, 0.7), (2, 0.6)):
        store.append_iteration(run.id, {"iteration": iteration, "valid_rmse": value})
    assert store.history(run.id) == [
        {"iteration": 1, "valid_rmse": 0.9},
        {"iteration": 2, "valid_rmse": 0.6},
    ]
    assert store.run(run.id).iterations_done == 2
    assert len(store.iteration_times(run.id)) == 2
    store.clear_history(run.id)
    assert store.run(run.id).iterations_done == 0


def test_history_of_no_run_is_refused(store):
    with pytest.raises(RunError, match="FOREIGN KEY"):
        store.append_iteration("0" * 16, {"iteration": 1})


def test_delete_run_takes_its_files_and_history(store, run):
    take_to(store, run.id, "failed")
    store.append_iteration(run.id, {"iteration": 1})
    folder = store.run_folder(run.id)
    store.delete_run(run.id)
    assert store.runs() == [] and store.history(run.id) == [] and not folder.exists()


# Ids and paths


@pytest.mark.parametrize(
    "bad",
    [
        "../datasets",
        "/etc/passwd",
        "",
        "abc",
        "g" * 16,
        "A" * 16,
        "0" * 33,
        "0" * 16 + "\n",
        "0" * 8 + "/..",
        None,
        12345678,
    ],
)
def test_what_is_no_id_never_becomes_a_path(store, bad):
    of_runs = [store.run, store.run_folder, store.model_folder, store.checkpoint_folder]
    of_runs += [store.delete_run, store.history]
    of_datasets = [store.dataset_record, store.dataset_folder, store.load_dataset, store.delete_dataset]
    for call in of_runs + of_datasets:
        with pytest.raises(RunError, match="is not an id of this workspace"):
            call(bad)


def test_unknown_ids_are_refused(store):
    for call in (store.run, store.run_folder, store.delete_run):
        with pytest.raises(RunError, match="There is no run '0000000000000000'"):
            call("0" * 16)
    for call in (store.dataset_record, store.load_dataset, store.delete_dataset):
        with pytest.raises(RunError, match="There is no data set '0000000000000000'"):
            call("0" * 16)
    with pytest.raises(RunError, match="There is no data set"):
        store.create_run("0" * 16, ConvMFConfig(), FakeSplit())
    assert list((store.folder / "runs").iterdir()) == []


def test_folders_lie_in_the_workspace(store, run):
    assert store.run_folder(run.id) == store.folder / "runs" / run.id
    assert store.model_folder(run.id).parent == store.checkpoint_folder(run.id).parent == store.run_folder(run.id)


def test_workspace_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("CONVMF_HOME", str(tmp_path))
    assert workspace_folder() == tmp_path
    monkeypatch.delenv("CONVMF_HOME")
    assert workspace_folder() == Path(__file__).parents[1] / ".convmf"


def test_lists_come_without_the_histories_of_reports(store, run):
    take_to(store, run.id, "running")
    store.set_state(run.id, "done", report={"rmse": {"test": 0.9}, "history": [{"iteration": 1}]})
    assert store.run(run.id).report == {"rmse": {"test": 0.9}, "history": [{"iteration": 1}]}
    assert store.runs()[0].report == {"rmse": {"test": 0.9}}
    assert replace(store.run(run.id), report=None) == replace(store.runs()[0], report=None)


def test_active_runs_are_the_oldest_first(store, run):
    ids = {state: store.create_run(run.dataset_id, ConvMFConfig(), FakeSplit()).id for state in PATHS_TO_STATE}
    for state, run_id in ids.items():
        take_to(store, run_id, state)
    assert [active.id for active in store.active_runs()] == [run.id, ids["queued"], ids["running"], ids["stopping"]]


def test_copy_of_the_database_is_kept_while_it_is_whole(store, run):
    store.back_up()
    copy = store.folder / database.BACKUP_NAME
    with contextlib.closing(sqlite3.connect(copy)) as opened:
        assert opened.execute("SELECT id FROM runs").fetchall() == [(run.id,)]
    assert not list(store.folder.glob(".tmp-*"))


# Read-only


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of the workspace but the database's working files, which readers make too."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(("-wal", "-shm")))
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


WRITING = [
    lambda store, run: store.add_dataset(FakeDataset()),
    lambda store, run: store.rename_dataset(run.dataset_id, "x"),
    lambda store, run: store.delete_dataset(run.dataset_id, with_runs=True),
    lambda store, run: store.create_run(run.dataset_id, ConvMFConfig(), FakeSplit()),
    lambda store, run: store.set_state(run.id, "queued"),
    lambda store, run: store.update_run(run.id, name="x"),
    lambda store, run: store.delete_run(run.id),
    lambda store, run: store.append_iteration(run.id, {"iteration": 2}),
    lambda store, run: store.clear_history(run.id),
    lambda store, run: store.back_up(),
    lambda store, run: Jobs(store).start(run.dataset_id, ConvMFConfig(), FakeSplit()),
    lambda store, run: Jobs(store).resume(run.id),
]


@pytest.fixture
def ended(store, run):
    """A run that was stopped, in a workspace that another process may have open."""
    take_to(store, run.id, "stopped")
    store.append_iteration(run.id, {"iteration": 1})
    return store.run(run.id)


@pytest.mark.parametrize("change", WRITING)
def test_a_read_only_workspace_refuses_every_change(store, ended, change):
    store.close()
    before = contents(store.folder)
    shown = Store(store.folder, read_only=True)
    with pytest.raises(RunError, match="read-only here.*without CONVMF_READ_ONLY"):
        change(shown, ended)
    assert shown.run(ended.id) == ended and shown.history(ended.id) == [{"iteration": 1}]
    shown.close()
    assert contents(store.folder) == before


def test_the_database_of_a_read_only_workspace_refuses_writing_by_itself(store, ended):
    shown = Store(store.folder, read_only=True)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        shown.database._connection.execute("DELETE FROM runs")
    shown.close()


def test_a_read_only_workspace_leaves_the_lock_and_the_work_of_others_alone(store, run):
    assert store.acquire()
    store.set_state(run.id, "running")
    shown = Store(store.folder, read_only=True)
    jobs = Jobs(shown)
    assert not shown.acquire()
    assert jobs.active().id == run.id and shown.run(run.id).state == "running"
    with pytest.raises(RunError, match="read-only here"):
        jobs.stop(run.id)
    store.append_iteration(run.id, {"iteration": 1})
    assert shown.run(run.id).iterations_done == 1, "it sees what the other process writes"
    assert jobs.close()
    shown.close()


def test_a_read_only_workspace_may_lie_where_nothing_can_be_written(store, ended):
    store.close()
    # SQLite's file for locks can't be made: as on a medium that is only read, but so for every account.
    (store.folder / "workspace.db-shm").mkdir()
    shown = Store(store.folder, read_only=True)
    assert shown.run(ended.id).state == ended.state
    shown.close()
    assert check_workspace(store.folder).n_runs == 1


def test_a_read_only_workspace_that_was_read_as_it_stood_sees_what_comes_later(store, ended):
    store.close()
    (store.folder / "workspace.db-shm").mkdir()
    shown = Store(store.folder, read_only=True)
    assert shown.run(ended.id).name == ended.name
    (store.folder / "workspace.db-shm").rmdir()
    writes = "import sqlite3, sys; database = sqlite3.connect(sys.argv[1]); "
    writes += "database.execute(\"UPDATE runs SET name = 'later'\"); database.commit(); database.close()"
    subprocess.run([sys.executable, "-c", writes, str(store.folder / "workspace.db")], check=True)
    assert shown.run(ended.id).name == "later"
    shown.close()


def test_a_damaged_read_only_workspace_is_told_as_any_other(store):
    store.close()
    (store.folder / "workspace.db").write_bytes(bytes(range(256)) * 16)
    with pytest.raises(RunError, match="damaged workspace.db"):
        Store(store.folder, read_only=True)


def test_a_read_only_workspace_is_neither_made_nor_taken_to_a_newer_version(tmp_path, store, monkeypatch):
    with pytest.raises(RunError, match="no workspace in .* to show. Fill it first"):
        Store(tmp_path / "nowhere", read_only=True)
    assert not (tmp_path / "nowhere").exists()
    monkeypatch.setattr(database, "MIGRATIONS", (*database.MIGRATIONS, ("CREATE TABLE later (x)",)))
    with pytest.raises(RunError, match="older version. Open it once with a server"):
        Store(store.folder, read_only=True)
    assert len(database.MIGRATIONS) - 1 == store.database.rows("PRAGMA user_version")[0][0]


@pytest.mark.parametrize(
    ("value", "wanted"), [("1", True), ("yes", True), ("TRUE", True), ("", False), ("0", False), (" off ", False)]
)
def test_read_only_follows_the_environment(monkeypatch, value, wanted):
    monkeypatch.setenv("CONVMF_READ_ONLY", value)
    assert wants_read_only() is wanted
    monkeypatch.delenv("CONVMF_READ_ONLY")
    assert not wants_read_only()


# Recovery and the lock


def test_recover_interrupts_what_was_left_and_needs_the_lock(store, run):
    ids = {state: store.create_run(run.dataset_id, ConvMFConfig(), FakeSplit()).id for state in PATHS_TO_STATE}
    store.set_state(run.id, "stopped")
    for state, run_id in ids.items():
        take_to(store, run_id, state)
    with pytest.raises(RunError, match="only be recovered by the server that holds"):
        store.recover()
    assert store.acquire()
    recovered = store.recover()
    assert {record.id for record in recovered} == {ids[state] for state in ACTIVE}
    assert all(record.state == "interrupted" and "server ended" in record.reason for record in recovered)
    assert store.run(ids["done"]).state == "done"
    assert store.recover() == []


def test_lock_has_one_holder(tmp_path):
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert not second.held_elsewhere() and not first.path.exists()
    assert first.acquire() and first.held
    assert not second.acquire() and not second.held
    assert second.held_elsewhere() and not first.held_elsewhere()
    assert not first.acquire()
    first.release()
    first.release()
    assert not second.held_elsewhere()
    assert second.acquire()
    second.release()


# The database


def test_everything_is_there_after_opening_again(store, run):
    store.append_iteration(run.id, {"iteration": 1})
    before = store.run(run.id)
    other = Store(store.folder)
    assert other.run(run.id) == before
    other.close()


def test_empty_database_is_taken_to_the_latest_version(tmp_path):
    sqlite3.connect(tmp_path / "workspace.db").close()
    opened = Store(tmp_path)
    assert opened.database.rows("PRAGMA user_version")[0][0] == len(database.MIGRATIONS)
    assert opened.database.rows("PRAGMA journal_mode")[0][0] == "wal"
    opened.close()


def test_migrations_keep_what_is_there_and_run_once(store, run, monkeypatch):
    store.close()
    added = ("ALTER TABLE datasets ADD COLUMN colour TEXT NOT NULL DEFAULT 'red'",)
    monkeypatch.setattr(database, "MIGRATIONS", (*database.MIGRATIONS, added))
    for _ in range(2):
        opened = Store(store.folder)
        assert opened.database.rows("SELECT colour FROM datasets")[0]["colour"] == "red"
        assert opened.run(run.id).name == "Run 1"
        opened.close()


def test_a_workspace_from_before_tags_gets_them(store, run):
    for column in ("tags", "all_baselines"):
        store.database.execute(f"ALTER TABLE runs DROP COLUMN {column}")
    store.database.execute("PRAGMA user_version = 1")
    store.close()
    opened = Store(store.folder)
    assert (opened.run(run.id).tags, opened.run(run.id).all_baselines) == ((), False)
    assert opened.update_run(run.id, tags=["for the client"]).tags == ("for the client",)
    opened.close()


def test_migration_that_fails_changes_nothing(store, run, monkeypatch):
    store.close()
    latest = database.MIGRATIONS
    broken = ("ALTER TABLE datasets ADD COLUMN colour TEXT", "ALTER TABLE nowhere ADD COLUMN x TEXT")
    monkeypatch.setattr(database, "MIGRATIONS", (*latest, broken))
    with pytest.raises(RunError, match="no such table: nowhere"):
        Store(store.folder)
    monkeypatch.setattr(database, "MIGRATIONS", latest)
    opened = Store(store.folder)
    assert "colour" not in opened.database.rows("SELECT * FROM datasets")[0].keys()
    opened.close()


def test_newer_version_is_refused(store):
    store.database.execute("PRAGMA user_version = 99")
    with pytest.raises(RunError, match="has version 99, this program knows up to 3.*Update the program"):
        Store(store.folder)


def test_damaged_database_is_named(tmp_path):
    (tmp_path / "workspace.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(RunError, match="damaged workspace.db"):
        Store(tmp_path)


def test_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RunError, match="file/workspace can't be used .*Make it writable"):
        Store(tmp_path / "file" / "workspace")


def test_read_only_and_full_database_say_so(store, run):
    store.database._connection.execute("PRAGMA query_only = 1")
    with pytest.raises(RunError, match="readonly.*Make it writable"):
        store.set_state(run.id, "running")
    store.database._connection.execute("PRAGMA query_only = 0")
    pages = store.database.rows("PRAGMA page_count")[0][0]
    store.database._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(RunError, match="full disk. Free some space"):
        store.append_iteration(run.id, {"iteration": 1, "long": "x" * 100_000})
    store.database._connection.execute(f"PRAGMA max_page_count = {pages + 1000}")
    store.append_iteration(run.id, {"iteration": 1})
    assert store.run(run.id).state == "queued"


# Tags


def test_tags_are_kept_tidied_and_taken_away_again(store, run):
    assert run.tags == ()
    assert store.update_run(run.id, tags=[" best  one ", "", "best one", "<b>"]).tags == ("best one", "<b>")
    assert store.update_run(run.id, phase="x").tags == ("best one", "<b>")
    assert [listed.tags for listed in store.runs()] == [("best one", "<b>")]
    assert store.update_run(run.id, tags=[]).tags == ()


@pytest.mark.parametrize(
    ("tags", "message"), [(["x" * 31], "at most 30 characters"), ([str(n) for n in range(11)], "at most 10 tags")]
)
def test_tags_that_are_too_long_or_too_many_are_refused(store, run, tags, message):
    with pytest.raises(RunError, match=message):
        store.update_run(run.id, tags=tags)
    assert store.run(run.id).tags == ()


# Files


def test_write_atomic_replaces_the_whole_file(tmp_path):
    path = tmp_path / "a.bin"
    write_atomic(path, b"a long first content")
    write_atomic(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_temporary_files_are_found_while_they_are_written(tmp_path):
    (tmp_path / ".tmp-notes").write_bytes(b"not one of these")
    with replacing(tmp_path / "a.bin") as temporary:
        temporary.write_bytes(b"x")
        assert temporary_files(tmp_path.parent) == [temporary]
    assert temporary_files(tmp_path) == []


@pytest.mark.parametrize("error", [OSError("full"), KeyboardInterrupt()])
def test_failing_halfway_leaves_the_old_file(tmp_path, error):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(type(error)), replacing(path) as temporary:
        assert temporary.parent == tmp_path and temporary.suffix == ".bin"
        temporary.write_bytes(b"ne")
        raise error
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_failing_to_rename_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def refuse(source, target):
        raise PermissionError("in use")

    monkeypatch.setattr("convmf.files.os.replace", refuse)
    with pytest.raises(PermissionError):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_json_goes_there_and_back_and_knows_no_nan(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"title": "Amélie", "n": [1, None]})
    assert read_json(path) == {"title": "Amélie", "n": [1, None]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"rmse": float("nan")})
    assert read_json(path)["n"] == [1, None]


def test_several_runs_are_deleted_together_or_not_at_all(store, run):
    others = [store.create_run(run.dataset_id, ConvMFConfig(), FakeSplit()) for _ in range(2)]
    for one in (run, *others):
        store.set_state(one.id, "stopped")
    store.delete_run(run.id)
    store.set_state(others[1].id, "queued")
    ids = [run.id, *(other.id for other in others)]
    with pytest.raises(RunError, match="Stop it first"):
        store.delete_runs(ids)
    assert {one.id for one in store.runs()} == {other.id for other in others}
    store.set_state(others[1].id, "stopped")
    store.delete_runs(ids)
    assert store.runs() == [], "one that was gone already doesn't matter"


def test_every_run_of_a_listing_has_its_data_set(store, run, monkeypatch):
    first = store.datasets()
    monkeypatch.setattr(store, "datasets", lambda: first[:0])  # as if it came after they were read
    assert store.listing() == ([], [])
    monkeypatch.undo()
    records, runs = store.listing()
    assert [record.id for record in records] == [run.dataset_id] and [one.id for one in runs] == [run.id]
