"""The recommendations page's questions in SQL: values are bound, rows come back typed."""

from datetime import datetime
from typing import NamedTuple

from dashboards.pages.recommendations.statistics import Sample
from dashboards.trino import Ask

PICKED_FROM = 20
CLICKS_SHOWN = 20
TRENDING = 12


class Step(NamedTuple):
    """What one variant showed in one step of a window: lists, those of which a product was viewed,
    their products, and those clicked on the list.
    """

    at: datetime
    variant: str
    lists: int
    hits: int
    products: int
    clicked: int


class Measured(NamedTuple):
    """One measure of one variant, over visitors."""

    variant: str
    measure: str
    sample: Sample


class Wins(NamedTuple):
    """Visitors who clicked more of what one list gave to the interleaved one than of what the other
    gave: of the session's list, of the popular one, as many of both.
    """

    session: int
    popular: int
    ties: int


class Covered(NamedTuple):
    """How many products a variant has shown; the variant is null for all of them together."""

    variant: str | None
    products: int


class Made(NamedTuple):
    """Lists that one model version made with one fallback: how many, how many degraded, when the
    newest was made, and when the index was built.
    """

    model_name: str
    model_version: str | None
    fallback: str
    lists: int
    degraded: int
    newest: datetime
    built_at: datetime | None


class Trend(NamedTuple):
    """A product in the newest window of an hour: visits with it, views, carts and purchases, and
    visits in the hour before.
    """

    product_id: str
    since: datetime
    until: datetime
    sessions: int
    views: int
    carts: int
    purchases: int
    sessions_before: int


class Recommended(NamedTuple):
    """The newest list of one session, with who made it; the left out are counted per rule."""

    session_id: str
    visitor_id: str
    event_at: datetime
    products: list[str]
    scores: list[float]
    reasons: list[str]
    teams: list[str]
    fallback: str
    variant: str
    left_out: list[int]
    model_name: str
    model_version: str | None
    degraded: bool
    recommended_at: datetime


class Click(NamedTuple):
    """One action of a session."""

    event_at: datetime
    action: str
    product_id: str


NEWEST = """
SELECT max(event_at) FROM gold.recommendations
"""

# What was shown, with how many of its products something was done: a row of the table of outcomes
# is one thing done with one product.
SHOWN = """done AS (
  SELECT exposure_id, count_if(outcome = 'clicked') AS clicked, count_if(outcome = 'viewed') AS viewed,
    count_if(outcome = 'carted') AS carted, count_if(outcome = 'bought') AS bought
  FROM gold.recommendation_outcomes WHERE shown_at >= ? GROUP BY 1
), lists AS (
  SELECT variant, visitor_id, event_at AS shown_at, cardinality(products) AS products,
    coalesce(clicked, 0) AS clicked, coalesce(viewed, 0) AS viewed, coalesce(carted, 0) AS carted,
    coalesce(bought, 0) AS bought
  FROM silver.exposures LEFT JOIN done ON exposure_id = event_id
  WHERE event_at >= ? AND cardinality(products) > 0
)"""

STEPS = f"""
WITH {SHOWN}
SELECT from_unixtime(floor(to_unixtime(shown_at) / ?) * ?), variant,
  count(*), count_if(viewed > 0), sum(products), sum(clicked)
FROM lists GROUP BY 1, 2 ORDER BY 1, 2
"""  # noqa: S608 - a constant of ours

OF_VISITORS = """count(*), sum(trials), sum(successes),
  var_samp(trials), var_samp(successes), covar_samp(trials, successes)"""

OUTCOMES = f"""
WITH {SHOWN}, visitors AS (
  SELECT variant, visitor_id, count(*) AS lists, sum(products) AS products, sum(clicked) AS clicked,
    count_if(viewed > 0) AS viewed, count_if(carted > 0) AS carted, count_if(bought > 0) AS bought
  FROM lists WHERE visitor_id <> '' GROUP BY 1, 2
)
SELECT variant, measure, {OF_VISITORS}
FROM visitors CROSS JOIN UNNEST(
  ARRAY['clicked', 'viewed', 'carted', 'bought'],
  ARRAY[products, lists, lists, lists],
  ARRAY[clicked, viewed, carted, bought]
) AS measures (measure, trials, successes)
GROUP BY 1, 2 ORDER BY 1, 2
"""  # noqa: S608 - constants of ours

# Every session that is over, by the variant its visitor was assigned to, whatever it was shown.
CONVERSIONS = f"""
WITH assigned AS (
  SELECT session_id, visitor_id, variant FROM gold.recommendations WHERE event_at >= ? AND visitor_id <> ''
), ended AS (
  SELECT session_id, bool_or(bought) AS bought FROM gold.sessions WHERE started_at >= ? GROUP BY 1
), visitors AS (
  SELECT variant, visitor_id, count(*) AS trials, count_if(bought) AS successes
  FROM assigned JOIN ended USING (session_id) GROUP BY 1, 2
)
SELECT variant, 'conversion', {OF_VISITORS}
FROM visitors GROUP BY 1 ORDER BY 1
"""  # noqa: S608 - a constant of ours

WINS = """
WITH leads AS (
  SELECT visitor_id, count_if(team = 'session') - count_if(team = 'popular') AS lead
  FROM gold.recommendation_outcomes
  WHERE shown_at >= ? AND variant = 'interleaved' AND outcome = 'clicked' GROUP BY 1
)
SELECT count_if(lead > 0), count_if(lead < 0), count_if(lead = 0) FROM leads
"""

