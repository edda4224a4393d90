"""Who may come in, and as what: API keys and a password, in one file and one setting.

A reader asks and searches, an editor also adds and removes statements, an admin also reads the counters. With neither keys nor a password,
whoever sits at this machine may do everything and nobody else is let in; `bayan serve` then refuses to listen on any other address. Keys
are kept as scrypt hashes in `keys.json` of the index folder, readable by its owner alone. Knows nothing of HTTP beyond one header.

    key = KeyFile(Path("index/keys.json")).add("newsroom", "reader")  # shown once, never stored
    Access(keys, password=None).check(key).role
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, get_args

from rag.errors import SettingsError
from rag.settings import Settings

Role = Literal["reader", "editor", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
MIN_PASSWORD_CHARS = 12
_KEY = re.compile(r"bayan-([0-9a-f]{8})-([\w-]{20,80})", re.ASCII)


@dataclass(frozen=True)
class Caller:
    """Whoever asks: the name of a key, "password" or "local"."""

    name: str
    role: Role

    def may(self, role: Role) -> bool:
        """Say whether this caller has at least `role`."""
        return ROLES.index(self.role) >= ROLES.index(role)


LOCAL = Caller("local", "admin")


@dataclass(frozen=True)
class Key:
    """An API key as it is kept: never the key itself."""

    key_id: str
    name: str
    role: Role
    created: str  # ISO date
    salt: str
    hash: str


class KeyFile:
    """The API keys of an index."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def listed(self) -> list[Key]:
        """Return the keys. Raises SettingsError when the file is damaged or others can read it."""
        try:
            if os.name == "posix" and self.path.stat().st_mode & 0o077:
                raise SettingsError(f'the key file "{self.path}" can be read by others; run: chmod 600 "{self.path}"')
            return [Key(**entry) for entry in json.loads(self.path.read_text(encoding="utf-8"))["keys"]]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise SettingsError(
                f'the key file "{self.path}" cannot be read ({error}); restore it, or remove it and make new keys'
            ) from error

    def add(self, name: str, role: Role) -> str:
        """Make a key and return it; only its hash is kept. Raises SettingsError when the name is taken."""
        keys = self.listed()
        if any(key.name == name for key in keys):
            raise SettingsError(f'a key has the name "{name}" already; choose another, or remove it with `bayan keys remove "{name}"`')
        key_id, secret, salt = secrets.token_hex(4), secrets.token_urlsafe(24), secrets.token_hex(16)
        self._write([*keys, Key(key_id, name, role, datetime.now(UTC).date().isoformat(), salt, _hash(secret, salt))])
        return f"bayan-{key_id}-{secret}"

    def remove(self, name: str) -> Key:
        """Remove a key by name or id. Raises SettingsError when there is none."""
        keys = self.listed()
        found = next((key for key in keys if name in (key.name, key.key_id)), None)
        if found is None:
            raise SettingsError(f'no key has the name or id "{name}"; `bayan keys list` lists them')
        self._write([key for key in keys if key != found])
        return found

    def _write(self, keys: Sequence[Key]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump({"keys": [asdict(key) for key in keys]}, file, ensure_ascii=False, indent=2)
        os.replace(partial, self.path)


class Access:
    """Tells callers apart. Keys added or removed count at once; each is hashed once and then remembered.

    Access that was closed once stays so until the server ends, even when its last key is removed.
    """

    def __init__(self, keys: KeyFile, password: str | None) -> None:
        self._keys, self._password = keys, password
        self._stamp: int | None = None
        self._remembered: dict[bytes, Caller] = {}
        self._open = password is None

    @classmethod
    def configured(cls, settings: Settings) -> Access:
        """Return the access that the settings describe. Raises SettingsError when it would let strangers in."""
        password = settings.password.get_secret_value() if settings.password else None
        if password and len(password) < MIN_PASSWORD_CHARS:
            raise SettingsError(f"the password in BAYAN_PASSWORD is too short; give at least {MIN_PASSWORD_CHARS} characters")
        keys = key_file(settings)
        if not password and not keys.listed() and not is_loopback(settings.host):
            raise SettingsError(
                f'listening on "{settings.host}" would let anyone in; make a key with `bayan keys add NAME`, set BAYAN_PASSWORD, '
                "or listen on 127.0.0.1"
            )
        return cls(keys, password or None)

    @property
    def open(self) -> bool:
        """Whether whoever sits at this machine may do everything."""
        self._refresh()
        return self._open

    def remembered(self, credential: str) -> Caller | None:
        """Return the caller whose credential was checked before, at no cost."""
        self._refresh()
        return self._remembered.get(_digest(credential))

    def check(self, credential: str) -> Caller | None:
        """Return the caller whose key or password this is, or None. Takes about 50 ms of a core for a key."""
        self._refresh()
        caller = self._of_key(credential) or self._of_password(credential)
        if caller:
            self._remembered[_digest(credential)] = caller
        return caller

    def counted_as(self, credential: str) -> str:
        """Return under which name tries of a credential are counted: a key that there is by itself, all others and passwords by kind."""
        match = _KEY.fullmatch(credential)
        if match is None:
            return "password"
        return match[1] if any(key.key_id == match[1] for key in self._keys.listed()) else "key"

    def _of_key(self, credential: str) -> Caller | None:
        match = _KEY.fullmatch(credential)
        key = next((key for key in self._keys.listed() if match and key.key_id == match[1]), None)
        if match and key and hmac.compare_digest(_hash(match[2], key.salt), key.hash):
            return Caller(key.name, key.role)
        return None

    def _of_password(self, credential: str) -> Caller | None:
        right = self._password is not None and hmac.compare_digest(credential.encode(), self._password.encode())
        return Caller("password", "reader") if right else None

    def _refresh(self) -> None:
        """Look at the key file again when it has changed."""
        stamp = self._keys.path.stat().st_mtime_ns if self._keys.path.exists() else None
        if stamp != self._stamp:
            self._open = self._open and not self._keys.listed()
            self._remembered.clear()
            self._stamp = stamp


def key_file(settings: Settings) -> KeyFile:
    """Return the key file of the index that the settings name."""
    return KeyFile(settings.index / "keys.json")


def credential_of(authorization: str | None) -> str | None:
    """Return the key or password in an `Authorization` header: a Bearer token, or the password of Basic, whatever the user's name."""
    kind, _, value = (authorization or "").strip().partition(" ")
    if kind.lower() == "bearer":
        return value.strip() or None
    if kind.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2] or None
        except (binascii.Error, UnicodeDecodeError):
            return None
    return None


def is_loopback(host: str) -> bool:
    """Say whether an address or name is this machine's own."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _hash(secret: str, salt: str) -> str:
    return hashlib.scrypt(secret.encode(), salt=bytes.fromhex(salt), n=2**14, r=8, p=1).hex()


def _digest(credential: str) -> bytes:
    return hashlib.sha256(credential.encode(errors="surrogatepass")).digest()
