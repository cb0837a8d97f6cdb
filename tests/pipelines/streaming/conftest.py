"""What the tests of running queries share."""

import threading
from collections.abc import Iterator

import pytest


@pytest.fixture
def stopping() -> Iterator[threading.Event]:
    """What asks a test's queries to stop, at its end at the latest."""
    event = threading.Event()
    yield event
    event.set()