COVERED = """
SELECT variant, count(DISTINCT product_id) FROM silver.exposures CROSS JOIN UNNEST(products) AS shown (product_id)
WHERE event_at >= ? GROUP BY GROUPING SETS ((variant), ())
"""

CATALOGUE = """
SELECT count(*) FROM gold.stock_levels
"""

MADE = """
SELECT model_name, model_version, fallback, count(*), count_if(degraded), max(recommended_at), max(model_built_at)
FROM silver.recommendations WHERE event_at >= ? GROUP BY 1, 2, 3 ORDER BY max(recommended_at) DESC, 4 DESC
"""

TRENDS = f"""
WITH newest AS (
  SELECT max(window_start) AS start FROM gold.item_trends WHERE window_start >= ? AND window_start <= ?
)
SELECT now.product_id, now.window_start, now.window_end, now.sessions, now.views, now.carts, now.purchases,
  coalesce(before.sessions, 0)
FROM gold.item_trends AS now JOIN newest ON now.window_start = newest.start
LEFT JOIN gold.item_trends AS before
  ON before.product_id = now.product_id AND before.window_start = now.window_start - INTERVAL '1' HOUR
WHERE now.window_start >= ? AND now.window_start <= ?
ORDER BY now.sessions DESC, now.views DESC, now.product_id LIMIT {TRENDING}
"""  # noqa: S608 - a constant of ours

CATEGORIES = """
SELECT product_id, max_by(category, event_at)
FROM silver.orders CROSS JOIN UNNEST(items) AS item (item_number, product_id, seller_id, category, quantity, price, freight)
WHERE event_at >= ? AND contains(?, product_id) GROUP BY 1
"""

SESSIONS = f"""
SELECT session_id FROM gold.recommendations
WHERE event_at >= ? AND cardinality(products) > 0 ORDER BY event_at DESC LIMIT {PICKED_FROM}
"""  # noqa: S608 - a constant of ours

LIST = """
SELECT session_id, visitor_id, event_at, products, scores, reasons, teams, fallback, variant, left_out,
  model_name, model_version, degraded, recommended_at
FROM gold.recommendations WHERE session_id = ?
"""

CLICKS = f"""
SELECT event_at, action, product_id FROM silver.clicks
WHERE session_id = ? AND event_at > ? AND event_at <= ? ORDER BY event_at DESC, position DESC LIMIT {CLICKS_SHOWN}
"""  # noqa: S608 - a constant of ours


def newest(ask: Ask) -> datetime | None:
    """Return when the newest click with a list was, null where no list was made yet."""
    return next((at for (at,) in ask(NEWEST)), None)


def steps(ask: Ask, since: datetime, step_s: int) -> list[Step]:
    """Return what was shown since `since` per step and variant, oldest first."""
    return [Step(*row) for row in ask(STEPS, since, since, step_s, step_s)]


def outcomes(ask: Ask, since: datetime) -> list[Measured]:
    """Return, per variant, the shares of lists shown since `since` of which a product was viewed,
    carted or bought, and of products that were clicked on the list.
    """
    return [_measured(*row) for row in ask(OUTCOMES, since, since)]


def conversions(ask: Ask, since: datetime) -> list[Measured]:
    """Return, per variant, the share of sessions begun since `since` and over by now in which
    something was bought.
    """
    return [_measured(*row) for row in ask(CONVERSIONS, since, since)]


def wins(ask: Ask, since: datetime) -> Wins:
    """Return on which of two interleaved lists visitors clicked more."""
    return next((Wins(*row) for row in ask(WINS, since)), Wins(0, 0, 0))


def covered(ask: Ask, since: datetime) -> list[Covered]:
    """Return how many products each variant and all together have shown since `since`."""
    return [Covered(*row) for row in ask(COVERED, since)]


def catalogue(ask: Ask) -> int:
    """Return how many products there are."""
    return next((products for (products,) in ask(CATALOGUE)), 0)


def made(ask: Ask, since: datetime) -> list[Made]:
    """Return who made the lists of clicks since `since`, the newest first."""
    return [Made(*row) for row in ask(MADE, since)]


def trends(ask: Ask, since: datetime, until: datetime) -> list[Trend]:
    """Return the products with the most visits in the newest window that begins between these
    times.
    """
    return [Trend(*row) for row in ask(TRENDS, since, until, since, until)]


def categories(ask: Ask, products: list[str], since: datetime) -> dict[str, str]:
    """Return the categories of those of these products that were ordered since `since`."""
    return dict(map(tuple, ask(CATEGORIES, since, products))) if products else {}


def sessions(ask: Ask, since: datetime) -> list[str]:
    """Return the sessions that got a list last, the newest first."""
    return [session for (session,) in ask(SESSIONS, since)]


def recommended(ask: Ask, session_id: str) -> Recommended | None:
    """Return the newest list of a session, null where it has none."""
    return next((Recommended(*row) for row in ask(LIST, session_id)), None)


def clicks(ask: Ask, session_id: str, after: datetime, until: datetime) -> list[Click]:
    """Return the last actions of a session in a stretch of time, the newest first."""
    return [Click(*row) for row in ask(CLICKS, session_id, after, until)]


def _measured(variant: str, measure: str, *moments: float | None) -> Measured:
    return Measured(variant, measure, Sample(*moments))  # type: ignore[arg-type]
