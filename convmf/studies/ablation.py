"""Each part of the model switched off, one at a time against the model as it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
from plotly.graph_objects import Figure

from convmf.config import ConvMFConfig
from convmf.data.splits import SplitSettings
from convmf.evaluation.metrics import rmse
from convmf.studies.figures import add_series, figure, signed, spread_note
from convmf.studies.plan import NO_VECTORS, Planned, Row, Study, StudySettings, Trained
from convmf.studies.results import differences, summarize

BASE = "as it is"
PLUS = "pretrained word vectors"
UNCORRECTED, NO_LINEAR = "CNN not calibrated", "no linear reader"
FACTOR = 2.5
"""What λ_U and λ_V are multiplied by where they don't grow but shouldn't be left at their low start either."""


def variants(config: ConvMFConfig) -> dict[str, ConvMFConfig]:
    """Name and settings of each variant; those that change nothing are left out."""
    lambdas = {"lambda_u": FACTOR * config.lambda_u, "lambda_v": FACTOR * config.lambda_v}
    changes: dict[str, dict[str, Any]] = {
        "no text": {"text": "none"},
        "texts shuffled": {"text": "shuffled"},
        "no levels (biases)": {"biases": False},
        "users weigh the same in λ_U": {"user_weights": "uniform"},
        "items weigh the same in λ_V": {"item_weights": "uniform"},
        "λ fixed at its start": {"lambda_growth": 1.0},
        f"λ fixed at {FACTOR:g} times its start": {"lambda_growth": 1.0, **lambdas},
        "one text network": {"n_networks": 1},
        "one text network of twice the word vectors": {"n_networks": 1, "embedding_dim": 2 * config.embedding_dim},
        "CNN not averaged": {"averaging": 0.0},
        UNCORRECTED: {"calibration": False},
        NO_LINEAR: {"linear_share": 0.0},
        "large word vectors at the start": {"embedding_std": 1.0},
        "windows of 1 word": {"kernel_sizes": (1,)},
        "windows of 3, 4, 5 words": {"kernel_sizes": (3, 4, 5)},
        "no dropout": {"dropout": 0.0},
        "5 CNN passes an iteration": {"cnn_epochs": 5},
        "RMSprop": {"optimizer": "rmsprop"},
    }
    changed = {name: replace(config, **change) for name, change in changes.items()}
    if config.lambda_growth == 1:  # there is no growth to switch off
        changed = {name: variant for name, variant in changed.items() if not name.startswith("λ fixed")}
    if not (config.calibration and config.biases):  # nor is there a correction
        changed = {name: variant for name, variant in changed.items() if name not in (UNCORRECTED, NO_LINEAR)}
    return {BASE: config} | {name: variant for name, variant in changed.items() if variant != config}


def plan(settings: StudySettings) -> list[Planned]:
    """Every variant, with a tenth of the items held out whole."""
    trainings = []
    for seed in settings.seeds:
        split = SplitSettings(valid=0.1, test=0.1, cold_items=0.1, seed=seed)
        for name, config in variants(replace(settings.config, seed=seed)).items():
            trainings.append(Planned({"variant": name}, config, split))
        if settings.vectors is not None:
            config = replace(settings.config, seed=seed)
            trainings.append(Planned({"variant": PLUS}, config, split, uses_vectors=True))
    return trainings


def measure(trained: Trained) -> list[Row]:
    """RMSE on validation, test and cold ratings."""
    split, parts = trained.split, {}
    for name, part in (("valid", split.valid), ("test", split.test), ("cold", split.cold)):
        parts[f"{name}_rmse"] = rmse(trained.predict(part), part.rating)
    return [{**parts, "best_iteration": trained.model.best_iteration if trained.model else None}]


def figures(rows: pd.DataFrame, settings: StudySettings) -> list[Figure]:
    """What each change costs, on warm and on cold items."""
    charts = []
    gap = differences(rows, "variant", BASE, (), STUDY.measures)
    summary = summarize(gap[gap.variant != BASE], STUDY.keys, STUDY.measures)
    for number, (measure, items) in enumerate((("test", "rated items"), ("cold", "items that nobody rated"))):
        mean, sd = f"{measure}_rmse_mean", f"{measure}_rmse_sd"
        part = summary.sort_values(mean)
        chart = figure(
            f"What each part is worth on {items}",
            "Test error less that of the model as it is; right of 0 the part helps; " + spread_note(settings.n_seeds),
            "Difference in RMSE (rating points)",
            "",
            height=140 + 32 * len(part),
        )
        hover = "%{y}<br>RMSE %{x:+.4f}%{customdata} against the model as it is"
        columns = (part[mean], part.variant, part[sd])
        add_series(chart, items, number, *columns, hover=hover, lines=False, sideways=True)
        chart.add_vline(x=0, line={"color": "#9AA4B2", "width": 1})
        chart.update_layout(showlegend=False)
        charts.append(chart)
    return charts


def findings(rows: pd.DataFrame, settings: StudySettings) -> list[str]:
    """The error as it is, and the changes that cost most."""
    gap = differences(rows, "variant", BASE, (), STUDY.measures)
    summary = summarize(gap[gap.variant != BASE], STUDY.keys, STUDY.measures)
    base = rows[rows.variant == BASE]
    notes = [f"As it is: test RMSE {base.test_rmse.mean():.4f}, on cold items {base.cold_rmse.mean():.4f}."]
    for measure, items in (("test_rmse", "rated items"), ("cold_rmse", "cold items")):
        worst = summary.nlargest(3, f"{measure}_mean")
        columns = (worst.variant, worst[f"{measure}_mean"], worst[f"{measure}_sd"])
        listed = "; ".join(f"{name} {signed(mean, sd)}" for name, mean, sd in zip(*columns, strict=True))
        if listed:
            notes.append(f"What costs most on {items}: {listed}.")
    return notes + ([NO_VECTORS] if settings.vectors is None else [])


STUDY = Study(
    name="ablation",
    title="What is each part of the model worth?",
    question=(
        "One part at a time is switched off or set to what others use, all else stays. Each variant learns from the "
        "same ratings, and its error is compared seed by seed. A tenth of the items is held out with all their ratings."
    ),
    plan=plan,
    measure=measure,
    keys=("variant",),
    measures=("valid_rmse", "test_rmse", "cold_rmse"),
    figures=figures,
    findings=findings,
)
