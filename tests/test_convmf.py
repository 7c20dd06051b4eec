from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from convmf.errors import ModelError
from convmf.model.convmf import ConvMF, RatingScale, pair_scores, row_scores, score_matrix
from convmf.training.factorization import MatrixFactorization
from convmf.training.loop import fit
from tests.helpers import TINY, tiny_dataset


@pytest.fixture(scope="module")
def model() -> ConvMF:
    return fit(tiny_dataset(), replace(TINY, n_iterations=20))


def test_scores_by_hand() -> None:
    users, items = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[0.5, -1.0, 2.0], [0.0, 1.0, 1.0]])
    assert score_matrix(users, items, biases=False).tolist() == [[4.5, 5.0]]
    assert score_matrix(users, items, biases=True).tolist() == [[1 + 0.5 - 2 + 6, 1 + 0 + 2 + 3]]
    assert pair_scores(users.expand(2, 3), items, biases=True).tolist() == [5.5, 6.0]
    assert pair_scores(users.expand(2, 3), items, biases=False).tolist() == [4.5, 5.0]


@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("n_pairs", [0, 3, 4, 8])
def test_pairs_of_rows_are_scored_in_pieces(monkeypatch, n_pairs, biases):
    monkeypatch.setattr("convmf.model.convmf._PAIRS_AT_ONCE", 3)
    random = torch.Generator().manual_seed(0)
    users, items = torch.randn(5, 4, generator=random), torch.randn(6, 4, generator=random)
    user_index, item_index = np.arange(n_pairs, dtype=np.int32) % 5, np.arange(n_pairs, dtype=np.int32) * 5 % 6
    expected = pair_scores(users[user_index.tolist()], items[item_index.tolist()], biases=biases)
    assert torch.equal(row_scores(users, items, user_index, item_index, biases=biases), expected)


def test_the_scale_goes_there_and_back() -> None:
    scale = RatingScale(mean=3.0, std=2.0, lowest=1.0, highest=5.0)
    assert scale.to_ratings(torch.tensor([-5.0, 0.5, 9.0])).tolist() == [1.0, 4.0, 5.0]
    assert scale.to_scores(np.array([4.0], np.float32)).tolist() == [0.5]


def test_pairs_matrix_and_rows_agree(model: ConvMF) -> None:
    users, items = ["u3", "u0"], ["i5", "i2"]
    pairs = model.predict(users, items)
    matrix = model.rate(model.user_factors, model.item_factors)
    assert pairs.tolist() == pytest.approx([matrix[5, 3], matrix[2, 0]], rel=1e-5)
    assert model.predict([], []).shape == (0,)


def test_unknown_ids_are_named(model: ConvMF) -> None:
    with pytest.raises(ModelError, match="no user 'nobody'"):
        model.predict(["nobody"], ["i1"])
    with pytest.raises(ModelError, match="no item '7'"):
        model.predict(["u1"], ["7"])
    with pytest.raises(ModelError, match="pairs"):
        model.predict(["u1"], ["i1", "i2"])


def test_an_items_own_text_rates_as_its_text_factors(model: ConvMF) -> None:
    text = tiny_dataset().texts[4]
    expected = model.rate(model.user_factors, model.text_factors)[4]
    np.testing.assert_allclose(model.predict_text([text])[0], expected, rtol=1e-5)
    np.testing.assert_allclose(model.predict_text([text], ["u2"])[0], expected[2:3], rtol=1e-5)


@pytest.mark.parametrize("text", ["", "zzz", "war", "war " * 50_000, "東京 🎬", "\x00\x1b"])
def test_any_text_has_a_rating_on_the_scale(model: ConvMF, text: str) -> None:
    ratings = model.predict_text([text])
    assert np.isfinite(ratings).all()
    assert ratings.min() >= model.scale.lowest and ratings.max() <= model.scale.highest


def test_unknown_words_tell_no_more_than_an_empty_text(model: ConvMF) -> None:
    unknown, empty = model.predict_text(["xylophone quux", ""])
    np.testing.assert_allclose(unknown, empty, rtol=1e-6)


