"""The error over λ_U × λ_V, both kept fixed, beside the path that the growing λ of the default walks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from convmf.config import ConvMFConfig
from convmf.data.splits import SplitSettings
from convmf.evaluation.metrics import rmse
from convmf.palette import AMBER, RED
from convmf.studies.figures import figure, spread_note
from convmf.studies.plan import Planned, Row, Study, StudySettings, Trained
from convmf.studies.results import summarize

FIXED, GROWING = "fixed", "growing"
_UP, _AROUND = (-1, 0, 1, 2, 3), (-2, -1, 0, 1, 2)


def grid(config: ConvMFConfig) -> tuple[list[float], list[float]]:
    """λ_U and λ_V to try, by powers of 2: up from half the start where λ grows, else around the settings."""
    steps = _UP if config.lambda_growth > 1 else _AROUND
    lambda_u, lambda_v = ([start * 2.0**step for step in steps] for start in (config.lambda_u, config.lambda_v))
    return lambda_u, lambda_v


def plan(settings: StudySettings) -> list[Planned]:
    """The growing λ, where the settings let it grow, and every pair of the grid."""
    trainings = []
    for seed in settings.seeds:
        config = replace(settings.config, seed=seed)
        split = SplitSettings(valid=0.1, test=0.1, seed=seed)
        labels: dict[str, str | float]
        if config.lambda_growth > 1:
            labels = {"lambda": GROWING, "lambda_u": config.lambda_u, "lambda_v": config.lambda_v}
            trainings.append(Planned(labels, config, split))
        for lambda_u in grid(config)[0]:
            for lambda_v in grid(config)[1]:
                fixed = replace(config, lambda_growth=1.0, lambda_u=lambda_u, lambda_v=lambda_v)
                labels = {"lambda": FIXED, "lambda_u": lambda_u, "lambda_v": lambda_v}
                trainings.append(Planned(labels, fixed, split))
    return trainings


def measure(trained: Trained) -> list[Row]:
    """RMSE on validation and test ratings, and how far λ had grown in the best iteration."""
    split, model = trained.split, trained.model
    assert model is not None
    return [
        {
            "growth": round(model.config.growth(model.best_iteration, validated=len(split.valid) > 0), 4),
            "valid_rmse": rmse(trained.predict(split.valid), split.valid.rating),
            "test_rmse": rmse(trained.predict(split.test), split.test.rating),
            "best_iteration": model.best_iteration,
        }
    ]


def figures(rows: pd.DataFrame, settings: StudySettings) -> list[go.Figure]:
    """A heat map of the validation error and one of the test error, each with the path of growing λ."""
    fixed = summarize(rows[rows["lambda"] == FIXED], STUDY.keys, STUDY.measures)
    if fixed.empty:
        return []
    growing = rows[rows["lambda"] == GROWING]
    parts = {"valid_rmse": "Validation", "test_rmse": "Test"}
    note = spread_note(settings.n_seeds).split(",")[0]
    return [_heat_map(fixed, growing, measure, f"{name} error over λ_U × λ_V", note) for measure, name in parts.items()]


def _heat_map(fixed: pd.DataFrame, growing: pd.DataFrame, measure: str, title: str, note: str) -> go.Figure:
    subtitle = f"RMSE with both kept fixed, darker is better; ring: the pair that validation chooses; {note}"
    chart = figure(title, subtitle, "λ_U, pull of users' factors", "λ_V, pull of items towards their texts", height=560)
    mean = fixed.pivot(index="lambda_v", columns="lambda_u", values=f"{measure}_mean")
    x, y = np.log2(mean.columns.to_numpy(dtype=float)), np.log2(mean.index.to_numpy(dtype=float))
    lowest, middle = mean.min().min(), mean.stack().median()
    chart.add_trace(
        go.Heatmap(
            x=x,
            y=y,
            z=mean.to_numpy(),
            customdata=[[f"λ_U {u:g}, λ_V {v:g}" for u in mean.columns] for v in mean.index],
            colorscale="Viridis",
            # Far off the good pairs the error soars; the colours are spent on what lies nearer.
            zmin=lowest,
            zmax=middle + 2 * (middle - lowest),
            texttemplate="%{z:.4f}",
            hovertemplate="%{customdata}<br>RMSE %{z:.4f}<extra></extra>",
            colorbar={"title": "RMSE"},
        )
    )
    best = fixed.nsmallest(1, "valid_rmse_mean").iloc[0]
    _add_points(chart, "Best fixed pair on validation", [best.lambda_u], [best.lambda_v], "circle-open", AMBER, "")
    if len(growing):
        # Up to the edge of the grid, where the first of the two leaves it.
        starts = growing.lambda_u.iloc[0], growing.lambda_v.iloc[0]
        reach = min(mean.columns.max() / starts[0], mean.index.max() / starts[1])
        chart.add_trace(
            go.Scatter(
                x=np.log2([starts[0], starts[0] * reach]),
                y=np.log2([starts[1], starts[1] * reach]),
                mode="lines",
                name="Path of growing λ",
                line={"color": RED, "width": 3},
                hoverinfo="skip",
            )
        )
        ends = (growing.lambda_u * growing.growth).tolist(), (growing.lambda_v * growing.growth).tolist()
        hover = [f", seed {row.seed}: RMSE {row[measure]:.4f}" for _, row in growing.iterrows()]
        _add_points(chart, "Where validation stopped it", *ends, "x", RED, hover)
    chart.update_xaxes(tickvals=x, ticktext=[f"{value:g}" for value in mean.columns], showgrid=False)
    chart.update_yaxes(tickvals=y, ticktext=[f"{value:g}" for value in mean.index], showgrid=False)
    return chart


def _add_points(
    chart: go.Figure, name: str, x: list[float], y: list[float], symbol: str, colour: str, hover: str | list[str]
) -> None:
    """Marked pairs (λ_U, λ_V)."""
    chart.add_trace(
        go.Scatter(
            x=np.log2(x),
            y=np.log2(y),
            mode="markers",
            name=name,
            marker={"symbol": symbol, "size": 16 if symbol == "x" else 44, "color": colour, "line": {"width": 3}},
            customdata=[f"λ_U {u:.3g}, λ_V {v:.3g}" for u, v in zip(x, y, strict=True)],
            hovertext=hover,
            hovertemplate=name + "<br>%{customdata}%{hovertext}<extra></extra>",
        )
    )


def findings(rows: pd.DataFrame, settings: StudySettings) -> list[str]:
    """The fixed pair that validation chooses, and the growing λ, on the test part."""
    fixed = summarize(rows[rows["lambda"] == FIXED], STUDY.keys, STUDY.measures)
    if fixed.empty:
        return []
    best = fixed.nsmallest(1, "valid_rmse_mean").iloc[0]
    notes = [
        f"Of {len(fixed)} fixed pairs, validation chooses λ_U = {best.lambda_u:g}, λ_V = {best.lambda_v:g}: "
        f"test RMSE {best.test_rmse_mean:.4f}. The pair was chosen after {len(fixed)} trainings a seed."
    ]
    growing = rows[rows["lambda"] == GROWING]
    if len(growing):
        notes.append(
            f"Growing λ, one training a seed, comes to {growing.test_rmse.mean():.4f}; validation stopped it at "
            f"{growing.growth.min():.2g} to {growing.growth.max():.2g} times its start."
        )
    return notes


STUDY = Study(
    name="lambda",
    title="Which λ_U and λ_V, and does the default find them?",
    question=(
        "The model learns with every pair of a grid of fixed λ_U and λ_V. The default doesn't fix them: it starts "
        "from too little and lets both grow until the validation error stops falling, along the line in the picture."
    ),
    plan=plan,
    measure=measure,
    keys=("lambda", "lambda_u", "lambda_v"),
    measures=("growth", "valid_rmse", "test_rmse"),
    figures=figures,
    findings=findings,
)
