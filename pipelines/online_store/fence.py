"""Writes that belong to a numbered step of something, and change nothing once a later step has
begun to write.

Who is cut off does not know it: a task that was given up and goes on, or a driver whose successor
runs already, may write at any moment, between two commands of those who have gone on without it.
So the server compares, in the same step in which it writes.
"""

from collections.abc import Mapping, Sequence

import valkey

from pipelines.online_store.client import Client

# Returns 1 behind a later step, having touched the fence: who watches it then writes nothing.
TOUCH_IF_LATE = """
local last = redis.call('GET', KEYS[1])
if not last or tonumber(last) <= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], last)
return 1
"""
Command = tuple[str | int | None, ...]

TRIES = 5  # each fails only where another task has begun to write in the same moment


def written(
    client: Client, fence: str, number: int, values: Mapping[str, bytes], *, begins: bool, expire_s: int | None = None
) -> bool:
    """Write values in one round trip, and return whether: not where a later step than `number` has
    begun to write by the key `fence`. A step `begins` with the first values that it writes. After
    `expire_s` seconds the server forgets them.
    """
    expiring = [("EXPIRE", key, expire_s) for key in values] if expire_s else []
    return client.writing(lambda: _tried(client, fence, number, values, expiring, begins=begins))


def _tried(
    client: Client, fence: str, number: int, values: Mapping[str, bytes], expiring: Sequence[Command], *, begins: bool
) -> bool:
    for _ in range(TRIES):
        try:
            is_late, done = _outcome(client, fence, number, values, expiring, begins=begins)
        except valkey.WatchError:
            continue  # the connection was lost while the fence was watched
        if is_late or done is not None:
            return not is_late
    raise valkey.TimeoutError(f"others began to write by {fence} in the same moments, {TRIES} times")


def _outcome(
    client: Client, fence: str, number: int, values: Mapping[str, bytes], expiring: Sequence[Command], *, begins: bool
) -> tuple[bool, object]:
    """Return whether the step is late, and what the transaction has done, None for nothing.

    A script that wrote the values itself would copy each of them twice, and take three times as
    long. The library would wait for the answer to WATCH; this sends all of it at once.
    """
    pipe = client.writer.pipeline(transaction=False)
    for command in (
        ("WATCH", fence),
        ("EVAL", TOUCH_IF_LATE, 1, fence, number),
        ("MULTI",),
        # Only once, because it stops what others write of the same step in that moment.
        *([("SET", fence, number)] if begins else []),
        ("MSET", *(part for pair in values.items() for part in pair)),
        *expiring,
        ("EXEC",),
    ):
        pipe.pipeline_execute_command(*command)
    _, is_late, *_, done = pipe.execute()
    return bool(is_late), done
