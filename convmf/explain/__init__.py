"""Why a prediction is what it is: its parts, the words behind it, what would change it, and who is near."""

from convmf.explain.answers import explain_recommendations, explain_text
from convmf.explain.fold_in import ExplainedItem, FoldIn, RatingShare, explain_fold_in
from convmf.explain.kernels import FactorMove, Kernel, KernelPhrase, kernel_readings
from convmf.explain.neighbours import Neighbour, Neighbours, SharedPhrase, neighbours
from convmf.explain.parts import PredictionParts, split_prediction, text_trust
from convmf.explain.reading import ScoredUser, TextReading, read_text
from convmf.explain.substitutes import Substitute, occurrence, substitutes
from convmf.explain.taste import Users
from convmf.explain.words import Phrase, TextEffects, WordWeight, evidence, text_effects, word_weights

__all__ = [
    "ExplainedItem",
    "FactorMove",
    "FoldIn",
    "Kernel",
    "KernelPhrase",
    "Neighbour",
    "Neighbours",
    "Phrase",
    "PredictionParts",
    "RatingShare",
    "ScoredUser",
    "SharedPhrase",
    "Substitute",
    "TextEffects",
    "TextReading",
    "Users",
    "WordWeight",
    "evidence",
    "explain_fold_in",
    "explain_recommendations",
    "explain_text",
    "kernel_readings",
    "neighbours",
    "occurrence",
    "read_text",
    "split_prediction",
    "substitutes",
    "text_effects",
    "text_trust",
    "word_weights",
]
