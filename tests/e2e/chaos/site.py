"""The processes that are broken: a Redis, interfaces, workers, and what of them can be cut or replaced.

Each interface has its own user in Redis and its own path to Redis' socket, so that one of them can be cut off: the path
goes away, and its connections are killed.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from redis import Redis
from redis.exceptions import RedisError

from switchboard import private_redis
from switchboard.conf import Settings
from switchboard.names import RECEIVE
from switchboard.testing.ports import HeldPort
from switchboard.testing.processes import Daphne, PrivateRedis, RunningProcess, Worker
from tests.e2e.chaos import journal
from tests.e2e.chaos.history import Journal, Row
from tests.site import Site

SETTINGS = "tests.e2e.chaos.settings"
#: Seconds after its lease within which the sockets of a dead interface are reported and their disconnects handled: two
#: looks of the workers, and some time on a busy machine.
REPORTING = 10.0
MASTER = "chaos"


class BreakableRedis(PrivateRedis):
    """A private Redis that can come back with what it had at some earlier moment, and cut off one of its users."""

    def __init__(self, users: list[str]) -> None:
        super().__init__()
        for user in users:
            self.command += ["--user", user, "on", "nopass", "~*", "&*", "+@all"]
            self.path_of(user).symlink_to(self.socket)
        self.command += ["--dbfilename", "dump.rdb"]

    def path_of(self, user: str) -> Path:
        return self.folder / f"{user}.sock"

    def url_of(self, user: str) -> str:
        return f"unix://{user}:x@{self.path_of(user)}"

    def client(self) -> Redis:
        return Redis(unix_socket_path=str(self.socket), decode_responses=True)

    def cut(self, user: str) -> None:
        self.path_of(user).unlink()
        with closing(self.client()) as client:
            client.execute_command("CLIENT", "KILL", "USER", user)  # type: ignore[no-untyped-call]

    def mend(self, user: str) -> None:
        self.path_of(user).symlink_to(self.socket)

    def keep(self) -> None:
        """Write down what it holds, for `come_back_old`."""
        with closing(self.client()) as client:
            client.save()
        shutil.move(self.folder / "dump.rdb", self.folder / "kept.rdb")

    def come_back_old(self) -> None:
        shutil.move(self.folder / "kept.rdb", self.folder / "dump.rdb")
        self.start()
        (self.folder / "dump.rdb").unlink()


class TcpRedis(RunningProcess):
    """A Redis on a loopback port: Sentinel knows no other sockets."""

    patience = 3.0

    def __init__(self, folder: Path, *words: str, name: str) -> None:
        # Held, so that the next one is not given the same port before this one listens.
        self._held = HeldPort()
        self.port = self._held.number
        folder.mkdir(exist_ok=True)
        binary = str(private_redis.find_redis_server())
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder)]
        super().__init__([binary, *words, *options], name=name)

    def client(self) -> Redis:
        return Redis(port=self.port, decode_responses=True, socket_timeout=2.0)

    def ready(self) -> bool:
        with suppress(RedisError), closing(self.client()) as client:
            return bool(client.ping())
        return False

    def close(self) -> None:
        super().close()
        self._held.close()


class WatchedRedis:
    """A master, its replica, and a Sentinel that makes the one the other when it has to."""

    def __init__(self, folder: Path) -> None:
        plain = ("--save", "", "--appendonly", "no")
        self.nodes = [TcpRedis(folder / "one", *plain, name="redis-one")]
        follow = ("--replicaof", "127.0.0.1", str(self.nodes[0].port))
        self.nodes.append(TcpRedis(folder / "two", *plain, *follow, name="redis-two"))
        config = folder / "sentinel.conf"
        config.write_text(
            f"sentinel monitor {MASTER} 127.0.0.1 {self.nodes[0].port} 1\n"
            f"sentinel down-after-milliseconds {MASTER} 1500\n"
            f"sentinel failover-timeout {MASTER} 6000\n"
        )
        self.sentinel = TcpRedis(folder, str(config), "--sentinel", name="sentinel")

    def master(self) -> TcpRedis:
        with closing(self.sentinel.client()) as client:
            found = client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER)  # type: ignore[no-untyped-call]
        return next(node for node in self.nodes if node.port == int(found[1]))

    def replicates(self) -> bool:
        """Whether the master has its replica, and Sentinel knows of it: only then there is one to promote."""
        with suppress(RedisError), closing(self.master().client()) as client:
            if client.info("replication").get("connected_slaves") != 1:
                return False
            with closing(self.sentinel.client()) as sentinel:
                return len(sentinel.sentinel_slaves(MASTER)) == 1
        return False


@dataclass
class Stage:
    """Everything that runs. The clients find the interfaces by `addresses`; ``lease`` is that of an interface."""

    folder: Path
    site: Site
    interfaces: list[Daphne]
    redis: BreakableRedis
    lease: float
    watched: WatchedRedis | None = None

    @property
    def workers(self) -> list[Worker]:
        return self.site.workers

    @property
    def database(self) -> Path:
        return self.folder / "db.sqlite3"

    def addresses(self) -> list[tuple[str, str]]:
        return [(interface.name, interface.websocket_url) for interface in self.interfaces]

    def last_seqs(self) -> dict[str, int]:
        """The number of the last message of each room."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=30)) as database:
            return dict(database.execute("SELECT label, last_seq FROM chat_room"))

    def is_waiting(self) -> bool:
        """Whether anything that somebody said is queued or under way; True if Redis does not say."""
        with suppress(RedisError):
            servers = [self.redis.client(), *([self.watched.master().client()] if self.watched is not None else [])]
            return any(_has_entries(server, RECEIVE) for server in servers)
        return True

    def rows(self, start: float) -> list[Row]:
        """All messages; their times since ``start`` of the monotonic clock."""
        began = time.time() - (time.monotonic() - start)
        query = (
            "SELECT label, seq, identity, message, timestamp FROM chat_message JOIN chat_room ON chat_room.id = room_id"
        )
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=30)) as database:
            found = database.execute(query).fetchall()
        return [Row(room, seq, identity, text, _moment(at) - began) for room, seq, identity, text, at in found]

    def journal(self) -> Journal:
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=30)) as database:
            present = database.execute("SELECT reply_channel FROM chat_connection").fetchall()
        return replace(journal.read(self.folder / "journal"), present=tuple(name for (name,) in present))

    def server(self) -> Redis:
        """A client of the Redis that has the records now."""
        return self.redis.client() if self.watched is None else self.watched.master().client()

    def records(self) -> frozenset[str]:
        """The reply channels of all sockets that have records."""
        with closing(self.server()) as server:
            return frozenset(name for names in _sockets(server).values() for name in names)

    def unreported(self) -> frozenset[str]:
        """The reply channels of sockets with records whose interface has ended, within its lease: nobody has reported
        them, nor had to. If Redis loses these records, nobody can."""
        living = {name for interface in self.interfaces if (name := _inbox_of(interface)) is not None}
        with closing(self.server()) as server:
            still = _seconds_still(server)
            return frozenset(
                name
                for interface, names in _sockets(server).items()
                if interface not in living and still.get(interface, 0.0) < self.lease + REPORTING
                for name in names
            )

    def logs(self) -> str:
        return "".join(f"--- {one.name}\n{one.log}" for one in [*self.interfaces, *self.workers])


