"""What the kernels of the text network read, and what they do with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import altair as alt
import pandas as pd
import streamlit as st

from convmf.labels import signed
from convmf.palette import ACCENT, RED
from convmf.runs.store import RunRecord
from pages.shared import address, charts, frame, pick
from pages.shared.workspace import dataset, model

if TYPE_CHECKING:  # the modules behind them import torch
    from convmf.explain import Kernel
    from convmf.model.convmf import ConvMF

N_TOP = 4
_BESIDE_LINEAR = (
    ", together with what each word tells by itself, wherever it stands: a plain list of words and weights that "
    "reads along and is not among the kernels."
)
RAISES, LOWERS = "moves it up", "moves it down"


@st.cache_resource(show_spinner="Reading all texts with every kernel …", max_entries=6)
def _kernels(run_id: str, ended: str, dataset_id: str) -> list[Kernel]:
    from convmf.explain import kernel_readings

    return kernel_readings(model(run_id, ended), dataset(dataset_id).texts)


def show(run: RunRecord, net: ConvMF) -> None:
    """The kernels as a table, and the chosen one."""
    kernels = _kernels(run.id, str(run.ended), run.dataset_id)
    n_merged = sum(len(kernel.numbers) - 1 for kernel in kernels)
    st.markdown(
        "A kernel is a small detector: it slides over a text a few words at a time and answers to the phrases that it "
        "has learned to look for. What all kernels find makes the profile of an item"
        + (_BESIDE_LINEAR if net.cnn is not None and net.cnn.linear_share else ".")
    )
    st.caption(
        f"{len(kernels):,} different kernels that found something"
        + (f"; {n_merged:,} more read the same as one of them and are shown as one with it. " if n_merged else ". ")
        + "Those that move ratings most come first."
    )
    shown = _filter(kernels)
    if not shown:
        st.info("No kernel has this among its strongest phrases. Try another word, or a part of one.")
        return
    chosen = _choose(shown, run)
    _detail(net, shown[chosen], pick.item_labels(run.dataset_id))


def _filter(kernels: Sequence[Kernel]) -> list[Kernel]:
    return with_phrase(kernels, address.words("Only those that read", "word", placeholder="A word or a part of one"))


def with_phrase(kernels: Sequence[Kernel], word: str) -> list[Kernel]:
    """The kernels with ``word`` in one of their strongest phrases."""
    wanted = word.strip().casefold()
    return [kernel for kernel in kernels if any(wanted in found.phrase.casefold() for found in kernel.phrases)]


def kernel_name(kernel: Kernel) -> str:
    """Its number, and how many read the same: with several networks there may be dozens."""
    n_others = len(kernel.numbers) - 1
    others = f", and {n_others} more that read{'s' * (n_others == 1)} the same" if n_others else ""
    return f"Kernel {kernel.numbers[0]}{others}"


def kernels_table(kernels: Sequence[Kernel]) -> pd.DataFrame:
    """A row a kernel, figures as numbers."""
    return pd.DataFrame(
        {
            "Answers to": ["; ".join(found.phrase for found in kernel.phrases[:N_TOP]) for kernel in kernels],
            "Words": [kernel.size for kernel in kernels],
            "Effect": [kernel.effect for kernel in kernels],
            "Opinions differ by": [kernel.spread for kernel in kernels],
            "Kernels": [len(kernel.numbers) for kernel in kernels],
        }
    )


def _choose(kernels: Sequence[Kernel], run: RunRecord) -> int:
    numbers = [str(kernel.numbers[0]) for kernel in kernels]
    key = f"explore_kernels_{run.id}"
    if key not in st.session_state:  # the first look
        asked = st.query_params.get("kernel")
        st.session_state[f"{key}_first"] = numbers.index(asked) if asked in numbers else 0
    number = st.column_config.NumberColumn
    event = st.dataframe(
        kernels_table(kernels),
        hide_index=True,
        height=388,
        key=key,
        on_select="rerun",
        selection_mode="single-row-required",
        selection_default={"selection": {"rows": [st.session_state[f"{key}_first"]]}},
        column_config={
            "Answers to": st.column_config.TextColumn(
                width=280, help="The phrases in the catalogue that excite it most."
            ),
            "Words": number(width=80, help="How many words it looks at in one go."),
            "Effect": number(
                format="%+.3f",
                width=90,
                help="What the phrase that it looks for does to the average user's rating, in rating points.",
            ),
            "Opinions differ by": number(
                format="%.3f",
                width=140,
                help="How much users differ in what it does to their rating: the standard deviation, in rating points.",
            ),
            "Kernels": number(width=85, help="How many kernels read the same, and stand here as one."),
        },
        alt="Kernels with their strongest phrases and what they do to ratings",
    )
    chosen = next((row for row in event["selection"]["rows"] if row < len(kernels)), 0)
    address.remember("kernel", numbers[chosen])
    return int(chosen)


def _detail(net: ConvMF, kernel: Kernel, labels: Mapping[str, str]) -> None:
    st.header(kernel_name(kernel), anchor=False)
    with frame.row("kernel"):
        with st.container(border=True, width=frame.CARD_WIDTH):
            st.markdown("**Its strongest phrases**", help="Each phrase once, with an item in whose text it stands.")
            table = pd.DataFrame(
                {
                    "Phrase": [found.phrase for found in kernel.phrases],
                    "Strength": [found.activation for found in kernel.phrases],
                    "Stands in": [labels[found.item_id] for found in kernel.phrases],
                }
            )
            st.dataframe(
                table,
                hide_index=True,
                key="explore_kernel_phrases",
                column_config={
                    "Strength": st.column_config.NumberColumn(
                        format="%.2f", width=85, help="How strongly the kernel answers; it has no unit."
                    )
                },
                alt="The strongest phrases of the chosen kernel",
            )
        with st.container(border=True, width=frame.CARD_WIDTH):
            st.markdown(
                "**What it moves**",
                help="The numbers of an item's profile that it changes most, from its usual answer to its strongest. "
                "They have no unit; the level is how much everybody likes the item.",
            )
            moves = moves_table(kernel, levels=net.config.biases)
            charts.draw(moves_chart(moves), "explore_moves", moves_words(moves))


def moves_table(kernel: Kernel, *, levels: bool) -> pd.DataFrame:
    """Columns factor, change, effect: the columns of θ that the kernel moves most."""
    rows = [
        (
            "Level" if levels and move.factor == 0 else f"Factor {move.factor + (not levels)}",
            move.change,
            RAISES if move.change >= 0 else LOWERS,
        )
        for move in kernel.factors
    ]
    return pd.DataFrame(rows, columns=["factor", "change", "effect"])


def moves_chart(table: pd.DataFrame) -> alt.Chart:
    """How far a kernel moves each number of a profile."""
    return (
        alt.Chart(table)
        .mark_bar(cornerRadius=2)
        .encode(
            alt.Y("factor:N", sort=None, title=None, axis=alt.Axis(ticks=False)),
            alt.X("change:Q", title="Change in the item's profile", axis=charts.SIGNED_AXIS),
            alt.Color("effect:N", scale=alt.Scale(domain=[RAISES, LOWERS], range=[ACCENT, RED]), legend=None),
            tooltip=[alt.Tooltip("factor:N", title="Number"), alt.Tooltip("change:Q", title="Change", format="+.3f")],
        )
        .properties(height=charts.ROW)
    )


def moves_words(table: pd.DataFrame) -> str:
    """What is to be seen in the chart, in words."""
    return "Bar chart of changes: " + "; ".join(f"{row.factor} {signed(row.change, 3)}" for row in table.itertuples())
