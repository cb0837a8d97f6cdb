"""A watch goes on looking, whatever becomes of a look."""

import threading

from structlog.testing import capture_logs

from pipelines.models.watch import Watch


def test_a_look_that_fails_in_a_way_that_nobody_foresaw_is_followed_by_the_next() -> None:
    stopping, looks = threading.Event(), []

    def look() -> None:
        looks.append(len(looks))
        if len(looks) == 1:
            raise KeyError("unforeseen")
        stopping.set()

    watch = Watch("champion", look, 0.001, stopping)
    watch.start()
    watch.thread.join(10)
    assert looks == [0, 1]


def test_what_nobody_foresaw_is_logged_once_in_a_row_and_again_when_it_comes_back() -> None:
    failures = iter([OSError(28, "No space"), OSError(28, "No space"), KeyError("other"), None, KeyError("other")])

    def look() -> None:
        if error := next(failures):
            raise error

    watch = Watch("champion", look, 1.0, threading.Event())
    with capture_logs() as logs:
        for _ in range(5):
            watch.look_once()
    assert [(line["watch"], repr(line["exc_info"])) for line in logs] == [
        ("champion", "OSError(28, 'No space')"),
        ("champion", "KeyError('other')"),
        ("champion", "KeyError('other')"),
    ]
