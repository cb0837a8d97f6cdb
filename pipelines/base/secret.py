"""What is no secret: nothing at all, and what stands in an example until somebody has chosen."""

import re

from pydantic import SecretStr
from pydantic_core import PydanticCustomError

# What examples write where a secret belongs: change-me-first, CHANGEME, <password>, your_password.
PLACEHOLDER = re.compile(
    r"(change|replace|fill|insert|set|put|enter|choose)[\W_]*(me|this|it|here|your)(?![a-z])"
    r"|your[\W_]"
    r"|<.*>$|\$?\{.*\}$|\[.*\]$"
    r"|(placeholder|example|todo|tbd|fixme|dummy|secret|password|x{3,}|\*{3,}|\.{3,})$",
    re.IGNORECASE,
)


def is_placeholder(secret: str) -> bool:
    """Return whether a text was written to be replaced by a secret."""
    return PLACEHOLDER.match(secret.strip()) is not None


def no_placeholder(secret: SecretStr) -> SecretStr:
    """Return a secret, or several with commas between; raises PydanticCustomError for a
    placeholder, without showing it.
    """
    if any(map(is_placeholder, secret.get_secret_value().split(","))):
        raise PydanticCustomError("placeholder", "is still the placeholder of an example, choose a secret")
    return secret


def no_blank(secret: SecretStr) -> SecretStr:
    """Return a secret; raises PydanticCustomError where it is blank."""
    if not secret.get_secret_value().strip():
        raise PydanticCustomError("blank_secret", "is empty, choose a secret, or leave it out and run make up")
    return secret
