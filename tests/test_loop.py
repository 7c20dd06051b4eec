from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from convmf.config import ConvMFConfig
from convmf.data.dataset import Dataset, Ratings
from convmf.data.splits import SplitSettings, split_ratings
from convmf.data.vectors import WordVectors, distinct_words
from convmf.errors import CheckpointError, ConfigError, DataError, RunError
from convmf.evaluation.metrics import rmse
from convmf.model.convmf import ConvMF
from convmf.training.checkpoint import FILE_NAME, load_checkpoint, save_checkpoint
from convmf.training.loop import IterationResult, fit
from convmf.training.state import Training, row_weights
from tests.helpers import TINY, tiny_dataset


def tiny_split(**shares: float):  # type: ignore[no-untyped-def]
    return split_ratings(tiny_dataset(), SplitSettings(**{"cold_items": 0.15, **shares}))  # type: ignore[arg-type]


def assert_same(first: ConvMF, second: ConvMF) -> None:
    for name in ("user_factors", "item_factors", "text_factors"):
        assert torch.equal(getattr(first, name), getattr(second, name)), name
    assert first.cnn is not None and second.cnn is not None
    for key, weight in first.cnn.state_dict().items():
        assert torch.equal(weight, second.cnn.state_dict()[key]), key
    untimed = [[{**row, "seconds": None} for row in model.history] for model in (first, second)]
    assert untimed[0] == untimed[1]
    assert first.best_iteration == second.best_iteration


def test_it_learns_tastes_from_ratings_and_texts() -> None:
    split = tiny_split()
    model = fit(split, replace(TINY, n_iterations=25))
    rated = model.predict_rows(split.test.user_index, split.test.item_index)
    assert rmse(rated, split.test.rating) < 0.8, "the spread of the ratings is 1.5, their noise 0.3"
    unseen = model.predict_text(["war soldiers winter night", "love wedding music river"])
    assert unseen.shape == (2, 30)
    assert np.corrcoef(unseen[0], unseen[1])[0, 1] < -0.5, "who likes war dislikes love"


def test_results_arrive_and_add_up() -> None:
    results: list[IterationResult] = []
    split = tiny_split()
    model = fit(split, TINY, on_iteration=results.append)
    assert [result.iteration for result in results] == [1, 2, 3, 4]
    for result in results:
        parts = result.rating_loss + result.user_penalty + result.item_penalty + result.cnn_penalty
        assert result.objective == pytest.approx(parts)
        assert set(result.seconds) == {"users", "items", "cnn"}
    assert results[-1].objective < results[0].objective
    assert list(model.history) == [result.to_dict() for result in results]
    valid = [result.valid_rmse for result in results]
    assert model.best_iteration == 1 + int(np.argmin(valid))
    predicted = model.predict_rows(split.valid.user_index, split.valid.item_index)
    assert rmse(predicted, split.valid.rating) == pytest.approx(min(valid), rel=1e-5), "the best state is restored"


def test_an_unrated_item_has_its_text_factors() -> None:
    split = tiny_split()
    model = fit(split, TINY)
    unrated = model.item_counts == 0
    assert unrated.sum() == 2 + split.cold_items.sum()
    assert torch.equal(model.item_factors[unrated], model.text_factors[unrated])
    assert not torch.equal(model.item_factors[~unrated], model.text_factors[~unrated])
    texts = [split.dataset.texts[row] for row in range(split.dataset.n_items)]
    torch.testing.assert_close(model.encode(texts), model.text_factors)


def test_the_same_seed_gives_the_same_run() -> None:
    split = tiny_split()
    assert_same(fit(split, TINY), fit(split, TINY))
    assert not torch.equal(fit(split, TINY).user_factors, fit(split, replace(TINY, seed=1)).user_factors)


@pytest.mark.parametrize("averaging", [0.7, 0.0])
@pytest.mark.parametrize("optimizer", ["adam", "rmsprop"])
def test_a_resumed_training_ends_as_if_it_had_never_stopped(tmp_path: Path, optimizer: str, averaging: float) -> None:
    split, config = tiny_split(), replace(TINY, optimizer=optimizer, averaging=averaging)
    whole = fit(split, config)
    seen: list[IterationResult] = []
    # Stopped in the middle of the third iteration, with the checkpoint of an earlier one.
    calls = iter(range(10_000))
    stop_at = 30
    fit(split, config, checkpoint_to=tmp_path, on_iteration=seen.append, should_stop=lambda: next(calls) > stop_at)
    assert 0 < len(seen) < 4
    assert_same(fit(split, config, resume_from=tmp_path, checkpoint_to=tmp_path), whole)


