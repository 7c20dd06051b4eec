"""What the tests of the pages share: a page drawn once, its words, and a finished run to look at."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

from streamlit.testing.v1 import AppTest

from convmf.data.dataset import Dataset
from convmf.data.splits import SplitSettings
from convmf.model.convmf import ConvMF
from convmf.runs.store import RunRecord
from pages.shared import workspace as shared
from tests.helpers import TINY

ROOT = Path(__file__).parents[1]


def drawn(path: str, **query: str | list[str]) -> AppTest:
    """The page at ``path``, drawn once; it may say what is wrong."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    app.switch_page(path)
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    return app


def page(path: str, **query: str | list[str]) -> AppTest:
    """The page at ``path``, drawn once, without an error."""
    app = drawn(path, **query)
    assert not app.error
    return app


def texts(app: AppTest) -> str:
    """All words on the page that are no control's."""
    kinds = (app.markdown, app.caption, app.info, app.warning, app.header, app.subheader, app.text)
    return "\n".join(element.value for kind in kinds for element in kind)


def trained(data: Dataset, split: SplitSettings | None = None, **changes: object) -> RunRecord:
    """A finished run on ``data``."""
    record = shared.store().add_dataset(data)
    run = shared.jobs().start(record.id, dataclasses.replace(TINY, **changes), split or SplitSettings())  # type: ignore[arg-type]
    until = time.monotonic() + 60
    while shared.store().run(run.id).is_active:
        assert time.monotonic() < until
        time.sleep(0.05)
    return shared.store().run(run.id)


def net_of(run: RunRecord) -> ConvMF:
    """The model of a finished run."""
    return shared.model(run.id, str(run.ended))
