"""The order in which tests run: by the seed within a file, and nothing else."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys

import pytest

FILES = [
    "tests/unit/consumers/test_routing.py",
    "tests/unit/worker/test_django_view.py",
    "tests/integration/chat/test_consumers.py",  # which has classes
]


def collected(*files: str, seed: int) -> list[str]:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *files]
    run = subprocess.run(command, env={**os.environ, "SEED": str(seed)}, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr
    return [line for line in run.stdout.splitlines() if "::" in line]


@pytest.fixture(scope="module")
def orders() -> dict[int, list[str]]:
    """The tests of all files in the orders of two seeds."""
    return {seed: collected(*FILES, seed=seed) for seed in (1, 2)}


def of_file(file: str, tests: list[str]) -> list[str]:
    return [test for test in tests if test.startswith(file)]


def test_the_seed_decides_the_order_within_each_file(orders: dict[int, list[str]]) -> None:
    for file in FILES:
        one, other = (of_file(file, tests) for tests in orders.values())
        assert one != other and sorted(one) == sorted(other)


def test_a_file_alone_has_the_order_that_it_has_beside_others(orders: dict[int, list[str]]) -> None:
    assert collected(FILES[0], seed=1) == of_file(FILES[0], orders[1])


def test_the_tests_of_a_class_stay_together(orders: dict[int, list[str]]) -> None:
    for tests in orders.values():
        classes = [test.split("::")[1] for test in of_file(FILES[2], tests)]
        stretches = [name for name, _ in itertools.groupby(classes)]
        assert len(stretches) == len(set(stretches)) > 1