def test_recommendations_are_the_best_unrated(model: ConvMF) -> None:
    items = model.recommend("u0", 3)
    rated = set(model.ratings.item_index[model.ratings.user_index == 0].tolist())
    predictions = model.rate(model.user_factors[:1], model.item_factors)[:, 0]
    expected = sorted((row for row in range(24) if row not in rated), key=lambda row: -predictions[row])[:3]
    assert [item.score for item in items] == pytest.approx([predictions[row] for row in expected], rel=1e-5)
    assert {item.item_id for item in items}.isdisjoint(f"i{row}" for row in rated)
    assert len(model.recommend("u0", 1000)) == 24 - len(rated)


def test_a_known_user_folded_in_gets_their_own_factors(model: ConvMF) -> None:
    """Equation (7) on the training ratings of a user gives what the training's last user step gave."""
    data = tiny_dataset()
    ratings = {
        f"i{item}": float(rating)
        for user, item, rating in zip(
            data.ratings.user_index, data.ratings.item_index, data.ratings.rating, strict=True
        )
        if user == 1
    }
    folded = model.fold_in(ratings)
    mine, others = (
        model.predict(["u1"] * 22, [f"i{row}" for row in range(22)]),
        model.rate(folded[None], model.item_factors)[:22, 0],
    )
    assert np.corrcoef(mine, others)[0, 1] > 0.95
    liked = model.recommend(folded, 5, exclude=list(ratings))
    assert {item.item_id for item in liked}.isdisjoint(ratings)


def test_what_cannot_be_folded_in(model: ConvMF) -> None:
    for ratings, match in (
        ({}, "at least one"),
        ({"i1": 99.0}, "go from"),
        ({"i1": float("nan")}, "go from"),
        ({"x": 3.0}, "no item"),
    ):
        with pytest.raises(ModelError, match=match):
            model.fold_in(ratings)


def test_neighbours_share_the_taste(model: ConvMF) -> None:
    for by in ("item", "text"):
        near = model.similar_items("i0", 4, by=by)
        assert all(int(item.item_id[1:]) % 2 == 0 for item in near), "all war films"
        assert "i0" not in {item.item_id for item in near}
        assert [item.score for item in near] == sorted((item.score for item in near), reverse=True)
    assert model.similar_items(model.text_factors[0], 1, by="text")[0].score == pytest.approx(1.0, abs=1e-5)
    with pytest.raises(ModelError, match="title"):
        model.similar_items("i0", by="title")


def test_a_saved_model_predicts_the_same(model: ConvMF, tmp_path: Path) -> None:
    model.save(tmp_path)
    again = ConvMF.load(tmp_path)
    texts = ["war river", ""]
    assert np.array_equal(again.predict_text(texts), model.predict_text(texts))
    assert again.config == model.config and again.scale == model.scale
    assert again.recommend("u0") == model.recommend("u0") and list(again.history) == json.loads(
        json.dumps(model.history)
    )