def test_the_end_of_the_iterations_is_told_once() -> None:
    told: list[str] = []
    config = replace(TINY, n_iterations=3)
    fit(tiny_split(), config, on_iteration=lambda _: told.append("iteration"), on_ending=lambda: told.append("ending"))
    assert told == ["iteration"] * 3 + ["ending"]


def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path) -> None:
    split = tiny_split()
    fit(split, TINY, checkpoint_to=tmp_path)
    with pytest.raises(RunError, match="other settings"):
        fit(split, replace(TINY, lambda_u=3.0), resume_from=tmp_path)
    with pytest.raises(RunError, match="other data"):
        fit(tiny_split(seed=5), TINY, resume_from=tmp_path)
    path = tmp_path / FILE_NAME
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(RunError, match="damaged"):
        fit(split, TINY, resume_from=tmp_path)
    with pytest.raises(RunError, match="no checkpoint"):
        fit(split, TINY, resume_from=tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("factors.user", "missing"),
        ("factors.user", "another shape"),
        ("text.cnn.fc_layer1.bias", "missing"),
        ("text.cnn.fc_layer1.bias", "another shape"),
        ("text.optimizer.0.step", "another shape"),
        ("best.factors.item", "missing"),
        ("best.cnn.fc_layer1.bias", "another shape"),
    ],
)
def test_a_checkpoint_with_other_tensors_is_refused_by_name(tmp_path: Path, name: str, way: str) -> None:
    split = tiny_split()
    fit(split, TINY, checkpoint_to=tmp_path)
    checkpoint = load_checkpoint(tmp_path)
    tensor = checkpoint.tensors.pop(name)
    if way == "another shape":
        checkpoint.tensors[name] = torch.zeros(*tensor.shape, 2)
    save_checkpoint(tmp_path, checkpoint)
    with pytest.raises(RunError, match=name):
        fit(split, TINY, resume_from=tmp_path)


def test_a_checkpoint_of_before_a_setting_is_of_its_default(tmp_path: Path) -> None:
    split = tiny_split()
    whole = fit(split, TINY, checkpoint_to=tmp_path)
    checkpoint = load_checkpoint(tmp_path)
    del checkpoint.meta["config"]["linear_share"]
    save_checkpoint(tmp_path, checkpoint)
    assert_same(fit(split, TINY, resume_from=tmp_path), whole)
    checkpoint.meta["config"]["a setting of tomorrow"] = 1
    save_checkpoint(tmp_path, checkpoint)
    with pytest.raises(RunError, match="other settings"):
        fit(split, TINY, resume_from=tmp_path)


@pytest.mark.parametrize("words", [None, "others"])
def test_a_checkpoint_of_texts_read_differently_is_refused(tmp_path: Path, words: str | None) -> None:
    """Its tensors have the same shapes where the vocabulary is full, but its rows are those of other words."""
    split = tiny_split()
    fit(split, TINY, checkpoint_to=tmp_path)
    checkpoint = load_checkpoint(tmp_path)
    del checkpoint.meta["words"]
    save_checkpoint(tmp_path, replace(checkpoint, meta=checkpoint.meta | ({} if words is None else {"words": words})))
    with pytest.raises(CheckpointError, match="read the texts differently; this training can't be resumed"):
        fit(split, TINY, resume_from=tmp_path)


@pytest.mark.parametrize("key", ["data", "config", "best_iteration", "iteration", "history"])
def test_a_checkpoint_without_one_of_its_values_is_refused(tmp_path: Path, key: str) -> None:
    split = tiny_split()
    fit(split, TINY, checkpoint_to=tmp_path)
    checkpoint = load_checkpoint(tmp_path)
    del checkpoint.meta[key]
    save_checkpoint(tmp_path, checkpoint)
    with pytest.raises(RunError, match="damaged"):
        fit(split, TINY, resume_from=tmp_path)


def test_patience_counts_from_the_best() -> None:
    results: list[IterationResult] = []
    config = replace(TINY, n_iterations=200, patience=3, lambda_u=0.01, lambda_v=0.01)
    model = fit(tiny_split(), config, on_iteration=results.append)
    assert len(results) == model.best_iteration + 3 < 200


def test_without_validation_every_iteration_runs_and_the_last_counts() -> None:
    model = fit(split_ratings(tiny_dataset(), SplitSettings(valid=0, test=0)), replace(TINY, patience=1))
    assert len(model.history) == model.best_iteration == 4
    assert model.history[0]["valid_rmse"] is None


