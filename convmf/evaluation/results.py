"""Everything that there is to show of one trained run, for the page and for the report alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from convmf.data.dataset import Dataset
from convmf.data.splits import SplitSettings, split_ratings
from convmf.evaluation import plots
from convmf.evaluation.comparison import Row, comparison, reads_texts
from convmf.evaluation.findings import Finding, findings
from convmf.evaluation.further import further_rows
from convmf.evaluation.held_out import HeldOut, examples, held_out
from convmf.evaluation.html_report import ClientReport
from convmf.evaluation.plots import Picture
from convmf.labels import in_percent
from convmf.model.convmf import ConvMF

PART_TITLES = {"cold": "New items", "test": "Known items"}
"""The parts in the order in which they are shown."""

PART_MEANINGS = {
    "cold": "Items held out with all their ratings, as if nobody had rated them.",
    "test": "Ratings kept for one final measurement, of items that have other ratings to learn from.",
}
KNOWN_OF_NEW = {
    True: "All that the model had of them is the description.",
    False: "As this model reads no descriptions, it knew nothing of them.",
}
"""What the model knew of new items, by whether it reads texts."""
ERRORS_BY = {
    "rating": "Real rating",
    "predicted": "Predicted rating",
    "both": "Predicted and real",
    "item": "Ratings of the item",
    "user": "Ratings of the user",
}
"""What the errors are broken down by, each with a picture of its own."""

EXAMPLE_KINDS = {
    "worst": "Largest errors",
    "best": "Smallest errors",
    "gained": "Better than averages",
    "lost": "Worse than averages",
}
"""Which predictions to look at: by the size of the error, or beside that of user and item averages."""

N_REPORT_EXAMPLES = 3


@dataclass(frozen=True, eq=False)
class Results:
    """The results of a run.

    Attributes
    ----------
    report
        As :func:`convmf.evaluation.report.build_report` made it.
    parts
        Held-out predictions by part, from the saved model.
    floor
        The lowest possible RMSE by part, where it is known.
    """

    dataset: Dataset
    report: Mapping[str, Any]
    parts: Mapping[str, HeldOut]
    floor: Mapping[str, float] = field(default_factory=dict)
    _drawn: dict[tuple[str, ...], Picture] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def measure(
        cls, model: ConvMF, dataset: Dataset, report: Mapping[str, Any], floor: Mapping[str, float] | None = None
    ) -> Results:
        """Predict the held-out ratings anew; the split is dealt again from the settings in the report."""
        split = split_ratings(dataset, SplitSettings.from_dict(dict(report["split"])))
        return cls(dataset, report, held_out(model, split), floor or {})

    @property
    def part_names(self) -> list[str]:
        """The parts that have ratings, new items first."""
        return [name for name in PART_TITLES if name in self.parts]

    def part_meaning(self, part: str) -> str:
        """What the ratings of a part are, and what the model knew of its items."""
        known = f" {KNOWN_OF_NEW[reads_texts(self.report)]}" if part == "cold" else ""
        return PART_MEANINGS[part] + known

    @cached_property
    def rows(self) -> dict[str, list[Row]]:
        """The comparison of each part."""
        return {
            name: comparison(self.report, name, self.parts[name].compared, self.floor.get(name))
            for name in self.part_names
        }

    @cached_property
    def findings(self) -> list[Finding]:
        """What the figures say."""
        low, high = self.dataset.rating_range
        first = self.parts[self.part_names[0]] if self.parts else None
        return findings(
            self.rows,
            first.by_rating if first else [],
            first.calibration if first else [],
            high - low,
            self.report.get("ranking"),
            {name: len(part.ratings) for name, part in self.parts.items()},
        )

    def comparison_picture(self, part: str) -> Picture:
        """The model beside the baselines."""
        return self._once(("comparison", part), lambda: plots.comparison_plot(self.rows[part], part))

    def error_picture(self, part: str, by: str) -> Picture:
        """The errors of a part by one of :data:`ERRORS_BY`; by the predicted rating they show the calibration."""
        return self._once(("errors", part, by), lambda: self._error_picture(part, by))

    def _error_picture(self, part: str, by: str) -> Picture:
        held = self.parts[part]
        if by == "predicted":
            return plots.calibration_plot(held.calibration)
        if by == "both":
            return plots.spread_plot(held.spreads)
        if by == "item" and part == "cold":
            return plots.slices_plot(
                held.by_item_count,
                "Error by the number of ratings of the item",
                "Ratings that the item really has",
                "Whether much rated items are harder or easier to foresee than others. The model saw none of these "
                "ratings.",
            )
        titles = {
            "item": (
                held.by_item_count,
                "Error by the number of ratings of the item",
                "Ratings of the item to learn from",
                "The more ratings an item has, the better it is known."
                + (" On the left, the description has to help." if reads_texts(self.report) else ""),
            ),
            "user": (
                held.by_user_count,
                "Error by the number of ratings of the user",
                "Ratings of the user to learn from",
                "How much has to be known of a person before the predictions become good.",
            ),
            "rating": (
                held.by_rating,
                "Error by the real rating",
                "Real rating",
                "Which ratings are hard to foresee. Hover over a point to see whether the model promises too much or "
                "too little there.",
            ),
        }
        return plots.slices_plot(*titles[by])

    def _once(self, name: tuple[str, ...], draw: Callable[[], Picture]) -> Picture:
        """The picture, drawn when it is first asked for: that takes longer than all the rest of a page."""
        if name not in self._drawn:
            self._drawn[name] = draw()
        return self._drawn[name]

    def checked(self, part: str) -> tuple[float, float | None]:
        """The RMSE measured now from the saved model, and the one that the training wrote down."""
        return self.parts[part].compared["model"].rmse.value, self.report["rmse"].get(part)

    def client_report(self, run_name: str, note: str = "") -> ClientReport:
        """The report to send to somebody."""
        data, names = self.report["data"], self.part_names
        pictures: dict[str, Sequence[Picture]] = {}
        for name in names:
            pictures[PART_TITLES[name]] = [
                self.comparison_picture(name),
                *(self.error_picture(name, by) for by in ERRORS_BY),
            ]
        pictures["The training"] = [plots.curves_plot({run_name: self.report["history"]})]
        shown = "cold" if "cold" in names else "test"
        return ClientReport(
            title=f"{run_name}: results on {self.dataset.name}",
            subtitle=f"{data['n_ratings']:,} ratings of {data['n_items']:,} items by {data['n_users']:,} users; "
            f"{data['n_items_with_text']:,} items with a description.",
            note=note,
            findings=self.findings,
            rows={PART_TITLES[name]: self.rows[name] for name in names},
            pictures=pictures,
            examples={
                f"{title}: {PART_TITLES[shown].lower()}": examples(
                    self.parts[shown], self.dataset, kind, N_REPORT_EXAMPLES
                )
                for kind, title in (("gained", "Where the model did best"), ("worst", EXAMPLE_KINDS["worst"]))
                if names
            },
            further=further_rows(self.report),
            facts=self.facts(),
            settings=[(name, str(value)) for name, value in self.report["config"].items()],
        )

    def facts(self) -> list[tuple[str, str]]:
        """How the figures were measured, as label and value."""
        split, report = self.report["split"], self.report
        facts = [
            (
                PART_TITLES[name],
                f"{len(part.ratings):,} ratings by {part.n_users:,} users. {self.part_meaning(name)}",
            )
            for name, part in ((name, self.parts[name]) for name in self.part_names)
        ]
        return [
            *facts,
            (
                "Dealt by chance",
                f"{in_percent(split['cold_items'])} of the items as new; of the other ratings "
                f"{in_percent(split['test'])} for the test, {in_percent(split['valid'])} to choose the best iteration; "
                f"seed {split['seed']}. Test and new items were read after the training only, and nothing was chosen "
                "by them.",
            ),
            ("Training", f"{report['iterations']} iterations, the best one was number {report['best_iteration']}."),
            (
                "Intervals",
                "95 %, from 1,000 draws with replacement (bootstrap): of as many users on known items, of as many "
                "items on new ones.",
            ),
        ]
