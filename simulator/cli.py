"""The simulator's command line."""

import gc
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from pipelines.base import logs, shutdown
from simulator import offer_feed, sender, snapshot
from simulator.event import Event
from simulator.faults import Shares
from simulator.offer_journal import OfferJournal
from simulator.pace import DRIFT_S, MICROS, Clock, Events, SteadyTime, bulk, micros, paced
from simulator.progress_bar import with_progress
from simulator.quantities import seconds, share, speed
from simulator.sender import Options, Sender
from simulator.shop import Catalogue, events_per_s

log = logs.get(__name__)
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
DAY_S = 86_400
LONGEST_PAST_S = 30 * DAY_S
# A past ends a little before now, so that its last event does not lie in the future.
LAST_MINUTE_S = 60.0
# Lists that come into view for each other event, where a recommender makes them: 62 beside 208 a
# second in the demo.
LISTS_PER_EVENT = 0.3

Seed = Annotated[int, typer.Option(help="The same seed gives the same shop and the same faults.")]
Speed = Annotated[float, typer.Option(parser=speed, metavar="xN", help="How fast the simulated clock runs.")]
Duration = Annotated[
    float, typer.Option(parser=seconds, metavar="10m", help="Stop after so much real time.", show_default="until Ctrl-C")
]
Catalogued = Annotated[Path | None, typer.Option("--archive", help="Kaggle's olist.zip: sell Olist's own products.")]
Duplicates = Annotated[
    float, typer.Option(parser=share, metavar="1%", help="Share of events sent twice, same bytes.", show_default="0%")
]
Late = Annotated[
    float, typer.Option(parser=share, metavar="2%", help="Share of events sent minutes after they happened.", show_default="0%")
]
Corrupt = Annotated[
    float,
    typer.Option(parser=share, metavar="0.1%", help="Share of events followed by an unreadable record.", show_default="0%"),
]
NewestAfter = Annotated[
    float,
    typer.Option(
        "--schema-v2-after", parser=seconds, metavar="10m", help="Write with the first schemas so long.", show_default="at once"
    ),
]
LedgerFile = Annotated[Path | None, typer.Option("--ledger", help="Write what was sent, counted by topic, to this JSON file.")]
FOREVER = float("inf")


@app.callback(invoke_without_command=True)
def live(
    context: typer.Context,
    rate: Annotated[
        float, typer.Option(min=0.01, help="Events per simulated second, with the lists of a recommender that runs.")
    ] = 200.0,
    steady: Annotated[bool, typer.Option("--steady", help="As busy at night as by day, whatever the season.")] = False,
    speed: Speed = 1.0,
    duration: Duration = FOREVER,
    seed: Seed = 7,
    archive: Catalogued = None,
    duplicates: Duplicates = 0.0,
    late: Late = 0.0,
    corrupt: Corrupt = 0.0,
    newest_after: NewestAfter = 0.0,
    ledger: LedgerFile = None,
    lists: Annotated[bool, typer.Option(help="Show visitors the lists that the recommender makes for them.")] = True,
) -> None:
    """Run one coherent shop and send what happens in it to Kafka; it goes on where the last run of
    its seed stopped.

    After a run that was killed it first sends again, as copies, what that run may have sent since
    the shop was last saved.

    At speed x1 every event leaves at the moment it happens. A faster clock starts in the past (30
    days ago, or as long ago as the duration makes up for) and runs at x1 once it has caught up with
    the present.
    """
    if context.invoked_subcommand:
        return
    shutdown.on_signals()
    catalogue = _catalogue(archive)
    options = Options(Shares(duplicates, late, corrupt), seed, newest_after, ledger)
    with sender.opened(options) as out, snapshot.alone(seed):
        _finish(out, seed, catalogue)
        if shutdown.requested.is_set():
            return
        with _offers(seed, lists) as offers:
            _run(out, seed, offers, rate=rate, steady=steady, speed=speed, duration=duration, catalogue=catalogue)


@contextmanager
def _offers(seed: int, lists: bool) -> Iterator[OfferJournal | None]:
    """Yield the lists to show, written down as they are shown, or None where none are."""
    if not lists:
        yield None
        return
    with offer_feed.running() as newest, closing(OfferJournal(newest, snapshot.journal(seed))) as journal:
        yield journal


def _run(
    out: Sender,
    seed: int,
    offers: OfferJournal | None,
    *,
    rate: float,
    steady: bool,
    speed: float,
    duration: float,
    catalogue: Catalogue | None,
) -> None:
    """Send what happens in the shop of this seed until it is time to stop, and save it."""
    real_time = SteadyTime()
    began = real_time.now()
    own_rate = rate_of_shop(rate, shows_lists=offers is not None)
    shop = snapshot.opened(seed, micros(began - _past(speed, duration)), own_rate, catalogue, steady, offers)
    after_save = offers.begin_anew if offers else lambda: None
    saver = snapshot.Saver(seed, shop, out.settled, shutdown.requested.is_set, speed=speed, after_save=after_save)
    log.info("shop_open", rate=rate, speed=speed, seed=seed)
    if (early := shop.start / MICROS - began) > DRIFT_S:
        reason = "so far the shop had come when it was saved; more than minutes: the host's clock was set back"
        log.info("shop_opens_later", seconds=round(early, 1), reason=reason)
    clock = Clock(shop.start, speed, real_time.now, began)
    _send(out, saver.covered(paced(shop.events, clock, duration, shutdown.requested.wait)), clock)
    out.flush()
    snapshot.save(seed, shop)


