"""What an operator sets, read from the environment in this one place, checked, typed.

A `.env` file in the checkout is read too; the real environment wins. An empty value counts as none. Whatever is wrong
is one sentence that names the setting: `BadSetting`, which `read_or_exit()` prints before it ends the process with
status 2.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import environ

from project import secret_key

__all__ = ["ROOT", "BadSetting", "Environment", "read", "read_or_exit"]

#: The checkout.
ROOT = Path(__file__).resolve().parents[1]

#: The status of a process that was given a bad setting or option, as argparse has it.
BAD_USAGE = 2

_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}
_LOCAL_HOSTS = ["localhost", ".localhost", "127.0.0.1", "[::1]"]


class BadSetting(Exception):
    """A setting is malformed; the message is one sentence."""

    def __init__(self, name: str, value: str, wanted: str) -> None:
        shown = re.sub(r"//[^/]*@", "//…@", value)  # a password has no place in a log
        super().__init__(f"{name} is {shown!r}, but has to be {wanted}.")
        self.name = name


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Every setting an operator has."""

    bind: str
    port: int
    interfaces: int
    workers: int
    redis_url: str  # "" for none
    databases: dict[str, Any]
    data_dir: Path
    secret_key: str
    debug: bool
    allowed_hosts: list[str]
    csrf_trusted_origins: list[str]
    trusted_proxies: list[str]
    limits: bool
    limit_messages: str
    limit_address_messages: str
    limit_rooms: str
    limit_new_rooms: str
    limit_new_accounts: str
    retention_days: int  # 0 for ever


def read(source: Mapping[str, str] | None = None) -> Environment:
    """The settings in `source`; by default in the environment, completed from `.env`.

    Makes the data folder and the secret key where they are missing. Raises BadSetting.
    """
    if source is None:
        if (ROOT / ".env").is_file():  # or its absence is logged
            environ.Env.read_env(ROOT / ".env")
        source = os.environ
    values = _Values(source)
    debug = values.truth("DEBUG")
    data_dir = values.folder("DATA_DIR", ROOT / "var")
    bind = values.matching("BIND", "127.0.0.1", r"[^\s:/]+", "an IPv4 address or a host name")
    return Environment(
        bind=bind,
        port=values.number("PORT", 8000, 1, 65535),
        interfaces=values.number("INTERFACES", 1, 1, 1000),
        workers=values.number("WORKERS", 2, 0, 1000),
        redis_url=values.redis_url("REDIS_URL"),
        databases={"default": values.database("DATABASE_URL", data_dir / "db.sqlite3")},
        data_dir=data_dir,
        secret_key=values.text("SECRET_KEY") or secret_key.kept_in(data_dir),
        debug=debug,
        allowed_hosts=values.hosts("ALLOWED_HOSTS", any_host=debug) or [*_LOCAL_HOSTS, bind],
        csrf_trusted_origins=values.words(
            "CSRF_TRUSTED_ORIGINS", r"https?://[^\s/]+", "origins like https://chat.example, parted by commas"
        ),
        trusted_proxies=values.networks("TRUSTED_PROXIES"),
        limits=values.truth("LIMITS", default=True),
        limit_messages=values.rate("LIMIT_MESSAGES", "8, 1/s"),
        limit_address_messages=values.rate("LIMIT_ADDRESS_MESSAGES", "24, 3/s"),
        limit_rooms=values.rate("LIMIT_ROOMS", "60/m"),
        limit_new_rooms=values.rate("LIMIT_NEW_ROOMS", "10/h"),
        limit_new_accounts=values.rate("LIMIT_NEW_ACCOUNTS", "10/h"),
        retention_days=values.number("RETENTION_DAYS", 30, 0, 36_500),
    )


def read_or_exit() -> Environment:
    """As `read()`; a malformed setting ends the process with its sentence and status 2."""
    try:
        return read()
    except BadSetting as error:
        print(error, file=sys.stderr)
        raise SystemExit(BAD_USAGE) from None


