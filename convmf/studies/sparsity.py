"""How the error falls with the number of training ratings, with and without text (table 4 of the paper)."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
from plotly.graph_objects import Figure

from convmf.data.splits import SplitSettings
from convmf.evaluation.metrics import rmse
from convmf.studies.figures import RMSE, add_series, figure, signed, spread_note
from convmf.studies.plan import NO_VECTORS, Planned, Row, Study, StudySettings, Trained
from convmf.studies.results import differences, summarize

SHARES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
CONVMF, CONVMF_PLUS, PMF, LEVELS = "ConvMF", "ConvMF+", "PMF", "Averages"


def plan(settings: StudySettings) -> list[Planned]:
    """Every model at every share; a tenth of the ratings each, always the same, to choose by and to test on."""
    trainings = []
    for seed in settings.seeds:
        split = SplitSettings(valid=0.1, test=0.1, seed=seed)
        config = replace(settings.config, seed=seed)
        for share in SHARES:
            models = {CONVMF: config, CONVMF_PLUS: config, PMF: replace(config, text="none"), LEVELS: None}
            if settings.vectors is None:
                del models[CONVMF_PLUS]
            trainings += [
                Planned({"model": name, "train_share": share}, model, split, share, uses_vectors=name == CONVMF_PLUS)
                for name, model in models.items()
            ]
    return trainings


def measure(trained: Trained) -> list[Row]:
    """RMSE on validation and test ratings."""
    split = trained.split
    return [
        {
            "n_train": len(split.train),
            "valid_rmse": rmse(trained.predict(split.valid), split.valid.rating),
            "test_rmse": rmse(trained.predict(split.test), split.test.rating),
            "best_iteration": trained.model.best_iteration if trained.model else None,
        }
    ]


def figures(rows: pd.DataFrame, settings: StudySettings) -> list[Figure]:
    """The curves, and what each model gains on PMF."""
    note = spread_note(settings.n_seeds)
    curves = figure(
        "Test error by how many ratings there are to learn from",
        f"Validation and test ratings stay the same; {note}",
        "Training ratings, share of all",
        RMSE,
    )
    gains = figure(
        "What the text is worth: test error less that of PMF on the same ratings",
        f"Below 0 is better than without text; {note}",
        "Training ratings, share of all",
        "Difference in RMSE (rating points)",
    )
    gap = differences(rows, "model", PMF, ("train_share",), ("test_rmse",))
    for chart, table in ((curves, rows), (gains, gap)):
        summary = summarize(table, STUDY.keys, ("test_rmse",))
        for number, name in enumerate((CONVMF, CONVMF_PLUS, PMF, LEVELS)):
            part = summary[summary.model == name].sort_values("train_share")
            if len(part):
                hover = f"{name}, %{{x:.0%}} of the ratings<br>RMSE %{{y:.4f}}%{{customdata}}"
                columns = (part.train_share, part.test_rmse_mean, part.test_rmse_sd)
                add_series(chart, name, number, *columns, hover=hover)
        chart.update_xaxes(tickformat=".0%", tickvals=SHARES)
    return [curves, gains]


def findings(rows: pd.DataFrame, settings: StudySettings) -> list[str]:
    """What the text is worth where ratings are fewest and where they are most."""
    gap = differences(rows, "model", PMF, ("train_share",), ("test_rmse",))
    summary = summarize(gap[gap.model == CONVMF], STUDY.keys, ("test_rmse",)).sort_values("train_share")
    ends = summary.iloc[[0, -1]] if len(summary) > 1 else summary
    notes = [
        f"With {share:.0%} of the ratings to learn from, text changes the test RMSE by {signed(mean, sd)} "
        "(ConvMF less PMF)."
        for share, mean, sd in zip(ends.train_share, ends.test_rmse_mean, ends.test_rmse_sd, strict=True)
    ]
    return notes + ([NO_VECTORS] if settings.vectors is None else [])


STUDY = Study(
    name="sparsity",
    title="How much is text worth when ratings are few?",
    question=(
        "ConvMF, PMF (the same model and settings without text) and the users' and items' averages alone learn from "
        "20 to 80 % of the ratings; the ratings of a smaller share are among those of a larger one. A tenth of the "
        "ratings chooses when to stop, another tenth is the test. ConvMF+ starts from pretrained word vectors."
    ),
    plan=plan,
    measure=measure,
    keys=("model", "train_share"),
    measures=("n_train", "valid_rmse", "test_rmse"),
    figures=figures,
    findings=findings,
)
