"""The command line's answers, as plain values for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convmf.data.text import written_words
from convmf.explain.fold_in import explain_fold_in
from convmf.explain.parts import split_prediction
from convmf.explain.reading import read_text
from convmf.explain.substitutes import occurrence, substitutes
from convmf.model.convmf import ConvMF


def explain_text(
    model: ConvMF, text: str, top: int = 10, *, user_id: str | None = None, replace: str | None = None
) -> dict[str, Any]:
    """How a description would be received, and why: :class:`TextReading` as plain values.

    Parameters
    ----------
    user_id
        Adds the key ``user``: their rating, and the phrases and words that count for them.
    replace
        A word or phrase of the text; adds the key ``replace``: for each verdict the ``top`` words of the vocabulary
        in its place, for that user, or for the average one.

    Raises
    ------
    ModelError
        The user is unknown, the phrase doesn't stand in the text, or the model was trained without texts.
    """
    reading = read_text(model, text, top)
    answer = reading.to_dict()
    if user_id is not None:
        row = int(model.user_rows([user_id])[0])
        answer["user"] = {
            "user_id": user_id,
            "rating": float(reading.ratings[row]),
            "evidence": [phrase.to_dict() for phrase in reading.effects.evidence(user_id)[:top]],
            "words": [word.to_dict() for word in reading.effects.words(user_id)],
        }
    if replace is not None:
        start, end = occurrence(text, replace)
        found = substitutes(model, text, start, end, users=user_id)
        itself = written_words(replace)
        found = [word for word in found if [word.word] != itself]
        by_verdict = {
            verdict: [word for word in found if word.verdict == verdict] for verdict in ("raises", "keeps", "lowers")
        }
        by_verdict["keeps"].sort(key=lambda word: abs(word.effect))
        by_verdict["lowers"].reverse()
        answer["replace"] = {
            "phrase": text[start:end],
            "start": start,
            "end": end,
            "n_words": {verdict: len(found) for verdict, found in by_verdict.items()},
            "substitutes": {verdict: [word.to_dict() for word in found[:top]] for verdict, found in by_verdict.items()},
        }
    return answer


def explain_recommendations(
    model: ConvMF, user: str | Mapping[str, float], n: int = 10, *, parts: bool = False
) -> list[dict[str, Any]]:
    """The ``n`` best unrated items of a user, and why.

    Parameters
    ----------
    user
        A user id, or the ratings of a new user by item id: then each item has what each of them adds.
    parts
        Add the key ``parts`` to each item, see :class:`PredictionParts`.

    Raises
    ------
    ModelError
        The user or an item is unknown, or a rating is off the scale.
    """
    if isinstance(user, str):
        rows = [
            {"item_id": item.item_id, "title": item.title, "rating": item.score} for item in model.recommend(user, n)
        ]
    else:
        folded = explain_fold_in(model, user, n)
        rows = [
            {"item_id": item.item_id, "title": item.title, "rating": item.rating, **item.to_dict()}
            for item in folded.items
        ]
    if parts:
        who = user if isinstance(user, str) else folded.user_factors
        for row in rows:
            row["parts"] = split_prediction(model, who, str(row["item_id"])).to_dict()
    return rows
