"""What a run gives to take away: its model as a zip, its predictions as CSV, its settings as JSON."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from convmf.data.csv_download import csv_bytes
from convmf.data.dataset import Dataset
from convmf.errors import RunError
from convmf.runs.store import RunRecord

if TYPE_CHECKING:  # the modules behind it import torch
    from convmf.evaluation.held_out import HeldOut

MODEL_FILES = ("model.json", "model.safetensors")
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the same model makes the same bytes


def model_zip(folder: Path, run: RunRecord) -> bytes:
    """The two files of a model in ``folder`` and the run's settings, as a zip.

    Nothing else of the folder is taken, and nothing that a link points to outside it. Unpacked, it is what
    ``ConvMF.load`` and ``python -m convmf predict --model`` read.

    Raises
    ------
    RunError
        A file of the model is missing or can't be read.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in MODEL_FILES:
            path = folder / name
            try:
                if path.is_symlink():
                    raise OSError("it is a link")
                content = path.read_bytes()
            except OSError as error:
                raise RunError(
                    f"The model of {run.name} can't be packed: {name} ({error.strerror or error}). Train it again."
                ) from error
            archive.writestr(zipfile.ZipInfo(name, _LONG_AGO), content, zipfile.ZIP_DEFLATED, 1)
        archive.writestr(zipfile.ZipInfo("settings.json", _LONG_AGO), settings_json(run), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def settings_json(run: RunRecord) -> bytes:
    """Settings and split of a run; ``python -m convmf train --set`` takes the former one by one."""
    values = {"run": run.name, "config": run.config, "split": run.split}
    return json.dumps(values, ensure_ascii=False, indent=1).encode("utf-8")


def predictions_csv(dataset: Dataset, parts: Mapping[str, HeldOut]) -> bytes:
    """Every held-out rating and what was predicted for it (UTF-8 with a byte order mark).

    Columns part ("test" or "cold"), user_id, item_id, title, rating, predicted, error, and the prediction of
    each simple baseline. A label that a spreadsheet would run as a formula gets an apostrophe in front.
    """
    tables = []
    for name, part in parts.items():
        users, items = part.ratings.user_index, part.ratings.item_index
        columns: dict[str, Any] = {
            "part": name,
            "user_id": _labels(dataset.user_ids, users),
            "item_id": _labels(dataset.item_ids, items),
            "title": _labels(dataset.titles, items),
            "rating": part.ratings.rating.astype(float).round(6),
            "predicted": part.predicted["model"].astype(float).round(4),
            "error": part.error.round(4),
        }
        columns |= {key: values.astype(float).round(4) for key, values in part.predicted.items() if key != "model"}
        tables.append(pd.DataFrame(columns))
    return csv_bytes(pd.concat(tables, ignore_index=True))


def _labels(labels: tuple[str, ...], rows: NDArray[np.integer]) -> list[str]:
    return [labels[row] for row in rows.tolist()]
