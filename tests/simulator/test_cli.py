"""What can go wrong on the command line is one clear sentence and an exit code that is not 0."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.base import shutdown
from pipelines.base.errors import ServiceUnreachable, TidemarkError
from pipelines.base.settings import settings
from simulator.cli import DAY_S, app
from simulator.producer import KafkaProducer
from simulator.shop import Shop, events_per_s

pytestmark = pytest.mark.programs


@pytest.fixture
def _signals() -> Iterator[None]:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    shutdown.requested.clear()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--speed", "fast"], "is no speed"),
        (["--duplicates", "2"], "is no share"),
        (["--duration", "soon"], "is no length of time"),
        (["--rate", "0"], "--rate"),
        (["replay-olist"], "--archive"),
    ],
)
def test_a_wrong_option_is_named(arguments: list[str], says: str) -> None:
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert says in result.output


def test_help_names_every_fault_and_command() -> None:
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).output
    for name in ("--rate", "--speed", "--duplicates", "--late", "--corrupt", "--schema-v2-after", "history", "replay-olist"):
        assert name in shown


@pytest.mark.usefixtures("_signals")
@pytest.mark.parametrize("command", [[], ["replay-olist"]])
def test_a_missing_archive_is_named(command: list[str], tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [*command, "--archive", str(tmp_path / "nowhere.zip")])
    assert isinstance(result.exception, TidemarkError)
    assert "nowhere.zip" in str(result.exception)


def test_a_broker_that_is_away_is_one_sentence() -> None:
    with pytest.raises(ServiceUnreachable, match=r"No Kafka broker answers at 127\.0\.0\.1:1: run `make up`"):
        KafkaProducer("127.0.0.1:1")


@pytest.mark.usefixtures("_signals")
def test_sigterm_asks_to_stop() -> None:
    shutdown.on_signals()
    assert not shutdown.requested.wait(0)
    os.kill(os.getpid(), signal.SIGTERM)
    assert shutdown.requested.wait(60)


@pytest.mark.parametrize("share", [0.0, 0.05])
def test_history_has_about_the_orders_a_day_that_were_asked_for(share: float) -> None:
    settings.cache_clear()
    start, days = 1_760_000_000_000_000, 10
    placed = 0
    for event in Shop(7, start, events_per_s(200, share), clicks_share=share, steady=True).events():
        if event.at > start + days * DAY_S * 1_000_000:
            break
        placed += event.topic == "shop.orders" and event.record["version"] == 1
    assert 0.8 < placed / days / 200 < 1.2
