"""Words replaced in the descriptions, as in the paper's example of trust, believe and faith (section 4.4)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from plotly.graph_objects import Figure
from torch import Tensor

from convmf.data.splits import SplitSettings
from convmf.data.text import PAD, UNK
from convmf.errors import RunError
from convmf.model.cnn import encode_texts
from convmf.model.convmf import ConvMF
from convmf.studies.figures import add_series, figure, signed, spread_note
from convmf.studies.plan import Planned, Row, Study, StudySettings, Trained
from convmf.studies.results import summarize

REMOVED, NEIGHBOUR, RANDOM, EXAMPLE = "removed", "neighbour", "random word", "paper's example"
KINDS = {
    REMOVED: "Word left out",
    NEIGHBOUR: "Nearest in the learned word space",
    RANDOM: "Random word as frequent",
}
EXAMPLES = {"trust": ("believe", "faith", "betray"), "faith": ("trust", "believe"), "believe": ("trust", "faith")}
N_WORDS, N_REPLACEMENTS = 20, 5
_LEAST_SHARE, _LEAST_TEXTS = 0.01, 3
"""A word is frequent from this share of the texts on, and from so many of them."""
_LIKE_FREQUENCY = 50
"""Random words are drawn from so many whose frequency is nearest."""

_CHANGE = "Change of the predicted rating (rating points)"


def plan(settings: StudySettings) -> list[Planned]:
    """One training a seed."""
    return [
        Planned({"model": "ConvMF"}, replace(settings.config, seed=seed), SplitSettings(seed=seed))
        for seed in settings.seeds
    ]


def measure(trained: Trained) -> list[Row]:
    """Every replacement of the words that count most, and of those of the paper's example.

    Each row is a word, what stood in its place in all texts that hold it, and the change of the
    predicted rating over these texts and all users: its mean, and the mean of its size.

    Raises
    ------
    RunError
        There is no word to replace.
    """
    assert trained.model is not None
    if trained.model.vocabulary is None:
        raise RunError("The items have no descriptions, so there is no word to replace.")
    texts = _Texts.of(trained.model, trained.split.dataset.texts)
    generator = np.random.default_rng(trained.planned.split.seed)
    frequent = texts.frequent()
    if not frequent:
        raise RunError(
            f"No word stands in enough descriptions for a mean: {_LEAST_TEXTS}, and {_LEAST_SHARE:.0%} of them."
        )
    effects = {word: float(texts.mean_user_change(word).mean()) for word in frequent}
    chosen = sorted(frequent, key=lambda word: -abs(effects[word]))[:N_WORDS]
    rows: list[Row] = []
    for word in chosen:
        near = texts.neighbours(word, frequent)[:N_REPLACEMENTS]
        others = [other for other in texts.like_frequency(word, frequent) if other not in near]
        drawn = generator.permutation(others)[:N_REPLACEMENTS].tolist()
        rows.append(texts.row(REMOVED, word, None))
        rows += [texts.row(NEIGHBOUR, word, other) for other in near]
        rows += [texts.row(RANDOM, word, other) for other in drawn]
    id_of = {label: token_id for token_id, label in enumerate(texts.words, start=UNK + 1)}
    for label, replacements in EXAMPLES.items():
        if label in id_of and texts.counts[id_of[label]]:
            rows.append(texts.row(EXAMPLE, id_of[label], None))
            rows += [texts.row(EXAMPLE, id_of[label], id_of[other]) for other in replacements if other in id_of]
    return rows


@dataclass(frozen=True, eq=False)
class _Texts:
    """The descriptions as token ids, and what the model makes of them and of their changed copies.

    Attributes
    ----------
    sequences
        Token ids of each text.
    factors
        θ of each text, (n_texts, D).
    counts
        Number of texts that hold each token id, (vocab_size,).
    """

    model: ConvMF
    words: tuple[str, ...]
    sequences: list[NDArray[np.int64]]
    factors: Tensor
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, model: ConvMF, texts: tuple[str, ...]) -> _Texts:
        assert model.vocabulary is not None
        ids = model.vocabulary.encode(texts, model.config.max_length)
        sequences = [row[row != PAD] for row in ids]
        held = [np.unique(row) for row in sequences]
        counts = np.bincount(np.concatenate(held), minlength=len(model.vocabulary))
        return cls(model, model.vocabulary.words, sequences, _encode(model, sequences), counts)

    def frequent(self) -> list[int]:
        """Token ids of the words in enough texts for a mean."""
        n_texts = sum(1 for row in self.sequences if len(row))
        least = max(_LEAST_TEXTS, round(_LEAST_SHARE * n_texts))
        return [word for word in np.flatnonzero(self.counts >= least).tolist() if word > UNK]

    def holding(self, word: int) -> NDArray[np.int64]:
        """Rows of the texts that hold a word."""
        return np.flatnonzero([bool((row == word).any()) for row in self.sequences])

    def changed(self, word: int, other: int | None) -> tuple[Tensor, Tensor]:
        """θ of the texts that hold ``word``: as they are, and with ``other`` (None: nothing) in its place."""
        rows = self.holding(word)
        sequences = [self.sequences[row] for row in rows]
        edited = [row[row != word] if other is None else np.where(row == word, other, row) for row in sequences]
        return self.factors[rows], _encode(self.model, edited)

    def mean_user_change(self, word: int) -> NDArray[np.float64]:
        """What each text's rating by the average user changes by without the word, before clipping."""
        before, after = self.changed(word, None)
        model = self.model
        user = model.user_factors_at(0).mean(dim=0)
        if model.config.biases:
            user[0] = 1.0  # column 0 of θ is the item's level, which counts as it is
        return ((after - before) @ user * model.scale.std).double().numpy()

    def row(self, kind: str, word: int, other: int | None) -> Row:
        """The change of the ratings of all users of all texts that hold ``word``."""
        before, after = self.changed(word, other)
        users = self.model.user_factors_at(0)
        change = self.model.rate(users, after).astype(np.float64) - self.model.rate(users, before)
        return {
            "kind": kind,
            "word": self.words[word - UNK - 1],
            "replacement": "" if other is None else self.words[other - UNK - 1],
            "n_texts": len(change),
            "similarity": None if other is None else float(self._similarity(word)[other]),
            "mean_change": float(change.mean()),
            "mean_absolute_change": float(np.abs(change).mean()),
        }

    def neighbours(self, word: int, candidates: list[int]) -> list[int]:
        """The candidates by the cosine of their learned vectors with the word's, nearest first."""
        similarity = self._similarity(word)
        return sorted((other for other in candidates if other != word), key=lambda other: -float(similarity[other]))

    def like_frequency(self, word: int, candidates: list[int]) -> list[int]:
        """The candidates that stand in about as many texts as the word."""
        distance = {other: abs(np.log(self.counts[other] / self.counts[word])) for other in candidates if other != word}
        return sorted(distance, key=lambda other: distance[other])[:_LIKE_FREQUENCY]

    def _similarity(self, word: int) -> Tensor:
        """Cosine of each word vector with that of ``word``, less the mean vector, (vocab_size,)."""
        assert self.model.cnn is not None
        vectors = self.model.cnn.word_vectors
        centred = vectors - vectors[UNK + 1 :].mean(dim=0)
        return torch.nn.functional.cosine_similarity(centred, centred[word][None], dim=1)


