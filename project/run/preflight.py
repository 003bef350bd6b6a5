"""What is looked at before anything is started. Each check returns, or raises `Refusal` with one sentence."""

from __future__ import annotations

import configparser
import contextlib
import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import redis
from django.db import Error as DatabaseError
from django.db import connection

from project.environment import Environment
from project.run.refusal import Refusal
from switchboard import private_redis

__all__ = ["check", "only_one"]

#: Seconds. Long for a server that lives, short for somebody who waits at a terminal.
PATIENCE = 5.0


@contextlib.contextmanager
def only_one(data_dir: Path, url: str) -> Iterator[None]:
    """Hold the data folder's lock. The kernel lets go of it when this process ends, however it does."""
    descriptor = os.open(data_dir / "run.lock", os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refusal(f"Switchboard is already running in {data_dir}: {lock.read().strip()}.") from None
        lock.truncate()
        lock.write(f"process {os.getpid()}, {url}")
        lock.flush()
        yield


def check(environment: Environment, supervisord_conf: Path) -> None:
    """All checks, the cheap ones first."""
    _counts(environment, supervisord_conf)
    _port(environment)
    _redis(environment.redis_url)
    _database()


def _counts(environment: Environment, supervisord_conf: Path) -> None:
    conf = configparser.RawConfigParser()
    conf.read(supervisord_conf)
    pools = {
        "INTERFACES": (environment.interfaces, "fcgi-program:interface"),
        "WORKERS": (environment.workers, "program:worker"),
    }
    for name, (wanted, section) in pools.items():
        ceiling = conf.getint(section, "numprocs")
        if wanted > ceiling:
            raise Refusal(f"{name} is {wanted}, but supervisord.conf has room for {ceiling} (numprocs in [{section}]).")


def _port(environment: Environment) -> None:
    where = f"{environment.bind}:{environment.port}"
    try:
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as supervisord does
            listener.bind((environment.bind, environment.port))
            listener.listen()
    except socket.gaierror:
        raise Refusal(f"BIND is {environment.bind!r}, but no address is known for that name.") from None
    except OSError as error:
        raise Refusal(_why_not(error, environment, where)) from None


def _why_not(error: OSError, environment: Environment, where: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"The port of {where} is taken: stop what listens there, or set PORT to another."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"BIND is {environment.bind!r}, but this machine has no such address."
    return f"Cannot listen on {where}: {os.strerror(error.errno or 0)}; set PORT or BIND."


def _redis(url: str) -> None:
    if not url:
        try:
            private_redis.find_redis_server()
        except private_redis.RedisServerMissing as missing:
            raise Refusal(str(missing)) from None
        return
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=PATIENCE, socket_timeout=PATIENCE) as client:
            client.ping()
            cluster = _is_cluster(client)
    except (redis.RedisError, OSError, ValueError) as error:
        raise Refusal(f"The Redis at REDIS_URL does not answer: {_first_line(error)}.") from None
    if cluster:
        raise Refusal("The Redis at REDIS_URL runs in Cluster mode, which Switchboard cannot use; name one without.")


def _is_cluster(client: redis.Redis) -> bool:
    try:
        return bool(client.info("cluster").get("cluster_enabled"))
    except redis.ResponseError:
        return False  # a user who may not ask


def _database() -> None:
    try:
        connection.ensure_connection()
    except DatabaseError as error:
        raise Refusal(f"The database does not answer (see DATABASE_URL): {_first_line(error)}.") from None
    finally:
        connection.close()


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
