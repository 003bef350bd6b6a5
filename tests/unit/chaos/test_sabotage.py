"""The lines that are broken on purpose are still there: nobody runs the acts with every change of the code."""

from __future__ import annotations

import pytest

from switchboard.testing.processes import ROOT
from tests.e2e.chaos.sabotage import ACTS, Act


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.name)
def test_an_act_still_finds_its_line(act: Act) -> None:
    assert (ROOT / act.file).read_text().count(act.old) == 1
    assert set(act.beside) <= {other.name for other in ACTS}
