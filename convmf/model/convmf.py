"""A trained ConvMF: predictions, recommendations and neighbours. Nothing here learns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from convmf.config import ConvMFConfig
from convmf.data.arrays import read_only, row_numbers
from convmf.data.dataset import Ratings
from convmf.data.text import Vocabulary
from convmf.errors import BROKEN, DataError, ModelError, listed, quoted
from convmf.model.als import RatingRows, half_step
from convmf.model.cnn import CnnNlpModel, encode_texts
from convmf.model.ensemble import CnnEnsemble, TextNetwork
from convmf.model.intervals import LEVEL, RatingIntervals
from convmf.model.linear import LinearReader
from convmf.model.storage import network_sizes, read_model, saved_networks, write_model

Floats = NDArray[np.float32]
RowNumbers = NDArray[Any] | Sequence[int] | Tensor
"""Row numbers of users or items, (n,): whole numbers from 0, of any type."""

_Value = TypeVar("_Value")

# So few that their factors stay in the processor's cache between gathering and multiplying.
_PAIRS_AT_ONCE = 16384


@dataclass(frozen=True)
class RatingScale:
    """The user's scale of ratings, and how the model's own unit maps to it: r = mean + std · score."""

    mean: float
    std: float
    lowest: float
    highest: float

    def to_ratings(self, scores: Tensor) -> Tensor:
        """Scores of any shape as ratings, clipped to the scale."""
        return (self.mean + self.std * scores).clamp(self.lowest, self.highest)

    def holds(self, rating: object) -> bool:
        """Whether this is a number on the scale; its ends are known to single precision, as all ratings are."""
        if not isinstance(rating, Real):
            return False
        with np.errstate(over="ignore"):  # one beyond single precision is beyond the scale
            return self.lowest <= float(np.float32(rating)) <= self.highest

    def to_scores(self, ratings: Floats) -> Floats:
        """Ratings in the model's own unit."""
        return ((ratings - self.mean) / self.std).astype(np.float32)


@dataclass(frozen=True)
class ScoredItem:
    """An item with a rating (recommendation) or a similarity in −1…1 (neighbour)."""

    item_id: str
    title: str
    score: float


