"""The state of one training, and the three steps that move it: users, items, CNN."""

from __future__ import annotations

import copy
import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from convmf.config import ConvMFConfig
from convmf.data.dataset import Ratings
from convmf.data.splits import Split
from convmf.data.text import Vocabulary
from convmf.data.vectors import WordVectors
from convmf.device import choose_device
from convmf.errors import BROKEN, CheckpointError, ConfigError, RunError, quoted
from convmf.evaluation.metrics import rmse
from convmf.model.als import RatingRows, Stopped, half_step, prior_shares
from convmf.model.cnn import CnnNlpModel
from convmf.model.convmf import ConvMF, RatingScale, joined, row_scores
from convmf.model.ensemble import TextNetwork
from convmf.model.linear import LinearReader
from convmf.model.loss import objective
from convmf.training.calibration import Calibration, ScoredPairs, artanh
from convmf.training.checkpoint import Checkpoint, Shapes, check_shapes, load_checkpoint, prefixed, shapes_of, under
from convmf.training.held_out import CrossReading, linear_reader, read_held_out
from convmf.training.reader import TextReader

log = logging.getLogger(__name__)

# λ of ũ ÷ λ_U: from 2 to 4 it is equally good on four data sets.
_COLD_PULL = 3.0

# Share of the cross-fitting's networks in what networks read of a text. From a third to a half new items come out the
# same.
_READ_ALONG = 0.5


@dataclass(frozen=True)
class IterationResult:
    """What one iteration came to.

    ``objective`` and its four terms are in the model's own unit of ratings; ``train_rmse`` and
    ``valid_rmse`` in the user's (``train_rmse`` before clipping; ``valid_rmse`` is None without
    validation ratings). ``cnn_loss`` is the items' term of the objective as a mean over the rated items, λ_V as it
    has grown included, None without text. ``seconds`` has the keys users, items, cnn.
    """

    iteration: int
    objective: float
    rating_loss: float
    user_penalty: float
    item_penalty: float
    cnn_penalty: float
    train_rmse: float
    valid_rmse: float | None
    cnn_loss: float | None
    seconds: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Snapshot:
    """Factors and network weights that belong together."""

    factors: dict[str, Tensor]
    cnn: dict[str, Tensor]


