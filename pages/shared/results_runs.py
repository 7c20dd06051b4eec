"""All runs as a table: filter, sort, choose, compare, delete."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

import pandas as pd
import streamlit as st

from convmf.runs.compare import SettingRow, setting_rows
from convmf.runs.store import DatasetRecord, RunRecord
from pages.shared import address, frame, results_manage, results_view, run_view, settings
from pages.shared.workspace import read_only, store

MAX_COMPARED = 8
_NONE = "–"
_MARK = "≠"


def show(runs: Sequence[RunRecord], datasets: Mapping[str, DatasetRecord]) -> None:
    """The table, and below it what can be done with the chosen runs."""
    shown = _filter(runs, datasets)
    if not shown:
        st.info("No run fits these filters. Take one away to see more.")
        return
    chosen = _choose(shown, datasets)
    if not chosen:
        st.caption("Choose runs by the boxes on the left: one to open or rename it, several to compare them.")
        return
    _actions(chosen)
    if len(chosen) > 1:
        _compare(chosen, datasets)


def runs_table(runs: Sequence[RunRecord], datasets: Mapping[str, DatasetRecord]) -> pd.DataFrame:
    """A row a run, with figures as numbers so that they can be sorted."""
    rows = []
    for run in runs:
        rmse, biases = (run.report or {}).get("rmse", {}), ((run.report or {}).get("baselines") or {}).get("biases")
        rows.append(
            {
                "Run": run.name,
                "Tags": list(run.tags),
                "Data set": datasets[run.dataset_id].name,
                "State": run_view.STATES[run.state][0],
                "RMSE, new items": rmse.get("cold"),
                "Averages, new items": (biases or {}).get("cold"),
                "RMSE, known items": rmse.get("test"),
                "Averages, known items": (biases or {}).get("test"),
                "Iterations": run.iterations_done,
                "Seed": run.config.get("seed"),
                "Created (UTC)": run.created.replace(microsecond=0, tzinfo=None),
            }
        )
    return pd.DataFrame(rows).astype({name: "float64" for name in rows[0] if "items" in name})


def _filter(runs: Sequence[RunRecord], datasets: Mapping[str, DatasetRecord]) -> list[RunRecord]:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        words = st.text_input("Find", key="results_find", placeholder="Part of a name or tag", width=220)
        names = {record.id: record.name for record in datasets.values() if any(r.dataset_id == record.id for r in runs)}
        data = _choice("Data set", list(names), "data", names.get)
        states = list(dict.fromkeys(run.state for run in runs))
        state = _choice("State", states, "state", lambda key: run_view.STATES[key][0])
        tags = results_manage.all_tags()
        tag = _choice("Tag", tags, "tag", str) if tags else None
    wanted = (words or "").casefold().split()
    return [
        run
        for run in runs
        if data in (None, run.dataset_id)
        and state in (None, run.state)
        and (tag is None or tag in run.tags)
        and all(word in " ".join((run.name, *run.tags)).casefold() for word in wanted)
    ]


def _choice(label: str, options: list[str], key: str, words: Callable[[str], str | None]) -> str | None:
    return st.selectbox(
        label, options, index=None, format_func=words, key=f"results_{key}", placeholder="All", width=190
    )


def _choose(shown: Sequence[RunRecord], datasets: Mapping[str, DatasetRecord]) -> list[RunRecord]:
    """The table; the chosen runs stand in the address, so that a link reopens the comparison."""
    asked = st.query_params.get("compare", "").split(",")
    position = {run.id: row for row, run in enumerate(shown)}
    digest = hashlib.sha256("".join(position).encode()).hexdigest()[:12]
    rmse = st.column_config.NumberColumn(format="%.4f")
    event = st.dataframe(
        runs_table(shown, datasets),
        hide_index=True,
        width="stretch",
        height="content" if len(shown) < 15 else 500,
        key=f"results_runs_{digest}",
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": [position[key] for key in asked if key in position]}},
        alt="All runs with their tags, data set, state and errors",
        column_config={
            **{name: rmse for name in ("RMSE, new items", "RMSE, known items")},
            **{
                name: st.column_config.NumberColumn(format="%.4f", help="The same for user and item averages alone.")
                for name in ("Averages, new items", "Averages, known items")
            },
        },
        placeholder=_NONE,
    )
    rows = [row for row in event["selection"]["rows"] if row < len(shown)]
    chosen = [shown[row] for row in rows]
    wanted = ",".join(run.id for run in chosen)
    address.remember("compare", wanted)
    return chosen


def _actions(chosen: list[RunRecord]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if len(chosen) == 1:
            st.button("Open its results", type="primary", key="results_open", on_click=_open, args=(chosen[0].id,))
            results_manage.draw(chosen[0])
            return
        busy = any(run.is_active for run in chosen)
        reason = "A training among them is at work; stop it first." if busy else None
        with st.popover(f"Delete {len(chosen)} runs", disabled=busy or read_only(), help=reason):
            names = ", ".join(frame.plain(run.name) for run in chosen)
            st.markdown(f"Delete **{names}** with their models, figures and tags? The data sets stay.")
            if st.button("Delete them for good", key="results_delete_many"):
                results_manage.delete(chosen)


def _open(run_id: str) -> None:
    st.session_state["results_run"] = run_id
    address.set_choice("view", "one")


# Side by side -------------------------------------------------------------------------------------


def _compare(chosen: list[RunRecord], datasets: Mapping[str, DatasetRecord]) -> None:
    from convmf.evaluation.plots import curves_plot

    st.header("Side by side", anchor="compare")
    if len(chosen) > MAX_COMPARED:
        st.info(f"The first {MAX_COMPARED} of the chosen runs are compared; more would be hard to read.")
        chosen = chosen[:MAX_COMPARED]
    if len({(run.dataset_id, tuple(sorted(run.split.items()))) for run in chosen}) > 1:
        st.warning("These runs were measured on different data or another split, so their errors can't be compared.")
    names = unique_names(chosen)
    histories = {name: store().history(run.id) for name, run in zip(names, chosen, strict=True)}
    results_view.draw(curves_plot(histories), "compared_curves")
    st.dataframe(_figures_table(chosen, names, datasets), width="stretch", height="content", alt="Errors of the runs")
    rows = setting_rows(chosen)
    different = [row for row in rows if row.differs]
    st.subheader(f"Settings: {len(different)} differ, {len(rows) - len(different)} agree", anchor=False)
    if st.toggle("Show those that agree too", key="results_all_settings"):
        different = [*different, *(row for row in rows if not row.differs)]
    if different:
        st.dataframe(
            settings_table(different, names),
            hide_index=True,
            width="stretch",
            height="content",
            alt="Settings of the runs; those that differ are marked",
        )


def unique_names(runs: Sequence[RunRecord]) -> list[str]:
    """The runs' names; where two are called the same, with a part of their id."""
    names = [run.name for run in runs]
    return [name if names.count(name) == 1 else f"{name} ({run.id[:4]})" for name, run in zip(names, runs, strict=True)]


