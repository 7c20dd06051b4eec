"""workspace check and gc: what is found, what is freed, and what is left alone."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from convmf.__main__ import main
from convmf.config import ConvMFConfig
from convmf.data.splits import SplitSettings
from convmf.errors import RunError
from convmf.files import FileLock
from convmf.runs.check import check_workspace
from convmf.runs.database import MIGRATIONS
from convmf.runs.leftovers import collect, sweep
from convmf.runs.store import ADDING_SUFFIX, Store
from tests.helpers import tiny_dataset

NO_ID = "0123456789abcdef"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "workspace")
    yield opened
    opened.close()


@pytest.fixture
def run_id(store: Store) -> str:
    """A queued run on a small data set."""
    return store.create_run(store.add_dataset(tiny_dataset()).id, ConvMFConfig(), SplitSettings(), "\x1b[31mred").id


def problems(store: Store) -> list[tuple[str, str]]:
    return [(problem.where, problem.what) for problem in check_workspace(store.folder).problems]


def execute(store: Store, statement: str) -> None:
    """As another program would do it, without the store's own rules."""
    with contextlib.closing(sqlite3.connect(store.folder / "workspace.db")) as database, database:
        database.execute(statement)


def test_new_workspace_is_whole(store: Store) -> None:
    found = check_workspace(store.folder)
    assert (found.n_datasets, found.n_runs, found.in_use, found.problems) == (0, 0, False, ())
    assert found.version == len(MIGRATIONS) and found.n_bytes > 0


@pytest.mark.parametrize("action", ["check", "gc"])
def test_folder_without_a_workspace_is_bad_input(
    action: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["workspace", action, "--home", str(tmp_path)]) == 2
    output = capsys.readouterr()
    assert output.out == "" and output.err.startswith(f"convmf: There is no workspace in {tmp_path}: it has no")
    assert list(tmp_path.iterdir()) == [], "nothing is made where nothing was"


def test_home_is_the_one_of_the_environment(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CONVMF_HOME", str(store.folder))
    assert main(["workspace", "check"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Everything is whole."
    assert main(["workspace", "gc"]) == 0
    assert capsys.readouterr().out == "There is nothing to free.\n"


def test_run_without_an_owner(store: Store, run_id: str) -> None:
    ((where, what),) = problems(store)
    assert where == f"runs/{run_id}" and "queued, but no server is at work" in what
    assert "\x1b" not in what, "a name can't give orders to the terminal"
    assert store.acquire()
    assert check_workspace(store.folder).in_use and problems(store) == []


def test_run_whose_files_are_gone(store: Store, run_id: str) -> None:
    for state in ("running", "done"):
        store.set_state(run_id, state)
    ((where, what),) = problems(store)
    assert where == f"runs/{run_id}" and "There is no model" in what
    store.run_folder(run_id).rmdir()
    ((where, what),) = problems(store)
    assert where == f"runs/{run_id}" and "its folder is missing" in what


def test_database_that_says_what_cannot_be(store: Store, run_id: str) -> None:
    store.set_state(run_id, "stopped")
    dataset_id = store.run(run_id).dataset_id
    execute(store, "UPDATE datasets SET n_ratings = 7")
    execute(store, "UPDATE runs SET split = '{', config = '{\"n_factors\": -1}'")
    execute(
        store,
        "INSERT INTO runs (id, dataset_id, name, state, config, split, device, created) "
        f"SELECT '{NO_ID}', '{NO_ID}', name, 'stopped', config, '{{}}', device, created FROM runs",
    )
    found = problems(store)
    assert ("workspace.db", f"split of run {run_id} isn't JSON") in found
    assert ("workspace.db", "a row of runs belongs to no row of datasets") in found
    texts = {where: what for where, what in found if where != "workspace.db"}
    assert "as n_ratings, the database 7" in texts[f"datasets/{dataset_id}"]
    assert "n_factors" in texts[f"runs/{run_id}"]
    assert "its folder is missing" in texts[f"runs/{NO_ID}"]


def test_newer_version_is_said(store: Store) -> None:
    execute(store, "PRAGMA user_version = 99")
    ((where, what),) = problems(store)
    assert where == "workspace.db" and "made by a newer version" in what and "99" in what


def leave_things(store: Store) -> dict[str, Path]:
    """One thing of each kind that nothing points to."""
    things = {
        "orphan": store.folder / "runs" / NO_ID,
        "unfinished": store.folder / "datasets" / NO_ID,
        "mark": (store.folder / "datasets" / NO_ID).with_suffix(ADDING_SUFFIX),
        "temporary": next((store.folder / "datasets").iterdir()) / ".tmp-0a1b2c3d-items.parquet",
    }
    for name in ("orphan", "unfinished"):
        things[name].mkdir()
        (things[name] / "file").write_bytes(b"x" * 1000)
    for name in ("mark", "temporary"):
        things[name].write_bytes(b"")
    return things


def test_start_frees_only_what_was_never_finished(store: Store, run_id: str) -> None:
    things = leave_things(store)
    assert {leftover.path for leftover in sweep(store)} == {things[key] for key in ("unfinished", "mark", "temporary")}
    assert [name for name, path in things.items() if path.exists()] == ["orphan"]


def test_gc_frees_what_check_names_and_checkpoints_of_finished_runs(store: Store, run_id: str) -> None:
    things = leave_things(store)
    checkpoints = []
    for state in ("done", "interrupted"):
        ended = store.create_run(store.run(run_id).dataset_id, ConvMFConfig(), SplitSettings())
        for step in ("running", state):
            store.set_state(ended.id, step)
        checkpoints.append(store.checkpoint_folder(ended.id))
        checkpoints[-1].mkdir()
    named = {where for where, what in problems(store) if "workspace gc frees it" in what}
    assert named == {path.relative_to(store.folder).as_posix() for path in things.values()}
    freed = collect(store)
    assert {leftover.path for leftover in freed} == {*things.values(), checkpoints[0]}
    assert {leftover.n_bytes for leftover in freed} == {0, 1000}
    assert not any(path.exists() for path in [*things.values(), checkpoints[0]]) and checkpoints[1].exists()
    assert collect(store) == [] and not store.lock.held


def test_what_is_being_added_is_left_alone(store: Store) -> None:
    folder = store.folder / "datasets" / NO_ID
    adding = FileLock(folder.with_suffix(ADDING_SUFFIX))
    assert adding.acquire()
    folder.mkdir()
    (folder / ".tmp-0a1b2c3d-items.parquet").write_bytes(b"half")
    assert problems(store) == [] and collect(store) == []
    adding.release()
    assert {leftover.path for leftover in sweep(store)} == {folder, adding.path}


def test_gc_waits_for_no_server(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert store.acquire()
    with (
        contextlib.closing(Store(store.folder)) as other,
        pytest.raises(RunError, match="A server is using the workspace .* End it first"),
    ):
        collect(other)
    assert main(["workspace", "gc", "--home", str(store.folder)]) == 2
    assert "A server is using the workspace" in capsys.readouterr().err
