"""A session by brute force, in plain Python over all of its clicks: what the fold must give."""

from typing import NamedTuple

from pipelines.recommendations.features.session import (
    BOUGHT,
    CART,
    EVENTS,
    GAP_US,
    ITEMS,
    PLACES,
    REMOVED,
    VIEW,
)

SECOND_US = 1_000_000


class Click(NamedTuple):
    at_us: int
    event: int
    product: int
    action: int


class Session(NamedTuple):
    """What a state holds, with lists as long as they are used."""

    last_us: int
    started_s: int
    clicks: int
    events: list[int]
    items: list[tuple[int, int, int]]  # product, second, action
    cart: list[int]
    bought: list[int]


def brute_force(clicks: list[Click]) -> Session:
    """Return a session after all its clicks, in order of arrival."""
    events = _events(clicks)
    visit = _visit(_fresh(clicks))
    items = sorted(
        ((at_us // SECOND_US, number, click) for number, (at_us, click) in enumerate(visit) if click.product),
        key=lambda each: each[:2],
    )[-ITEMS:]
    times = [at_us for at_us, _ in visit]
    return Session(
        max(times, default=0),
        min(times, default=0) // SECOND_US,
        len(visit),
        events,
        [(click.product, at_s, _action(click)) for at_s, _, click in items],
        _cart(visit),
        _newest_first([click.product for _, click in visit if click.action == BOUGHT and click.product]),
    )


def _action(click: Click) -> int:
    return click.action if click.action in (CART, REMOVED, BOUGHT) else VIEW


def _fresh(clicks: list[Click]) -> list[Click]:
    """Return the clicks whose event was not among the last ones before."""
    fresh: list[Click] = []
    seen: list[int] = []
    for click in clicks:
        if click.event == 0 or click.event not in seen[-EVENTS:]:
            fresh.append(click)
            seen += [click.event] if click.event else []
    return fresh


def _events(clicks: list[Click]) -> list[int]:
    return [click.event for click in _fresh(clicks) if click.event][::-1][:EVENTS]


def _visit(clicks: list[Click]) -> list[tuple[int, Click]]:
    """Return the clicks since the session last began anew, each with the time it counts for."""
    visit: list[tuple[int, Click]] = []
    for click in clicks:
        newest = max((at_us for at_us, _ in visit), default=click.at_us)
        if click.at_us - newest > GAP_US:
            visit = []
        visit.append((newest if newest - click.at_us > GAP_US else click.at_us, click))
    return visit


def _newest_first(products: list[int]) -> list[int]:
    return list(dict.fromkeys(products[::-1]))[:PLACES]


def _cart(visit: list[tuple[int, Click]]) -> list[int]:
    """Return the cart: each action changes it unless it is older than all items that were
    remembered then, or a later one on its product was among them.
    """
    cart: list[int] = []
    arrived: list[tuple[int, int, Click]] = []
    for number, (at_us, click) in enumerate(visit):
        if not click.product:
            continue
        arrived = sorted([*arrived, (at_us // SECOND_US, number, click)], key=lambda each: each[:2])[-ITEMS:]
        numbers = [i for _, i, _ in arrived]
        if number not in numbers or _action(click) == VIEW:
            continue
        later = [other for _, _, other in arrived[numbers.index(number) + 1 :]]
        if any(other.product == click.product and _action(other) != VIEW for other in later):
            continue
        cart = [product for product in cart if product != click.product]
        cart = [click.product, *cart][:PLACES] if click.action == CART else cart
    return cart
