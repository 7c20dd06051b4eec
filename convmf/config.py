"""Settings of one training: every field documented, every range checked once, on construction."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

from convmf.errors import ConfigError, quoted

# Where nothing can be validated λ grows to 2.6 times its start, the middle of where real data has its best.
_BLIND_STEPS = 10

# What the program did before it had these settings.
_BEFORE: dict[str, Any] = {"calibration": False, "n_networks": 1}

# The end of the path of λ: real data has its best below 10 times the start. Growing on would break single precision.
_MOST_GROWTH = 30.0


def _setting(
    default: Any,
    help: str,
    *,
    symbol: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """A dataclass field that carries its own documentation and range (shown by pages and command line)."""
    return dataclasses.field(
        default=default,
        metadata={"help": help, "symbol": symbol, "minimum": minimum, "maximum": maximum, "choices": choices},
    )


@dataclass(frozen=True)
class ConvMFConfig:
    """Settings of one ConvMF training.

    Symbols are the paper's (Kim et al., RecSys 2016). λ_U and λ_V act on standardised ratings
    (mean 0, deviation 1) when ``biases`` is on, and on the ratings as they came when it is off,
    which is the paper's own model.

    Raises
    ------
    ConfigError
        A value is outside its range or of the wrong kind; the message names the field.
    """

    n_factors: int = _setting(
        50, "How many hidden tastes describe a user and an item.", symbol="K", minimum=1, maximum=512
    )
    lambda_u: float = _setting(
        4.0, "Pull of every user's factors towards zero.", symbol="λ_U", minimum=1e-6, maximum=1e6
    )
    lambda_v: float = _setting(
        4.0,
        "Pull of every item's factors towards what the CNN reads in its text. Large: trust the text.",
        symbol="λ_V",
        minimum=1e-6,
        maximum=1e6,
    )
    lambda_growth: float = _setting(
        1.1,
        "Each iteration multiplies λ_U and λ_V by this until the validation RMSE stops improving (at most "
        "30 times in all), so that nobody has to guess them; 1 keeps them as they are.",
        minimum=1.0,
        maximum=2.0,
    )
    lambda_bias: float = _setting(
        6.0,
        "Pull of users' levels towards zero, and of items' levels towards what the CNN reads; with biases only.",
        symbol="λ_b",
        minimum=1e-6,
        maximum=1e6,
    )
    lambda_w: float = _setting(
        0.0, "L2 penalty on the CNN's weights; 0 leaves it to dropout.", symbol="λ_W", minimum=0, maximum=1e6
    )
    biases: bool = _setting(
        True,
        "Model the user's and the item's own level beside the factors; off is the paper's model.",
        symbol="b, c",
    )
    user_weights: str = _setting(
        "sqrt",
        "How much a user counts in λ_U: 'uniform' as in the paper, 'sqrt' by the root of their ratings.",
        symbol="w_i",
        choices=("uniform", "sqrt"),
    )
    item_weights: str = _setting(
        "sqrt",
        "How much an item counts in λ_V: 'uniform' as in the paper, 'sqrt' by the root of its ratings.",
        symbol="w_j",
        choices=("uniform", "sqrt"),
    )
    text: str = _setting(
        "real",
        "What the CNN reads: the items' own texts, or a control: 'shuffled' between the items, 'empty', "
        "or 'none', which is plain matrix factorization.",
        symbol="X_j",
        choices=("real", "shuffled", "empty", "none"),
    )
    n_networks: int = _setting(
        2, "Text networks that read each text; what they say is averaged.", minimum=1, maximum=16
    )
    embedding_dim: int = _setting(100, "Length of a word vector.", symbol="p", minimum=1, maximum=2048)
    embedding_std: float = _setting(
        0.01,
        "Scale of the random word vectors at the start, which are standard normal and cut to a length of 5 before. "
        "Small: a word counts only once something was learned of it.",
        minimum=1e-6,
        maximum=10.0,
    )
    freeze_embedding: bool = _setting(False, "Keep the pretrained word vectors of the main networks as they are.")
    kernel_sizes: tuple[int, ...] = _setting(
        (1, 2, 3), "Window sizes of the convolution, in words.", symbol="ws", minimum=1, maximum=50
    )
    n_kernels: int = _setting(100, "Kernels for each window size.", symbol="n_c", minimum=1, maximum=2048)
    hidden_dim: int = _setting(
        200, "Width of the dense layer between pooling and output.", symbol="f", minimum=1, maximum=8192
    )
    dropout: float = _setting(
        0.5, "Share of the hidden layer switched off at random in training.", minimum=0.0, maximum=0.95
    )
    optimizer: str = _setting("adam", "How the CNN's weights are fitted.", choices=("adam", "rmsprop"))
    learning_rate: float = _setting(1.25e-3, "Step size of the optimiser.", minimum=1e-7, maximum=1.0)
    batch_size: int = _setting(128, "Texts in one step of the CNN.", minimum=1, maximum=65536)
    cnn_epochs: int = _setting(1, "Passes of the CNN over the texts in each iteration.", minimum=0, maximum=1000)
    relaxation: float = _setting(
        2.0,
        "How far the CNN aims on the way from what it reads to the item factors: 1 is equation (9) as it stands, "
        "2 twice as far, which gets to the same resting point in fewer iterations.",
        symbol="ω",
        minimum=0.1,
        maximum=5.0,
    )
    averaging: float = _setting(
        0.7,
        "Share of the earlier iterations' weights in the averaged CNN that reads the texts; 0 takes the latest.",
        minimum=0.0,
        maximum=0.99,
    )
    calibration: bool = _setting(
        True,
        "At the end, fit smaller text networks to two thirds of the items each and have them read the others: correct "
        "what is regularly too high, too low, too bold or too shy there, let them read along, beside a linear reader "
        "of single words, and learn by how much each user likes what they choose to rate better than its text tells; "
        "with biases only.",
    )
    # From .5 to .7 new items come out the same.
    linear_share: float = _setting(
        0.5,
        "Share of a linear reader of single words beside the text networks in the end; 0 does without it.",
        minimum=0.0,
        maximum=0.95,
    )
    n_iterations: int = _setting(50, "At most this many iterations.", minimum=1, maximum=10000)
    patience: int = _setting(
        5, "Stop after this many iterations without a better validation RMSE.", minimum=1, maximum=10000
    )
    max_words: int = _setting(8000, "Words in the vocabulary, the best by tf-idf.", minimum=1, maximum=1_000_000)
    max_length: int = _setting(300, "Words read of one text.", symbol="l", minimum=1, maximum=10_000)
    max_document_frequency: float = _setting(
        0.5, "Leave out words that stand in more than this share of the texts.", minimum=0.0, maximum=1.0
    )
    seed: int = _setting(
        0, "Start of every random choice; the same seed gives the same run.", minimum=0, maximum=2**31 - 1
    )
    device: str = _setting(
        "auto",
        "Where to train; 'auto' takes cuda, else mps, else cpu.",
        choices=("auto", "cpu", "cuda", "mps"),
    )

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, _checked(field, getattr(self, field.name)))

    def growth(self, iteration: int, *, validated: bool) -> float:
        """What λ_U and λ_V have grown by in this iteration (from 1).

        The training walks up the path of λ from too little to too much, each iteration starting from the
        last one's factors, and validation picks the best place on it. Without validation it stops early.
        """
        steps = iteration - 1 if validated else min(iteration - 1, _BLIND_STEPS)
        longest = math.log(_MOST_GROWTH) / math.log(max(self.lambda_growth, 1 + 1e-9))
        return float(self.lambda_growth ** min(steps, longest))

    @classmethod
    def preset(cls, name: str = "default", **changes: Any) -> ConvMFConfig:
        """The named preset ('default', 'paper' or 'quick') with ``changes`` on top."""
        if name not in PRESETS:
            raise ConfigError(f"There is no preset {quoted(name)}. Presets: {', '.join(PRESETS)}.")
        return cls.from_dict({**PRESETS[name], **changes})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ConvMFConfig:
        """Settings from a mapping of field names; unknown names are refused."""
        if not isinstance(values, Mapping):
            raise ConfigError(f"Settings are a mapping of names to values, not {quoted(values)}.")
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(str(name) for name in set(values) - known)
        if unknown:
            raise ConfigError(f"There is no setting {quoted(unknown[0])}. Settings: {', '.join(sorted(known))}.")
        return cls(**values)

    @classmethod
    def from_saved(cls, values: Mapping[str, Any]) -> ConvMFConfig:
        """Settings that :meth:`to_dict` once gave; those that it didn't have yet count as what was done then."""
        return cls.from_dict(saved_settings(values) if isinstance(values, Mapping) else values)

    def for_data(self, n_items_with_text: int) -> ConvMFConfig:
        """These settings, without a CNN where no item has a text that it could read."""
        return self if n_items_with_text or self.text != "real" else dataclasses.replace(self, text="none")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in dataclasses.asdict(self).items()
        }