def _encode(model: ConvMF, sequences: list[NDArray[np.int64]]) -> Tensor:
    """θ of token id sequences, (n_sequences, D)."""
    assert model.cnn is not None
    token_ids = np.full((len(sequences), max(map(len, sequences), default=0)), PAD, dtype=np.int64)
    for row, ids in enumerate(sequences):
        token_ids[row, : len(ids)] = ids
    return encode_texts(model.cnn, torch.from_numpy(token_ids))


def figures(rows: pd.DataFrame, settings: StudySettings) -> list[Figure]:
    """Word by word, all words together, and the paper's example where the descriptions hold it."""
    charts = [_by_word(rows, settings), _by_kind(rows, settings)]
    return charts + ([_example(rows, settings)] if (rows.kind == EXAMPLE).any() else [])


def _by_word(rows: pd.DataFrame, settings: StudySettings) -> Figure:
    chart = figure(
        "Which replacements change the prediction",
        f"Mean over all users and all texts that hold the word; {spread_note(settings.n_seeds)}",
        _CHANGE,
        "",
        height=700,
    )
    summary = summarize(rows[rows.kind != EXAMPLE], STUDY.keys, STUDY.measures)
    order = summary[summary.kind == REMOVED].assign(size=lambda table: table.mean_change_mean.abs())
    # Each seed has words of its own; those that several seeds chose say most.
    shown = order.sort_values(["n_seeds", "size"], ascending=False).head(N_WORDS).sort_values("mean_change_mean").word
    for number, (kind, name) in enumerate(KINDS.items()):
        part = summary[summary.kind == kind].set_index("word").reindex(shown).dropna(subset="mean_change_mean")
        hover = f"%{{y}}: {name.lower()}<br>rating %{{x:+.4f}}%{{customdata}}"
        columns = (part.mean_change_mean, part.index.tolist(), part.mean_change_sd)
        placed = rows[rows.kind == kind].groupby("word").replacement.unique()
        details = [", ".join(placed[word]) for word in part.index]
        add_series(chart, name, number, *columns, hover=hover, lines=False, sideways=True, details=details)
    chart.add_vline(x=0, line={"color": "#9AA4B2", "width": 1})
    return chart


