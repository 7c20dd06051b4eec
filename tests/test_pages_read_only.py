"""The read-only demo: every page can be looked at, predictions work, and nothing on the disk changes."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from convmf.data.splits import SplitSettings
from convmf.runs.jobs import Jobs
from convmf.runs.store import Store
from pages.shared import frame
from pages.shared import workspace as shared
from tests.helpers import TINY, tiny_dataset

ROOT = Path(__file__).parents[1]
PAGES = [path for path, _ in frame.MENU]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a finished and a stopped run, made by a server that may write."""
    folder = tmp_path_factory.mktemp("trained")
    store = Store(folder)
    jobs = Jobs(store)
    data = store.add_dataset(tiny_dataset())
    run = jobs.start(data.id, TINY, SplitSettings(cold_items=0.2))
    until = time.monotonic() + 120
    while store.run(run.id).is_active:
        assert time.monotonic() < until
        time.sleep(0.05)
    stopped = store.create_run(data.id, TINY, SplitSettings(seed=5))
    store.set_state(stopped.id, "stopped")
    assert jobs.close()
    store.close()
    return folder


@pytest.fixture
def demo(workspace: Path, trained: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The workspace in a server with CONVMF_READ_ONLY; at the end it is as it was."""
    shutil.copytree(trained, workspace)
    before = contents(workspace)
    monkeypatch.setenv("CONVMF_READ_ONLY", "1")
    yield workspace
    assert contents(workspace) == before


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but the database's working files, which readers make too."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(("-wal", "-shm")))
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def visit(page: str, **query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    if page != "app.py":
        app.switch_page(page)
        for key, value in query.items():
            app.query_params[key] = value
        app.run()
    assert not app.exception
    return app


def press(app: AppTest, button: Button) -> None:
    """Click a button, a disabled one too: what is sent is up to the browser."""
    button.proto.disabled = False
    button.click().run()
    assert not app.exception


def texts(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.info, app.warning, app.error)
    return "\n".join(element.value for kind in kinds for element in kind)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_so_and_none_of_its_buttons_changes_anything(demo: Path, page: str) -> None:
    app = visit(page)
    assert "Read-only demo" in texts(app)
    assert not app.error and not app.file_uploader
    for place in range(len(app.button)):
        app = visit(page)
        press(app, app.button[place])


@pytest.mark.parametrize(
    ("page", "note", "disabled"),
    [
        ("pages/data.py", "data can't be added, renamed or deleted", {"Train on this data"}),
        ("pages/train.py", "no training can be started, stopped or resumed", {"Start again"}),
        ("pages/results.py", "runs can't be renamed, tagged or deleted", set()),
    ],
)
def test_what_would_change_something_is_disabled_and_a_note_says_why(
    demo: Path, page: str, note: str, disabled: set[str]
) -> None:
    app = visit(page)
    assert f"This is a read-only demo: {note}." in texts(app)
    assert disabled <= {button.label for button in app.button if button.disabled}
    assert not {"Use this data", "Load the built-in data", "Start training"} & {button.label for button in app.button}


def test_a_change_that_is_sent_all_the_same_is_refused_in_words(demo: Path) -> None:
    app = visit("pages/data.py")
    (record,) = shared.store().datasets()
    app.text_input(key=f"name_{record.id}").set_value("Mine now")
    app.button(key=f"rename_{record.id}").click().run()
    assert "This workspace is read" in texts(app) and not app.exception
    assert shared.store().datasets() == [record]


def test_a_run_cannot_be_resumed_by_a_browser_that_ignores_the_grey(demo: Path) -> None:
    app = visit("pages/train.py")
    (stopped,) = (run for run in shared.store().runs() if run.state == "stopped")
    press(app, app.button(key="run_resume"))
    assert shared.store().run(stopped.id) == stopped


def test_predictions_work(demo: Path) -> None:
    run = next(run for run in shared.store().runs() if run.report)
    app = visit("pages/cold_start.py", run=run.id, view="people", text="war soldiers at night")
    assert not app.exception and not app.error
    assert any(metric.label == "Expected rating" for metric in app.metric)
    assert len(app.dataframe) == 2


def test_a_workspace_that_is_not_there_is_explained_and_not_made(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONVMF_READ_ONLY", "1")
    app = visit("app.py")
    assert "There is no workspace in" in texts(app) and "to show" in texts(app)
    assert not workspace.exists()


def test_an_empty_workspace_has_calm_words_on_every_page(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Store(workspace).close()
    monkeypatch.setenv("CONVMF_READ_ONLY", "1")
    for page in PAGES:
        app = visit(page)
        assert not app.error and "This is a read-only demo" in texts(app), page
        assert all(button.disabled for button in app.button), page


def test_the_environment_alone_decides(workspace: Path) -> None:
    assert not shared.read_only()
    assert "ead-only demo" not in texts(visit("pages/data.py"))
