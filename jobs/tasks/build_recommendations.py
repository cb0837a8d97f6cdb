"""Build an index of the newest sessions and register it: the first as champion, later ones as
challengers.
"""

from typing import Annotated

import typer
from pyiceberg.catalog.sql import SqlCatalog

from pipelines.base import exits, logs
from pipelines.base.settings import settings
from pipelines.gold import sessions, stock_levels
from pipelines.lake import arrow
from pipelines.models.registry import ModelRegistry
from pipelines.recommendations import building, promotion, versions
from pipelines.recommendations.catalogue import catalogue
from pipelines.recommendations.model.options import Options
from pipelines.silver import clicks, orders
from pipelines.streaming import aggregated

NAME = "build_recommendations"

log = logs.get(__name__)


def build(lake: SqlCatalog, registry: ModelRegistry, incremental: bool, promote: bool) -> None:
    """Build an index of what gold.sessions has, and register it."""
    wanted, options = settings().recommendations, Options()
    before = versions.newest(registry, wanted.model_name) if incremental else None
    past = building.past(lake)
    learned, unseen = building.parts(building.gathered(past, wanted.learn_from_sessions, settings().ids.none, before))
    ordered, held = building.ordered(arrow.find(lake, orders.TABLE)), building.held(arrow.find(lake, stock_levels.TABLE))
    index = building.built(learned, unseen, catalogue(learned.products, ordered, held, wanted.gone_after_days), options)
    version = versions.register(registry, wanted.model_name, index, options, past)
    log.info("model_registered", version=version, incremental=before is not None, **index.metrics)
    promotion.take_up(registry, wanted.model_name, version, at_once=promote)


def is_needed(registry: ModelRegistry) -> bool:
    """Return whether no champion of today's format is registered, and log it where one is."""
    name = settings().recommendations.model_name
    version = promotion.champion_of_todays_format(registry, name)
    if version is not None:
        log.info("no_index_needed", model=name, champion=version)
    return version is None


def main(
    incremental: Annotated[
        bool, typer.Option("--incremental", help="Read only the sessions that have ended since the last version was built.")
    ] = False,
    promote: Annotated[bool, typer.Option("--promote", help="Make it the champion at once, whatever serves now.")] = False,
    if_needed: Annotated[
        bool,
        typer.Option("--if-needed", help="Only where there is no champion of today's format, once all clicks so far are in."),
    ] = False,
) -> None:
    """Build an index; jobs/tasks/promote_recommendations.py decides whether a challenger becomes
    the champion.
    """
    with exits.in_words(NAME):
        registry = ModelRegistry(settings().mlflow)
        if if_needed and not is_needed(registry):
            return
        with arrow.open_catalogue() as lake:
            if if_needed:
                aggregated.wait(lake, clicks.TABLE, sessions.TABLE)
            build(lake, registry, incremental, promote)


if __name__ == "__main__":
    typer.run(main)