def _by_kind(rows: pd.DataFrame, settings: StudySettings) -> Figure:
    chart = figure(
        "How much a prediction moves when a word that counts is replaced",
        f"Mean size of the change over words, texts and users; {spread_note(settings.n_seeds)}",
        "Size of the change (rating points)",
        "",
        height=320,
    )
    summary = summarize(rows[rows.kind.isin(list(KINDS))], ("kind",), ("mean_absolute_change",))
    for number, (kind, name) in enumerate(KINDS.items()):
        part = summary[summary.kind == kind]
        columns = (part.mean_absolute_change_mean, [name] * len(part), part.mean_absolute_change_sd)
        hover = "%{y}<br>%{x:.4f}%{customdata} rating points"
        add_series(chart, name, number, *columns, hover=hover, lines=False, sideways=True)
    chart.update_layout(showlegend=False)
    chart.update_xaxes(rangemode="tozero")
    return chart


def _example(rows: pd.DataFrame, settings: StudySettings) -> Figure:
    chart = figure(
        "The paper's example: trust, believe, faith",
        f"Mean size of the change over texts and users; {spread_note(settings.n_seeds)}",
        "Size of the change (rating points)",
        "",
        height=420,
    )
    summary = summarize(
        rows[rows.kind == EXAMPLE], ("word", "replacement", "n_texts"), ("mean_absolute_change", "mean_change")
    )
    name = summary.word + " → " + summary.replacement.replace("", "(left out)")
    details = [
        f"{n_texts} texts, mean change {signed(change)}"
        for n_texts, change in zip(summary.n_texts, summary.mean_change_mean, strict=True)
    ]
    columns = (summary.mean_absolute_change_mean, name, summary.mean_absolute_change_sd)
    hover = "%{y}<br>%{x:.4f}%{customdata} rating points"
    add_series(chart, "", 0, *columns, hover=hover, lines=False, sideways=True, details=details)
    chart.update_layout(showlegend=False)
    chart.update_xaxes(rangemode="tozero")
    return chart


def findings(rows: pd.DataFrame, settings: StudySettings) -> list[str]:
    """How much neighbours and random words move the prediction."""
    summary = summarize(rows[rows.kind.isin(list(KINDS))], ("kind",), ("mean_absolute_change",))
    size = dict(zip(summary.kind, summary.mean_absolute_change_mean, strict=True))
    notes = []
    if set(size) == set(KINDS):
        notes.append(
            f"Replacing a word that counts by one of its nearest in the learned space moves the prediction by "
            f"{size[NEIGHBOUR]:.4f} rating points, by a random word as frequent {size[RANDOM]:.4f}, "
            f"leaving it out {size[REMOVED]:.4f}."
        )
    if not (rows.kind == EXAMPLE).any():
        notes.append("The words of the paper's example (trust, believe, faith) don't stand in these descriptions.")
    return notes


STUDY = Study(
    name="words",
    title="Which words can be replaced without changing the prediction?",
    question=(
        f"In all descriptions that hold one of the {N_WORDS} words with the largest mean effect, the word is replaced "
        f"by its {N_REPLACEMENTS} nearest in the word space that the model learned, by {N_REPLACEMENTS} random words "
        "that are as frequent, and left out. The descriptions are rated anew as if nobody had rated the items, and "
        "the table says by how much the predicted ratings of all users change. If the word space held the meaning that "
        "counts, a neighbour could stand in a word's place and a random word could not."
    ),
    plan=plan,
    measure=measure,
    keys=("kind", "word"),
    measures=("n_texts", "mean_change", "mean_absolute_change"),
    figures=figures,
    findings=findings,
)
