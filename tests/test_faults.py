"""Faults that really happen: processes that are killed, full and read-only disks, damaged files, too little memory.

After each the next start must not crash, the run must say what became of it, everything finished must be there, and
the resumed run must end bit for bit like one that nothing happened to.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from convmf.__main__ import main
from convmf.config import ConvMFConfig
from convmf.errors import ConvMFError, RunError
from convmf.model.convmf import ConvMF
from convmf.runs.check import check_workspace
from convmf.runs.database import BACKUP_NAME, DATABASE_NAME
from convmf.runs.jobs import Jobs
from convmf.runs.records import RunRecord
from convmf.runs.store import Store
from convmf.training.checkpoint import FILE_NAME, Checkpoint, load_checkpoint, save_checkpoint
from tests import fault_server
from tests.fault_server import AT_ITERATION, CONFIG, FILLER, LARGE, SPLIT, serve, wait_for_end
from tests.helpers import tiny_dataset

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="fork, /proc and quotas as Linux has them")

ROOT = Path(__file__).parents[1]
# Processes that are forked from one which has torch imported already: a start costs milliseconds instead of seconds.
CONTEXT = multiprocessing.get_context("forkserver")


@pytest.fixture(scope="module", autouse=True)
def fork_server() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        CONTEXT.set_forkserver_preload(["tests.fault_server"])
        start(print).join()
        yield


def start(target: Callable[..., Any], *arguments: Any) -> Any:
    process = CONTEXT.Process(target=target, args=arguments)
    process.start()
    return process


def run_until_end(target: Callable[..., Any], *arguments: Any) -> int:
    """The exit code of a process; minus the signal that ended it."""
    process = start(target, *arguments)
    process.join(90)
    if process.is_alive():
        process.kill()
        pytest.fail("the process did not end")
    return int(process.exitcode)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a data set and a finished run that nothing happened to: what the others must equal."""
    folder = tmp_path_factory.mktemp("template") / "workspace"
    with server(folder) as jobs:
        dataset = jobs.store.add_dataset(tiny_dataset())
        train(jobs, dataset.id, CONFIG, "reference")
    return folder


@pytest.fixture
def home(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "workspace"))


