"""Who may do what in Trino, as files: private, complete, and made again only where they must be."""

import base64
import hashlib
import hmac
import json
import os
import re
import stat
from pathlib import Path

import pytest
from cryptography import x509

from pipelines.base.errors import SettingsError
from pipelines.base.settings import read, settings
from stack import trino_access

pytestmark = pytest.mark.usefixtures("state")


def folder() -> Path:
    return trino_access.certificate().parent


def test_every_file_is_private_and_a_second_time_the_same() -> None:
    trino_access.write(settings())
    before = {file.name: file.read_bytes() for file in folder().iterdir()}
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder().iterdir()} == {0o600}
    trino_access.write(settings())
    assert {file.name: file.read_bytes() for file in folder().iterdir()} == before


def test_another_host_gets_another_certificate() -> None:
    trino_access.write(settings())
    before = trino_access.certificate().read_bytes()
    trino_access.write(read({**os.environ, "TIDEMARK_TRINO__HOST": "trino"}))
    shown = x509.load_pem_x509_certificate(trino_access.certificate().read_bytes())
    names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert trino_access.certificate().read_bytes() != before
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "trino"]
    assert (folder() / "server.pem").read_text().endswith(trino_access.certificate().read_text())


def test_a_token_is_signed_with_the_key_that_trino_gets_and_ends() -> None:
    trino_access.write(settings())
    head, claims, signature = trino_access.token(settings(), now=1000).split(".")
    key = base64.b64decode((folder() / "token.key").read_text())
    signed = hmac.digest(key, f"{head}.{claims}".encode(), hashlib.sha256)
    assert base64.urlsafe_b64decode(signature + "=") == signed
    claimed = json.loads(base64.urlsafe_b64decode(claims + "=="))
    assert (claimed["sub"], claimed["iss"], claimed["exp"]) == ("admin", "tidemark", 1000 + trino_access.TOKEN_FOR_S)


def test_no_file_holds_the_password() -> None:
    trino_access.write(settings())
    password = settings().trino.password.get_secret_value().encode()
    assert [file.name for file in folder().iterdir() if password in file.read_bytes()] == []


@pytest.mark.parametrize("name", ["admin", "Admin", "ADMIN", " admin", "admin "])
def test_the_admins_name_is_not_believed_over_http(name: str) -> None:
    denied, anybody = trino_access.names_over_http("admin")["rules"]
    assert re.fullmatch(denied["pattern"], name)
    assert denied["allow"] is False
    assert re.fullmatch(anybody["pattern"], "administrator")
    assert not re.fullmatch(denied["pattern"], "administrator")


def test_every_kind_of_rule_ends_with_readers_who_change_nothing() -> None:
    rules = trino_access.rules("admin", "lake")
    last = {kind: rules[kind][-1] for kind in rules}
    assert last["catalogs"] == {"allow": "read-only"}
    assert last["schemas"] == {"owner": False}
    assert last["tables"] == {"privileges": ["SELECT"]}
    assert last["functions"]["privileges"] == ["EXECUTE"]
    assert last["queries"] == {"allow": ["execute"]}
    assert last["system_information"] == {"allow": ["read"]}
    assert {rules[kind][0].get("user", rules[kind][0].get("original_user")) for kind in rules} == {"admin"}


def test_a_reader_with_the_admins_name_is_refused() -> None:
    with pytest.raises(SettingsError, match="TIDEMARK_TRINO__USER, who reads, is the admin's name admin"):
        trino_access.write(read({**os.environ, "TIDEMARK_TRINO__USER": "Admin"}))


def test_without_a_password_there_is_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TIDEMARK_TRINO__PASSWORD")
    with pytest.raises(SettingsError, match=r"TIDEMARK_TRINO__PASSWORD, .* run make up"):
        trino_access.token(read(dict(os.environ)))