class _Values:
    """Typed access to strings; each method raises BadSetting for its name."""

    def __init__(self, source: Mapping[str, str]) -> None:
        self._source = source

    def text(self, name: str) -> str:
        return self._source.get(name, "").strip()

    def _bad(self, name: str, wanted: str) -> NoReturn:
        raise BadSetting(name, self.text(name), wanted)

    def matching(self, name: str, default: str, pattern: str, wanted: str) -> str:
        value = self.text(name) or default
        return value if re.fullmatch(pattern, value) else self._bad(name, wanted)

    def number(self, name: str, default: int, least: int, most: int) -> int:
        value = self.text(name) or str(default)
        if not re.fullmatch(r"[0-9]{1,9}", value) or not least <= int(value) <= most:
            self._bad(name, f"a whole number from {least} to {most}")
        return int(value)

    def truth(self, name: str, *, default: bool = False) -> bool:
        value = self.text(name).lower() or ("on" if default else "off")
        if value not in _TRUE | _FALSE:
            self._bad(name, "on or off (or true, false, yes, no, 1, 0)")
        return value in _TRUE

    def words(self, name: str, pattern: str, wanted: str) -> list[str]:
        words = [word.strip() for word in self.text(name).split(",") if word.strip()]
        return words if all(re.fullmatch(pattern, word) for word in words) else self._bad(name, wanted)

    def hosts(self, name: str, *, any_host: bool) -> list[str]:
        hosts = self.words(name, r"[^\s/]+", "host names without scheme, parted by commas")
        if "*" in hosts and not any_host:
            # The Origin of a socket is compared with these: any web site could speak in its visitors' names.
            self._bad(name, "the host names under which the chat is reached; “*” is for development, with DEBUG")
        return hosts

    def rate(self, name: str, default: str) -> str:
        pattern = r"off|0|([1-9][0-9]{0,5} *, *)?[1-9][0-9]{0,5}/[smhd]"
        return self.matching(name, default, pattern, "a rate like 8, 1/s (a burst of 8, one a second) or 10/h, or off")

    def networks(self, name: str) -> list[str]:
        networks = self.words(name, r".+", wanted := "addresses or networks like 10.0.0.0/8, parted by commas")
        try:
            return [str(ip_network(network, strict=False)) for network in networks]
        except ValueError:
            self._bad(name, wanted)

    def folder(self, name: str, default: Path) -> Path:
        path = ROOT / Path(self.text(name) or default).expanduser()
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError:
            raise BadSetting(name, str(path), "a folder, or the path of one that can be made") from None
        return path

    def redis_url(self, name: str) -> str:
        wanted = "an address like redis://localhost:6379/0, rediss://… or unix:///path"
        value = self.text(name)
        try:
            parts = urlsplit(value)
            whole = parts.path not in ("", "/") if parts.scheme == "unix" else parts.port != 0 and parts.hostname
        except ValueError:  # a port that is no number
            self._bad(name, wanted)
        if value and (parts.scheme not in {"redis", "rediss", "unix"} or not whole):
            self._bad(name, wanted)
        return value

    def database(self, name: str, default: Path) -> dict[str, Any]:
        value = self.text(name)
        if not value:
            return _sqlite(str(default))
        wanted = "an address like postgres://user:password@host:5432/name or sqlite:///path"
        if urlsplit(value).scheme not in {"postgres", "postgresql", "sqlite"}:
            self._bad(name, wanted)
        try:
            config: dict[str, Any] = environ.Env.db_url_config(value)
        except ValueError:
            self._bad(name, wanted)
        if not config["NAME"] or config["NAME"] == ":memory:":
            self._bad(name, wanted)  # in memory, each process would have a database of its own
        return _sqlite(str(ROOT / config["NAME"])) if "sqlite" in config["ENGINE"] else _postgresql(config)


def _sqlite(path: str) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "CONN_MAX_AGE": 60,
        "OPTIONS": {
            # A transaction that begins by reading cannot wait for its lock once it writes: it fails "locked" at once.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            # `synchronous` stays FULL, its default: what a client was told is stored has to outlive a power cut.
            # The cache, in KiB: what a message changes of a thousand rooms' indexes does not fit into the usual 2 MB.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA cache_size=-16384;",
        },
    }


def _postgresql(config: dict[str, Any]) -> dict[str, Any]:
    # A worker that froze inside a transaction must not hold a room's row for ever.
    limits = "-c idle_in_transaction_session_timeout=30s -c lock_timeout=10s"
    options = {"options": limits, "connect_timeout": 10, **config.get("OPTIONS", {})}
    return {**config, "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True, "OPTIONS": options}
