"""Why a prediction is what it is: its parts, the words behind it, what would change it, and who is near."""

from convmf.explain.answers import explain_recommendations, explain_text
from convmf.explain.catalogue import (
    CatalogueFigures,
    ItemFigures,
    catalogue_figures,
    item_figures,
    main_genres,
    varied_items,
)
from convmf.explain.fold_in import ExplainedItem, FoldIn, RatingShare, explain_fold_in
from convmf.explain.kernels import FactorMove, Kernel, KernelPhrase, kernel_readings
from convmf.explain.neighbours import Neighbour, Neighbours, SharedPhrase, neighbours
from convmf.explain.parts import PredictionParts, split_prediction, text_trust
from convmf.explain.projection import Projection, project
from convmf.explain.reading import ScoredUser, TextReading, read_text
from convmf.explain.substitutes import Substitute, occurrence, substitutes
from convmf.explain.taste import Users
from convmf.explain.user_taste import RatedItem, TastePhrase, UserRatings, taste_phrases, user_ratings
from convmf.explain.words import Phrase, TextEffects, WordWeight, evidence, text_effects, word_weights

__all__ = [
    "CatalogueFigures",
    "ExplainedItem",
    "FactorMove",
    "FoldIn",
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
    "TextEffects",
    "TextReading",
    "UserRatings",
    "Users",
    "WordWeight",
    "catalogue_figures",
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
    "read_text",
    "split_prediction",
    "substitutes",
    "taste_phrases",
    "text_effects",
    "text_trust",
    "user_ratings",
    "varied_items",
    "word_weights",
]
