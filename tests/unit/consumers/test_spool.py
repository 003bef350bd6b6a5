"""Bytes in order through memory and file, whatever the sizes; and the file no longer than its bound."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard.spool import MEMORY_BYTES, Spool


def file_size(spool: Spool) -> int:
    return 0 if spool._file is None else os.fstat(spool._file.fileno()).st_size


@given(st.lists(st.tuples(st.integers(0, 3 * MEMORY_BYTES // 2), st.integers(0, MEMORY_BYTES)), max_size=20))
def test_what_goes_in_comes_out_in_order(steps: list[tuple[int, int]]) -> None:
    most = 2 * MEMORY_BYTES
    spool, put, taken = Spool(most), bytearray(), bytearray()
    for put_size, take_size in steps:
        content = os.urandom(put_size)
        if len(spool) + put_size <= most:
            spool.put(content)
            put += content
        out = spool.take(take_size)
        assert len(out) == min(take_size, len(put) - len(taken))
        taken += out
        assert len(spool) == len(put) - len(taken)
        assert file_size(spool) <= most
    taken += spool.take(len(spool))
    assert taken == put
    spool.close()


def test_little_stays_in_memory_and_an_emptied_file_is_empty() -> None:
    spool = Spool(10 * MEMORY_BYTES)
    spool.put(b"a" * MEMORY_BYTES)
    assert spool._file is None
    spool.put(b"b")
    assert file_size(spool) == 1
    assert spool.take(MEMORY_BYTES + 1) == b"a" * MEMORY_BYTES + b"b"
    assert file_size(spool) == 0
    spool.put(b"c")
    assert file_size(spool) == 0
    spool.close()


def test_what_does_not_fit_is_refused() -> None:
    spool = Spool(MEMORY_BYTES)
    spool.put(b"a" * MEMORY_BYTES)
    spool.put(b"b" * MEMORY_BYTES)
    with pytest.raises(ValueError):
        spool.put(b"c")
    assert len(spool) == 2 * MEMORY_BYTES
    spool.close()
    assert len(spool) == 0