@dataclass(frozen=True, eq=False)
class ConvMF:
    """Everything that a prediction needs, on the CPU and for inference only.

    Attributes
    ----------
    user_factors, item_factors, text_factors
        (n_users, D), (n_items, D), (n_items, D); D is n_factors, plus one where the model has biases:
        then column 0 is the bias. ``text_factors`` is θ, the CNN's reading of each item's text; an item
        without training ratings has it as its factors.
    item_counts
        Training ratings of each item, (n_items,).
    ratings
        All ratings of the data set: what a user has seen already.
    user_lambda
        λ_U of a user with one rating, as it was in the best iteration.
    cold_user_factors
        ũ, (n_users, D): the users' factors as an item meets them of which nothing but the text is known, see
        :meth:`user_factors_at`. None where the CNN wasn't calibrated: then they are the same as all others.
    text_trust
        How much of each item's factors comes from its text, (n_items,) in 0…1: 1 for an item without training
        ratings. None in a model without texts, and in one saved before this was kept.
    history
        One dictionary an iteration.
    intervals
        How far ratings lie from their predictions; None where too few validation ratings told it, and for
        models of before there were intervals.
    """

    config: ConvMFConfig
    user_ids: tuple[str, ...]
    item_ids: tuple[str, ...]
    titles: tuple[str, ...]
    user_factors: Tensor
    item_factors: Tensor
    text_factors: Tensor
    item_counts: Tensor
    ratings: Ratings
    scale: RatingScale
    user_lambda: float
    cold_user_factors: Tensor | None = None
    text_trust: Tensor | None = None
    vocabulary: Vocabulary | None = None
    cnn: TextNetwork | None = None
    history: tuple[dict[str, Any], ...] = ()
    best_iteration: int = 0
    intervals: RatingIntervals | None = None
    _user_row: dict[str, int] = field(init=False, repr=False)
    _item_row: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_user_row", {label: row for row, label in enumerate(self.user_ids)})
        object.__setattr__(self, "_item_row", {label: row for row, label in enumerate(self.item_ids)})

    # Predictions ------------------------------------------------------------------------------

    def predict(self, user_ids: Sequence[str], item_ids: Sequence[str]) -> Floats:
        """The rating of each pair (user_ids[k], item_ids[k]), equation (10), shape (n_pairs,).

        Raises
        ------
        ModelError
            The lists differ in length, or an id is unknown.
        """
        return self.predict_rows(*self._pairs(user_ids, item_ids))

    def _pairs(self, user_ids: Sequence[str], item_ids: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        user_ids, item_ids = _listing(user_ids, "user ids"), _listing(item_ids, "item ids")
        if len(user_ids) != len(item_ids):
            raise ModelError(f"{len(user_ids)} users and {len(item_ids)} items don't make pairs; give one of each.")
        return self.user_rows(user_ids), self.item_rows(item_ids)

    def predict_rows(self, user_index: RowNumbers, item_index: RowNumbers) -> Floats:
        """As :meth:`predict`, by row number; in pieces, so that memory stays small.

        Raises
        ------
        ModelError
            These are no row numbers of users and items, or not as many of each.
        """
        return self._predict_rows(self.item_factors, self.item_counts, *self._row_pairs(user_index, item_index))

    def predict_rows_from_text(self, text_factors: Tensor, user_index: RowNumbers, item_index: RowNumbers) -> Floats:
        """As :meth:`predict_rows` if nobody had rated the items, which are read as ``text_factors``, (n_items, D)."""
        unrated = torch.zeros_like(self.item_counts)
        return self._predict_rows(text_factors, unrated, *self._row_pairs(user_index, item_index))

    def _row_pairs(self, user_index: RowNumbers, item_index: RowNumbers) -> tuple[Tensor, Tensor]:
        users = _row_tensor(user_index, "user_index", len(self.user_ids))
        items = _row_tensor(item_index, "item_index", len(self.item_ids))
        if len(users) != len(items):
            raise ModelError(f"{len(users)} users and {len(items)} items don't make pairs; give one of each.")
        return users, items

    def _predict_rows(self, item_factors: Tensor, n_ratings: Tensor, users: Tensor, items: Tensor) -> Floats:
        scores = row_scores(self.user_factors, item_factors, users, items, biases=self.config.biases)
        if self.cold_user_factors is not None:
            cold = row_scores(self.cold_user_factors, item_factors, users, items, biases=self.config.biases)
            scores = torch.lerp(scores, cold, self._coldness(n_ratings[items]))
        ratings: Floats = self.scale.to_ratings(scores).numpy()
        return ratings

    def predict_text(self, texts: Sequence[str], user_ids: Sequence[str] | None = None) -> Floats:
        """Ratings of items that nobody rated, from their descriptions alone.

        Returns
        -------
        (n_texts, n_users): a row a text, a column a user (all users where ``user_ids`` is None).
        """
        rows = None if user_ids is None else self.user_rows(user_ids)
        return self.rate(self.user_factors_at(0, rows), self.encode(texts))

    def encode(self, texts: Sequence[str]) -> Tensor:
        """θ of each text, (n_texts, D).

        Raises
        ------
        ModelError
            The model was trained without texts, or these are no texts.
        """
        texts = _listing(texts, "texts")
        wrong = [text for text in texts if not isinstance(text, str)]
        if wrong:
            raise ModelError(f"A text is a string, not {quoted(wrong[0])}; an unknown one is an empty string.")
        if self.cnn is None or self.vocabulary is None:
            raise ModelError("This model was trained without texts, so it can't rate a description.")
        token_ids = torch.from_numpy(self.vocabulary.encode(texts, self.config.max_length))
        return encode_texts(self.cnn, token_ids)

    def rate(self, user_factors: Tensor, item_factors: Tensor) -> Floats:
        """Ratings of every item by every user: (n_items, n_users) from (n_users, D) and (n_items, D)."""
        scores = score_matrix(user_factors, item_factors, biases=self.config.biases)
        ratings: Floats = self.scale.to_ratings(scores).T.numpy()
        return ratings

    def user_factors_at(self, n_ratings: int, rows: NDArray[np.int64] | None = None) -> Tensor:
        """The users' factors as an item with so many training ratings meets them, (n_users, D), or those of the users
        in ``rows`` alone, (n_rows, D).

        Who rates an item has chosen it, and likes what they chose by more than its text tells, some by little and
        some by much: ratings are missing not at random (Marlin and Zemel, RecSys 2009). u counts on an item whose
        own ratings tell of that; ũ is fitted to the same ratings with the items as they were read by what didn't
        know them, and so counts on a text alone. With n ratings it is (1 − s) u + s ũ, where s = λ_b / (λ_b + n) is
        what they leave untold of the item's level.
        """
        users, cold = self.user_factors, self.cold_user_factors
        if rows is not None:
            users, cold = users[rows], None if cold is None else cold[rows]
        return users if cold is None else torch.lerp(users, cold, self._coldness(torch.tensor(n_ratings)))

    def scores(self, user_index: RowNumbers, item_index: RowNumbers | None = None) -> Tensor:
        """What each item, or those given, would get from users, all by row number, in the model's own unit and
        unclipped: (n_users, n_items).

        Raises
        ------
        ModelError
            These are no row numbers of users, or of items.
        """
        users, biases = _row_tensor(user_index, "user_index", len(self.user_ids)), self.config.biases
        items, counts = self.item_factors, self.item_counts
        if item_index is not None:
            rows = _row_tensor(item_index, "item_index", len(self.item_ids))
            items, counts = items[rows], counts[rows]
        scores = score_matrix(self.user_factors[users], items, biases=biases)
        if self.cold_user_factors is None:
            return scores
        cold = score_matrix(self.cold_user_factors[users], items, biases=biases)
        return torch.lerp(scores, cold, self._coldness(counts))

    def _coldness(self, n_ratings: Tensor) -> Tensor:
        """s of items with so many training ratings, in their shape."""
        return self.config.lambda_bias / (self.config.lambda_bias + n_ratings.float())

    # Intervals --------------------------------------------------------------------------------

    def interval(self, user_ids: Sequence[str], item_ids: Sequence[str], level: float = LEVEL) -> tuple[Floats, Floats]:
        """Where the rating of each pair lies with probability ``level``: (low, high), each (n_pairs,).

        Raises
        ------
        ModelError
            As :meth:`predict`; also where the model has no intervals, or no interval has this level.
        """
        return self.interval_rows(*self._pairs(user_ids, item_ids), level)

    def interval_rows(
        self, user_index: RowNumbers, item_index: RowNumbers, level: float = LEVEL
    ) -> tuple[Floats, Floats]:
        """As :meth:`interval`, by row number."""
        intervals = self._known_intervals()
        users, items = self._row_pairs(user_index, item_index)
        half = intervals.half_width(intervals.user_variance[users], self.item_counts[items], level)
        return self._bounds(self._predict_rows(self.item_factors, self.item_counts, users, items), half.numpy())

    def text_interval(
        self, texts: Sequence[str], user_ids: Sequence[str] | None = None, level: float = LEVEL
    ) -> tuple[Floats, Floats]:
        """As :meth:`interval` for items that nobody rated: (low, high), each (n_texts, n_users)."""
        intervals = self._known_intervals()
        user_ids = None if user_ids is None else _listing(user_ids, "user ids")
        ratings = self.predict_text(texts, user_ids)
        users = slice(None) if user_ids is None else self.user_rows(user_ids)
        half = intervals.half_width(intervals.user_variance[users], torch.zeros(len(ratings), 1), level)
        return self._bounds(ratings, half.numpy())

    def _bounds(self, ratings: Floats, half: Floats) -> tuple[Floats, Floats]:
        scale = self.scale
        return np.maximum(ratings - half, scale.lowest), np.minimum(ratings + half, scale.highest)

    def _known_intervals(self) -> RatingIntervals:
        if self.intervals is None:
            raise ModelError(
                "This model has no intervals: they are measured at the end of a training, on at least 30 "
                "validation ratings; train it again with such."
            )
        return self.intervals

    # Recommendations and neighbours -----------------------------------------------------------

    def recommend(self, user: str | Tensor, n: int = 10, *, exclude: Sequence[str] = ()) -> list[ScoredItem]:
        """The ``n`` items with the highest predicted rating that the user hasn't rated.

        Parameters
        ----------
        user
            A user id, or factors (D,) from :meth:`fold_in`.
        exclude
            Further item ids to leave out, such as those that were folded in.

        Raises
        ------
        ModelError
            An id is unknown, the factors are of another model, or ``n`` is no number of items.
        """
        n = _count(n)
        hidden = set(self.item_rows(exclude).tolist())
        # Unclipped, so that items at the top of the scale keep their order.
        if isinstance(user, Tensor):
            scores = score_matrix(self._factors(user)[None], self.item_factors, biases=self.config.biases)[0]
        else:
            row = self.user_rows([user])
            scores = self.scores(row)[0]
            hidden.update(self.ratings.item_index[self.ratings.user_index == row[0]].tolist())
        scores[list(hidden)] = -torch.inf
        best = torch.topk(scores, min(n, len(scores) - len(hidden))).indices
        ratings = self.scale.to_ratings(scores[best])
        return [
            ScoredItem(self.item_ids[row], self.titles[row], rating)
            for row, rating in zip(best.tolist(), ratings.tolist(), strict=True)
        ]

    def fold_in(self, ratings: Mapping[str, float]) -> Tensor:
        """Factors (D,) of a user who isn't in the data, from a handful of ratings by equation (7).

        Raises
        ------
        ModelError
            There is no rating, an item is unknown, or a rating is off the scale.
        """
        low, high = self.scale.lowest, self.scale.highest
        if not isinstance(ratings, Mapping):
            raise ModelError(f"Ratings are a mapping such as {{'item 7': {high:g}}}, not {quoted(ratings)}.")
        for item_id, rating in ratings.items():
            if not self.scale.holds(rating):
                item = quoted(item_id)
                raise ModelError(
                    f"Ratings are numbers and go from {low:g} to {high:g}; item {item} has {quoted(rating)}."
                )
        if not ratings:
            raise ModelError("Give at least one rating; without any there is nothing to learn a taste from.")
        rows = self.item_rows(list(ratings))
        scores = self.scale.to_scores(np.array(list(ratings.values()), dtype=np.float32))
        plan = RatingRows.plan(
            np.zeros(len(rows), np.int32),
            rows.astype(np.int32),
            scores,
            n_rows=1,
            n_columns=len(self.item_ids),
        )
        penalty = self.user_penalty(len(rows))[None]
        return half_step(plan, self.item_factors, penalty, biases=self.config.biases)[0][0]

    def user_penalty(self, n_ratings: int) -> Tensor:
        """λ_U of a user with ``n_ratings`` ratings, of each dimension, (D,)."""
        weight = n_ratings**0.5 if self.config.user_weights == "sqrt" else 1.0
        penalty = torch.full((self.item_factors.shape[1],), self.user_lambda * weight)
        penalty[: int(self.config.biases)] = self.config.lambda_bias
        return penalty

    def item_penalty(self, n_ratings: int) -> Tensor:
        """λ_V w_j of an item with ``n_ratings`` training ratings, of each dimension, (D,), as in the best iteration."""
        validated = bool(self.history) and self.history[0].get("valid_rmse") is not None
        strength = self.config.lambda_v * self.config.growth(max(self.best_iteration, 1), validated=validated)
        weight = 1.0
        if self.config.item_weights == "sqrt":
            # The roots of the training's counts have a mean of 1 over its rated items.
            counts = self.item_counts[self.item_counts > 0].float()
            weight = n_ratings**0.5 * len(counts) / float(counts.sqrt().sum())
        penalty = torch.full((self.item_factors.shape[1],), strength * weight)
        penalty[: int(self.config.biases)] = self.config.lambda_bias
        return penalty

    def similar_items(self, item: str | Tensor, n: int = 10, *, by: str = "item") -> list[ScoredItem]:
        """The ``n`` nearest items by the cosine of their factors, less the catalogue's mean; biases left aside.

        Parameters
        ----------
        item
            An item id, or factors (D,), such as those of an unseen text.
        by
            'item' compares item factors, 'text' what the CNN reads in the texts.

        Raises
        ------
        ModelError
            The item is unknown, the factors are of another model, or ``n`` is no number of items.
        """
        n = _count(n)
        if by not in ("item", "text"):
            raise ModelError(f"Neighbours go by 'item' or 'text', not {quoted(by)}.")
        table = self.item_factors if by == "item" else self.text_factors
        own = None if isinstance(item, Tensor) else int(self.item_rows([item])[0])
        factors = self._factors(item) if isinstance(item, Tensor) else table[own]
        first = int(self.config.biases)
        # All items share a direction, what the average user likes; what tells them apart is the rest.
        mean = table[:, first:].mean(dim=0)
        similarity = torch.nn.functional.cosine_similarity(table[:, first:] - mean, factors[None, first:] - mean, dim=1)
        if own is not None:
            similarity[own] = -torch.inf
        best = torch.topk(similarity, min(n, len(similarity) - (own is not None)))
        return [
            ScoredItem(self.item_ids[row], self.titles[row], value)
            for row, value in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        ]

    def _factors(self, factors: Tensor) -> Tensor:
        """``factors`` given by the caller, if they may be this model's."""
        width = self.item_factors.shape[1]
        if factors.shape != (width,) or not bool(torch.isfinite(factors).all()):
            raise ModelError(f"Factors are {width} finite numbers, not a tensor of shape {tuple(factors.shape)}.")
        return factors.to(self.item_factors)

    # Ids --------------------------------------------------------------------------------------

    def user_rows(self, user_ids: Sequence[str]) -> NDArray[np.int64]:
        """Row numbers of users; a ModelError names the first unknown one."""
        return _rows(self._user_row, user_ids, "user")

    def item_rows(self, item_ids: Sequence[str]) -> NDArray[np.int64]:
        """Row numbers of items; a ModelError names the first unknown one."""
        return _rows(self._item_row, item_ids, "item")

    # Files ------------------------------------------------------------------------------------

    def save(self, folder: Path | str) -> None:
        """Write the model as ``model.json`` and ``model.safetensors``."""
        tensors = {
            "user_factors": self.user_factors,
            "item_factors": self.item_factors,
            "text_factors": self.text_factors,
            "item_counts": self.item_counts,
            "ratings.user_index": torch.tensor(self.ratings.user_index),
            "ratings.item_index": torch.tensor(self.ratings.item_index),
            "ratings.rating": torch.tensor(self.ratings.rating),
        }
        if self.cold_user_factors is not None:
            tensors["cold_user_factors"] = self.cold_user_factors
        if self.text_trust is not None:
            tensors["text_trust"] = self.text_trust
        if self.intervals is not None:
            tensors["user_variance"] = self.intervals.user_variance
        if self.cnn is not None:
            tensors.update({f"cnn.{name}": tensor for name, tensor in self.cnn.state_dict().items()})
        meta = {
            "config": self.config.to_dict(),
            "user_ids": self.user_ids,
            "item_ids": self.item_ids,
            "titles": self.titles,
            "scale": vars(self.scale),
            "user_lambda": self.user_lambda,
            "has_cold_user_factors": self.cold_user_factors is not None,
            "has_text_trust": self.text_trust is not None,
            "words": None if self.vocabulary is None else self.vocabulary.words,
            "decades": self.vocabulary is not None and self.vocabulary.decades,
            "networks": None if self.cnn is None else network_sizes(self.cnn),
            "linear_share": 0.0 if self.cnn is None else self.cnn.linear_share,
            "n_ratings": len(self.ratings),
            "history": self.history,
            "best_iteration": self.best_iteration,
            "intervals": None if self.intervals is None else self.intervals.to_dict(),
        }
        write_model(Path(folder), meta, tensors)

    @classmethod
    def load(cls, folder: Path | str) -> ConvMF:
        """Read what :meth:`save` wrote; names, shapes and sizes are checked before anything is allocated.

        Raises
        ------
        ModelError
            The folder holds no model, or a damaged one.
        """
        meta, tensors = read_model(Path(folder))
        try:
            return cls._from_files(meta, tensors)
        except (DataError, *BROKEN) as error:
            raise ModelError(f"The model in {folder} is damaged ({error}); train it again.") from error

    @classmethod
    def _from_files(cls, meta: dict[str, Any], tensors: dict[str, Tensor]) -> ConvMF:
        config = ConvMFConfig.from_saved(meta["config"])
        vocabulary = cnn = None
        if meta["words"] is not None:
            vocabulary = Vocabulary(tuple(meta["words"]), decades=bool(meta.get("decades", False)))
            share = float(meta.get("linear_share", 0.0))  # models of earlier times had no linear reader
            cnn = _built_anew(config, len(vocabulary), saved_networks(meta, config), share)
            weights = {name.removeprefix("cnn."): tensor for name, tensor in tensors.items() if name[:4] == "cnn."}
            cnn.load_state_dict(weights)
            cnn.eval()
        intervals = None
        if meta.get("intervals") is not None:
            intervals = RatingIntervals.from_dict(meta["intervals"], tensors["user_variance"])
        return cls(
            config=config,
            user_ids=tuple(meta["user_ids"]),
            item_ids=tuple(meta["item_ids"]),
            titles=tuple(meta["titles"]),
            user_factors=tensors["user_factors"],
            item_factors=tensors["item_factors"],
            text_factors=tensors["text_factors"],
            item_counts=tensors["item_counts"],
            ratings=Ratings(
                *(read_only(tensors[f"ratings.{key}"].numpy()) for key in ("user_index", "item_index", "rating"))
            ),
            scale=RatingScale(**meta["scale"]),
            user_lambda=float(meta["user_lambda"]),
            cold_user_factors=tensors.get("cold_user_factors"),
            text_trust=tensors.get("text_trust"),
            vocabulary=vocabulary,
            cnn=cnn,
            history=tuple(meta["history"]),
            best_iteration=meta["best_iteration"],
            intervals=intervals,
        )


def build_cnn(
    config: ConvMFConfig,
    vocab_size: int,
    *,
    pretrained: Tensor | None = None,
    embedding_dim: int | None = None,
    generator: torch.Generator | None = None,
) -> TextNetwork:
    """The text network that ``config`` describes, or several, for a vocabulary of ``vocab_size`` ids."""
    networks = [
        _build_one(config, vocab_size, pretrained=pretrained, embedding_dim=embedding_dim, generator=generator)
        for _ in range(config.n_networks)
    ]
    return joined(networks)


def joined(
    networks: Sequence[CnnNlpModel],
    shares: Sequence[float] | None = None,
    linear: LinearReader | None = None,
    linear_share: float = 0.0,
) -> TextNetwork:
    """These networks, and a linear reader, as one that reads, see :class:`CnnEnsemble`."""
    alone = len(networks) == 1 and linear is None
    return networks[0] if alone else CnnEnsemble(networks, shares, linear, linear_share)


def _built_anew(
    config: ConvMFConfig, vocab_size: int, sizes: Sequence[dict[str, Any]], linear_share: float
) -> TextNetwork:
    """The text network of a saved model; its weights come from the file."""
    networks, shares = [], []
    for size in sizes:
        shares.append(float(size["share"]))
        own = replace(config, **{name: size[name] for name in ("embedding_dim", "n_kernels", "hidden_dim")})
        networks.append(_build_one(own, vocab_size, pretrained=None, embedding_dim=None, generator=None))
    linear = LinearReader.empty(vocab_size, config.n_factors + config.biases) if linear_share else None
    return joined(networks, shares, linear, linear_share)


def _build_one(
    config: ConvMFConfig,
    vocab_size: int,
    *,
    pretrained: Tensor | None,
    embedding_dim: int | None,
    generator: torch.Generator | None,
) -> CnnNlpModel:
    cnn = CnnNlpModel(
        output_dimension=config.n_factors + config.biases,
        pretrained_embedding=pretrained,
        freeze_embedding=config.freeze_embedding,
        vocab_size=vocab_size,
        embed_dimension=embedding_dim or config.embedding_dim,
        kernel_sizes=config.kernel_sizes,
        num_kernels=(config.n_kernels,) * len(config.kernel_sizes),
        dropout_ratio=config.dropout,
        hidden_dimension=config.hidden_dim,
        generator=generator,
    )
    with torch.no_grad():
        # A kernel with a negative bias would be dead from the start where the word vectors are small.
        for layer in cnn.conv1d_layers:
            torch.nn.init.zeros_(layer.get_parameter("bias"))
        if pretrained is None:
            # The random vectors have a deviation of 1; one that is too long is cut to max_norm.
            cnn.embedding_layer.weight.mul_(config.embedding_std)
    return cnn


def pair_scores(user_factors: Tensor, item_factors: Tensor, *, biases: bool) -> Tensor:
    """Score of each pair of rows, (n_pairs,): uᵀv, or b + c + pᵀq where column 0 is a bias."""
    if not biases:
        return (user_factors * item_factors).sum(dim=1)
    factors = (user_factors[:, 1:] * item_factors[:, 1:]).sum(dim=1)
    return user_factors[:, 0] + item_factors[:, 0] + factors


def row_scores(
    user_factors: Tensor, item_factors: Tensor, user_index: RowNumbers, item_index: RowNumbers, *, biases: bool
) -> Tensor:
    """:func:`pair_scores` of pairs of row numbers, (n_pairs,); in pieces, so that memory stays small."""
    users, items = (
        (index if isinstance(index, Tensor) else torch.from_numpy(np.array(index, dtype=np.int64)))
        .to(user_factors.device)
        .split(_PAIRS_AT_ONCE)
        for index in (user_index, item_index)
    )
    return torch.cat(
        [
            pair_scores(user_factors.index_select(0, some), item_factors.index_select(0, others), biases=biases)
            for some, others in zip(users, items, strict=True)
        ]
    )


def score_matrix(user_factors: Tensor, item_factors: Tensor, *, biases: bool) -> Tensor:
    """Scores of all pairs, (n_users, n_items); see :func:`pair_scores`."""
    if not biases:
        return user_factors @ item_factors.T
    levels = user_factors[:, :1] + item_factors[None, :, 0]  # (n_users, n_items)
    return torch.addmm(levels, user_factors[:, 1:], item_factors[:, 1:].T)


def _row_tensor(index: RowNumbers, name: str, n_rows: int) -> Tensor:
    """Row numbers as they index tensors: int64, (n,)."""
    return torch.from_numpy(np.array(row_numbers(index, name, n_rows, ModelError), dtype=np.int64))


def _rows(row_of: Mapping[str, int], labels: Sequence[str], kind: str) -> NDArray[np.int64]:
    try:
        return np.array([row_of[str(label)] for label in _listing(labels, f"{kind} ids")], dtype=np.int64)
    except KeyError as error:
        raise ModelError(
            f"The model knows no {kind} {quoted(error.args[0])}; it knows {len(row_of):,} {kind}s, "
            f"such as {listed(islice(row_of, 3))}."
        ) from None


def _listing(values: Sequence[_Value], kind: str) -> Sequence[_Value]:
    """``values``, unless they are none: a single string would pass for a list of its characters."""
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise ModelError(f"Give {kind} as a list, such as [{quoted(values)}].")
    return values if isinstance(values, Sequence) else list(values)


def _count(n: int) -> int:
    """``n`` as a number of things to list."""
    if isinstance(n, bool) or not isinstance(n, Integral) or n < 0:
        raise ModelError(f"n is a whole number from 0 up, how many to list, not {quoted(n)}.")
    return int(n)
