"""Recommend: what somebody would like next and why, be it a user in the data or somebody who rates a handful now."""

from __future__ import annotations

import streamlit as st

from pages.shared import frame

frame.page("Recommend", "See what somebody would like next, and what each prediction is made of.")
# The title is on the screen before what follows is imported: on a fresh server that takes a second.
from convmf.errors import ConvMFError
from pages.shared import address, recommend_known, recommend_new
from pages.shared.choose_run import choose_run, nothing_yet, usable_runs
from pages.shared.workspace import dataset, model, store

KNOWN, NEW = "known", "new"
WHO = {KNOWN: "A user in the data", NEW: "A new user"}


def main() -> None:
    """The page below its heading."""
    usable = usable_runs(with_texts=False)
    if not usable:
        nothing_yet("recommend items here")
        return
    run = choose_run(usable, "recommend_run")
    net, data = model(run.id, str(run.ended)), dataset(run.dataset_id)
    st.caption(
        f"Trained on {frame.plain(data.name)}: {data.n_users:,} users, {data.n_items:,} items, ratings from "
        f"{net.scale.lowest:g} to {net.scale.highest:g}. " + frame.plain(store().dataset_record(run.dataset_id).note)
    )
    if address.choice("Recommend to", WHO, "who", KNOWN) == NEW:
        address.remember("user", "")
        recommend_new.show(run, net, data)
    else:
        address.remember_all("rate", [])
        recommend_known.show(run, net, data)


try:
    main()
except ConvMFError as error:
    st.error(frame.plain(str(error)))
address.write()