def saved_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """What :meth:`ConvMFConfig.to_dict` once gave, completed by the settings that it didn't have yet."""
    return {**_BEFORE, **values}


PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "paper": {
        "biases": False,
        "lambda_growth": 1.0,
        "user_weights": "uniform",
        "item_weights": "uniform",
        "lambda_u": 100.0,
        "lambda_v": 10.0,
        "n_networks": 1,
        "embedding_dim": 200,
        "kernel_sizes": (3, 4, 5),
        "embedding_std": 1.0,
        "dropout": 0.2,
        "relaxation": 1.0,
        "averaging": 0.0,
        "calibration": False,
        "optimizer": "rmsprop",
        "learning_rate": 1e-3,
        "cnn_epochs": 5,
        "n_iterations": 200,
    },
    "quick": {
        "n_factors": 20,
        "n_networks": 1,
        "embedding_dim": 64,
        "n_kernels": 32,
        "hidden_dim": 64,
        "calibration": False,
        "learning_rate": 4e-3,
        "max_length": 120,
        "n_iterations": 20,
        "patience": 3,
    },
}

PRESET_HELP: dict[str, str] = {
    "default": (
        "The best predictions: it also learns how generous each user and how liked each item is, and strengthens the "
        "pulls by itself until the error stops falling."
    ),
    "paper": (
        "The model and settings of the 2016 paper, for comparison: tastes alone, pulls (λ) as you set them, and five "
        "passes of the text network an iteration."
    ),
    "quick": "A small text network for a first look: a fraction of the time, a little less accurate.",
}