def rate_of_shop(rate: float, *, shows_lists: bool) -> float:
    """Return how many events a second leave room for the lists that are shown beside them."""
    return rate / (1 + LISTS_PER_EVENT) if shows_lists else rate


@app.command()
def history(
    days: Annotated[float, typer.Option(min=0.01, help="How many days back the shop opened.")] = 30.0,
    orders_per_day: Annotated[float, typer.Option(min=0.01, help="Orders a day in the long run.")] = 400.0,
    clicks_share: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of visits whose clicks are sent.")] = 0.05,
    seed: Seed = 7,
    archive: Catalogued = None,
    newest_after: NewestAfter = 0.0,
    ledger: LedgerFile = None,
) -> None:
    """Send a simulated past that ends now, as fast as it goes; a live run goes on from there.

    One that was cut short is finished. A shop of this seed that is open already has its past, and
    nothing is sent.
    """
    shutdown.on_signals()
    catalogue = _catalogue(archive)
    options = Options(seed=seed, newest_schemas_after_s=newest_after, ledger=ledger)
    with sender.opened(options) as out, snapshot.alone(seed):
        if snapshot.path(seed).is_file():
            log.warning("shop_is_open_already", seed=seed, action="only what its past lacks is sent; try another --seed")
            _finish(out, seed, catalogue)
            return
        end = micros(time.time() - LAST_MINUTE_S)
        start, rate = end - micros(days * DAY_S), events_per_s(orders_per_day, clicks_share)
        _send_past(out, seed, snapshot.Unfinished(snapshot.new(seed, start, rate, catalogue, clicks_share), end))


@app.command()
def replay_olist(
    archive: Annotated[Path, typer.Option(help="Kaggle's olist.zip.")],
    speed: Speed = 1000.0,
    duration: Duration = FOREVER,
    seed: Seed = 7,
    duplicates: Duplicates = 0.0,
    late: Late = 0.0,
    corrupt: Corrupt = 0.0,
    newest_after: NewestAfter = 0.0,
    ledger: LedgerFile = None,
) -> None:
    """Send Olist's 99,441 real orders of 2016 to 2018, status by status, with payments and reviews,
    in their time order.
    """
    from simulator.replay_olist import OlistReplay  # pandas is wanted only here

    shutdown.on_signals()
    events = OlistReplay.of(archive).events()
    with sender.opened(Options(Shares(duplicates, late, corrupt), seed, newest_after, ledger)) as out:
        first = next(events)
        clock = Clock(first.at, speed, SteadyTime().now)
        _send(out, paced(Events(chain([first], events)), clock, duration, shutdown.requested.wait), clock)


def _catalogue(archive: Path | None) -> Catalogue | None:
    """Return Olist's own catalogue where an archive is given; without one the shop invents its
    own.
    """
    if archive is None:
        return None
    from simulator.shop.olist import read_catalogue  # pandas is wanted only here

    return read_catalogue(archive)


def _past(speed: float, duration: float) -> float:
    """Return how many seconds ago the shop opens: none, or as long as it takes a fast clock to end
    about now.
    """
    return min(duration * speed, LONGEST_PAST_S) if speed > 1 else 0.0


def _finish(out: Sender, seed: int, catalogue: Catalogue | None) -> None:
    """Send what a run that was cut short may have sent since the shop was saved, or still had to
    send.
    """
    unfinished = snapshot.unfinished(seed, micros(time.time()), catalogue)
    if unfinished:
        log.info("run_was_cut_short", seed=seed, action="what it may have sent since the shop was saved is sent again")
        _send_past(out, seed, unfinished)
        del unfinished
        # Its parts refer to each other, and the next shop takes as much memory.
        gc.collect()


def _send_past(out: Sender, seed: int, unfinished: snapshot.Unfinished) -> None:
    """Send a shop's events up to a moment in bulk, and save the shop at the end, or where the
    process was asked to stop.
    """
    shop, until = unfinished
    saver = snapshot.Saver(seed, shop, out.settled, shutdown.requested.is_set, until=until)
    batches = saver.covered(bulk(shop.events, until, shutdown.requested.wait))
    out.send(with_progress(batches, shop.start, until), shop.start, lambda event: None)
    out.flush()
    snapshot.save(seed, shop, until if shutdown.requested.is_set() else 0)


def _send(out: Sender, batches: Iterable[list[Event]], clock: Clock) -> None:
    out.send(batches, clock.start, sender.reporting(out.ledger, clock.behind))
