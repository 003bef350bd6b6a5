"""A Redis Cluster is refused, by a real one: at the first command, and before anything starts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from project.run import preflight
from project.run.refusal import Refusal
from switchboard.exceptions import UnfitServer
from switchboard.layers.redis import RedisLayer
from switchboard.testing.contract.acts import ANNE, LOG, note
from switchboard.testing.processes import ROOT, PrivateRedis, project_environment

pytestmark = pytest.mark.redis


@pytest.fixture(scope="module")
def cluster() -> Iterator[PrivateRedis]:
    """One node that has all slots, so that every command would work until a second node comes."""
    with PrivateRedis("--cluster-enabled", "yes") as server, Redis.from_url(server.url) as client:
        client.execute_command("CLUSTER", "ADDSLOTS", *range(16384))
        yield server


async def test_the_first_command_says_so_and_each_after_it(cluster: PrivateRedis) -> None:
    layer = RedisLayer([cluster.url])
    for _ in range(2):
        with pytest.raises(UnfitServer, match="Cluster mode"):
            await layer.publish([note()])
        with pytest.raises(UnfitServer):
            await layer.take(ANNE, [LOG], count=1, wait=1.0)
    with pytest.raises(UnfitServer):
        await layer.send("a", {"type": "b"})
    await layer.close()
    with Redis.from_url(cluster.url) as client:
        assert client.dbsize() == 0


@pytest.mark.parametrize("other", ["good", "away"])
async def test_one_among_several_hosts_is_found(cluster: PrivateRedis, redis_server: PrivateRedis, other: str) -> None:
    layer = RedisLayer([redis_server.url if other == "good" else "unix:///nowhere/redis.sock", cluster.url])
    with pytest.raises(UnfitServer):
        await layer.verify()
    await layer.close()


async def test_a_server_that_is_none_is_asked_once(redis_server: PrivateRedis, layer: RedisLayer) -> None:
    await layer.verify()
    with Redis.from_url(redis_server.url) as client:

        def asked() -> int:
            return int(client.info("commandstats").get("cmdstat_info", {"calls": 0})["calls"])

        before = asked()
        for _ in range(3):
            await layer.depth(LOG)
        assert asked() == before + 1, "by us, just now"


def ended(cluster: PrivateRedis, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = project_environment(cluster.url, DATA_DIR=str(folder))
    return subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
    )


@pytest.mark.parametrize(
    "command",
    [["manage.py", "runworker"], ["-m", "switchboard.interface", "--port", "0", "asgi:application"]],
    ids=["worker", "interface"],
)
def test_neither_worker_nor_interface_starts(cluster: PrivateRedis, tmp_path: Path, command: list[str]) -> None:
    end = ended(cluster, tmp_path, *command)
    assert end.returncode == 2
    assert "runs in Cluster mode" in end.stderr
    assert "Traceback" not in end.stderr


def test_the_check_for_deployments_says_so(cluster: PrivateRedis, tmp_path: Path) -> None:
    end = ended(cluster, tmp_path, "manage.py", "check", "--deploy")
    assert end.returncode == 1
    assert "switchboard.E004" in end.stderr


def test_the_run_command_does_not_start(cluster: PrivateRedis) -> None:
    with pytest.raises(Refusal, match="runs in Cluster mode"):
        preflight._redis(cluster.url)
