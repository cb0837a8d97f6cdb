"""Answers to the recommendations page's tiles, tables and sentences. Pure: no IO, no clock."""

from datetime import datetime
from typing import Any

import dash_mantine_components as dmc

from dashboards.cache import Answer
from dashboards.look import formats, messages, products, tables
from dashboards.look.cards import tile
from dashboards.look.tables import Cell, Filled, Row
from dashboards.pages.recommendations import comparison, statistics
from dashboards.pages.recommendations.board import Coverage, Dated, Experiment, Trending
from dashboards.pages.recommendations.comparison import MEASURES, Compared, named
from dashboards.pages.recommendations.queries import Made, Trend, Wins
from dashboards.pages.recommendations.statistics import Sample

TONES = {"better": "good", "worse": "bad", "no difference": "calm", "undecided": "idle"}
NEXT = ("session", "popular")
# What is missing where lists were made once.
NONE_SHOWN = "Lists are made, and none was shown: does the shop send `shop.exposures`?"
NONE_MADE = "No list was made in the last hour."
NO_TREND = "No product was clicked five times in an hour of the last 24."
FEW_BEFORE = "few before"  # gold.item_trends has no rows of a few clicks


def tiles(experiment: Experiment | None, coverage: Coverage | None, made: list[Made], now: datetime) -> list[dmc.Paper]:
    """Return the page's large numbers; a number that is not known is a dash."""
    measured = samples(experiment)
    return [
        _share_tile("Hit rate", measured, "viewed", experiment),
        _click_through_tile(measured, experiment),
        _conversion_tile(experiment, measured),
        _coverage_tile(coverage),
        _index_tile(made, now),
        _lists_tile(made),
    ]


def variants(answer: Answer[Dated[Experiment] | None], coverage: Coverage | None) -> Filled:
    """Return what each variant brought, with intervals."""
    measured = samples(answer.rows.found if answer.rows else None)
    found = {variant for variant, _ in measured}
    known = [variant for variant in comparison.VARIANTS if variant in found]
    shown = {one.variant: one.products for one in coverage.covered} if coverage else {}
    rows = [_variant(variant, measured, _part(shown.get(variant), coverage)) for variant in [*known, *sorted(found - {*known})]]
    return tables.filled(rows, answer, _nothing(answer, NONE_SHOWN))


def comparisons(answer: Answer[Dated[Experiment] | None]) -> Filled:
    """Return every planned comparison with its verdict."""
    found = answer.rows.found if answer.rows else None
    rows = [_comparison(one) for one in comparison.compared(found.measured, found.wins)] if found else []
    return tables.filled(rows, answer, _nothing(answer, NONE_SHOWN))


def rule(experiment: Experiment | None) -> str:
    """Return when a comparison is decided, and what is counted of interleaved lists."""
    return (
        "Stopping rule: each interval holds at all times at once (mixture sequential probability ratio test, Johari et al., "
        f"KDD 2017), so look and stop whenever you like; all {len(comparison.PLANNED)} together are wrong in at most "
        f"{formats.percent(statistics.ALPHA, 0)} of experiments. Better is what lies above 0 as a whole; no difference, what "
        f"lies within the tolerance. Nothing is decided before {statistics.FEWEST_VISITORS} visitors and "
        f"{statistics.FEWEST_SUCCESSES} successes on each side. {_counted(experiment.wins) if experiment else ''}"
    ).strip()


def trending(answer: Answer[Dated[Trending] | None]) -> list[Any]:
    """Return the products with the most visits as tiles, under what is wrong if anything is."""
    wrong = messages.notice(answer)
    found = answer.rows.found if answer.rows else None
    if not found or not found.trends:
        return [wrong or _nothing(answer, NO_TREND)]
    return [wrong, products.tiles([_trend(one, found.categories.get(one.product_id)) for one in found.trends])]


def trending_hour(answer: Answer[Dated[Trending] | None]) -> str:
    """Return the hour of which the trends are."""
    trends = answer.rows.found.trends if answer.rows else []
    return f"{trends[0].since:%H:%M} to {trends[0].until:%H:%M} UTC" if trends else ""


def made(answer: Answer[Dated[list[Made]] | None]) -> Filled:
    """Return who made the lists of the last hour, the newest index first."""
    rows = answer.rows.found if answer.rows else []
    lists = sum(row.lists for row in rows)
    return tables.filled([_made(row, lists) for row in rows], answer, _nothing(answer, NONE_MADE))


def samples(experiment: Experiment | None) -> dict[tuple[str, str], Sample]:
    """Return what was measured by variant and measure."""
    return {(one.variant, one.measure): one.sample for one in experiment.measured} if experiment else {}


def ranged(sample: Sample | None) -> Cell:
    """Return a share in percent with its interval: "4.1 % (3.5-4.8)"."""
    between = statistics.interval(sample) if sample else None
    if sample is None or sample.share is None or between is None:
        return tables.cell(None, formats.NOTHING)
    low, high = (f"{100 * end:.1f}" for end in between)
    title = f"{formats.count(sample.successes)} of {formats.count(sample.trials)}, {formats.count(sample.visitors)} visitors"
    return tables.cell(sample.share, f"{formats.percent(sample.share)} ({low}\u2013{high})", title)


def _nothing(answer: Answer[Any], sentence: str) -> Any:
    return messages.nothing("lists") if answer.rows is None else messages.empty(sentence)


