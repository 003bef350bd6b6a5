"""What an interface server and a worker do when Redis forbids what they need: end, and say why.

Waiting does not help against it, and a process that goes on would answer 503 and 1013 for ever.
"""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import dataclass

import httpx
import pytest
from redis import Redis

from switchboard.testing.processes import Daphne, PrivateRedis, Worker
from switchboard.testing.waiting import wait_until

pytestmark = pytest.mark.redis


@dataclass
class LimitedUser:
    """A user of a Redis who may do everything but what is forbidden."""

    redis: PrivateRedis

    @property
    def url(self) -> str:
        return self.redis.url.replace("unix://", "unix://limited@") + "?password=secret"

    def may(self, *rules: str) -> None:
        with closing(Redis.from_url(self.redis.url)) as client:
            client.execute_command("ACL", "SETUSER", "limited", "on", ">secret", "~*", "&*", *rules)  # type: ignore[no-untyped-call]


@pytest.fixture
def user(private_redis_server: PrivateRedis) -> LimitedUser:
    user = LimitedUser(private_redis_server)
    user.may("+@all")
    return user


class StockDaphne(Daphne):
    program = (sys.executable, "-m", "daphne")


def test_an_interface_that_may_not_open_its_inbox_ends(user: LimitedUser) -> None:
    user.may("-hset")
    interface = Daphne(user.url)
    try:
        interface.spawn()
        assert interface.wait() == 1
        assert "task hub failed" in interface.log
        assert "Traceback" in interface.log and "can't run this command" in interface.log
    finally:
        interface.close()


def test_an_interface_that_may_not_show_that_it_lives_ends(user: LimitedUser) -> None:
    with Daphne(user.url) as interface:
        interface.wait_for_log("listening on inbox")
        user.may("-hset")  # each heartbeat needs it
        assert interface.wait(60) == 1
        assert "task heart failed" in interface.log or "the recovery failed" in interface.log
        assert "task hub failed" in interface.log


def test_stock_daphne_answers_503_and_tries_again(user: LimitedUser) -> None:
    user.may("-hset")
    with StockDaphne(user.url, options=["--http-timeout", "60"]) as interface:
        assert httpx.get(interface.url, timeout=30).status_code == 503
        interface.wait_for_log("task hub failed; it starts over")
        user.may("+hset")
        with Worker(user.url):
            wait_until(lambda: httpx.get(interface.url + "/healthz", timeout=60).status_code == 200, "an answer")
        assert interface.running


def test_a_worker_that_may_not_read_ends_and_names_the_task(user: LimitedUser) -> None:
    user.may("-xreadgroup")
    worker = Worker(user.url)
    try:
        worker.spawn()
        assert worker.wait() == 1
        assert "in task read" in worker.log and "Traceback" in worker.log
    finally:
        worker.close()


def test_a_worker_whose_side_task_fails_ends_and_names_the_task(user: LimitedUser) -> None:
    with Worker(user.url) as worker:
        user.may("-evalsha", "-eval")
        assert worker.wait(60) == 1
        assert "in task" in worker.log and "Traceback" in worker.log
