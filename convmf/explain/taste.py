"""Whose ratings an explanation is about: one user, a group, or everybody."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from convmf.data.text import Token, Vocabulary
from convmf.errors import ModelError
from convmf.model.convmf import ConvMF
from convmf.model.ensemble import TextNetwork

Users = str | Sequence[str] | Tensor | None
"""A user id, several of them (a group), factors (D,) or (n_users, D) such as those of a fold-in, or None: all users."""


def user_vector(model: ConvMF, users: Users = None, *, n_ratings: int = 0) -> Tensor:
    """The factors of a user, or the mean of a group's, (D,) in float64, as an item with ``n_ratings`` training
    ratings meets them; 0 is a text alone.

    Ratings before clipping are linear in a user's factors, so the mean stands for the group's mean rating.

    Raises
    ------
    ModelError
        A user is unknown, or the group is empty.
    """
    if isinstance(users, Tensor):
        factors = users
    else:
        rows = None if users is None else model.user_rows([users] if isinstance(users, str) else users)
        factors = model.user_factors_at(n_ratings, rows)
    if not len(factors):
        raise ModelError("The group of users is empty; give at least one user.")
    return factors.double().reshape(-1, factors.shape[-1]).mean(dim=0)


def slope(model: ConvMF, users: Users = None, *, n_ratings: int = 0) -> Tensor:
    """Rating points that each unit of an item's factors is worth to the users, (D,) in float64."""
    direction = user_vector(model, users, n_ratings=n_ratings)
    if model.config.biases:
        direction[0] = 1.0
    return model.scale.std * direction


def raw_rating(model: ConvMF, item_factors: Tensor, users: Users = None, *, n_ratings: int = 0) -> Tensor:
    """The users' mean rating before clipping, (n_items,) in float64, of items with these factors (n_items, D)."""
    level = float(user_vector(model, users, n_ratings=n_ratings)[0]) if model.config.biases else 0.0
    return model.scale.mean + model.scale.std * level + item_factors.double() @ slope(model, users, n_ratings=n_ratings)


def text_parts(model: ConvMF) -> tuple[TextNetwork, Vocabulary]:
    """The network and the vocabulary; a ModelError in a model without texts."""
    if model.cnn is None or model.vocabulary is None:
        raise ModelError("This model was trained without texts, so there is nothing in a text that it could read.")
    return model.cnn, model.vocabulary


def known_tokens(model: ConvMF, text: str) -> tuple[list[int], list[Token]]:
    """What of the text the model reads: token ids of the known words up to its max_length, and their places."""
    _, vocabulary = text_parts(model)
    return vocabulary.encode_text(text, model.config.max_length)


def check_texts(model: ConvMF, texts: Sequence[str]) -> None:
    """A ModelError where there isn't one text an item of the model."""
    if len(texts) != len(model.item_ids):
        raise ModelError(f"The model has {len(model.item_ids):,} items, but there are {len(texts):,} texts.")
