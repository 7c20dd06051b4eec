from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from convmf.data.dataset import Dataset, Ratings
from convmf.data.splits import Split, SplitSettings, split_ratings
from convmf.errors import DataError
from convmf.evaluation import ranking
from convmf.evaluation.ranking import RankingTask, ranking_report
from convmf.training.loop import fit
from tests.helpers import TINY, tiny_dataset


def ratings(*rows: tuple[int, int, float]) -> Ratings:
    users, items, values = zip(*rows, strict=True)
    return Ratings(np.array(users, np.int32), np.array(items, np.int32), np.array(values, np.float32))


@pytest.fixture
def split() -> Split:
    """Four users, six items. Ann (0) likes items 2 and 3 of the test part, bob (1) likes item 0; what cid (2)
    has there is below his mean; dee (3) has no training rating and rates item 4 above everybody's mean."""
    train = ratings((0, 0, 3), (0, 1, 5), (1, 1, 2), (1, 2, 2), (2, 1, 4), (2, 3, 4))
    valid = ratings((1, 4, 1))
    test = ratings((0, 2, 4), (0, 3, 5), (0, 4, 1), (1, 0, 2), (2, 0, 3), (3, 4, 4))
    every = Ratings(
        *(np.concatenate([getattr(part, key) for part in (train, valid, test)]) for key in vars(train))  # type: ignore[arg-type]
    )
    data = Dataset("", tuple("abcd"), tuple("uvwxyz"), ("",) * 6, ("",) * 6, ("",) * 6, every)
    nothing = train.take(np.array([], dtype=np.int64))
    return Split(data, SplitSettings(), train, valid, test, nothing, np.zeros(6, dtype=bool))


def test_who_is_asked_and_what_is_relevant(split: Split) -> None:
    task = RankingTask.of(split, split.test, np.array([0, 1, 2, 3, 4]))
    assert task.users.tolist() == [0, 1, 3]
    assert task.relevant.tolist() == [[0, 2], [0, 3], [1, 0], [2, 4]]
    assert sorted(map(tuple, task.seen.tolist())) == [(0, 0), (0, 1), (1, 1), (1, 2), (1, 4)]
    np.testing.assert_allclose(task.popularity, [1 / 4, 3 / 4, 1 / 4, 1 / 4, 0])


