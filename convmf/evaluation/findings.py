"""What the figures of a run say, in sentences for people who have never heard of the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from convmf.evaluation.bootstrap import DRAWN, Estimate
from convmf.evaluation.comparison import MODEL, Row, best_simple
from convmf.evaluation.diagnostics import CalibrationBin, Slice, calibration_gap, calibration_noise
from convmf.labels import lower_first

GOOD, NEUTRAL, BAD = "good", "neutral", "bad"
_PERCENT = "\u00a0%"  # that never stands alone in a line
MIN_RATINGS = 30
"""A group with fewer ratings is not spoken of."""

RIVALS = ("pmf", "tfidf_ridge")
"""Trained baselines, of which it is said when they beat the model."""

_PARTS = {
    "cold": ("New items", "items that nobody had rated"),
    "test": ("Known items", "items that have ratings"),
}


@dataclass(frozen=True)
class Finding:
    """A sentence or two; ``tone`` says whether that is good news for the model."""

    title: str
    text: str
    tone: str = NEUTRAL


def against_simple(part: str, rows: list[Row], n_ratings: int | None = None) -> Finding | None:
    """How far off the model is on so many ratings, beside the best simple rule; None where the part has no figure."""
    by_key = {row.key: row for row in rows}
    model, simple = by_key[MODEL].rmse, best_simple(rows)
    if model is None or simple is None or simple.rmse is None:
        return None
    title, items = _PARTS[part]
    if n_ratings is not None and n_ratings < MIN_RATINGS:
        are, ratings = ("is", "rating") if n_ratings == 1 else ("are", "ratings")
        few = f"There {are} only {n_ratings:,} held-out {ratings} of {items}: too few to say how far off it is."
        return Finding(title, few)
    own, rule = f"{model.value:.2f}", f"the best simple rule ({lower_first(simple.label)})"
    is_close = own == f"{simple.rmse.value:.2f}"
    text = f"On {items}, a typical prediction is {own} rating points off" + (
        f", about as far as {rule}. " if is_close else f"; {rule} is {simple.rmse.value:.2f} off. "
    )
    if simple.gain is None:
        return Finding(title, text.strip())
    verdict, tone = _verdict(simple.gain, DRAWN[part], "To be exact, it is" if is_close else "That is")
    better = [row for row in rows if row.key in RIVALS and row.rmse and row.gain and row.gain.sign < 0]
    told = "".join(
        f" {row.label} did better than the model: {_apart(row.rmse.value, model.value)[0]}."
        for row in better
        if row.rmse
    )
    return Finding(title, text + verdict + told, NEUTRAL if better and tone == GOOD else tone)


def meaning_of_texts(rows: list[Row]) -> Finding | None:
    """What the descriptions are worth on new items, by the control with shuffled ones."""
    by_key = {row.key: row for row in rows}
    shuffled, model = by_key.get("shuffled_text"), by_key[MODEL].rmse
    if shuffled is None or shuffled.rmse is None or model is None:
        return None
    other, own = _apart(shuffled.rmse.value, model.value)
    text = f"With the descriptions shuffled between the items, the error on new items is {other} instead of {own}. "
    if shuffled.gain is None:
        better = model.value < shuffled.rmse.value
        return Finding("Do the texts matter?", text.strip(), GOOD if better else BAD)
    if shuffled.gain.sign > 0:
        return Finding("Do the texts matter?", text + "So it is what they say that helps.", GOOD)
    if shuffled.gain.sign < 0:
        return Finding("Do the texts matter?", text + "So what they say doesn't help here.", BAD)
    return Finding("Do the texts matter?", text + "That could be chance: with other new items it might be otherwise.")


def weakest_rating(groups: Sequence[Slice], part: str) -> Finding | None:
    """The real rating where the model is furthest off on this part."""
    enough = [group for group in groups if group.n_ratings >= MIN_RATINGS]
    if len(enough) < 2:
        return None
    worst = max(enough, key=lambda group: group.rmse.value)
    shift = worst.mean_error.value
    return Finding(
        "Where it is wrong",
        f"On {_PARTS[part][1]}, it is furthest off where people gave {worst.label}: there it predicts "
        f"{abs(shift):.1f} points too {'much' if shift > 0 else 'little'} on average. "
        "Careful predictions lie towards the middle, so rare extremes are missed most.",
    )


def trust(bins: Sequence[CalibrationBin], scale: float, part: str) -> Finding | None:
    """Whether a predicted rating of this part can be taken at its word; ``scale`` is the highest less the lowest
    rating."""
    if len(bins) < 2 or sum(one.n_ratings for one in bins) < MIN_RATINGS:
        return None
    gap, noise, near = calibration_gap(bins), calibration_noise(bins), 0.03 * scale
    digits = 1 if scale >= 2 else 2
    by_chance = gap >= near and (noise is None or gap - noise < near)
    if gap < near or by_chance:
        shown, told = bins[-1], "it predicted most,"
    else:
        shown, told = max(bins, key=lambda one: one.n_ratings * abs(one.predicted - one.actual.value)), "it predicted"
    text = (
        f"On {_PARTS[part][1]}: where {told} {shown.predicted:.{digits}f} on average, people gave "
        f"{shown.actual.value:.{digits}f}. "
        f"Over all predictions, the distance between promise and reality is {gap:.2f} points"
    )
    title = "Can it be taken at its word?"
    if by_chance:
        return Finding(title, text + ", which with so few ratings could be chance.")
    return Finding(title, text + ".", GOOD if gap < near else BAD)


def first_of_the_list(ranking: Mapping[str, Any] | None) -> Finding | None:
    """How many of the items that users liked stand at the top of their lists, beside the most rated items."""
    if ranking is None or (test := ranking["test"]) is None or test["popularity"] is None:
        return None
    model, popular, k = test["model"]["recall"], test["popularity"]["recall"], ranking["k"]
    text = (
        f"Of the held-out items that people liked, the {k} that it puts first hold {_hundredths(model)}{_PERCENT}, and "
        f"the {k} most rated ones {_hundredths(popular)}{_PERCENT}"
    )
    title = "Does its list foresee choices?"
    lead = Estimate(*test["recall_lead"]) if test.get("recall_lead") else Estimate(model - popular)
    if lead.interval is not None and not lead.sign:
        return Finding(title, text + ", which could be chance.")
    if lead.value >= 0:
        return Finding(title, text + ".", GOOD)
    told = ". It tells how much somebody will like an item, not which one they will choose."
    return Finding(title, text + told, BAD)


def findings(
    rows: Mapping[str, list[Row]],
    by_rating: Sequence[Slice],
    calibration: Sequence[CalibrationBin],
    scale: float,
    ranking: Mapping[str, Any] | None = None,
    n_ratings: Mapping[str, int] | None = None,
) -> list[Finding]:
    """All that can be said of a run.

    Parameters
    ----------
    rows
        The comparison by part, "cold" and "test", where it has ratings.
    by_rating, calibration
        Of the part that is looked at more closely: new items, where there are some.
    scale
        The highest less the lowest rating.
    ranking
        As in a report; older ones have none.
    n_ratings
        Held-out ratings by part, where they are known.
    """
    parts = [name for name in _PARTS if name in rows]
    counts = n_ratings or {}
    found = [against_simple(name, rows[name], counts.get(name)) for name in parts]
    if "cold" in rows and counts.get("cold", MIN_RATINGS) >= MIN_RATINGS:
        found.append(meaning_of_texts(rows["cold"]))
    if parts:
        found += [weakest_rating(by_rating, parts[0]), trust(calibration, scale, parts[0])]
    found.append(first_of_the_list(ranking))
    return [finding for finding in found if finding is not None]


def percent(estimate: Estimate, word: str = "") -> str:
    """A share with its interval: '7.3 % less (95 % interval 5.9 to 8.6 %)' where ``word`` is 'less'."""
    text = f"{_hundredths(estimate.value)}{_PERCENT} {word}".rstrip()
    if estimate.interval is None:
        return text
    lower, upper = map(_hundredths, estimate.interval)
    return f"{text} (95{_PERCENT} interval {lower} to {upper}{_PERCENT})"


def short_percent(estimate: Estimate) -> str:
    """The same for a table: '7.3 % (5.9 to 8.6 %)'."""
    text = f"{_hundredths(estimate.value)}{_PERCENT}"
    if estimate.interval is None:
        return text
    lower, upper = map(_hundredths, estimate.interval)
    return f"{text} ({lower} to {upper}{_PERCENT})"


def _hundredths(share: float) -> str:
    return f"{round(100 * share, 1) + 0.0:.1f}".replace("-", "−")


def _apart(first: float, second: float) -> tuple[str, str]:
    """Two errors with two digits, or with a third one where they would look alike."""
    digits = 3 if f"{first:.2f}" == f"{second:.2f}" else 2
    return f"{first:.{digits}f}", f"{second:.{digits}f}"


def _verdict(gain: Estimate, drawn: str, begin: str = "That is") -> tuple[str, str]:
    lower, upper = gain.lower, gain.upper
    loss = Estimate(-gain.value, None if upper is None else -upper, None if lower is None else -lower)
    less = percent(gain, "less") if gain.value > 0 else percent(loss, "more")
    if gain.interval is None:
        return f"{begin} {less}; there are too few {drawn} for an interval.", NEUTRAL
    if gain.sign > 0:
        return f"{begin} {less}.", GOOD
    if gain.sign < 0:
        return f"{begin} {less}: the simple rule is better.", BAD
    return f"{begin} {less}, which could be chance.", NEUTRAL
