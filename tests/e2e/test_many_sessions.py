"""Several people at once, beside a training; how fast they are served is measured in tests/benchmarks."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest

from convmf.data.splits import SplitSettings
from convmf.runs.jobs import Jobs
from convmf.runs.store import Store
from pages.shared.frame import MENU
from tests.e2e.browser import AppServer
from tests.e2e.sessions import Plan, walk
from tests.helpers import TINY, tiny_dataset


@pytest.mark.browser
@pytest.mark.parametrize("in_browsers", [True, False])
def test_four_sessions_beside_a_training_meet_no_error(chromium: str, tmp_path: Path, in_browsers: bool) -> None:
    store = Store(tmp_path / "workspace")
    jobs = Jobs(store)
    data = store.add_dataset(tiny_dataset())
    run = jobs.start(data.id, TINY, SplitSettings(cold_items=0.2))
    while store.run(run.id).is_active:
        time.sleep(0.05)
    jobs.close()
    store.close()
    with AppServer(tmp_path / "workspace", tmp_path / "server.log") as server:
        walked = walk(server, chromium, Plan(4, 10.0, (0.2, 0.6), data.id, "quick", in_browsers))
        assert walked.errors == []
        assert walked.n_trainings >= 1
        visits = Counter(switch.page for switch in walked.switches)
        assert all(visits[label] >= 4 for _, label in MENU[1:])  # they begin on the first one
    assert not server.crashed()
