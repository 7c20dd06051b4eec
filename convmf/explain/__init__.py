"""Why a prediction is what it is: its parts, the words behind it, what would change it, and who is near."""

from convmf.explain.answers import explain_recommendations, explain_text
from convmf.explain.batch import rate_texts
from convmf.explain.catalogue import (
    CatalogueFigures,
    ItemFigures,
    catalogue_figures,
    item_figures,
    main_genres,
    varied_items,
)
from convmf.explain.difference import TextDifference, WordDifference, compare_effects, compare_texts
from convmf.explain.fold_in import ExplainedItem, FoldIn, RatingShare, explain_fold_in
from convmf.explain.kernels import FactorMove, Kernel, KernelPhrase, kernel_readings
from convmf.explain.neighbours import Neighbour, Neighbours, SharedPhrase, neighbours
from convmf.explain.parts import PredictionParts, split_prediction, text_trust
from convmf.explain.projection import Projection, project
from convmf.explain.reading import ScoredUser, TextReading, read_text
from convmf.explain.substitutes import Substitute, occurrence, substitutes
from convmf.explain.taste import Users
from convmf.explain.user_taste import RatedItem, TastePhrase, UserRatings, taste_phrases, user_ratings
from convmf.explain.what_if import GivenRating, WhatIf, spread_users, what_if_rated
from convmf.explain.words import Phrase, TextEffects, WordWeight, evidence, text_effects, word_weights

__all__ = [
    "CatalogueFigures",
    "ExplainedItem",
    "FactorMove",
    "FoldIn",
    "GivenRating",
    "ItemFigures",
    "Kernel",
    "KernelPhrase",
    "Neighbour",
    "Neighbours",
    "Phrase",
    "PredictionParts",
    "Projection",
    "RatedItem",
    "RatingShare",
    "ScoredUser",
    "SharedPhrase",
    "Substitute",
    "TastePhrase",
    "TextDifference",
    "TextEffects",
    "TextReading",
    "UserRatings",
    "Users",
    "WhatIf",
    "WordDifference",
    "WordWeight",
    "catalogue_figures",
    "compare_effects",
    "compare_texts",
    "evidence",
    "explain_fold_in",
    "explain_recommendations",
    "explain_text",
    "item_figures",
    "kernel_readings",
    "main_genres",
    "neighbours",
    "occurrence",
    "project",
    "rate_texts",
    "read_text",
    "split_prediction",
    "spread_users",
    "substitutes",
    "taste_phrases",
    "text_effects",
    "text_trust",
    "user_ratings",
    "varied_items",
    "what_if_rated",
    "word_weights",
]
