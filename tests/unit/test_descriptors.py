"""The limit of open files: how far it can be raised, wherever that is."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from switchboard import descriptors
from switchboard.descriptors import FileLimit, count_open_files, raise_file_limit


class Kernel:
    """Its limits, and the greatest soft limit that it takes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, takes: int) -> None:
        self.limits = (soft, hard)
        self.takes = takes
        monkeypatch.setattr(resource, "getrlimit", lambda what: self.limits)
        monkeypatch.setattr(resource, "setrlimit", self.set)

    def set(self, what: int, limits: tuple[int, int]) -> None:
        assert limits[1] == self.limits[1], "the hard limit is never touched: only root can raise it again"
        if limits[0] > self.takes:
            raise ValueError("current limit exceeds maximum limit")
        self.limits = limits


INFINITE = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("soft", "hard", "takes", "found", "left"),
    [
        (1024, 4096, 4096, FileLimit(1024, 4096, 4096), 4096),
        (4096, 4096, 4096, FileLimit(4096, 4096, 4096), 4096),
        (1024, 2**30, 2**30, FileLimit(1024, 2**20, 2**20), 2**20),
        (1024, INFINITE, 2**30, FileLimit(1024, 2**20, 2**20), 2**20),
        (256, INFINITE, 10_240, FileLimit(256, 10_240, 2**20), 10_240),  # macOS
        (1024, 4096, 1024, FileLimit(1024, 1024, 4096), 1024),
        (INFINITE, INFINITE, 0, FileLimit(2**20, 2**20, 2**20), INFINITE),
    ],
)
def test_the_soft_limit_is_raised_as_far_as_it_goes(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, takes: int, found: FileLimit, left: int
) -> None:
    kernel = Kernel(monkeypatch, soft, hard, takes)
    assert raise_file_limit() == found
    assert kernel.limits == (left, hard)


@pytest.mark.parametrize("known", [True, False])
def test_open_files_are_counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, known: bool) -> None:
    if not known:
        monkeypatch.setattr(descriptors, "COUNTED", tmp_path / "nowhere")
    before = count_open_files()
    reading, writing = os.pipe()
    assert count_open_files() == before + 2
    os.close(reading)
    os.close(writing)
    assert count_open_files() == before