def lose_a_tensor(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors.pop("item_factors")
    save_file(tensors, folder / "model.safetensors")


def add_a_huge_shape(folder: Path) -> None:
    meta = json.loads((folder / "model.json").read_text())
    meta["config"]["n_factors"] = 512
    (folder / "model.json").write_text(json.dumps(meta))


def point_outside(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors["ratings.user_index"][0] = 1_000_000
    save_file(tensors, folder / "model.safetensors")


def point_before_the_start(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors["ratings.item_index"][0] = -1
    save_file(tensors, folder / "model.safetensors")


def cut_in_half(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def break_json(folder: Path) -> None:
    (folder / "model.json").write_text('{"version": 1, "config": ')


def another_version(folder: Path) -> None:
    (folder / "model.json").write_text('{"version": 99}')


@pytest.mark.parametrize(
    "damage",
    [
        lose_a_tensor,
        add_a_huge_shape,
        point_outside,
        point_before_the_start,
        cut_in_half,
        break_json,
        another_version,
    ],
)
def test_a_damaged_model_is_one_clear_error(model: ConvMF, tmp_path: Path, damage: Callable[[Path], None]) -> None:
    model.save(tmp_path)
    damage(tmp_path)
    with pytest.raises(ModelError):
        ConvMF.load(tmp_path)


def test_no_model_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model"):
        ConvMF.load(tmp_path)


def test_matrix_factorization_is_convmf_without_text(tmp_path: Path) -> None:
    data = tiny_dataset()
    factorization = MatrixFactorization(n_factors=4, lambda_u=2.0, lambda_v=2.0, n_iterations=5).fit(data)
    assert factorization.user_factors.shape == (30, 4) and factorization.item_factors.shape == (24, 4)
    assert factorization.model.cnn is None and not factorization.model.text_factors.any()
    assert factorization.predict(["u0"], ["i0"]).shape == (1,)
    factorization.model.save(tmp_path)
    with pytest.raises(ModelError, match="without texts"):
        ConvMF.load(tmp_path).predict_text(["war"])
    with pytest.raises(ModelError, match="call fit first"):
        _ = MatrixFactorization().user_factors


@pytest.mark.parametrize("key", ["scale", "history", "best_iteration", "user_lambda", "item_ids"])
def test_a_model_without_one_of_its_parts_is_one_clear_error(model: ConvMF, tmp_path: Path, key: str) -> None:
    model.save(tmp_path)
    meta = json.loads((tmp_path / "model.json").read_text())
    del meta[key]
    (tmp_path / "model.json").write_text(json.dumps(meta))
    with pytest.raises(ModelError, match="damaged"):
        ConvMF.load(tmp_path)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda model: model.recommend("u0", -1), "n is a whole number from 0 up"),
        (lambda model: model.recommend("u0", 2.5), "not 2.5"),
        (lambda model: model.recommend("u0", "3"), "not '3'"),
        (lambda model: model.recommend("u0", True), "not True"),
        (lambda model: model.recommend("u0", exclude="i1"), r"as a list, such as \['i1'\]"),
        (lambda model: model.recommend(None), "no user 'None'"),
        (lambda model: model.recommend(torch.zeros(2)), r"5 finite numbers, not a tensor of shape \(2,\)"),
        (lambda model: model.recommend(torch.full((5,), torch.nan)), "finite"),
        (lambda model: model.similar_items("i0", -1), "n is a whole number"),
        (lambda model: model.similar_items(torch.zeros(5, 1)), "5 finite numbers"),
        (lambda model: model.similar_items("i0", by=None), "'item' or 'text', not None"),
        (lambda model: model.predict("u0", "i0"), r"user ids as a list, such as \['u0'\]"),
        (lambda model: model.predict(["u0"], None), "item ids as a list"),
        (lambda model: model.predict(["a\x1b" * 999], ["i0"]), r"no user 'a\\x1ba"),
        (lambda model: model.predict_text("war"), r"texts as a list, such as \['war'\]"),
        (lambda model: model.predict_text(["war", None]), "a string, not None"),
        (lambda model: model.predict_text(["war"], "u0"), "user ids as a list"),
        (lambda model: model.fold_in({"i1": "3"}), "item 'i1' has '3'"),
        (lambda model: model.fold_in({"i1": None}), "item 'i1' has None"),
        (lambda model: model.fold_in([("i1", 3.0)]), "a mapping such as"),
    ],
)
def test_arguments_of_another_kind_are_one_clear_error(
    model: ConvMF, call: Callable[[ConvMF], object], match: str
) -> None:
    with pytest.raises(ModelError, match=match) as caught:
        call(model)
    assert len(str(caught.value)) < 500 and str(caught.value).isprintable()


def test_iterables_and_numbers_of_numpy_do(model: ConvMF) -> None:
    assert model.predict(np.array(["u0"]), iter(["i0"])).shape == (1,)  # type: ignore[arg-type]
    assert len(model.recommend("u0", np.int64(2))) == 2 and model.recommend("u0", 0) == []  # type: ignore[arg-type]
    assert torch.equal(model.fold_in({"i1": np.float32(3)}), model.fold_in({"i1": 3}))


@given(st.lists(st.text(st.characters(codec=None), max_size=40), min_size=1, max_size=4))
def test_any_texts_have_finite_ratings_on_the_scale(model: ConvMF, texts: list[str]) -> None:
    ratings = model.predict_text(texts)
    assert ratings.shape == (len(texts), 30)
    assert np.isfinite(ratings).all() and ratings.min() >= model.scale.lowest and ratings.max() <= model.scale.highest


@given(st.dictionaries(st.integers(0, 23).map(lambda row: f"i{row}"), st.floats(0, 1), min_size=1))
def test_any_ratings_fold_in_to_finite_factors(model: ConvMF, shares: dict[str, float]) -> None:
    low, high = model.scale.lowest, model.scale.highest
    ratings = {item: min(low + share * (high - low), high) for item, share in shares.items()}
    assert torch.isfinite(model.fold_in(ratings)).all()


@pytest.mark.parametrize("name", ["model.json", "model.safetensors"])
def test_any_damage_to_a_file_is_a_model_error_or_none(
    model: ConvMF, tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    folder = tmp_path_factory.mktemp("model")
    model.save(folder)
    sound = (folder / name).read_bytes()

    @settings(max_examples=60)
    @given(st.integers(0, min(len(sound), 4000) - 1), st.binary(max_size=4), st.integers(0, 9))
    def check(place: int, patch: bytes, lost: int) -> None:
        (folder / name).write_bytes(sound[:place] + patch + sound[place + lost :])
        try:
            damaged = ConvMF.load(folder)
        except ModelError:
            return
        assert np.isfinite(damaged.predict_text(["war"])).all() and damaged.recommend(damaged.user_ids[0], 1)

    check()


def test_nested_beyond_reason_is_a_damaged_model(model: ConvMF, tmp_path: Path) -> None:
    model.save(tmp_path)
    (tmp_path / "model.json").write_text("[" * 200_000)
    with pytest.raises(ModelError, match="damaged"):
        ConvMF.load(tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("user_ids", list(range(30))),
        ("user_ids", ["twice"] * 30),
        ("scale", {"mean": 0, "std": "one", "lowest": 1, "highest": 5}),
        ("scale", []),
        ("scale", None),
        ("words", [1]),
        ("n_ratings", math.inf),
        ("history", [5]),
        ("best_iteration", None),
        ("user_lambda", -1.0),
    ],
)
def test_values_of_another_kind_are_a_damaged_model(model: ConvMF, tmp_path: Path, key: str, value: object) -> None:
    model.save(tmp_path)
    meta = json.loads((tmp_path / "model.json").read_text())
    meta[key] = value
    (tmp_path / "model.json").write_text(json.dumps(meta))
    with pytest.raises(ModelError, match="damaged"):
        ConvMF.load(tmp_path)


@pytest.mark.parametrize(("name", "value"), [("user_factors", torch.nan), ("ratings.item_index", 24)])
def test_tensors_that_no_training_writes_are_a_damaged_model(
    model: ConvMF, tmp_path: Path, name: str, value: float
) -> None:
    model.save(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    tensors[name][0] = value
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match="damaged"):
        ConvMF.load(tmp_path)


def test_the_ends_of_a_scale_with_fractions_are_on_it() -> None:
    data = tiny_dataset()
    tenths = replace(data.ratings, rating=np.resize(np.array([0.1, 0.5, 0.9], dtype=np.float32), len(data.ratings)))
    model = fit(replace(data, ratings=tenths), replace(TINY, n_iterations=2))
    for end in (0.1, 0.9):  # neither is itself in single precision
        assert model.scale.holds(end)
        assert torch.isfinite(model.fold_in({data.item_ids[0]: end})).all()
    for beyond in (0.0, 1.0, float("nan"), "0.5", None):
        assert not model.scale.holds(beyond)


def test_scores_of_some_items_are_those_of_all(model: ConvMF) -> None:
    users, items = np.array([3, 0]), np.array([5, 1, 2])
    for one in (model, replace(model, cold_user_factors=model.user_factors.flip(0))):
        torch.testing.assert_close(one.scores(users, items), one.scores(users)[:, items])


def test_users_of_intervals_may_come_one_by_one(model: ConvMF) -> None:
    users, items = model.user_ids[:2], model.item_ids[:2]
    for found, expected in (
        (model.interval(iter(users), iter(items)), model.interval(users, items)),  # type: ignore[arg-type]
        (model.text_interval(["a"], iter(users)), model.text_interval(["a"], users)),  # type: ignore[arg-type]
    ):
        np.testing.assert_array_equal(found, expected)
