"""Log lines."""

from __future__ import annotations

import logging
import sys

from project.logs import OneLine


def test_a_quoted_text_cannot_forge_a_line() -> None:
    record = logging.LogRecord("chat", logging.INFO, __file__, 1, "from %s", ("ada\r\n2030 ERROR forged",), None)
    assert OneLine("%(message)s").format(record) == "from ada\\r\\n2030 ERROR forged"


def test_a_traceback_keeps_its_lines() -> None:
    try:
        raise ValueError("no")
    except ValueError:
        record = logging.LogRecord("chat", logging.ERROR, __file__, 1, "failed", (), sys.exc_info())
    assert OneLine("%(message)s").format(record).splitlines()[0] == "failed"
    assert OneLine("%(message)s").format(record).splitlines()[-1] == "ValueError: no"