@pytest.fixture(scope="module")
def killed_template(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = shutil.copytree(template, tmp_path_factory.mktemp("killed") / "workspace")
    assert run_until_end(serve, folder, "cnn:kill") == -signal.SIGKILL
    return Path(folder)


@pytest.fixture
def killed(killed_template: Path, tmp_path: Path) -> Path:
    """A workspace whose server was killed in iteration 3 of the run "victim"."""
    return Path(shutil.copytree(killed_template, tmp_path / "killed"))


@contextlib.contextmanager
def server(folder: Path) -> Iterator[Jobs]:
    """A server in this process."""
    store = Store(folder)
    jobs = Jobs(store)
    try:
        yield jobs
    finally:
        assert jobs.close(60)
        store.close()


def train(jobs: Jobs, dataset_id: str, config: ConvMFConfig, name: str) -> RunRecord:
    run = wait_for_end(jobs, jobs.start(dataset_id, config, SPLIT, name).id)
    assert run.state == "done", run.reason
    return run


def named(store: Store, name: str) -> RunRecord:
    return next(store.run(run.id) for run in store.runs() if run.name == name)


def finish(jobs: Jobs) -> RunRecord:
    """Resume the victim, and see that it ends like the reference."""
    run = wait_for_end(jobs, jobs.resume(named(jobs.store, "victim").id).id)
    assert run.state == "done", run.reason
    assert_same(jobs.store, run, named(jobs.store, "reference"))
    return run


def assert_same(store: Store, run: RunRecord, reference: RunRecord) -> None:
    files = [(store.model_folder(each.id) / "model.safetensors").read_bytes() for each in (run, reference)]
    assert files[0] == files[1]
    assert without_time(store.history(run.id)) == without_time(store.history(reference.id))
    assert run.report is not None and reference.report is not None
    for key in ("rmse", "baselines", "iterations", "best_iteration"):
        assert run.report[key] == reference.report[key]
    assert without_time(run.report["history"]) == without_time(reference.report["history"])


def without_time(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    assert len(history) >= CONFIG.n_iterations or len(history) == LARGE.n_iterations
    return [{key: value for key, value in values.items() if key != "seconds"} for values in history]


def assert_whole(folder: Path) -> None:
    assert [f"{problem.where}: {problem.what}" for problem in check_workspace(folder).problems] == []


# Killed


@pytest.mark.parametrize(
    ("place", "checkpoint"),
    [
        ("users", AT_ITERATION - 1),
        ("items", AT_ITERATION - 1),
        ("cnn", AT_ITERATION - 1),
        ("validate", AT_ITERATION - 1),
        ("recorded", AT_ITERATION - 1),
        ("half a checkpoint", AT_ITERATION - 1),
        ("unnamed checkpoint", AT_ITERATION - 1),
        ("half a model", CONFIG.n_iterations),
        ("measuring", CONFIG.n_iterations),
    ],
)
def test_killed_server_costs_no_more_than_an_iteration(home: Path, place: str, checkpoint: int) -> None:
    assert run_until_end(serve, home, f"{place}:kill") == -signal.SIGKILL
    found = check_workspace(home)
    assert any("running, but no server is at work" in problem.what for problem in found.problems)
    with server(home) as jobs:
        victim = named(jobs.store, "victim")
        assert victim.state == "interrupted"
        assert victim.reason == "The server ended while this run was training. Resume it to go on."
        assert load_checkpoint(jobs.store.checkpoint_folder(victim.id)).meta["iteration"] == checkpoint
        assert_whole(home)
        finish(jobs)
    assert_whole(home)


def test_terminated_server_says_so(home: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.fault_server", str(home), "cnn:terminate"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=90)
    assert (done.returncode, done.stderr) == (0, "")
    store = Store(home)
    assert named(store, "victim").state == "interrupted"
    assert named(store, "victim").reason == "The server was closed. Resume this run to go on."
    store.close()
    with server(home) as jobs:
        finish(jobs)


@pytest.mark.parametrize("kind", ["datasets", "runs"])
def test_killed_in_the_middle_of_adding(home: Path, kind: str) -> None:
    assert run_until_end(add_and_die, home, kind) == -signal.SIGKILL
    wheres = [problem.where for problem in check_workspace(home).problems]
    assert len(wheres) == 2 and all(where.startswith(f"{kind}/") for where in wheres), "the folder and its mark"
    before = Store(home)
    assert len(before.datasets()) == len(before.runs()) == 1
    before.close()
    with server(home):
        assert_whole(home)


def add_and_die(folder: Path, kind: str) -> None:
    store = Store(folder)
    if kind == "datasets":
        fault_server._before(fault_server.files, "write_json", 1, fault_server.kill)
        import convmf.data.dataset as module

        fault_server._before(module, "write_json", 1, fault_server.kill)
        store.add_dataset(tiny_dataset())
    fault_server._before(store, "_insert_run", 1, fault_server.kill)
    store.create_run(store.datasets()[0].id, CONFIG, SPLIT)


def test_killed_in_the_middle_of_deleting_leaves_what_gc_frees(
    killed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_until_end(delete_and_die, killed) == -signal.SIGKILL
    assert main(["workspace", "check", "--home", str(killed)]) == 1
    assert "folder of no run in the database; workspace gc frees it" in capsys.readouterr().out
    assert main(["workspace", "gc", "--home", str(killed)]) == 0
    assert "folder of no run in the database" in capsys.readouterr().out
    assert main(["workspace", "check", "--home", str(killed)]) == 0


def delete_and_die(folder: Path) -> None:
    with server(folder) as jobs:
        import convmf.runs.store as module

        fault_server._before(module.shutil, "rmtree", 1, fault_server.kill)
        jobs.store.delete_run(named(jobs.store, "victim").id)


# Disks


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes, which only an administrator can make."""
    folder = tmp_path / "small"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True)
    if made.returncode:
        pytest.skip("no file system can be mounted here; the test with a limited file size runs instead")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_full_disk(template: Path, small_disk: Path) -> None:
    home = Path(shutil.copytree(template, small_disk / "workspace"))
    assert run_until_end(serve, home, "full disk") == 0
    assert shutil.disk_usage(home).free == 0
    with contextlib.suppress(RunError), server(home):  # on a disk that is still full: works, or says why not
        pass
    (home / FILLER).unlink()
    with server(home) as jobs:
        victim = named(jobs.store, "victim")
        assert victim.state in ("failed", "interrupted")
        assert "disk" in victim.reason or "server ended" in victim.reason
        finish(jobs)
    assert_whole(home)


def test_limited_file_size(home: Path) -> None:
    assert run_until_end(serve, home, "file size limit") == 0
    with server(home) as jobs:
        assert named(jobs.store, "victim").state in ("failed", "interrupted")
        finish(jobs)
    assert_whole(home)


@pytest.fixture
def read_only(killed: Path, tmp_path: Path) -> Iterator[Path]:
    """The killed server's workspace where nothing can be written, by this user either."""
    if os.geteuid() != 0:
        folders = [killed, *(path for path in killed.rglob("*") if path.is_dir())]
        for folder in folders:
            folder.chmod(0o500)
        (killed / DATABASE_NAME).chmod(0o400)
        yield killed
        (killed / DATABASE_NAME).chmod(0o600)
        for folder in folders:
            folder.chmod(0o700)
        return
    mount = ["mount", "--bind", str(killed), str(killed)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("root may write everywhere, and nothing can be mounted here")
    subprocess.run(["mount", "-o", "remount,bind,ro", str(killed)], check=True)
    yield killed
    with contextlib.suppress(subprocess.CalledProcessError):
        subprocess.run(["umount", "--lazy", str(killed)], check=True, capture_output=True)


def test_read_only_workspace(read_only: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with server(read_only) as jobs:
        reference, victim = named(jobs.store, "reference"), named(jobs.store, "victim")
        assert (reference.state, victim.state) == ("done", "running"), "what is there can be looked at"
        ConvMF.load(jobs.store.model_folder(reference.id))
        for refused in (
            lambda: jobs.start(reference.dataset_id, CONFIG, SPLIT),
            lambda: jobs.resume(victim.id),
            lambda: jobs.store.add_dataset(tiny_dataset()),
            lambda: jobs.store.delete_run(reference.id),
        ):
            with pytest.raises(RunError, match="Make it writable, or set CONVMF_HOME"):
                refused()
    assert main(["workspace", "check", "--home", str(read_only)]) == 1
    output = capsys.readouterr()
    assert output.err == "" and "running, but no server is at work" in output.out
    assert main(["workspace", "gc", "--home", str(read_only)]) == 2
    assert "Make it writable" in capsys.readouterr().err


# Damage


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    """A bit here and there."""
    content = bytearray(path.read_bytes())
    for place in range(len(content) // 8, len(content), 100):
        content[place] ^= 1
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [cut, flip, empty])
def test_damaged_checkpoint_costs_time_only(killed: Path, damage: Callable[[Path], None]) -> None:
    with server(killed) as jobs:
        victim = named(jobs.store, "victim")
        damage(jobs.store.checkpoint_folder(victim.id) / FILE_NAME)
        (problem,) = check_workspace(killed).problems
        assert problem.where == f"runs/{victim.id}" and "The checkpoint is damaged" in problem.what
        run = finish(jobs)
        assert any("The checkpoint is damaged" in line for line in jobs.log(run.id))
    assert_whole(killed)


def test_a_checkpoint_of_a_version_that_read_texts_differently_costs_time_only(killed: Path) -> None:
    with server(killed) as jobs:
        folder = jobs.store.checkpoint_folder(named(jobs.store, "victim").id)
        checkpoint = load_checkpoint(folder)
        save_checkpoint(folder, Checkpoint(checkpoint.tensors, checkpoint.meta | {"words": "others"}))
        run = finish(jobs)
        assert any("read the texts differently" in line for line in jobs.log(run.id))
    assert_whole(killed)


@pytest.mark.parametrize("damage", [cut, flip, empty, Path.unlink])
@pytest.mark.parametrize("name", ["model.safetensors", "ratings.parquet", "items.parquet"])
def test_damaged_file_is_named(
    home: Path, name: str, damage: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    (path,) = home.rglob(name)
    damage(path)
    assert main(["workspace", "check", "--home", str(home)]) == 1
    output = capsys.readouterr().out
    owner = path.relative_to(home).parts[1]
    assert owner in output and ("damaged" in output or "can't be read" in output) and "Problems: 1" in output


def test_damaged_page_of_the_database(killed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with server(killed):
        pass
    damage_table(killed, "runs")
    shutil.copy(killed / BACKUP_NAME, copy := killed.parent / "copy.db")
    with (
        contextlib.closing(Store(killed)) as store,
        pytest.raises(RunError, match=f"damaged {DATABASE_NAME}.*put back .*{BACKUP_NAME}"),
    ):
        Jobs(store)
    assert main(["workspace", "check", "--home", str(killed)]) == 1
    assert "workspace.db: " in capsys.readouterr().out
    assert main(["workspace", "gc", "--home", str(killed)]) == 2
    assert "damaged" in capsys.readouterr().err
    assert copy.read_bytes() == (killed / BACKUP_NAME).read_bytes(), "a damaged database is no copy to keep"
    for name in (DATABASE_NAME, f"{DATABASE_NAME}-wal", f"{DATABASE_NAME}-shm"):
        (killed / name).unlink(missing_ok=True)
    (killed / BACKUP_NAME).rename(killed / DATABASE_NAME)
    with server(killed) as jobs:
        assert named(jobs.store, "reference").state == "done"
        finish(jobs)
    assert_whole(killed)


def damage_table(folder: Path, table: str) -> None:
    """Overwrite the first page of a table, when nothing is left in the write-ahead log."""
    connection = sqlite3.connect(folder / DATABASE_NAME)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    with (folder / DATABASE_NAME).open("rb+") as file:
        file.seek((page - 1) * size)
        file.write(b"\xa5" * size)


# Memory, numbers, data, time


def test_too_little_memory(home: Path) -> None:
    assert run_until_end(serve, home, "little memory", LARGE) == 0
    with server(home) as jobs:
        victim = named(jobs.store, "victim")
        assert victim.state == "failed"
        assert victim.reason.startswith("Not enough memory. Take a smaller batch")
        run = wait_for_end(jobs, jobs.resume(victim.id).id)
        assert_same(jobs.store, run, train(jobs, run.dataset_id, LARGE, "large reference"))
    assert_whole(home)


def test_objective_that_is_no_number(home: Path) -> None:
    assert run_until_end(serve, home, "nan") == 0
    with server(home) as jobs:
        victim = named(jobs.store, "victim")
        assert victim.state == "failed"
        assert "no longer a finite number in iteration 3" in victim.reason
        finish(jobs)


def test_data_set_that_is_gone_before_its_run(killed: Path) -> None:
    with server(killed) as jobs:
        victim = named(jobs.store, "victim")
        with pytest.raises(RunError, match="has trained runs"):
            jobs.store.delete_dataset(victim.dataset_id)
        folder = jobs.store.dataset_folder(victim.dataset_id)
        folder.rename(killed / "elsewhere")
        failed = wait_for_end(jobs, jobs.resume(victim.id).id)
        assert failed.state == "failed"
        assert f"The stored data set in {folder.name} can't be read" in failed.reason
        (killed / "elsewhere").rename(folder)
        finish(jobs)


def test_data_set_that_is_gone_under_a_run(killed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with server(killed) as jobs:
        folder = jobs.store.dataset_folder(named(jobs.store, "victim").dataset_id)
        original = jobs.store.append_iteration

        def append(run_id: str, result: dict[str, Any]) -> None:
            if folder.exists():
                with pytest.raises(RunError, match="is in use by victim"):
                    jobs.store.delete_dataset(folder.name, with_runs=True)
                shutil.rmtree(folder)
            original(run_id, result)

        monkeypatch.setattr(jobs.store, "append_iteration", append)
        finish(jobs)


def test_clock_that_is_set_back(killed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with server(killed) as jobs:
        victim = named(jobs.store, "victim")
        real = time.time
        monkeypatch.setattr("convmf.runs.store.time.time", lambda: real() - 3600)
        run = jobs.resume(victim.id)
        original = jobs.store.append_iteration

        def append(run_id: str, result: dict[str, Any]) -> None:
            original(run_id, result)
            monkeypatch.setattr("convmf.runs.store.time.time", lambda: real() - 7200)
            progress = jobs.progress(run_id)
            assert progress.seconds_elapsed >= 0 and (progress.seconds_left or 0) >= 0

        monkeypatch.setattr(jobs.store, "append_iteration", append)
        run = wait_for_end(jobs, run.id)
        assert_same(jobs.store, run, named(jobs.store, "reference"))
        assert run.started is not None and run.ended is not None and run.ended >= run.started
        newest = train(jobs, run.dataset_id, CONFIG, "newest")
        assert jobs.store.runs()[0].id == newest.id


# Two servers


def test_servers_that_begin_at_the_same_moment(tmp_path: Path) -> None:
    begin, answers = CONTEXT.Barrier(4), CONTEXT.Queue()
    processes = [start(fault_server.race, tmp_path / "new", begin, answers) for _ in range(3)]
    begin.wait(60)
    said = sorted(answers.get(timeout=60) for _ in processes)
    begin.wait(60)
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert said[-1] == "owner", said
    assert all("Another server runs the workspace" in answer for answer in said[:-1]), said


def test_second_server_takes_over_only_from_a_dead_one(home: Path) -> None:
    first = start(serve, home, "cnn:hang")
    store = Store(home)
    deadline = time.monotonic() + 60
    while not any(run.name == "victim" and run.iterations_done == AT_ITERATION - 1 for run in store.runs()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    store.close()
    with server(home) as jobs:
        victim = named(jobs.store, "victim")
        for refused in (jobs.stop, jobs.resume):
            with pytest.raises(RunError, match="Another server runs the workspace"):
                refused(victim.id)
        for delete in (jobs.store.delete_run, lambda _: jobs.store.delete_dataset(victim.dataset_id, with_runs=True)):
            with pytest.raises(RunError, match="[Ss]top"):
                delete(victim.id)
        assert jobs.active() == jobs.store.run(victim.id) and jobs.active().state == "running"
        assert check_workspace(home).in_use
        assert_whole(home)
        with pytest.raises(ConvMFError, match="A server is using the workspace"):
            collect_beside(home)
    with server(home) as jobs:
        assert named(jobs.store, "victim").state == "running", "a server that only looked leaves it alone"
        first.kill()
        first.join()
        finish(jobs)
    assert_whole(home)


def collect_beside(folder: Path) -> None:
    from convmf.runs.leftovers import collect

    with contextlib.closing(Store(folder)) as store:
        collect(store)


# Long use


def test_many_runs_leave_nothing_behind(home: Path) -> None:
    """The same with 200 runs, and its figures, is in tests/benchmarks/long_use.py."""
    answers = CONTEXT.SimpleQueue()
    assert run_until_end(use_long, home, answers) == 0
    first, *_, last = answers.get()
    assert last["runs"] == 30
    # A leak would add one a run; a thread or file more or less is one that is just ending.
    for kind in ("threads", "files"):
        assert last[kind] <= first[kind] + 2, (kind, first, last)
    assert last["kB"] - first["kB"] < 20_000


def use_long(folder: Path, answers: Any) -> None:
    answers.put(fault_server.long_use(folder, 30, 10))
