"""A watch goes on looking, whatever becomes of a look."""

import threading

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