def test_stopping_keeps_the_best_so_far_or_says_that_there_is_none() -> None:
    split = tiny_split()
    seen: list[IterationResult] = []
    model = fit(split, TINY, on_iteration=seen.append, should_stop=lambda: len(seen) >= 2)
    assert len(model.history) == 2
    with pytest.raises(RunError, match="before the first iteration"):
        fit(split, TINY, should_stop=lambda: True)


@pytest.mark.parametrize(
    "change",
    [
        {"n_factors": 5},
        {"lambda_u": 5.0},
        {"lambda_v": 9.0},
        {"lambda_growth": 1.2},
        {"user_weights": "sqrt"},
        {"lambda_bias": 9.0},
        {"lambda_w": 0.5},
        {"embedding_std": 0.5},
        {"averaging": 0.0},
        {"n_networks": 2},
        {"relaxation": 1.0},
        {"biases": False},
        {"item_weights": "uniform"},
        {"text": "shuffled"},
        {"text": "empty"},
        {"text": "none"},
        {"embedding_dim": 9},
        {"kernel_sizes": (2,)},
        {"n_kernels": 7},
        {"hidden_dim": 5},
        {"dropout": 0.6},
        {"optimizer": "rmsprop"},
        {"learning_rate": 0.1},
        {"batch_size": 4},
        {"cnn_epochs": 3},
        {"n_iterations": 2},
        {"max_words": 1},
        {"max_length": 2},
        {"max_document_frequency": 0.1},
        {"seed": 3},
    ],
)
def test_every_setting_has_an_effect(change: dict[str, object]) -> None:
    split = split_ratings(tiny_dataset(), SplitSettings(seed=0))
    base, changed = (fit(split, replace(TINY, **part)).history for part in ({}, change))  # type: ignore[arg-type]
    assert [row["objective"] for row in base] != [row["objective"] for row in changed]


def tiny_vectors(dim: int = 5, seed: int = 0) -> WordVectors:
    """Random vectors for all words of the tiny data but 'river'."""
    words = tuple(sorted(distinct_words(tiny_dataset().texts) - {"river"}))
    return WordVectors(words, np.random.default_rng(seed).normal(size=(len(words), dim)).astype(np.float32), "tiny")


def test_word_vectors_are_the_start_and_freezing_keeps_them(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="convmf")
    vectors, kept = tiny_vectors(), {}
    for freeze in (True, False):
        model = fit(tiny_split(), replace(TINY, freeze_embedding=freeze), word_vectors=vectors)
        assert model.cnn is not None and model.vocabulary is not None
        start, _ = vectors.matrix(model.vocabulary, TINY.seed)
        assert np.array_equal(model.cnn.embedding_layer.weight.detach().numpy(), start) is freeze
        kept[freeze] = [row["objective"] for row in model.history]
        model.save(tmp_path / str(freeze))
        loaded = ConvMF.load(tmp_path / str(freeze))
        assert np.array_equal(loaded.predict_text(["war river"]), model.predict_text(["war river"]))
    assert kept[True] != kept[False]
    assert "11 of 12 words (91.7%) have a pretrained vector" in caplog.text
    plain, other = fit(tiny_split(), TINY), fit(tiny_split(), TINY, word_vectors=tiny_vectors(seed=1))
    objectives = [[row["objective"] for row in model.history] for model in (plain, other)]
    assert kept[False] not in objectives, "the vectors matter, and which ones they are"


@pytest.mark.parametrize("freeze", [True, False])
def test_a_training_with_word_vectors_is_resumed_with_the_same_ones_only(tmp_path: Path, freeze: bool) -> None:
    split, config, vectors = tiny_split(), replace(TINY, freeze_embedding=freeze), tiny_vectors()
    whole = fit(split, config, word_vectors=vectors)
    seen: list[IterationResult] = []
    fit(
        split,
        config,
        word_vectors=vectors,
        checkpoint_to=tmp_path,
        on_iteration=seen.append,
        should_stop=lambda: len(seen) >= 2,
    )
    assert len(seen) == 2
    without = (ConfigError, "none are given") if freeze else (RunError, "other word vectors")
    for other, (kind, message) in ((None, without), (tiny_vectors(seed=1), (RunError, "other word vectors"))):
        with pytest.raises(kind, match=message):
            fit(split, config, resume_from=tmp_path, word_vectors=other)
    assert_same(fit(split, config, resume_from=tmp_path, word_vectors=vectors), whole)


