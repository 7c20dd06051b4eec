from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from convmf.data.splits import SplitSettings, split_ratings, thin_train
from convmf.data.vectors import WordVectors
from convmf.errors import ConfigError, ConvMFError, DataError, RunError
from convmf.evaluation.metrics import rmse
from convmf.studies import SUMMARIES, ablation, controls, find_study, penalties, results, sparsity, words
from convmf.studies.plan import Study, StudySettings
from convmf.studies.runner import StudyProgress, run_study
from convmf.training.loop import fit
from tests.helpers import TINY, tiny_dataset

GROWING = replace(TINY, lambda_growth=1.5, n_iterations=2, user_weights="sqrt")
ONE_SEED = StudySettings(GROWING, n_seeds=1)
DATA = tiny_dataset()
VECTORS = WordVectors(("war", "love"), np.eye(2, 3, dtype=np.float32), name="two.txt")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All five studies of one seed."""
    path = tmp_path_factory.mktemp("studies")
    for name in SUMMARIES:
        assert run_study(find_study(name), DATA, ONE_SEED, path).complete
    return path


def without_text_split(**settings: Any) -> Any:
    return split_ratings(DATA, SplitSettings(**settings))


@pytest.mark.parametrize("name", list(SUMMARIES))
def test_summary_rows_and_page_are_written(folder: Path, name: str) -> None:
    study = find_study(name)
    assert study.name == name
    summary = pd.read_csv(folder / f"{name}.csv")
    figures = [f"{measure}_{kind}" for measure in study.measures for kind in ("mean", "sd")]
    assert list(summary) == [*study.keys, "n_seeds", *figures]
    assert (summary.n_seeds == 1).all() and summary[f"{study.measures[-1]}_sd"].isna().all()
    rows = pd.read_csv(folder / f"{name}_trainings.csv")
    assert {*study.keys, "seed", *study.measures} <= set(rows) and set(rows.seed) == {0}


@pytest.mark.parametrize("name", list(SUMMARIES))
def test_the_page_holds_everything_itself(folder: Path, name: str) -> None:
    page = (folder / f"{name}.html").read_text(encoding="utf-8")
    assert page.count("* plotly.js v") == 1
    assert page.count("Plotly.newPlot(") >= len(re.findall(r'id="figure-\d+"', page)) >= 1
    tags = re.findall(r"<(?:script|link|img|iframe)\b[^>]*>", page)
    assert all("http" not in tag for tag in tags)


def test_the_curves_equal_direct_trainings(folder: Path) -> None:
    rows = pd.read_csv(folder / "sparsity_trainings.csv").set_index(["model", "train_share"])
    assert set(rows.index) == {(m, s) for m in ("ConvMF", "PMF", "Averages") for s in sparsity.SHARES}
    whole = without_text_split()
    split = thin_train(whole, 0.5)
    for name, text in (("ConvMF", "real"), ("PMF", "none")):
        model = fit(split, replace(GROWING, text=text))
        direct = rmse(model.predict_rows(whole.test.user_index, whole.test.item_index), whole.test.rating)
        assert rows.test_rmse[name, 0.5] == pytest.approx(direct, rel=1e-5)
    assert rows.n_train["PMF", 0.5] == len(split.train) == round(0.5 * DATA.n_ratings)


def test_a_stopped_study_goes_on_and_ends_with_the_same_tables(folder: Path, tmp_path: Path) -> None:
    trained: list[str] = []

    def stop_in_the_fourth(progress: StudyProgress) -> None:
        if progress.iteration == 1:
            trained.append(str(progress.current))

    first = run_study(
        controls.STUDY,
        DATA,
        ONE_SEED,
        tmp_path,
        on_progress=stop_in_the_fourth,
        should_stop=lambda: len(trained) == 3,
    )
    assert not first.complete and any("2 of 5 trainings are done" in note for note in first.notes)
    assert len(json.loads((tmp_path / "controls.json").read_text())["trainings"]) == 2
    before = len(trained)
    second = run_study(controls.STUDY, DATA, ONE_SEED, tmp_path, on_progress=stop_in_the_fourth)
    assert second.complete and len(set(trained[before:])) == len(trained[before:]) == 2
    for name in ("controls.csv", "controls_trainings.csv"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_a_finished_study_trains_nothing_and_more_seeds_train_only_theirs(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "controls.json").write_bytes((folder / "controls.json").read_bytes())
    seen: list[StudyProgress] = []
    run_study(controls.STUDY, DATA, ONE_SEED, tmp_path, on_progress=seen.append)
    assert [progress.n_done for progress in seen] == [5] and seen[0].current is None
    two = run_study(controls.STUDY, DATA, replace(ONE_SEED, n_seeds=2), tmp_path, on_progress=seen.append)
    assert {progress.current.split.seed for progress in seen if progress.current} == {1}
    assert seen[1].n_done == 5 and seen[1].seconds_left is not None and seen[1].seconds_left > 0
    summary = pd.read_csv(tmp_path / "controls.csv")
    cold = two.rows[(two.rows.text == "real") & (two.rows.item_ratings == "0 (cold)")].test_rmse
    row = summary[(summary.text == "real") & (summary.item_ratings == "0 (cold)")].iloc[0]
    assert row.n_seeds == 2
    assert row.test_rmse_mean == pytest.approx(cold.mean(), rel=1e-5)
    assert row.test_rmse_sd == pytest.approx(cold.std(ddof=1), rel=1e-4)


def test_results_of_other_data_or_settings_are_not_taken(folder: Path, tmp_path: Path) -> None:
    path = folder / "controls.json"
    planned = controls.plan(ONE_SEED)[0]
    assert results.Results(path, DATA, ONE_SEED).get(planned) is not None
    assert results.Results(path, tiny_dataset(seed=1), ONE_SEED).get(planned) is None
    other = controls.plan(replace(ONE_SEED, config=replace(GROWING, dropout=0.4)))[0]
    assert results.Results(path, DATA, ONE_SEED).get(other) is None
    with_vectors = sparsity.plan(replace(ONE_SEED, vectors=VECTORS))[1]
    assert with_vectors.uses_vectors
    own = results.Results(tmp_path / "r.json", DATA, replace(ONE_SEED, vectors=VECTORS))
    own.add(with_vectors, results.Measured([], 1.0))
    again = results.Results(tmp_path / "r.json", DATA, replace(ONE_SEED, vectors=VECTORS))
    assert again.get(with_vectors) == results.Measured([], 1.0)
    assert results.Results(tmp_path / "r.json", DATA, ONE_SEED).get(with_vectors) is None


@pytest.mark.parametrize("content", ["{", "[]", '{"version": 1, "trainings": {"a": {"rows": []}}}', '{"version": 0}'])
def test_damaged_results_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "controls.json").write_text(content)
    with pytest.raises(RunError, match="delete it"):
        run_study(controls.STUDY, DATA, ONE_SEED, tmp_path)


@pytest.mark.parametrize("name", list(SUMMARIES))
def test_a_study_of_two_seeds_stopped_after_its_first_training_writes_what_it_has(tmp_path: Path, name: str) -> None:
    done: list[int] = []
    result = run_study(
        find_study(name),
        DATA,
        replace(ONE_SEED, n_seeds=2),
        tmp_path,
        on_progress=lambda progress: done.append(progress.n_done),
        should_stop=lambda: bool(done) and done[-1] == 1,
    )
    assert not result.complete and result.notes[-1].startswith("Unfinished: 1 of ")
    assert all(path.stat().st_size for path in result.files)


def test_two_processes_do_not_run_one_study(tmp_path: Path) -> None:
    def start_another(progress: StudyProgress) -> None:
        with pytest.raises(RunError, match="running"):
            run_study(controls.STUDY, DATA, ONE_SEED, tmp_path)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(controls.STUDY, DATA, ONE_SEED, tmp_path, on_progress=start_another)


@pytest.mark.parametrize("kind", [RunError, DataError])
def test_a_training_that_breaks_off_is_told_and_the_others_go_on(tmp_path: Path, kind: type[ConvMFError]) -> None:
    def measure(trained: Any) -> list[Any]:
        if trained.planned.labels["text"] == "shuffled":
            raise kind("The objective is no longer a finite number.")
        return controls.measure(trained)

    result = run_study(replace(controls.STUDY, measure=measure), DATA, ONE_SEED, tmp_path)
    assert result.complete and "shuffled" not in set(result.rows.text)
    assert "Broke off: shuffled, seed 0: The objective is no longer a finite number." in result.notes


def test_nothing_measured_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="nothing to show"):
        run_study(controls.STUDY, DATA, ONE_SEED, tmp_path, should_stop=lambda: True)


@pytest.mark.parametrize("study", [sparsity.STUDY, ablation.STUDY])
def test_word_vectors_are_used_where_given_and_missed_where_not(study: Study) -> None:
    def using(settings: StudySettings) -> int:
        return sum(planned.uses_vectors for planned in study.plan(settings))

    assert using(ONE_SEED) == 0
    assert using(replace(ONE_SEED, vectors=VECTORS)) == (len(sparsity.SHARES) if study is sparsity.STUDY else 1)


def test_the_missing_word_vectors_are_noted(folder: Path) -> None:
    for name, noted in (("sparsity", True), ("ablation", True), ("controls", False)):
        assert ("--vectors" in (folder / f"{name}.html").read_text(encoding="utf-8")[:3000]) == noted


def test_the_grid_of_penalties_and_the_growth(folder: Path) -> None:
    rows = pd.read_csv(folder / "lambda_trainings.csv")
    fixed, growing = rows[rows["lambda"] == "fixed"], rows[rows["lambda"] == "growing"]
    lambda_u, lambda_v = penalties.grid(GROWING)
    assert lambda_u == [1, 2, 4, 8, 16] and lambda_v == [2, 4, 8, 16, 32]
    assert set(zip(fixed.lambda_u, fixed.lambda_v, strict=True)) == {(u, v) for u in lambda_u for v in lambda_v}
    assert (fixed.growth == 1).all()
    assert growing.growth.tolist() == pytest.approx([1.5 ** (growing.best_iteration.iloc[0] - 1)])
    whole = without_text_split()
    model = fit(whole, replace(GROWING, lambda_growth=1.0, lambda_u=8.0, lambda_v=2.0))
    direct = rmse(model.predict_rows(whole.valid.user_index, whole.valid.item_index), whole.valid.rating)
    row = fixed[(fixed.lambda_u == 8) & (fixed.lambda_v == 2)]
    assert row.valid_rmse.tolist() == pytest.approx([direct], rel=1e-5)
    still = penalties.plan(replace(ONE_SEED, config=TINY))
    assert {planned.labels["lambda"] for planned in still} == {"fixed"}
    assert penalties.grid(TINY)[0] == [0.5, 1, 2, 4, 8]


def test_controls_count_the_test_ratings_by_the_item(folder: Path) -> None:
    rows = pd.read_csv(folder / "controls_trainings.csv")
    split = without_text_split(cold_items=0.1)
    real = rows[rows.text == "real"].set_index("item_ratings")
    assert real.n_test["0 (cold)"] == len(split.cold) and real.n_test[controls.ALL_WARM] == len(split.test)
    assert real.n_test[list(controls.BUCKETS)].sum() == len(split.cold) + len(split.test)
    model = fit(split, replace(GROWING, text="shuffled"))
    cold = rmse(model.predict_rows(split.cold.user_index, split.cold.item_index), split.cold.rating)
    shuffled = rows[(rows.text == "shuffled") & (rows.item_ratings == "0 (cold)")]
    assert shuffled.test_rmse.tolist() == pytest.approx([cold], rel=1e-5)
    for label, (low, high) in controls.BUCKETS.items():
        counts = np.bincount(split.train.item_index, minlength=DATA.n_items)
        part = controls.ratings_by_bucket(split)[label]
        assert all(low <= counts[item] <= high for item in part.item_index)


def test_ablations_change_one_thing_and_leave_out_what_changes_nothing() -> None:
    made = ablation.variants(GROWING)
    assert made[ablation.BASE] == GROWING
    for name, config in made.items():
        ours, theirs = GROWING.to_dict(), config.to_dict()
        changed = {key for key in ours if ours[key] != theirs[key]}
        assert name == ablation.BASE or len(changed - {"lambda_u", "lambda_v"}) == 1
    assert made["no levels (biases)"].biases is False
    plain = ablation.variants(replace(TINY, biases=False, dropout=0.0, calibration=True))
    assert not {"no levels (biases)", "no dropout", ablation.UNCORRECTED, ablation.NO_LINEAR} & set(plain)
    corrected = ablation.variants(replace(TINY, calibration=True))
    assert {ablation.UNCORRECTED, ablation.NO_LINEAR} <= set(corrected)
    assert not [name for name in plain if "λ" in name and "fixed" in name]


def test_words_that_tell_are_chosen_and_an_unknown_effect_is_none() -> None:
    """A model that has learned the two words that tell: leaving them out moves the prediction."""
    data = tiny_dataset(n_users=60, n_items=60)
    config = replace(TINY, n_iterations=12, cnn_epochs=5)
    split = split_ratings(data, SplitSettings())
    planned = words.plan(StudySettings(config, n_seeds=1))[0]
    model = fit(split, config)
    trained = words.Trained(planned, split, lambda ratings: ratings.rating, model)
    rows = pd.DataFrame(words.measure(trained))
    assert set(rows.kind) == {words.REMOVED, words.NEIGHBOUR, words.RANDOM}
    assert (rows.replacement[rows.kind == words.REMOVED] == "").all()
    assert (rows.mean_absolute_change >= rows.mean_change.abs() - 1e-9).all()
    size = rows[rows.kind == words.REMOVED].set_index("word").mean_absolute_change
    assert set(size.nlargest(2).index) & {"war", "soldiers", "love", "wedding"}
    row = rows[(rows.kind == words.REMOVED) & (rows.word == "war")].iloc[0]
    held = [text for text in data.texts if "war" in text.split()]
    before = model.predict_text(held)
    after = model.predict_text([" ".join(word for word in text.split() if word != "war") for text in held])
    assert row.n_texts == len(held)
    assert row.mean_change == pytest.approx(float((after - before).mean()), abs=1e-5)
    other = rows[(rows.kind == words.NEIGHBOUR) & (rows.word == "war")].iloc[0]
    swapped = model.predict_text([text.replace("war", other.replacement) for text in held])
    assert other.mean_absolute_change == pytest.approx(float(np.abs(swapped - before).mean()), abs=1e-5)


def test_the_papers_example_is_tried_where_its_words_stand() -> None:
    data = replace(DATA, texts=tuple(text + (" trust faith" if row % 2 else "") for row, text in enumerate(DATA.texts)))
    split = split_ratings(data, SplitSettings())
    planned = words.plan(ONE_SEED)[0]
    rows = pd.DataFrame(words.measure(words.Trained(planned, split, lambda r: r.rating, fit(split, GROWING))))
    example = rows[rows.kind == words.EXAMPLE]
    pairs = set(zip(example.word, example.replacement, strict=True))
    assert pairs == {("trust", ""), ("trust", "faith"), ("faith", ""), ("faith", "trust")}
    assert any("example" in chart.layout.title.text for chart in words.figures(rows.assign(seed=0), ONE_SEED))


def test_differences_are_within_a_seed() -> None:
    rows = pd.DataFrame(
        {"model": ["a", "b", "a", "b"], "share": [1, 1, 1, 1], "seed": [0, 0, 1, 1], "error": [1.0, 1.5, 3.0, 3.25]}
    )
    gap = results.differences(rows, "model", "a", ("share",), ("error",))
    assert gap[gap.model == "b"].error.tolist() == [0.5, 0.25]
    summary = results.summarize(gap, ("model",), ("error",)).set_index("model")
    assert summary.error_mean["b"] == 0.375 and summary.error_sd["b"] == pytest.approx(0.25 / 2**0.5)
    assert summary.error_mean["a"] == summary.error_sd["a"] == 0


def test_seeds_count_once_each_however_many_rows_they_have() -> None:
    rows = pd.DataFrame({"kind": ["a"] * 3, "seed": [0, 0, 1], "error": [1.0, 3.0, 5.0]})
    assert results.summarize(rows, ("kind",), ("error",)).error_mean.tolist() == [3.5]


def test_settings_that_a_study_cannot_vary_are_refused() -> None:
    for changes, wanted in (({"text": "none"}, "text"), ({"freeze_embedding": True}, "freeze_embedding")):
        with pytest.raises(ConfigError, match=wanted):
            StudySettings(replace(TINY, **changes))
    with pytest.raises(ConfigError, match="seed"):
        StudySettings(TINY, n_seeds=0)
