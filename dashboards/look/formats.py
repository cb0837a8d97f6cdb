"""Values as readers want them: short ages, amounts, counts, ids."""

from datetime import datetime
from decimal import Decimal

SYMBOLS = {"BRL": "R$", "EUR": "€", "GBP": "£", "USD": "$"}
NOTHING = "—"
SHOWN_OF_ID = 8


def age(seconds: float) -> str:
    """Return how long ago in one unit: "2 s", "5 min", "3 h", "4 d"; clocks that run ahead count as
    0.
    """
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"


def ago(at: datetime | None, now: datetime) -> str:
    """Return "2 s ago"; "ahead" where the time lies in the future, as with an accelerated shop
    clock.
    """
    if at is None:
        return NOTHING
    seconds = (now - at).total_seconds()
    return f"{age(-seconds)} ahead" if seconds < -60 else f"{age(seconds)} ago"


def amount(value: Decimal, currency: str) -> str:
    """Return an amount with its cents: "R$ 1,234.50"."""
    return f"{SYMBOLS.get(currency, currency)} {value:,.2f}".strip()


def rounded(value: Decimal | float, currency: str) -> str:
    """Return a large amount without cents: "R$ 1,234"."""
    return f"{SYMBOLS.get(currency, currency)} {value:,.0f}".strip()


def count(value: int | None) -> str:
    """Return a count with separators, from a million on in millions."""
    if value is None:
        return NOTHING
    return f"{value / 1e6:,.2f} M" if value >= 1_000_000 else f"{value:,}"


def percent(ratio: float | None, digits: int = 1) -> str:
    """Return a ratio as percent: "2.4 %"."""
    return NOTHING if ratio is None else f"{100 * ratio:.{digits}f} %"


def milliseconds(value: float | None) -> str:
    """Return a duration in milliseconds, from ten seconds on in seconds."""
    if value is None:
        return NOTHING
    return f"{value:,.0f} ms" if value < 10_000 else f"{value / 1000:,.0f} s"


def short(identifier: str) -> str:
    """Return the last characters of an id, which tell rows apart where the first are a prefix that
    all share.
    """
    return identifier if len(identifier) <= SHOWN_OF_ID + 1 else f"…{identifier[-SHOWN_OF_ID:]}"


def words(name: str) -> str:
    """Return a machine's name as words: "amount_above_usual" is "amount above usual"."""
    return name.replace("_", " ")


def change(new: float, old: float) -> str | None:
    """Return "▲ 4 %" or "▼ 12 %" against the time before, nothing where there was too little to
    compare.
    """
    if old <= 0:
        return None
    ratio = new / old - 1
    return f"{'▲' if ratio >= 0 else '▼'} {abs(100 * ratio):.0f} %"
