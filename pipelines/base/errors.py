"""Every error a user can meet: one sentence that says what was being done, the value, and what to
do next.
"""

from __future__ import annotations  # doctor imports this module on whatever Python there is


class TidemarkError(Exception):
    """Something the user can mend; its text is what they read."""


class SettingsError(TidemarkError):
    """A setting is missing, unknown or of the wrong type."""


class ServiceUnreachable(TidemarkError):
    """A service that was needed did not answer."""


class ServiceRefused(ServiceUnreachable):
    """A service answered that it will not do what was needed, which no waiting mends."""


class ContractError(TidemarkError):
    """A schema is missing, unknown or incompatible."""


class CheckpointError(TidemarkError):
    """A checkpoint is lost, damaged, belongs to another table or topic, or another process has gone
    on with it.
    """


class TableDamaged(TidemarkError):
    """A file of a table is not what was written."""


class StaleRead(TidemarkError):
    """A table has moved on while it was read, and what was read of it is gone."""


class StandsStill(TidemarkError):
    """Nothing moves any more in what is being done."""


class TableInUse(TidemarkError):
    """A table was written by its query while a task was to write it alone."""


class ModelError(TidemarkError):
    """A model is missing, corrupt, or not of the kind that may be loaded."""


class EngineLost(TidemarkError):
    """Spark's Java process is gone."""


class ShuttingDown(TidemarkError):
    """The process was asked to stop while it waited for something."""


def raise_unless_awaited(awaited: bool, error: ServiceUnreachable) -> None:
    """Raise the error of a batch where nobody waits for its answers and the service may come back.

    A batch that the service refuses is never done again: it would be refused again, and stop all.
    """
    if not awaited and not isinstance(error, ServiceRefused):
        raise error
