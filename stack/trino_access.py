"""Who may do what in Trino: everybody reads over plain HTTP, its admin writes over HTTPS with a
token.

The files that say so lie in Trino's data folder, where Trino and `make sql ADMIN=1` find them.
"""

import base64
import hashlib
import hmac
import json
import re
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from trino.exceptions import TrinoQueryError

from pipelines.base.errors import SettingsError
from pipelines.base.settings import Settings
from stack import folders

ISSUER = "tidemark"
TOKEN_FOR_S = 12 * 3600  # longer than any statement runs
CERTIFICATE_FOR = timedelta(days=3650)
EVERY_PRIVILEGE = ["SELECT", "INSERT", "DELETE", "UPDATE", "OWNERSHIP", "GRANT_SELECT"]
EVERY_FUNCTION = ["EXECUTE", "GRANT_EXECUTE", "OWNERSHIP"]
# Rules know no privilege for ALTER TABLE ... EXECUTE (compaction, expiry), but Trino refuses it on
# tables that have a filter: one that lets every row through.
EVERY_ROW = "true"


def rules(admin: str, catalogue: str) -> dict[str, Any]:
    """Return the rules of Trino's file-based access control: the admin may do anything, whoever
    else comes may read and see to queries under the same name.
    """
    user = {"user": re.escape(admin)}
    lake = {"catalog": re.escape(catalogue)}
    return {
        "catalogs": [{**user, "allow": "all"}, {"allow": "read-only"}],
        "schemas": [{**user, "owner": True}, {"owner": False}],
        "tables": [
            {**user, "privileges": EVERY_PRIVILEGE},
            {**lake, "privileges": ["SELECT"], "filter": EVERY_ROW},
            {"privileges": ["SELECT"]},
        ],
        "functions": [
            {**user, "privileges": EVERY_FUNCTION},
            # table_changes, which reads; nothing else is there.
            {**lake, "schema": "system", "function": "table_changes", "privileges": ["EXECUTE"]},
        ],
        "procedures": [{**user, "privileges": ["EXECUTE", "GRANT_EXECUTE"]}],
        "queries": [{**user, "allow": ["execute", "view", "kill"]}, {"allow": ["execute"]}],
        "system_information": [{**user, "allow": ["read", "write"]}, {"allow": ["read"]}],
        "authorization": [{"original_user": re.escape(admin), "new_user": ".*", "new_role": ".*"}],
    }


def names_over_http(admin: str) -> dict[str, Any]:
    """Return which names are taken at their word over plain HTTP: any but the admin's."""
    return {"rules": [{"pattern": f"(?i)\\s*{re.escape(admin)}\\s*", "allow": False}, {"pattern": "(?s)(.*)"}]}


def _key(secret: str, purpose: str) -> bytes:
    return hmac.digest(secret.encode(), purpose.encode(), hashlib.sha256)


def _password(chosen: Settings) -> str:
    password = chosen.trino.password.get_secret_value()
    if not password:
        raise SettingsError("TIDEMARK_TRINO__PASSWORD, Trino's admin's, is missing: run make up, which writes one into .env.")
    return password


def internal_secret(chosen: Settings) -> str:
    """Return what Trino's nodes know each other by."""
    return _key(chosen.trino.password.get_secret_value(), "internal").hex()


def _url64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def token(chosen: Settings, now: float | None = None) -> str:
    """Return a token (JWT, HS256) with which the admin comes in for half a day; raises
    SettingsError without a password.
    """
    began = int(time.time() if now is None else now)
    claims = {"iss": ISSUER, "sub": chosen.trino.admin, "iat": began, "exp": began + TOKEN_FOR_S}
    signed = ".".join(_url64(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return f"{signed}.{_url64(hmac.digest(_key(_password(chosen), 'token'), signed.encode(), hashlib.sha256))}"


def is_for_the_admin(error: TrinoQueryError) -> bool:
    """Return whether Trino refused a statement because a reader may not do that."""
    return error.error_name == "PERMISSION_DENIED" or "with row filter" in str(error.message)


def certificate() -> Path:
    """Return the file with the certificate that Trino shows its admin."""
    return folders.data("trino") / "certificate.pem"


def write(chosen: Settings) -> None:
    """Write what Trino reads at its start: the rules, the key of the tokens, its certificate.

    Raises SettingsError without the admin's password, or where the reader has the admin's name.
    """
    if chosen.trino.user.lower() == chosen.trino.admin.lower():
        raise SettingsError(f"TIDEMARK_TRINO__USER, who reads, is the admin's name {chosen.trino.admin}: choose another.")
    folder, admin = folders.data("trino"), chosen.trino.admin
    _written(folder / "rules.json", json.dumps(rules(admin, chosen.catalog.name), indent=1))
    _written(folder / "names.json", json.dumps(names_over_http(admin), indent=1))
    _written(folder / "access-control.properties", f"access-control.name=file\nsecurity.config-file={folder / 'rules.json'}\n")
    _written(folder / "token.key", base64.b64encode(_key(_password(chosen), "token")).decode())
    if not _is_shown(certificate(), chosen.trino.host) or not (folder / "server.pem").exists():
        server, shown = _certified(chosen.trino.host)
        _written(folder / "server.pem", server)
        _written(certificate(), shown)


def _written(file: Path, text: str) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    fresh = file.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    fresh.replace(file)


def _alternatives(host: str) -> x509.SubjectAlternativeName:
    names = dict.fromkeys(["localhost", "127.0.0.1", host])
    return x509.SubjectAlternativeName([_general(name) for name in names])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _is_shown(file: Path, host: str) -> bool:
    """Return whether a certificate is there that is valid for this host for another month."""
    if not file.exists():
        return False
    found = x509.load_pem_x509_certificate(file.read_bytes())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names == _alternatives(host) and found.not_valid_after_utc > datetime.now(UTC) + timedelta(days=30)


def _certified(host: str) -> tuple[str, str]:
    """Return a new key with its certificate, and the certificate alone, as PEM."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tidemark's Trino")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + CERTIFICATE_FOR)
        .add_extension(_alternatives(host), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    shown = made.public_bytes(serialization.Encoding.PEM).decode()
    return private + shown, shown