class Training:
    """The state of one training and the steps that move it."""

    def __init__(
        self,
        split: Split,
        config: ConvMFConfig,
        should_stop: Callable[[], bool],
        word_vectors: WordVectors | None = None,
    ) -> None:
        self.split, self.config, self.should_stop = split, config, should_stop
        self.device = choose_device(config.device)
        self.scale = rating_scale(split, config)
        self._plan_ratings()
        self._prepare_text(word_vectors)
        self._start_factors()
        self.iteration = 0
        self.history: list[IterationResult] = []
        self.best: Snapshot | None = None
        self.best_iteration = 0

    def _plan_ratings(self) -> None:
        train, dataset = self.split.train, self.split.dataset
        scores = self.scale.to_scores(train.rating)
        n_users, n_items = dataset.n_users, dataset.n_items
        self.user_plan = RatingRows.plan(
            train.user_index, train.item_index, scores, n_rows=n_users, n_columns=n_items, device=self.device
        )
        self.item_plan = RatingRows.plan(
            train.item_index, train.user_index, scores, n_rows=n_items, n_columns=n_users, device=self.device
        )
        self.user_weights = row_weights(self.user_plan.counts, self.config.user_weights)  # (n_users,)
        self.item_weights = row_weights(self.item_plan.counts, self.config.item_weights)  # (n_items,)
        self.rated_rows = torch.from_numpy(np.flatnonzero(self.item_plan.counts.cpu().numpy() > 0))

    def _growth(self, iteration: int) -> float:
        """What λ_U and λ_V have grown by in this iteration (from 1)."""
        return self.config.growth(iteration, validated=len(self.split.valid) > 0)

    def _penalty(self, strength: float, weights: Tensor, iteration: int) -> Tensor:
        """λ of each row and dimension, (n_rows, D): the levels in column 0 have their own, without weights."""
        width = self.config.n_factors + self.config.biases
        penalty = (strength * self._growth(iteration) * weights).unsqueeze(1).repeat(1, width)
        if self.config.biases:
            penalty[:, 0] = self.config.lambda_bias * (weights > 0)
        return penalty

    def _prepare_text(self, word_vectors: WordVectors | None) -> None:
        config = self.config
        self.reader: TextReader | None = None
        self.words_digest: str | None = None
        self.vectors_digest: str | None = None
        if config.text == "none":
            return
        if config.freeze_embedding and word_vectors is None:
            raise ConfigError("freeze_embedding keeps pretrained word vectors as they are, but none are given.")
        texts = control_texts(self.split, config)
        # Cold items stand for items of the future: their texts don't shape the vocabulary.
        known = [text for text, cold in zip(texts, self.split.cold_items, strict=True) if not cold]
        vocabulary = Vocabulary.build(
            known, max_words=config.max_words, max_document_frequency=config.max_document_frequency
        )
        self.words_digest = hashlib.sha256("\0".join(vocabulary.words).encode("utf-8", "surrogatepass")).hexdigest()
        pretrained = None
        if word_vectors is not None:
            matrix, coverage = word_vectors.matrix(vocabulary, config.seed)
            log.info("word vectors: %s", coverage)
            self.vectors_digest = hashlib.sha256(matrix.tobytes()).hexdigest()
            pretrained = torch.from_numpy(matrix)
        self.reader = TextReader(texts, vocabulary, config, self.device, pretrained)

    def _start_factors(self) -> None:
        config, dataset = self.config, self.split.dataset
        generator = torch.Generator().manual_seed(config.seed)
        width = config.n_factors + config.biases
        self.user_factors = torch.zeros(dataset.n_users, width, device=self.device)
        start = 0.1 * torch.randn(dataset.n_items, width, generator=generator)
        self.item_factors = start.to(self.device)
        self.text_factors = torch.zeros_like(self.item_factors) if self.reader is None else self.reader.read()

    @property
    def finished(self) -> bool:
        """Whether all iterations are done or patience has run out."""
        waited = self.iteration - self.best_iteration
        return self.iteration >= self.config.n_iterations or waited >= self.config.patience

    def iterate(self) -> IterationResult:
        """One outer iteration. Raises Stopped when asked to stop in the middle of it."""
        config, started = self.config, time.perf_counter()
        user_penalty = self._penalty(config.lambda_u, self.user_weights, self.iteration + 1)
        item_penalty = self._penalty(config.lambda_v, self.item_weights, self.iteration + 1)
        self.user_factors, _ = half_step(
            self.user_plan,
            self.item_factors,
            # A row without ratings weighs nothing, but the half-step wants a penalty above zero even there.
            torch.where(user_penalty > 0, user_penalty, 1.0),
            biases=config.biases,
            should_stop=self.should_stop,
        )
        after_users = time.perf_counter()
        self.item_factors, squared_error = half_step(
            self.item_plan,
            self.user_factors,
            torch.where(item_penalty > 0, item_penalty, 1.0),
            self.text_factors,
            biases=config.biases,
            should_stop=self.should_stop,
        )
        after_items = time.perf_counter()
        if self.reader is not None:
            self._fit_text(self.reader)
        self.iteration += 1
        seconds = {
            "users": after_users - started,
            "items": after_items - after_users,
            "cnn": time.perf_counter() - after_items,
        }
        return self._record(squared_error, user_penalty, item_penalty, seconds)

    def _fit_text(self, reader: TextReader) -> None:
        """Equation (9): fit the CNN to the item factors, then read all texts anew."""
        iteration = self.iteration + 1
        lambda_v = self.config.lambda_v * self._growth(iteration)
        # Item factors stand between what their ratings say and θ, so the CNN would creep towards the ratings.
        # Aiming further along the same way leaves the resting point of (9) where it is: θ = v (over-relaxation).
        targets = torch.lerp(self.text_factors, self.item_factors, self.config.relaxation)
        reader.fit(targets, self.item_weights, self.rated_rows, iteration, lambda_v, self.should_stop)
        self.text_factors = reader.read()
        unrated = self.item_plan.counts == 0
        self.item_factors[unrated] = self.text_factors[unrated]

    def _record(
        self, squared_error: float, user_penalty: Tensor, item_penalty: Tensor, seconds: dict[str, float]
    ) -> IterationResult:
        config = self.config
        terms = objective(
            squared_error,
            self.user_factors,
            self.item_factors,
            self.text_factors,
            () if self.reader is None else self.reader.average.parameters(),
            user_penalty=user_penalty,
            item_penalty=item_penalty,
            lambda_w=config.lambda_w,
        )
        if not np.isfinite(terms.total):
            raise RunError(
                f"The objective is no longer a finite number in iteration {self.iteration}; "
                "try a smaller learning rate or a larger λ."
            )
        result = IterationResult(
            iteration=self.iteration,
            objective=terms.total,
            rating_loss=terms.rating_loss,
            user_penalty=terms.user_penalty,
            item_penalty=terms.item_penalty,
            cnn_penalty=terms.cnn_penalty,
            train_rmse=self.scale.std * float(np.sqrt(max(squared_error, 0.0) / len(self.split.train))),
            valid_rmse=self._valid_rmse(),
            cnn_loss=None if self.reader is None else terms.item_penalty / len(self.rated_rows),
            seconds=seconds,
        )
        self._keep_best(result)
        self.history.append(result)
        return result

    def _weight_of_one_rating(self) -> float:
        """w_i of a user with one rating; with 'sqrt' that of others is √n times as much."""
        counts = self.user_plan.counts
        if self.config.user_weights == "uniform":
            return 1.0
        return float((counts > 0).sum() / counts.float().sqrt().sum())

    def _valid_rmse(self) -> float | None:
        valid = self.split.valid
        if not len(valid):
            return None
        scores = row_scores(
            self.user_factors, self.item_factors, valid.user_index, valid.item_index, biases=self.config.biases
        )
        return rmse(self.scale.to_ratings(scores).cpu().numpy(), valid.rating)

    def _keep_best(self, result: IterationResult) -> None:
        best = min((past.valid_rmse for past in self.history if past.valid_rmse is not None), default=None)
        if result.valid_rmse is None or best is None or result.valid_rmse < best:
            self.best_iteration = result.iteration
            self.best = Snapshot(
                {name: tensor.clone() for name, tensor in self._factors().items()},
                {} if self.reader is None else self.reader.weights(),
            )

    def _factors(self) -> dict[str, Tensor]:
        return {"user": self.user_factors, "item": self.item_factors, "text": self.text_factors}

    def checkpoint(self) -> Checkpoint:
        """All that the next iteration depends on."""
        tensors = prefixed("factors", self._factors())
        if self.reader is not None:
            tensors |= prefixed("text", self.reader.tensors())
        if self.best is not None:
            tensors |= prefixed("best.factors", self.best.factors) | prefixed("best.cnn", self.best.cnn)
        meta = {
            "config": self.config.to_dict(),
            "data": self.split.fingerprint,
            "words": self.words_digest,
            "word_vectors": self.vectors_digest,
            "iteration": self.iteration,
            "best_iteration": self.best_iteration,
            "history": [result.to_dict() for result in self.history],
        }
        return Checkpoint(tensors, meta)

    def check(self, meta: dict[str, Any], shapes: Shapes) -> None:
        """Refuse a checkpoint of another training, before its tensors are read.

        Raises
        ------
        CheckpointError
            It is of other words: of a version that read the texts differently.
        RunError
            It is of other data, settings or word vectors, or its tensors aren't those that these ask for.
        """
        if meta["data"] != self.split.fingerprint:
            raise RunError("The checkpoint is of other data, or of another split; resume with the same files.")
        if not self._is_of_these_settings(meta["config"]):
            raise RunError("The checkpoint is of other settings; resume with the same ones.")
        # The same texts give other words where a version of before read them differently.
        if meta.get("words") != self.words_digest:
            raise CheckpointError(
                "The checkpoint is of a version that read the texts differently; this training can't be resumed, "
                "start it anew."
            )
        if meta.get("word_vectors") != self.vectors_digest:
            raise RunError("The checkpoint is of other word vectors, or of none; resume with the same file of them.")
        factors = shapes_of(self._factors())
        weights = {} if self.reader is None else self.reader.weight_shapes()
        required = prefixed("factors", factors) | prefixed("text", weights)
        if meta["best_iteration"]:
            average = {} if self.reader is None else shapes_of(self.reader.average.state_dict())
            required |= prefixed("best.factors", factors) | prefixed("best.cnn", average)
        optional = {} if self.reader is None else prefixed("text", self.reader.optimizer_shapes())
        check_shapes(shapes, required, optional)

    def _is_of_these_settings(self, saved: Any) -> bool:
        try:
            return ConvMFConfig.from_saved(saved) == self.config
        except ConfigError:
            return False

    def restore(self, folder: Path) -> None:
        """Go back to the checkpoint in ``folder``, of the same data and settings.

        Raises
        ------
        RunError
            There is none, it is damaged, or it is of another training.
        """
        checkpoint = load_checkpoint(folder, self.check)
        try:
            self._restore(checkpoint.meta, checkpoint.tensors)
        except (RuntimeError, *BROKEN) as error:
            raise RunError(f"The checkpoint is damaged ({quoted(error)}); start the training anew.") from error

    def _restore(self, meta: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        factors = {name: tensor.to(self.device) for name, tensor in under("factors", tensors).items()}
        self.user_factors, self.item_factors, self.text_factors = (factors[key] for key in ("user", "item", "text"))
        if self.reader is not None:
            self.reader.restore(under("text", tensors))
        self.iteration, self.best_iteration = int(meta["iteration"]), int(meta["best_iteration"])
        self.history = [IterationResult(**row) for row in meta["history"]]
        if self.best_iteration:
            best = {name: tensor.to(self.device) for name, tensor in under("best", tensors).items()}
            self.best = Snapshot(under("factors", best), under("cnn", best))

    def _text_trust(self, user_factors: Tensor) -> Tensor:
        """What part of each item's factors came from the text in the best iteration, (n_items,)."""
        penalty = self._penalty(self.config.lambda_v, self.item_weights, self.best_iteration)
        penalty = torch.where(penalty > 0, penalty, 1.0)
        return prior_shares(self.item_plan, user_factors, penalty, biases=self.config.biases)

    def read_held_out(self) -> CrossReading | None:
        """What networks and linear readers say of each rated item that weren't fitted to it, and these networks.

        None where there is no text, too little to learn from, or no time left for it.
        """
        assert self.best is not None
        if self.reader is None or len(self.rated_rows) < 2 or not self.config.cnn_epochs:
            return None
        try:
            return read_held_out(
                self.reader,
                self.best.factors["item"],
                self.item_weights,
                self.rated_rows,
                lambda_v=self.config.lambda_v * self._growth(self.best_iteration),
                most_epochs=self.best_iteration,
                should_stop=self.should_stop,
            )
        except Stopped:
            log.info("stopped before unseen texts were measured: the CNN stays uncorrected, and intervals are wider")
            return None

    def calibrated(self, held_out: CrossReading) -> tuple[ConvMF, Tensor]:
        """The best state's model with its text network put right by what :meth:`read_held_out` gave, and that
        reading put right as well, (n_items, D).

        The networks that read held-out items read along, and so does a linear reader.
        """
        assert self.best is not None and self.reader is not None
        factors, rated = self.best.factors, (self.item_plan.counts > 0).unsqueeze(1)
        linear, linear_share = None, self.config.linear_share
        if linear_share:
            linear = linear_reader(self.reader, factors["item"], self.item_weights, self.rated_rows)
        unseen = held_out.reading if linear is None else _together(held_out, linear_share)
        user, item, read = (tensor.cpu() for tensor in (factors["user"], factors["item"], unseen))
        known = self.split.valid.take(np.flatnonzero(rated.cpu().numpy()[self.split.valid.item_index, 0]))
        calibration = Calibration.measure(read, user, item, self._pairs(self.split.train), self._pairs(known))
        network = _with_readers(self.reader.model(self.best.cnn), held_out.networks, linear, linear_share)
        network.load_state_dict(calibration.into(network.state_dict()))
        text, rated = self.reader.read_by(network).cpu(), rated.cpu()
        reading = torch.where(rated, calibration.apply(read), read)
        model = replace(
            self.model(),
            item_factors=torch.where(rated, item, text),
            text_factors=text,
            cnn=network.cpu(),
            cold_user_factors=self.cold_user_factors(reading).cpu(),
        )
        return model, reading

    def cold_user_factors(self, reading: Tensor) -> Tensor:
        """ũ, (n_users, D): equation (7) with the items as in ``reading``, drawn to u instead of to 0.

        ``reading`` is that of :meth:`calibrated`. See :meth:`ConvMF.user_factors_at` for what ũ is for.
        """
        assert self.best is not None
        penalty = self._penalty(self.config.lambda_u, self.user_weights, self.best_iteration)
        # ũ lies nearer to u than u to 0; and a level is drawn to one already known, so by no less than a taste.
        penalty = _COLD_PULL * torch.where(penalty > 0, penalty, 1.0)
        penalty[:, 0] = penalty[:, -1]
        return half_step(self.user_plan, reading.to(self.device), penalty, self.best.factors["user"], biases=True)[0]

    def _pairs(self, ratings: Ratings) -> ScoredPairs:
        users, items = torch.tensor(ratings.user_index).long(), torch.tensor(ratings.item_index).long()
        return ScoredPairs(users, items, torch.tensor(self.scale.to_scores(ratings.rating)))

    def mean_item(self) -> Tensor:
        """The mean factors of the rated items for each item, (n_items, D); 0 without text.

        For an unseen item's interval where nothing was read: too wide rather than too narrow.
        """
        assert self.best is not None
        factors = self.best.factors["item"]
        if self.reader is None:
            return torch.zeros_like(factors)
        return factors[self.rated_rows.to(self.device)].mean(dim=0).expand_as(factors)

    def model(self) -> ConvMF:
        """The best state so far, ready for predictions, on the CPU."""
        assert self.best is not None
        dataset = self.split.dataset
        factors = {name: tensor.cpu() for name, tensor in self.best.factors.items()}
        return ConvMF(
            config=self.config,
            user_ids=dataset.user_ids,
            item_ids=dataset.item_ids,
            titles=dataset.titles,
            user_factors=factors["user"],
            item_factors=factors["item"],
            text_factors=factors["text"],
            item_counts=self.item_plan.counts.cpu(),
            ratings=dataset.ratings,
            scale=self.scale,
            user_lambda=self.config.lambda_u * self._growth(self.best_iteration) * self._weight_of_one_rating(),
            text_trust=None if self.reader is None else self._text_trust(self.best.factors["user"]).cpu(),
            vocabulary=None if self.reader is None else self.reader.vocabulary,
            cnn=None if self.reader is None else self.reader.model(self.best.cnn),
            history=tuple(result.to_dict() for result in self.history),
            best_iteration=self.best_iteration,
        )


def _with_readers(
    network: TextNetwork, readers: Sequence[CnnNlpModel], linear: LinearReader | None, linear_share: float
) -> TextNetwork:
    """``network``, and others that read along with it."""
    own, readers = network.members, copy.deepcopy(readers)
    shares = [(1 - _READ_ALONG) / len(own)] * len(own) + [_READ_ALONG / len(readers)] * len(readers)
    return joined([*own, *readers], shares, linear, 0.0 if linear is None else linear_share).eval()


def _together(held_out: CrossReading, linear_share: float) -> Tensor:
    """θ of each item as networks and a linear reader that don't know it read it together, (n_items, D)."""
    return torch.tanh(torch.lerp(artanh(held_out.reading), held_out.linear_reading, linear_share))


def rating_scale(split: Split, config: ConvMFConfig) -> RatingScale:
    """The scale of the ratings; standardised by the training part where the model has biases."""
    low, high = split.dataset.rating_range
    train = split.train.rating.astype(np.float64)
    if not config.biases:
        return RatingScale(mean=0.0, std=1.0, lowest=low, highest=high)
    return RatingScale(mean=float(train.mean()), std=float(train.std()) or 1.0, lowest=low, highest=high)


def row_weights(counts: Tensor, kind: str) -> Tensor:
    """w of each row, (n_rows,): 1, or the root of its ratings scaled to a mean of 1; 0 for a row without any.

    A row without ratings weighs nothing in the objective.
    """
    weights = (counts > 0).float() if kind == "uniform" else counts.float().sqrt()
    return weights * ((counts > 0).sum() / weights.sum())


def control_texts(split: Split, config: ConvMFConfig) -> list[str]:
    """The texts that the CNN reads: the items' own, or those of a control experiment."""
    texts = list(split.dataset.texts)
    if config.text == "empty":
        return [""] * len(texts)
    if config.text == "shuffled":
        order = np.random.default_rng(config.seed).permutation(len(texts))
        return [texts[row] for row in order]
    return texts
