"""What a run gives to take away: nothing but its own files, and nothing that a spreadsheet would run."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from convmf.config import ConvMFConfig
from convmf.data.splits import SplitSettings, split_ratings
from convmf.errors import RunError
from convmf.evaluation.held_out import HeldOut
from convmf.model.convmf import ConvMF
from convmf.runs import export
from convmf.runs.compare import SettingRow, setting_rows
from convmf.runs.store import RunRecord, Store
from convmf.training.loop import fit
from tests.helpers import TINY, tiny_dataset


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "workspace")
    yield opened
    opened.close()


def a_run(store: Store, config: ConvMFConfig = TINY, **split: float) -> RunRecord:
    data = store.add_dataset(tiny_dataset())
    return store.create_run(data.id, config, SplitSettings(**split), name='A "run"')


def test_a_packed_model_predicts_as_before(store, tmp_path):
    run = a_run(store)
    model = fit(split_ratings(tiny_dataset()), TINY)
    folder = store.model_folder(run.id)
    model.save(folder)
    (folder / "secret.txt").write_text("not for others")
    packed = export.model_zip(folder, run)
    assert packed == export.model_zip(folder, run)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.namelist() == ["model.json", "model.safetensors", "settings.json"]
        assert json.loads(archive.read("settings.json"))["config"] == run.config
        archive.extractall(tmp_path / "unpacked")
    again = ConvMF.load(tmp_path / "unpacked")
    assert np.array_equal(again.predict(["u0"], ["i0"]), model.predict(["u0"], ["i0"]))


def test_a_missing_or_linked_model_is_refused(store, tmp_path):
    run = a_run(store)
    with pytest.raises(RunError, match="can't be packed: model.json .*Train it again"):
        export.model_zip(store.model_folder(run.id), run)
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "elsewhere").write_text("secret")
    (folder / "model.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match="it is a link"):
        export.model_zip(folder, run)


def test_settings_are_those_of_the_run(store):
    run = a_run(store, cold_items=0.25)
    values = json.loads(export.settings_json(run))
    assert values["run"] == 'A "run"'
    assert ConvMFConfig.from_dict(values["config"]) == TINY
    assert SplitSettings.from_dict(values["split"]) == SplitSettings(cold_items=0.25)


def test_predictions_as_csv_by_hand_and_without_formulas():
    data = tiny_dataset()
    data = replace(data, titles=("=HYPERLINK(1)", *data.titles[1:]), user_ids=("-1", *data.user_ids[1:]))
    ratings = data.ratings.take(np.array([0, 1]))
    part = HeldOut(
        name="test",
        ratings=ratings,
        predicted={"model": ratings.rating + np.float32(0.5), "biases": ratings.rating},
        item_counts=np.array([1, 1]),
        user_counts=np.array([1, 1]),
    )
    content = export.predictions_csv(data, {"test": part, "cold": replace(part, name="cold")})
    assert content.startswith(b'\xef\xbb\xbf"part",')
    table = pd.read_csv(io.BytesIO(content), encoding="utf-8-sig")
    assert table.columns.tolist() == [
        *("part", "user_id", "item_id", "title", "rating", "predicted", "error", "biases")
    ]
    assert table["part"].tolist() == ["test", "test", "cold", "cold"]
    assert table["user_id"].tolist() == ["'-1"] * 4
    assert table["title"][0] == "'=HYPERLINK(1)"
    assert (table["error"] == 0.5).all()
    assert table["rating"].to_numpy() == pytest.approx(np.tile(ratings.rating, 2), abs=1e-5)


def test_settings_side_by_side_mark_what_differs(store):
    first = a_run(store)
    second = a_run(store, replace(TINY, seed=3), cold_items=0.1)
    second.config.pop("dropout")
    rows = {row.name: row for row in setting_rows([first, second])}
    assert [name for name, row in rows.items() if row.differs] == ["dropout", "seed", "split: cold_items"]
    assert rows["seed"].values == (0, 3)
    assert rows["dropout"].values == (TINY.dropout, None)
    assert rows["split: test"] == SettingRow("split: test", (0.1, 0.1))


def test_a_link_in_the_model_folder_never_leads_out(store, tmp_path: Path):
    run = a_run(store)
    fit(split_ratings(tiny_dataset()), TINY).save(store.model_folder(run.id))
    weights = store.model_folder(run.id) / "model.safetensors"
    weights.rename(tmp_path / "moved")
    weights.symlink_to(tmp_path / "moved")
    with pytest.raises(RunError, match="model.safetensors"):
        export.model_zip(store.model_folder(run.id), run)