@pytest.mark.parametrize("text", ["none", "empty"])
def test_word_vectors_do_nothing_without_texts(text: str) -> None:
    config = replace(TINY, text=text)
    assert fit(tiny_split(), config, word_vectors=tiny_vectors()).history[-1]["valid_rmse"] > 0


def test_a_missing_device_is_a_clear_error() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has the device that the test needs to be missing")
    with pytest.raises(ConfigError, match="no device 'cuda'"):
        fit(tiny_split(), replace(TINY, device="cuda"))


def test_a_diverging_training_fails_with_its_reason() -> None:
    training = Training(tiny_split(), TINY, lambda: False)
    training.item_factors[:] = float("nan")
    with pytest.raises(RunError, match="no longer a finite number"):
        training.iterate()


def test_row_weights() -> None:
    counts = torch.tensor([0, 1, 4, 9])
    assert row_weights(counts, "uniform").tolist() == [0, 1, 1, 1]
    torch.testing.assert_close(row_weights(counts, "sqrt"), torch.tensor([0, 0.5, 1.0, 1.5]))


def one(user: int, item: int, rating: list[float]) -> Dataset:
    index = np.array([(u, i) for u in range(user) for i in range(item)], dtype=np.int32)
    return Dataset(
        name="edge",
        user_ids=tuple(f"u{u}" for u in range(user)),
        item_ids=tuple(f"i{i}" for i in range(item)),
        titles=("",) * item,
        texts=("war", "") * (item // 2) + ("long " * 5000,) * (item % 2),
        genres=("",) * item,
        ratings=Ratings(index[:, 0].copy(), index[:, 1].copy(), np.array(rating, dtype=np.float32)),
    )


@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize(
    "data", [one(1, 1, [4.0]), one(1, 4, [1, 2, 3, 4]), one(4, 1, [1, 2, 3, 4]), one(3, 2, [5.0] * 6)]
)
def test_edge_cases_stay_finite_and_on_the_scale(data: Dataset, biases: bool) -> None:
    model = fit(data, replace(TINY, biases=biases, n_factors=32))
    predicted = np.concatenate(
        [model.predict_text(["war", ""]).ravel(), model.predict_rows(data.ratings.user_index, data.ratings.item_index)]
    )
    low, high = data.rating_range
    assert np.isfinite(predicted).all() and predicted.min() >= low and predicted.max() <= high


@pytest.mark.parametrize("biases", [True, False])
def test_the_whole_alternation_against_plain_numpy(biases: bool) -> None:
    """Equations (7), (8) and (10) row by row in float64, with θ as the training itself gives it."""
    split, config = tiny_split(), replace(TINY, biases=biases, item_weights="uniform", n_iterations=3)
    training = Training(split, config, lambda: False)
    train, scale = split.train, training.scale
    scores = (train.rating.astype(np.float64) - scale.mean) / scale.std

    def solve(
        index: np.ndarray, other: np.ndarray, columns: np.ndarray, penalty: float, prior: np.ndarray
    ) -> np.ndarray:
        solution = prior.copy()
        for row in np.unique(index):
            mine = index == row
            z, r = other[columns[mine]], scores[mine]
            if biases:
                r, z = r - z[:, 0], np.column_stack([np.ones(len(z)), z[:, 1:]])
            each = np.full(z.shape[1], penalty)
            each[: int(biases)] = config.lambda_bias
            solution[row] = np.linalg.solve(z.T @ z + np.diag(each), z.T @ r + each * prior[row])
        return solution

    items = training.item_factors.double().numpy()
    for _ in range(3):
        theta = training.text_factors.double().numpy()
        nothing = np.zeros((split.dataset.n_users, items.shape[1]))
        users = solve(train.user_index, items, train.item_index, config.lambda_u, nothing)
        items = solve(train.item_index, users, train.user_index, config.lambda_v, theta)
        training.iterate()
        unrated = training.item_plan.counts.numpy() == 0
        items[unrated] = training.text_factors.double().numpy()[unrated]
        np.testing.assert_allclose(training.user_factors.numpy(), users, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(training.item_factors.numpy(), items, rtol=1e-3, atol=1e-4)


def test_defaults_need_only_a_data_set() -> None:
    model = fit(tiny_dataset(), ConvMFConfig.preset("quick", n_iterations=1))
    assert len(model.history) == 1


def test_freezing_without_vectors_is_a_clear_error() -> None:
    with pytest.raises(ConfigError, match="none are given"):
        fit(tiny_split(), replace(TINY, freeze_embedding=True))


def test_the_l2_penalty_is_weighed_against_the_lambda_of_the_iteration(monkeypatch: pytest.MonkeyPatch) -> None:
    import convmf.training.reader as reader

    seen: list[tuple[float, float]] = []
    run_epoch = reader.run_epoch

    def watched(cnn, optimizer, loss_function, *rest):  # type: ignore[no-untyped-def]
        seen.append((loss_function.lambda_v, loss_function.lambda_w))
        run_epoch(cnn, optimizer, loss_function, *rest)

    monkeypatch.setattr(reader, "run_epoch", watched)
    config = replace(TINY, n_iterations=3, lambda_growth=1.5, lambda_w=0.25, calibration=False)
    fit(tiny_split(), config, with_intervals=False)
    assert seen == [(4.0, 0.25), (6.0, 0.25), (9.0, 0.25)]


def test_lambda_grows_step_by_step_and_only_so_far() -> None:
    config = replace(TINY, lambda_growth=2.0, lambda_u=2.0, n_iterations=3)
    training = Training(tiny_split(), config, lambda: False)
    assert [training._growth(iteration) for iteration in (1, 2, 3, 4)] == [1, 2, 4, 8]
    assert training._growth(6) == pytest.approx(30) and training._growth(10_000) == pytest.approx(30)
    steady = Training(tiny_split(), replace(config, lambda_growth=1.0), lambda: False)
    assert steady._growth(10_000) == 1.0
    blind = Training(tiny_split(valid=0, test=0), replace(config, lambda_growth=1.1), lambda: False)
    assert blind._growth(10_000) == pytest.approx(1.1**10)


def test_a_very_long_training_stays_sound() -> None:
    model = fit(tiny_split(), replace(TINY, lambda_growth=1.5, n_iterations=300, patience=300, cnn_epochs=0))
    spread = float(np.std(tiny_dataset().ratings.rating))
    assert all(row["train_rmse"] < 1.1 * spread and row["valid_rmse"] < 1.5 * spread for row in model.history)
    assert all(np.isfinite(row["objective"]) and row["objective"] > 0 for row in model.history)


def test_the_cnn_aims_at_v_or_beyond_it_on_the_way_from_its_last_reading() -> None:
    aims = {}
    for relaxation in (1.0, 3.0):
        training = Training(tiny_split(), replace(TINY, relaxation=relaxation, averaging=0.0), lambda: False)
        assert training.reader is not None
        before, seen = training.text_factors.clone(), []
        training.reader.fit = lambda targets, *_, seen=seen: seen.append(targets.clone())  # type: ignore[method-assign]
        training.iterate()
        aims[relaxation] = seen[0] - before
    rated = training.rated_rows
    torch.testing.assert_close(aims[3.0][rated], 3 * aims[1.0][rated])
    assert aims[1.0][rated].abs().max() > 0.01


def test_folders_may_be_strings(tmp_path: Path) -> None:
    data, config = tiny_dataset(), replace(TINY, n_iterations=2)
    whole = fit(data, config, checkpoint_to=str(tmp_path))
    assert_same(fit(data, config, resume_from=str(tmp_path)), whole)


def test_data_and_settings_of_another_kind_are_clear_errors() -> None:
    with pytest.raises(DataError, match="a Dataset or a Split, not 'ratings.csv'"):
        fit("ratings.csv", TINY)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="a ConvMFConfig, not {'n_factors': 3}"):
        fit(tiny_dataset(), {"n_factors": 3})  # type: ignore[arg-type]


@pytest.mark.parametrize("biases", [False, True])
def test_a_lambda_near_zero_stays_sound(biases: bool) -> None:
    tiny = {"lambda_u": 1e-6, "lambda_v": 1e-6, "lambda_bias": 1e-6}
    results: list[IterationResult] = []
    model = fit(
        tiny_dataset(), replace(TINY, n_factors=30, n_iterations=5, biases=biases, **tiny), on_iteration=results.append
    )
    assert all(np.isfinite(result.objective) and result.objective >= 0 for result in results)
    assert torch.isfinite(model.user_factors).all() and torch.isfinite(model.item_factors).all()


def test_data_without_descriptions_have_no_text_network():
    data = tiny_dataset()
    silent = replace(data, texts=("", " ") * (data.n_items // 2))
    model, same = fit(silent, TINY), fit(silent, replace(TINY, text="none"))
    assert model.config.text == "none" and model.cnn is None and model.text_trust is None
    assert torch.equal(model.item_factors, same.item_factors)
    assert fit(silent, replace(TINY, text="empty")).cnn is not None, "a control that was asked for"
