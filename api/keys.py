"""Who may ask, and how often: every key of the settings has an allowance of requests of its own."""

import hashlib
import hmac
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import HTTPException, Security, status
from fastapi.security import APIKeyHeader

from pipelines.base.errors import SettingsError
from pipelines.base.settings import Api

LEAST_LENGTH = 16
HEADER = "X-API-Key"

SCHEME = APIKeyHeader(name=HEADER, auto_error=False)
Key = Annotated[str | None, Security(SCHEME)]  # of a request
SECURITY: list[dict[str, list[str]]] = [{SCHEME.scheme_name: []}]  # as the OpenAPI document has it
Clock = Callable[[], float]


@dataclass
class Allowance:
    """How many requests a key may still make: `per_s` more each second, saved up for one second at
    most.
    """

    per_s: float
    clock: Clock = time.monotonic
    left: float = field(init=False)
    at: float = field(init=False)

    def __post_init__(self) -> None:
        """Begin with a whole second's worth."""
        self.left, self.at = max(self.per_s, 1.0), self.clock()

    def take(self) -> bool:
        """Return whether one more request is allowed now, which is then counted."""
        now = self.clock()
        self.left, self.at = min(self.left + (now - self.at) * self.per_s, max(self.per_s, 1.0)), now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class Keys:
    """The keys that are valid, as digests."""

    def __init__(self, keys: Sequence[str], per_s: float, clock: Clock = time.monotonic) -> None:
        self.allowances = {_digest(key): Allowance(per_s, clock) for key in keys}

    def admit(self, key: str | None) -> None:
        """Count a request of `key`; raises HTTPException 401 for a key that is not valid, 429 when
        it has had its share.
        """
        given = _digest(key or "")
        # Every key is compared, each in constant time, so that how long it takes says nothing of
        # any.
        valid = [allowance for digest, allowance in self.allowances.items() if hmac.compare_digest(digest, given)]
        if not valid:
            raise HTTPException(
                status.HTTP_401_UNAUTHORIZED,
                f"The header {HEADER} is missing or not a valid key: send one of those in TIDEMARK_API__KEYS.",
                {"WWW-Authenticate": "ApiKey"},
            )
        if not valid[0].take():
            raise HTTPException(
                status.HTTP_429_TOO_MANY_REQUESTS,
                f"This key may ask {valid[0].per_s:g} times a second and has done so: wait a second.",
                {"Retry-After": "1"},
            )


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="surrogateescape")).digest()


def keys(api: Api) -> Keys:
    """Return the keys of the settings; raises SettingsError when there are none, or one is short
    enough to be guessed.
    """
    found = [key.strip() for key in api.keys.get_secret_value().split(",") if key.strip()]
    if not found or min(map(len, found)) < LEAST_LENGTH:
        raise SettingsError(
            f"TIDEMARK_API__KEYS must hold one key per shop, separated by commas, each of at least {LEAST_LENGTH} characters: "
            "set it in .env or the environment; `make up` writes a random one where it is missing."
        )
    return Keys(found, api.requests_per_s)
