"""Let the newest index become the champion if it passes the gate, or make a version the champion by
hand.
"""

from typing import Annotated

import typer

from pipelines.base import exits
from pipelines.base.settings import settings
from pipelines.gold import sessions
from pipelines.lake import arrow
from pipelines.models.registry import ModelRegistry
from pipelines.recommendations import building, promotion

NAME = "promote_recommendations"


def promote(registry: ModelRegistry) -> None:
    """Compare challenger and champion on the newest sessions."""
    wanted = settings().recommendations
    with arrow.open_catalogue() as lake:
        past = building.past(lake)
        newest = building.gathered(past, wanted.learn_from_sessions, settings().ids.none)
    promotion.decide(registry, wanted.model_name, newest, {sessions.TABLE.name: str(past.snapshot_id)})


def main(
    to: Annotated[
        str | None, typer.Option(help="Make this version the champion without comparing, such as an earlier one.")
    ] = None,
) -> None:
    """Promote the challenger, or refuse it: both are logged, tagged in MLflow, and end with exit
    code 0.
    """
    with exits.in_words(NAME):
        registry = ModelRegistry(settings().mlflow)
        if to is None:
            promote(registry)
        else:
            promotion.set_champion(registry, settings().recommendations.model_name, to)


if __name__ == "__main__":
    typer.run(main)