def settings_table(rows: Sequence[SettingRow], names: Sequence[str]) -> pd.DataFrame:
    """A row a setting, a column a run; ``≠`` marks those that differ."""
    table = {
        "": [_MARK if row.differs else "" for row in rows],
        "Setting": [settings.setting_name(row.name) for row in rows],
        "Name": [row.name for row in rows],
    }
    for column, name in enumerate(names):
        table[name] = [_NONE if row.values[column] is None else str(row.values[column]) for row in rows]
    return pd.DataFrame(table)


def _figures_table(
    chosen: Sequence[RunRecord], names: Sequence[str], datasets: Mapping[str, DatasetRecord]
) -> pd.DataFrame:
    """A column a run."""
    table = {}
    for name, run in zip(names, chosen, strict=True):
        report = run.report or {}
        rmse = report.get("rmse", {})
        table[name] = {
            "RMSE, new items": _figure(rmse.get("cold")),
            "RMSE, known items": _figure(rmse.get("test")),
            "RMSE, validation": _figure(rmse.get("valid")),
            "Best iteration": str(report.get("best_iteration", _NONE)),
            "Data set": datasets[run.dataset_id].name,
            "State": run_view.STATES[run.state][0],
        }
    return pd.DataFrame(table)


def _figure(value: float | None) -> str:
    return _NONE if value is None else f"{value:.4f}"
