"""``manage.py runworker`` as an operator uses it: its options, its log, its end."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from switchboard.events import Envelope
from switchboard.layers.redis import RedisLayer
from switchboard.testing.processes import ROOT, PrivateRedis, Worker, project_environment
from switchboard.testing.waiting import wait_until

pytestmark = pytest.mark.redis


WEBSOCKET = {"websocket.connect", "websocket.disconnect", "websocket.receive", "websocket.reconcile"}


def refused(*options: str, redis_url: str) -> str:
    """What runworker says to options that make no sense; one sentence, exit status 2."""
    command = [sys.executable, str(ROOT / "manage.py"), "runworker", *options]
    run = subprocess.run(
        command, env=project_environment(redis_url), capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert run.returncode == 2, run.stderr
    assert "Traceback" not in run.stderr
    return run.stderr


def channels_of(worker: Worker) -> set[str]:
    line = next(line for line in worker.log.splitlines() if "listening on channels" in line)
    return set(line.partition("listening on channels ")[2].split(", "))


@pytest.mark.parametrize(
    ("options", "channels"),
    [
        ([], {"chat.log", "http.request", *WEBSOCKET}),
        (["--only-channels", "websocket.*"], WEBSOCKET),
        (["--only-channels", "chat.*", "--only-channels", "http.*"], {"chat.log", "http.request"}),
        (["--exclude-channels", "http.*", "--exclude-channels", "websocket.*"], {"chat.log"}),
        (["--only-channels", "websocket.*", "--exclude-channels", "*.receive"], WEBSOCKET - {"websocket.receive"}),
    ],
)  # fmt: skip
def test_it_consumes_what_it_is_told(redis_server: PrivateRedis, options: list[str], channels: set[str]) -> None:
    with Worker(redis_server.url, options=options) as worker:
        assert channels_of(worker) - {"group.repair"} == channels - {"group.repair"}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--threads", "0"], "--threads wants a number of at least 1"),
        (["--threads", "many"], "invalid int value"),
        (["--only-channels", "nothing.*"], "is left to consume"),
        (["--layer", "other"], "CHANNEL_LAYERS has no 'other'"),
        (["--nonsense"], "unrecognized arguments"),
    ],
)
def test_options_that_make_no_sense_are_refused(redis_server: PrivateRedis, options: list[str], says: str) -> None:
    assert says in refused(*options, redis_url=redis_server.url)


def test_a_layer_inside_one_process_is_refused() -> None:
    assert "set REDIS_URL, or use runserver" in refused(redis_url="")


@pytest.mark.parametrize("verbosity", ["1", "2"])
def test_each_message_is_logged_when_that_is_wanted(
    private_redis_server: PrivateRedis, tmp_path: Path, verbosity: str
) -> None:
    layer = RedisLayer(hosts=[private_redis_server.url])

    async def send() -> None:
        try:
            await layer.publish([Envelope("chat.log", "an-id", {"event": "said", "room": "tea", "dialect": "v1"})])
        finally:
            await layer.close()

    with Worker(private_redis_server.url, options=["-v", verbosity], DATA_DIR=str(tmp_path)) as worker:
        asyncio.run(send())
        wait_until(lambda: "tea said (v1)" in worker.log, "the message to be handled")
        assert ("chat.log an-id" in worker.log) is (verbosity == "2")
        assert worker.terminate() == 0
        assert "has finished" in worker.log
