"""Settings from the environment: defaults, types, and one sentence for each mistake."""

from __future__ import annotations

import re
import stat
import threading
from pathlib import Path

import pytest

from project import secret_key
from project.environment import BadSetting, Environment, read

REDIS = "redis://localhost:6379/0"


def read_with(folder: Path, **values: str) -> Environment:
    return read({"DATA_DIR": str(folder), **values})


def test_defaults_suit_one_machine(tmp_path: Path) -> None:
    found = read_with(tmp_path)
    assert (found.bind, found.port, found.interfaces, found.workers) == ("127.0.0.1", 8000, 1, 2)
    assert found.redis_url == ""
    assert found.debug is False
    assert "localhost" in found.allowed_hosts
    assert found.databases["default"]["NAME"] == str(tmp_path / "db.sqlite3")
    assert found.databases["default"]["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


def test_an_empty_value_counts_as_none(tmp_path: Path) -> None:
    names = ["BIND", "PORT", "DEBUG", "REDIS_URL", "DATABASE_URL", "ALLOWED_HOSTS", "WORKERS"]
    assert read_with(tmp_path, **dict.fromkeys(names, "")) == read_with(tmp_path)


@pytest.mark.parametrize("value", ["redis://h", REDIS, "rediss://:pw@h:1/2", "unix:///run/redis.sock?db=1"])
def test_a_redis_address(tmp_path: Path, value: str) -> None:
    assert read_with(tmp_path, REDIS_URL=value).redis_url == value


def test_a_postgresql_address(tmp_path: Path) -> None:
    config = read_with(tmp_path, DATABASE_URL="postgres://me:s%40y@db.example:5433/chat").databases["default"]
    assert config["ENGINE"] == "django.db.backends.postgresql"
    assert [config[key] for key in ("USER", "PASSWORD", "HOST", "PORT", "NAME")] == [
        "me",
        "s@y",
        "db.example",
        5433,
        "chat",
    ]
    assert "lock_timeout" in config["OPTIONS"]["options"]


def test_an_sqlite_address_has_the_same_care_as_the_default(tmp_path: Path) -> None:
    config = read_with(tmp_path, DATABASE_URL=f"sqlite:///{tmp_path}/other.db").databases["default"]
    assert config["NAME"] == f"{tmp_path}/other.db"
    assert config["OPTIONS"] == read_with(tmp_path).databases["default"]["OPTIONS"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "٨٠٠٠"),
        ("WORKERS", "-1"),
        ("WORKERS", "2.5"),
        ("INTERFACES", "0"),
        ("DEBUG", "maybe"),
        ("BIND", "::1"),
        ("BIND", "two words"),
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "redis://host:port"),
        ("REDIS_URL", "unix://"),
        ("REDIS_URL", "http://host"),
        ("DATABASE_URL", "mysql://host/name"),
        ("DATABASE_URL", "postgres://host:port/name"),
        ("DATABASE_URL", "postgres://host"),
        ("DATABASE_URL", "sqlite://:memory:"),
        ("DATABASE_URL", "chat.db"),
        ("ALLOWED_HOSTS", "https://chat.example"),
        ("ALLOWED_HOSTS", "chat.example,*"),
        ("TRUSTED_PROXIES", "proxy.example"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("LIMITS", "some"),
        ("LIMIT_MESSAGES", "8"),
        ("LIMIT_ROOMS", "0/m"),
        ("LIMIT_NEW_ROOMS", "10/w"),
        ("RETENTION_DAYS", "-1"),
        ("CSRF_TRUSTED_ORIGINS", "chat.example"),
        ("CSRF_TRUSTED_ORIGINS", "https://chat.example/path"),
        ("DATA_DIR", "/dev/null/below"),
    ],
)
def test_a_malformed_value_is_one_sentence(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(BadSetting) as caught:
        read_with(tmp_path, **{name: value})
    assert caught.value.name == name
    assert re.fullmatch(rf"{name} is .+, but has to be [^\n]+\.", str(caught.value))


def test_a_sentence_shows_no_password(tmp_path: Path) -> None:
    with pytest.raises(BadSetting) as caught:
        read_with(tmp_path, DATABASE_URL="mysql://me:hunter2@host/name")
    assert "hunter2" not in str(caught.value)


def test_the_secret_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    first = read_with(tmp_path).secret_key
    assert len(first) >= 50
    assert read_with(tmp_path).secret_key == first
    assert read_with(tmp_path, SECRET_KEY="mine").secret_key == "mine"
    assert [stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()] == [0o600]


def test_processes_that_start_together_agree_on_the_secret_key(tmp_path: Path) -> None:
    keys: list[str] = []
    start = threading.Barrier(8)

    def ask() -> None:
        start.wait()
        keys.append(secret_key.kept_in(tmp_path))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1


def test_limits_and_retention(tmp_path: Path) -> None:
    found = read_with(tmp_path)
    assert (found.limits, found.limit_messages, found.retention_days) == (True, "8, 1/s", 30)
    assert read_with(tmp_path, LIMITS="off").limits is False
    assert read_with(tmp_path, LIMIT_ROOMS="off", LIMIT_NEW_ROOMS="5, 1/d").limit_new_rooms == "5, 1/d"
    assert read_with(tmp_path, TRUSTED_PROXIES="127.0.0.1, 10.0.0.0/8").trusted_proxies == [
        "127.0.0.1/32",
        "10.0.0.0/8",
    ]


def test_any_host_is_for_development_only(tmp_path: Path) -> None:
    assert read_with(tmp_path, ALLOWED_HOSTS="*", DEBUG="on").allowed_hosts == ["*"]
