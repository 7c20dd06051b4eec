"""All runs as a table: filter, sort, choose, compare, delete."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from convmf.runs.compare import SettingRow, setting_rows
from convmf.runs.store import DatasetRecord, RunRecord
from pages.shared import address, curves, frame, results_manage, results_view, run_words, settings
from pages.shared.workspace import read_only, store

MAX_COMPARED = 8
_HELP = {
    "New: RMSE": "Typical error, in rating points, on items held out as if nobody had rated them.",
    "New: averages": "The same for user and item averages alone.",
    "Known: RMSE": "Typical error, in rating points, on held-out ratings of items that have others.",
    "Known: averages": "The same for user and item averages alone.",
}
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
                "State": run_words.STATES[run.state][0],
                "New: RMSE": rmse.get("cold"),
                "Known: RMSE": rmse.get("test"),
                "New: averages": (biases or {}).get("cold"),
                "Known: averages": (biases or {}).get("test"),
                "Tags": list(run.tags),
                "Data set": datasets[run.dataset_id].name,
                "Iterations": run.iterations_done,
                "Seed": run.config.get("seed"),
                "Created (UTC)": run.created.replace(microsecond=0, tzinfo=None),
            }
        )
    return pd.DataFrame(rows).astype({name: "float64" for name in rows[0] if ":" in name})


def _filter(runs: Sequence[RunRecord], datasets: Mapping[str, DatasetRecord]) -> list[RunRecord]:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        words = address.words("Find", "find", placeholder="Part of a name or tag")
        names = {record.id: record.name for record in datasets.values() if any(r.dataset_id == record.id for r in runs)}
        data = address.pick("Data set", names, "dataset", gone="The data set in this address has no runs any more.")
        state = address.pick("State", {run.state: run_words.STATES[run.state][0] for run in runs}, "state")
        tags = {tag: tag for tag in results_manage.all_tags()}
        tag = address.pick("Tag", tags, "tag", gone="No run has the tag in this address any more.") if tags else None
    wanted = words.casefold().split()
    return [
        run
        for run in runs
        if data in (None, run.dataset_id)
        and state in (None, run.state)
        and (tag is None or tag in run.tags)
        and all(word in " ".join((run.name, *run.tags)).casefold() for word in wanted)
    ]


def _choose(shown: Sequence[RunRecord], datasets: Mapping[str, DatasetRecord]) -> list[RunRecord]:
    """The table; the chosen runs stand in the address, so that a link reopens the comparison."""
    asked = st.query_params.get("compare", "").split(",")
    position = {run.id: row for row, run in enumerate(shown)}
    digest = hashlib.sha256("".join(position).encode()).hexdigest()[:12]
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
            "Run": st.column_config.TextColumn(pinned=True),
            **{name: st.column_config.NumberColumn(format="%.3f", help=words) for name, words in _HELP.items()},
        },
        placeholder=run_words.NONE,
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
    comparable = len({(run.dataset_id, tuple(sorted(run.split.items()))) for run in chosen}) == 1
    if not comparable:
        st.warning("These runs were measured on different data or another split, so their errors can't be compared.")
    names = unique_names(chosen)
    histories = {name: store().history(run.id) for name, run in zip(names, chosen, strict=True)}
    results_view.draw(curves_plot(histories), "compared_curves")
    st.table(
        figures_table(chosen, names, datasets, mark_best=comparable), border="horizontal", alt="Errors of the runs"
    )
    st.caption(
        "In brackets: 95 % intervals, over the items for new ones, over the users for known ones. Less error: how much "
        "lower it is than that of user and item averages alone." + (" Bold: the lowest error." if comparable else "")
    )
    rows = setting_rows(chosen)
    different = [row for row in rows if row.differs]
    st.subheader(f"Settings: {len(different)} differ, {len(rows) - len(different)} agree", anchor=False)
    if address.switch("Show those that agree too", "settings"):
        different = [*different, *(row for row in rows if not row.differs)]
    if different:
        st.dataframe(
            settings_table(different, names),
            hide_index=True,
            width="stretch",
            height="content",
            alt="Settings of the runs; those that differ are marked",
            column_config={"": st.column_config.TextColumn(width=40)},
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
        table[name] = [run_words.NONE if row.values[column] is None else str(row.values[column]) for row in rows]
    return pd.DataFrame(table)


def figures_table(
    chosen: Sequence[RunRecord],
    names: Sequence[str],
    datasets: Mapping[str, DatasetRecord],
    *,
    mark_best: bool,
) -> pd.DataFrame:
    """A column a run, as Markdown; with ``mark_best`` the lowest error of each kind is bold."""
    from convmf.evaluation.comparison import MODEL, comparison
    from convmf.evaluation.findings import short_percent

    table: dict[str, list[str]] = {}
    for part, title in (("cold", "New items"), ("test", "Known items")):
        rows = [{row.key: row for row in comparison(run.report, part)} if run.report else {} for run in chosen]
        rmse = [found[MODEL].rmse if found else None for found in rows]
        gains = [found["biases"].gain if found else None for found in rows]
        measured = [value.value for value in rmse if value]
        best = min(measured) if mark_best and len(measured) > 1 else None
        table[f"{title}: RMSE"] = [
            run_words.NONE if value is None else _bold(results_view.with_interval(value, "{:.3f}"), value.value == best)
            for value in rmse
        ]
        table[f"{title}: less error"] = [run_words.NONE if gain is None else short_percent(gain) for gain in gains]
    reports = [run.report or {} for run in chosen]
    # As on Train: of the iteration that was kept. What the report calls "valid" is the finished model's, which was put
    # right for new descriptions since.
    best = [curves.best_iteration(report.get("history") or ()) for report in reports]
    table["Best validation RMSE"] = [run_words.figure(found and found[1]) for found in best]
    table["Best iteration"] = [str(report.get("best_iteration", run_words.NONE)) for report in reports]
    table["Time of the iterations"] = [
        run_words.duration(report["seconds"]) if "seconds" in report else run_words.NONE for report in reports
    ]
    table["Data set"] = [frame.plain(datasets[run.dataset_id].name) for run in chosen]
    table["State"] = [run_words.STATES[run.state][0] for run in chosen]
    return pd.DataFrame.from_dict(table, orient="index", columns=[frame.plain(name) for name in names])


def _bold(text: str, best: bool) -> str:
    return f"**{text}**" if best else text
