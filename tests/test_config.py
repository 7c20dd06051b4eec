from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convmf.config import PRESET_HELP, PRESETS, ConvMFConfig, parse_setting
from convmf.errors import ConfigError


def test_every_preset_is_valid_and_explained() -> None:
    for name in PRESETS:
        assert (
            ConvMFConfig.preset(name).to_dict() == ConvMFConfig.from_dict(ConvMFConfig.preset(name).to_dict()).to_dict()
        )
        assert PRESET_HELP[name].endswith(".")
    assert set(PRESETS) == set(PRESET_HELP)


def test_the_paper_preset_is_the_papers() -> None:
    paper = ConvMFConfig.preset("paper")
    assert not paper.biases and paper.item_weights == "uniform"
    assert (paper.n_factors, paper.embedding_dim, paper.kernel_sizes, paper.n_kernels) == (50, 200, (3, 4, 5), 100)
    assert (paper.hidden_dim, paper.dropout, paper.batch_size, paper.optimizer) == (200, 0.2, 128, "rmsprop")
    assert (paper.lambda_u, paper.lambda_v, paper.cnn_epochs, paper.n_iterations) == (100.0, 10.0, 5, 200)
    assert (paper.max_words, paper.max_length, paper.max_document_frequency) == (8000, 300, 0.5)


def test_every_field_is_documented() -> None:
    for field in dataclasses.fields(ConvMFConfig):
        assert len(field.metadata["help"]) > 20, field.name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_factors", 0),
        ("n_factors", 2.5),
        ("n_factors", True),
        ("n_factors", "50"),
        ("lambda_u", 0.0),
        ("lambda_v", -1.0),
        ("lambda_w", float("nan")),
        ("dropout", 1.0),
        ("kernel_sizes", ()),
        ("kernel_sizes", (3, 0)),
        ("optimizer", "sgd"),
        ("biases", 1),
        ("seed", -1),
        ("seed", float("inf")),
        ("n_factors", float("nan")),
        ("text", ["real"]),
        ("device", "tpu"),
    ],
)
def test_a_value_out_of_range_names_its_field(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=name):
        ConvMFConfig.from_dict({name: value})


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ConfigError, match="num_filters"):
        ConvMFConfig.from_dict({"num_filters": 3})
    with pytest.raises(ConfigError, match="best"):
        ConvMFConfig.preset("best")


def test_whole_numbers_do_for_float_fields() -> None:
    config = ConvMFConfig.from_dict({"lambda_u": 3, "n_factors": 7.0, "kernel_sizes": [2, 3]})
    assert config.lambda_u == 3.0 and isinstance(config.lambda_u, float)
    assert config.n_factors == 7 and isinstance(config.n_factors, int)
    assert config.kernel_sizes == (2, 3)


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("n_factors=8", ("n_factors", 8)),
        ("lambda_u=1e-2", ("lambda_u", 0.01)),
        ("kernel_sizes=2,3", ("kernel_sizes", (2, 3))),
        ("biases=false", ("biases", False)),
        ("optimizer=rmsprop", ("optimizer", "rmsprop")),
    ],
)
def test_settings_are_parsed_to_their_type(assignment: str, expected: tuple[str, object]) -> None:
    assert parse_setting(assignment) == expected


@pytest.mark.parametrize("assignment", ["n_factors", "factors=8", "n_factors=a few", "biases=2", "kernel_sizes=3,x"])
def test_a_setting_that_is_none_is_refused(assignment: str) -> None:
    with pytest.raises(ConfigError):
        parse_setting(assignment)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(max_size=9), values, max_size=4),
    max_leaves=8,
)
_NAMES = [field.name for field in dataclasses.fields(ConvMFConfig)]


@given(_JSON | st.dictionaries(st.sampled_from(_NAMES), _JSON, max_size=4))
def test_any_json_is_a_configuration_or_a_config_error(values: Any) -> None:
    try:
        config = ConvMFConfig.from_dict(values)
    except ConfigError as error:
        assert str(error).isprintable() and len(str(error)) < 1000
    else:
        assert ConvMFConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@given(st.sampled_from(_NAMES), st.text(max_size=12))
def test_any_assignment_is_a_setting_or_a_config_error(name: str, text: str) -> None:
    try:
        ConvMFConfig.from_dict(dict([parse_setting(f"{name}={text}")]))
    except ConfigError as error:
        assert str(error).isprintable()


def test_a_number_of_thousands_of_digits_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="seed is a whole number .* not a huge int"):
        ConvMFConfig(seed=10**5000)


def test_settings_saved_before_there_were_new_ones_mean_what_was_done_then() -> None:
    saved = ConvMFConfig(seed=3).to_dict()
    assert ConvMFConfig.from_saved(saved) == ConvMFConfig(seed=3)
    del saved["n_networks"], saved["calibration"]
    old = ConvMFConfig.from_saved(saved)
    assert old.n_networks == 1 and not old.calibration and old.seed == 3
    with pytest.raises(ConfigError, match="mapping of names"):
        ConvMFConfig.from_saved(None)  # type: ignore[arg-type]


def test_numbers_of_numpy_are_numbers():
    config = ConvMFConfig(n_factors=np.int64(5), lambda_u=np.float32(0.5), kernel_sizes=(np.int32(3),))
    assert (config.n_factors, config.lambda_u, config.kernel_sizes) == (5, 0.5, (3,))
    assert type(config.n_factors) is int and type(config.lambda_u) is float
