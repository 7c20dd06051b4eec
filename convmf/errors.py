"""The project's own errors. Each message says what came, what is accepted, and what to do."""


class ConvMFError(Exception):
    """Base of every error that a user can cause and can act on."""


class DataError(ConvMFError):
    """Ratings, descriptions or word vectors that can't be used."""


class ConfigError(ConvMFError):
    """A setting outside its range, or of the wrong kind."""


class ModelError(ConvMFError):
    """A model that can't be loaded, or was asked for something it doesn't know."""


class RunError(ConvMFError):
    """A training run that can't be started, resumed or finished."""


class CheckpointError(RunError):
    """A checkpoint whose file is damaged: there is nothing to go on from."""