def _inbox_of(interface: Daphne) -> str | None:
    """The inbox of an interface process, by the log of its present life; None before its first connection."""
    opened = re.findall(rf" {interface.pid} \S+ listening on inbox (\S+)$", interface.log, re.MULTILINE)
    return opened[-1] if opened else None


def _sockets(server: Redis) -> dict[str, set[str]]:
    """The reply channels that have records, by their interface."""
    return {key.rpartition(":")[2]: cast("set[str]", server.smembers(key)) for key in server.scan_iter("*:sockets:*")}


def _seconds_still(server: Redis) -> dict[str, float]:
    """For how long each interface's heartbeat has stood still, as the workers saw it."""
    seconds, microseconds = server.time()
    watched = [cast("dict[str, str]", server.hgetall(key)) for key in server.scan_iter("*:watched")]
    return {
        name: seconds + microseconds / 1e6 - float(value.split(" ")[1]) / 1000
        for fields in watched
        for name, value in fields.items()
        if " " in value  # the heartbeat, and since when
    }


def _has_entries(server: Redis, channel: str) -> bool:
    with closing(server):
        return any(server.xlen(key) for key in server.scan_iter(f"*:stream1:{channel}"))


def _moment(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).replace(tzinfo=UTC).timestamp()


@contextmanager
def standing(
    folder: Path,
    *,
    interfaces: int = 2,
    workers: int = 3,
    sentinel: bool = False,
    unreliable: float = 0.0,
    interface_lease: float | None = None,
) -> Iterator[Stage]:
    """The stage, with its data in ``folder``, for as long as the block lasts. The lease is the default one if none is
    given."""
    (folder / "journal").mkdir()
    settings = {
        "DATA_DIR": str(folder),
        "DJANGO_SETTINGS_MODULE": SETTINGS,
        journal.VARIABLE: str(folder / "journal"),
        "CHAOS_UNRELIABLE": str(unreliable or ""),
        "CHAOS_INTERFACE_LEASE": str(interface_lease or ""),
    }
    names = [f"interface-{number}" for number in range(interfaces)]
    with ExitStack() as stack:
        redis = stack.enter_context(BreakableRedis(names))
        watched = None
        if sentinel:
            watched = WatchedRedis(folder)
            for process in (*watched.nodes, watched.sentinel):
                stack.enter_context(process)
            settings["CHAOS_SENTINEL"] = str(watched.sentinel.port)
        daphnes = [Daphne(redis.url_of(name), name=name, **settings) for name in names]
        site = Site(redis, daphnes[0], settings, stack=stack)
        site.manage("migrate", "--verbosity", "0")
        for daphne in daphnes:
            stack.enter_context(daphne)
        for _ in range(workers):
            site.add_worker()
        yield Stage(folder, site, daphnes, redis, interface_lease or Settings().INTERFACE_LEASE, watched)
