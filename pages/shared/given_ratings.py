"""Ratings that somebody gives on a page: the field for one, and how they stand in the address, such as ``4:item 7``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import streamlit as st

from convmf.data.statistics import rating_levels
from pages.shared import address
from pages.shared.workspace import dataset

if TYPE_CHECKING:  # the module behind it imports torch
    from convmf.model.convmf import RatingScale

MOST_BUTTONS = 6
"""So many stand beside each other on a card."""


def read(values: Sequence[str], known: Collection[str], scale: RatingScale) -> tuple[dict[str, float], int]:
    """Ratings by id from values of the address, and how many of these are none: of unknown ids, or off the scale."""
    ids, ratings, n_wrong = set(known), {}, 0
    for value in values:
        number, _, label = value.partition(":")
        try:
            rating = float(number)
        except ValueError:
            rating = float("nan")
        if label in ids and scale.lowest <= rating <= scale.highest:
            ratings[label] = rating
        else:
            n_wrong += 1
    return ratings, n_wrong


def remember(name: str, ratings: Mapping[str, float]) -> None:
    """Put the ratings into the address, ``name`` once for each."""
    address.remember_all(name, [f"{address.exact(rating)}:{label}" for label, rating in ratings.items()])


def field(
    label: str, dataset_id: str, scale: RatingScale, key: str, *, width: int | Literal["stretch"] = "stretch"
) -> float | None:
    """One rating: by buttons where the ratings of the data have few levels, from a list where there are more, else by a
    number of this ``width``."""
    levels = _levels(dataset_id)
    if len(levels) > MOST_BUTTONS:
        return st.selectbox(
            label,
            levels,
            index=None,
            format_func=lambda level: f"{level:g}",
            key=key,
            placeholder="Not rated",
            label_visibility="collapsed",
            width=width,
        )
    if levels:
        return st.segmented_control(
            label,
            levels,
            format_func=lambda level: f"{level:g}",
            key=key,
            label_visibility="collapsed",
            wrap=True,
        )
    return st.number_input(
        label,
        scale.lowest,
        scale.highest,
        value=None,
        step=(scale.highest - scale.lowest) / 20,
        key=key,
        placeholder=f"{scale.lowest:g} to {scale.highest:g}",
        label_visibility="collapsed",
        width=width,
    )


@st.cache_resource(show_spinner=False, max_entries=6)
def _levels(dataset_id: str) -> tuple[float, ...]:
    return rating_levels(dataset(dataset_id).ratings.rating)
