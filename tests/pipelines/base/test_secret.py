"""Placeholders of examples are no secrets, however they are written; secrets are left alone."""

import secrets

import pytest

from pipelines.base.secret import is_placeholder

PLACEHOLDERS = [
    *("change-me-first", "change-me-at-first", "changeme", "CHANGE_ME", "ChangeIt", "change this", " change-me ", "change.me!"),
    *("replace-me", "<password>", "${PASSWORD}", "your-password-here", "YOUR_SECRET", "placeholder", "example", "TODO"),
    *("password", "xxxxxxxx", "********", "...", "set-me", "insert here"),
]
CHOSEN = [
    "changing-of-the-guard",
    "settler of worlds",
    "yourself",
    "passwords are long",
    "xx-1",
    "an-example-of-ours",
    "put-in-bay",
]


@pytest.mark.parametrize("text", PLACEHOLDERS)
def test_a_placeholder_is_found(text: str) -> None:
    assert is_placeholder(text)


@pytest.mark.parametrize("text", CHOSEN)
def test_what_somebody_chose_is_none(text: str) -> None:
    assert not is_placeholder(text)


def test_a_random_secret_is_none() -> None:
    assert not any(is_placeholder(secrets.token_urlsafe(24)) for _ in range(1000))