def test_figures_by_hand(split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    task = RankingTask.of(split, split.test, np.array([0, 1, 2, 3]))  # dee's item 4 isn't ranked: two users stay
    scores = torch.tensor([[9.0, 8.0, 1.0, 2.0], [1.0, 9.0, 9.0, 5.0]])
    row = {0: 0, 1: 1}

    def scorer(users):  # type: ignore[no-untyped-def]
        return scores[[row[user] for user in users.tolist()]]

    # Ann has seen 0 and 1, so hers are 3, 2: both liked. Bob has seen 1 and 2, so his are 3, 0: the second is liked.
    one, two = task.measure(scorer, 1), task.measure(scorer, 2)
    assert (one.recall, two.recall) == pytest.approx((0.25, 1.0))
    assert (one.ndcg, two.ndcg) == pytest.approx((0.5, (1 + 1 / np.log2(3)) / 2))
    assert (one.coverage, two.coverage) == pytest.approx((1 / 4, 3 / 4))
    assert (one.novelty, two.novelty) == pytest.approx((2.0, 2.0))  # each of 0, 2, 3 was rated by one of four
    monkeypatch.setattr(ranking, "_SCORES_AT_ONCE", 1)
    assert task.measure(scorer, 2) == two, "user by user it is the same"
    # Asked for more than there are, each gets what they haven't seen, and the rest counts for nothing.
    assert task.measure(scorer, 99) == two


def test_a_lead_is_paired_and_has_an_interval_where_users_are_enough(split: Split) -> None:
    n_users = 40
    task = RankingTask(
        np.arange(n_users),
        np.arange(4),
        relevant=np.stack([np.arange(n_users), np.arange(n_users) % 2], axis=1),  # item 0 or 1, in turns
        seen=np.empty((0, 2), dtype=np.int64),
        popularity=np.full(4, 0.5),
    )
    first = task.lists(lambda users: torch.tensor([4.0, 3.0, 2.0, 1.0]).expand(len(users), -1), 1)
    last = task.lists(lambda users: torch.tensor([1.0, 2.0, 3.0, 4.0]).expand(len(users), -1), 1)
    lead = task.recall_lead(first, last)  # 1 for half of the users, 0 for the others
    assert lead.value == 0.5 and lead.interval is not None
    assert lead.interval == pytest.approx((0.5 - 1.96 * 0.5 / 40**0.5, 0.5 + 1.96 * 0.5 / 40**0.5), abs=0.03)
    assert task.recall_lead(last, first).value == -0.5
    same = task.recall_lead(first, first)
    assert (same.value, same.interval) == (0.0, (0.0, 0.0)), "the same list has the same luck"
    few = RankingTask.of(split, split.test, np.array([0, 1, 2, 3]))
    lists = few.lists(lambda users: torch.zeros(len(users), 4), 2)
    assert few.recall_lead(lists, lists).interval is None


def test_items_without_ratings_have_no_novelty(split: Split) -> None:
    task = RankingTask.of(split, split.test, np.array([2, 4]))
    assert task.measure(lambda users: torch.zeros(len(users), 2), 1).novelty is None


def test_nothing_relevant_is_refused(split: Split) -> None:
    task = RankingTask.of(split, split.cold, np.arange(6))
    with pytest.raises(DataError, match="relevant"):
        task.measure(lambda users: torch.zeros(len(users), 6))


def test_many_users_are_sampled(split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "_MOST_USERS", 2)
    task = RankingTask.of(split, split.test, np.arange(5))
    assert len(task.users) == 2 and set(task.users.tolist()) < {0, 1, 3}
    assert set(task.relevant[:, 0].tolist()) == {0, 1}


def test_a_model_that_knows_tastes_ranks_unseen_items_better_than_chance() -> None:
    split = split_ratings(tiny_dataset(n_users=60, n_items=60), SplitSettings(cold_items=0.3))
    model = fit(split, replace(TINY, n_iterations=20), with_intervals=False)
    report = ranking_report(model, split, k=5)
    for part in ("test", "cold"):
        assert report[part]["model"]["ndcg"] > 1.2 * report[part]["random"]["ndcg"]
        assert 0 < report[part]["model"]["coverage"] <= 1
    assert report["cold"]["n_candidates"] == split.cold_items.sum()
    assert report["cold"]["popularity"] is None and report["cold"]["model"]["novelty"] is None
    shares = np.bincount(split.train.item_index)[np.unique(split.train.item_index)] / 60
    # Nobody's list can be less novel than the most popular items, nor more than the rarest.
    low, high = -np.log2(np.sort(shares)[[-1, 0]])
    assert low <= report["test"]["popularity"]["novelty"] < report["test"]["random"]["novelty"] <= high


def test_the_most_popular_come_first_for_popularity() -> None:
    split = split_ratings(tiny_dataset())
    model = fit(split, TINY, with_intervals=False)
    figures = ranking_report(model, split, k=1)["test"]["popularity"]
    assert figures["coverage"] < ranking_report(model, split, k=1)["test"]["random"]["coverage"]
    assert ranking_report(model, split)["cold"] is None


def test_a_list_that_holds_all_candidates_says_nothing() -> None:
    split = split_ratings(tiny_dataset(), SplitSettings(cold_items=0.2))
    model = fit(split, TINY, with_intervals=False)
    n_cold = int(split.cold_items.sum())
    assert ranking_report(model, split, k=n_cold)["cold"] is None
    assert ranking_report(model, split, k=n_cold - 1)["cold"]["n_candidates"] == n_cold