def _share_tile(label: str, measured: dict[tuple[str, str], Sample], measure: str, experiment: Experiment | None) -> dmc.Paper:
    ours, rival = (measured.get((variant, measure)) for variant in NEXT)
    note = f"popular: {formats.percent(rival.share)}" if rival else "nothing popular was shown" if experiment else ""
    return tile(f"{label}, session's lists", formats.percent(ours.share if ours else None), note)


def _click_through_tile(measured: dict[tuple[str, str], Sample], experiment: Experiment | None) -> dmc.Paper:
    clicks, views = (sum(one.successes for (_, each), one in measured.items() if each == of) for of in ("clicked", "viewed"))
    if views and not clicks:
        return tile("Click-through, session's lists", formats.NOTHING, "no click names its list (exposure_id)")
    return _share_tile("Click-through", measured, "clicked", experiment)


def _conversion_tile(experiment: Experiment | None, measured: dict[tuple[str, str], Sample]) -> dmc.Paper:
    ours = measured.get(("session", "conversion"))
    label = "Conversion, session's lists"
    if ours is None or experiment is None:
        return tile(label, formats.NOTHING, "no session with a list is over yet" if experiment else "")
    first = comparison.compared(experiment.measured, experiment.wins)[0]
    return tile(label, formats.percent(ours.share), f"against popular: {first.verdict}", TONES[first.verdict])


def _coverage_tile(coverage: Coverage | None) -> dmc.Paper:
    shown = {one.variant: one.products for one in coverage.covered} if coverage else {}
    ours, rival = (formats.percent(_part(shown.get(variant), coverage)) for variant in NEXT)
    note = f"popular: {rival}" if shown else "no lists were shown" if coverage else ""
    return tile("Catalogue shown, last 24 h", ours, note)


def _index_tile(made: list[Made] | None, now: datetime) -> dmc.Paper:
    label = "Index, version"
    if not made:
        return tile(label, formats.NOTHING, "" if made is None else "no lists in the last hour")
    newest = made[0]
    built = f"built {formats.ago(newest.built_at, now)}" if newest.built_at else "when it was built is not known"
    return tile(label, newest.model_version or "none yet", built if newest.model_version else "lists are empty until then")


def _lists_tile(made: list[Made] | None) -> dmc.Paper:
    if made is None:
        return tile("Lists, last hour", formats.NOTHING)
    lists, degraded = sum(row.lists for row in made), sum(row.degraded for row in made)
    note = f"{formats.percent(degraded / lists, 2)} degraded" if lists else ""
    return tile("Lists, last hour", formats.count(lists), note, "late" if degraded else "")


def _variant(variant: str, measured: dict[tuple[str, str], Sample], shown: float | None) -> Row:
    held = {measure: measured.get((variant, measure)) for measure in ("conversion", "viewed", "carted", "bought")}
    sessions, lists = (sample.trials if sample else 0 for sample in (held["conversion"], held["viewed"]))
    covered = tables.cell(None, formats.NOTHING) if shown is None else tables.ratio(shown, 1)
    return tables.row(
        variant,
        variant=tables.cell(named(variant), named(variant)),
        sessions=tables.count(sessions),
        lists=tables.count(lists),
        coverage=covered,
        **{measure: ranged(sample) for measure, sample in held.items()},
    )


def _comparison(one: Compared) -> Row:
    planned, found = one.planned, one.difference
    low, high = found.interval if found else (None, None)
    measure, meaning = MEASURES[planned.measure]
    between = f"{named(planned.rival)}: {measure}"
    interval = formats.NOTHING if low is None or high is None else f"{100 * low:+.1f} to {100 * high:+.1f}"
    words = _verdict(one)
    return tables.row(
        between,
        measure=tables.cell(between, between, f"Against {between}, {meaning}"),
        difference=tables.cell(found.value, f"{100 * found.value:+.2f}") if found else tables.cell(None, formats.NOTHING),
        interval=tables.cell(low, interval, "percentage points"),
        verdict={**tables.cell(one.verdict, words, words), "tone": TONES[one.verdict]},
    )


def _counted(wins: Wins) -> str:
    if not any(wins):
        return ""
    session, popular, ties = map(formats.count, wins)
    return (
        f"Of interleaved lists {session} visitors clicked more that the session gave, {popular} more that is popular, "
        f"{ties} as much of both."
    )


def _verdict(one: Compared) -> str:
    planned = one.planned
    words = {
        "better": f"{named(planned.ours)} is better",
        "worse": f"{named(planned.rival)} is better",
        "no difference": f"no difference > {100 * planned.tolerance:g} points",
    }
    return words.get(one.verdict, one.verdict)


def _trend(row: Trend, category: str | None) -> dmc.Paper:
    change = formats.change(row.sessions, row.sessions_before) or FEW_BEFORE
    sessions, views, carts, purchases = map(formats.count, (row.sessions, row.views, row.carts, row.purchases))
    note = f"{change}; {views} views, {carts} carts, {purchases} bought"
    return products.tile(row.product_id, category, f"{sessions} visits", note)


def _made(row: Made, lists: int) -> Row:
    model = f"{row.model_name} {row.model_version or '(none yet)'}"
    return tables.row(
        f"{model} {row.fallback}",
        model=tables.cell(model, model),
        fallback=tables.cell(row.fallback, formats.words(row.fallback)),
        lists=tables.count(row.lists),
        share=tables.ratio(row.lists / lists, 1),
        degraded=tables.ratio(row.degraded / row.lists, 1),
    )


def _part(shown: int | None, coverage: Coverage | None) -> float | None:
    return shown / coverage.catalogue if shown is not None and coverage and coverage.catalogue else None