def parse_setting(assignment: str) -> tuple[str, Any]:
    """One ``name=value`` of the command line as (name, value of the field's type).

    Raises
    ------
    ConfigError
        There is no such setting, or the value isn't of its kind.
    """
    name, equals, text = assignment.partition("=")
    fields = {field.name: field for field in dataclasses.fields(ConvMFConfig)}
    if not equals or name not in fields:
        raise ConfigError(f"{quoted(assignment)} is not name=value with one of these names: {', '.join(fields)}.")
    default = fields[name].default
    value: Any = text
    if isinstance(default, bool):
        if text.lower() not in ("true", "false"):
            raise ConfigError(f"{name} is true or false, not {quoted(text)}.")
        value = text.lower() == "true"
    elif isinstance(default, int | float | tuple):
        parts = text.split(",") if isinstance(default, tuple) else [text]
        kind = float if isinstance(default, float) else int
        try:
            numbers = [kind(part) for part in parts]
        except ValueError:
            wanted = "a number" if kind is float else "a whole number"
            many = " (several with commas between)" if isinstance(default, tuple) else ""
            raise ConfigError(f"{name} is {wanted}{many}, not {quoted(text)}.") from None
        value = tuple(numbers) if isinstance(default, tuple) else numbers[0]
    return name, value


def _checked(field: dataclasses.Field[Any], value: Any) -> Any:
    """``value`` in the field's own type, or a ConfigError that names the field and its range."""
    rules, default = field.metadata, field.default
    if rules["choices"]:
        if value not in rules["choices"]:
            raise ConfigError(f"{field.name} is one of {', '.join(rules['choices'])}, not {quoted(value)}.")
        return value
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise ConfigError(f"{field.name} is true or false, not {quoted(value)}.")
        return value
    if isinstance(default, tuple):
        if not isinstance(value, list | tuple) or not value:
            raise ConfigError(f"{field.name} is a list of whole numbers with at least one in it, not {quoted(value)}.")
        return tuple(_checked_number(field.name, rules, int, part) for part in value)
    return _checked_number(field.name, rules, type(default), value)


def _checked_number(name: str, rules: Mapping[str, Any], kind: type, value: Any) -> Any:
    low, high = rules["minimum"], rules["maximum"]
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not low <= value <= high or (kind is int and value != int(value)):
        wanted = "a whole number" if kind is int else "a number"
        raise ConfigError(f"{name} is {wanted} from {low:g} to {high:g}, not {quoted(value)}.")
    return kind(value)
