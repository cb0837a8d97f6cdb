"""Whether a server can be the online store: it may drop no key by itself, and every key must lie in
it.
"""

from typing import Any

from pipelines.base import logs
from pipelines.base.errors import ServiceUnreachable, SettingsError
from pipelines.base.settings import Valkey
from pipelines.online_store.client import Client

log = logs.get(__name__)
NEVER_DROPS = "noeviction"


def require_suitable(server: Valkey) -> None:
    """Raise SettingsError where the server may drop keys or is one of a cluster; what it does not
    say, or cannot now, is a warning.
    """
    with Client(server) as client:
        try:
            # By INFO, which stores that somebody else runs answer too; CONFIG they do not.
            with client.doing("ask how the online store is set up"):
                facts = {**client.reader.info("memory"), **client.reader.info("cluster")}
        except ServiceUnreachable as error:
            log.warning("online_store_not_checked", why=str(error))
            return
        _require(facts, client.place)


def _require(facts: dict[str, Any], place: str) -> None:
    if facts.get("cluster_enabled"):
        raise SettingsError(
            f"The online store at {place} is in cluster mode, in which the keys of one command lie in different servers: "
            "name in [valkey] one that is not, a primary with as many replicas as you like."
        )
    policy = facts.get("maxmemory_policy")
    if policy is None:
        log.warning("online_store_not_checked", why=f"the server at {place} does not say its maxmemory-policy")
    elif policy != NEVER_DROPS:
        raise SettingsError(
            f"The online store at {place} has the maxmemory-policy {policy}, with which it drops cards and models to make "
            f"room, and such cards would count as new: set it to {NEVER_DROPS}."
        )
