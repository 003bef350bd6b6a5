"""A run as a table, fault by fault, and its findings as sentences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tests.e2e.chaos import checker
from tests.e2e.chaos.checker import Finding
from tests.e2e.chaos.history import Fault, History, Person, Sent
from tests.e2e.chaos.performance import Result

HEADINGS = ("fault", "times", "sockets held", "sent", "acknowledged", "lost", "twice", "out of order", "longest pause")
#: What counts as lost, as twice …; all other kinds stand in the last column.
LOST = (checker.LOST, checker.UNANSWERED)
#: Findings of one kind near one kind of fault that are printed in full.
SHOWN = 8


@dataclass(frozen=True)
class Window:
    """From the begin of a fault until everything had settled."""

    fault: Fault
    people: Sequence[Person]
    #: When the next fault began: who still waited then waited for that one from then on.
    next: float = math.inf

    def held(self) -> tuple[int, int]:
        """How many of the sockets that were open when it began were still open when it was over."""
        lives = [life for person in self.people if (life := person.open_life(self.fault.began)) is not None]
        return sum(life.lived(self.fault.settled) for life in lives), len(lives)

    def sent(self) -> list[Sent]:
        return [sent for sent in said(self.people) if self.fault.began <= sent.at < self.fault.settled]

    def pause(self) -> float:
        """The longest time that somebody who speaks v1 waited for an acknowledgement, of what counts for this fault.

        Time is counted for the fault that began last: what is said just before the next one waits for the next one.
        """
        waits = (
            min(sent.acked or math.inf, self.next) - max(sent.at, self.fault.began)
            for person in self.people
            for sent in person.sent
            if not sent.refused and sent.at < self.fault.settled and (sent.acked or math.inf) > self.fault.began
        )
        return max(waits, default=0.0)


def said(people: Iterable[Person]) -> Iterator[Sent]:
    for person in people:
        yield from person.sent
        for life in person.lives:
            yield from life.sent


def table(result: Result) -> list[str]:
    """Rows of cells between bars, as Markdown has them."""
    history = result.history
    rows = [_row(kind, faults, history, result.findings) for kind, faults in _by_kind(history).items()]
    rows.append(_total(history, result.findings))
    cells = [HEADINGS, *rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADINGS))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]


def summary(result: Result) -> str:
    history, plan = result.history, result.plan
    resets = sum(len(person.resets) for person in history.people)
    turned_away = sum(person.turned_away for person in history.people)
    return (
        f"seed {plan.seed}: {plan.sockets} sockets, {plan.rate:g} messages/s, {len(history.faults)} faults in "
        f"{history.ended:.0f} s; {turned_away} handshakes refused and tried again, "
        f"{resets} clients told to load anew; {len(result.excuses)} excused, {len(result.findings)} findings"
    )


def findings(result: Result) -> list[str]:
    """The findings, the first few of each kind near each kind of fault in full."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in result.findings:
        groups.setdefault((finding.kind, finding.fault.kind if finding.fault else "none"), []).append(finding)
    lines = []
    for (kind, fault), found in groups.items():
        lines.append(f"{kind.upper()} near {fault}: {len(found)}")
        lines += [f"  {_sentence(finding)}" for finding in found[:SHOWN]]
        if len(found) > SHOWN:
            lines.append(f"  … and {len(found) - SHOWN} more")
    return lines


def excuses(result: Result) -> list[str]:
    """What was not reported because it could not be, by the fault that made it so."""
    by_fault: dict[int, list[Finding]] = {}
    for excuse in result.excuses:
        by_fault.setdefault(id(excuse.fault), []).append(excuse)
    lines = []
    for found in by_fault.values():
        lines.append(f"EXCUSED, {found[0].kind}: {len(found)} sockets without a disconnect")
        lines += [f"  {_sentence(excuse)}" for excuse in found[:SHOWN]]
        if len(found) > SHOWN:
            lines.append(f"  … and {len(found) - SHOWN} more")
    return lines


def _sentence(finding: Finding) -> str:
    near = ""
    if finding.fault is not None:
        fault = finding.fault
        began, over = fault.began, fault.settled
        near = f" [{fault.kind} of {fault.target}, {began:.1f} to {over:.1f} s]"
    return f"at {finding.at:.1f} s, {finding.client}: {finding.what}{near}"


def _by_kind(history: History) -> dict[str, list[Fault]]:
    kinds: dict[str, list[Fault]] = {}
    for fault in history.faults:
        kinds.setdefault(fault.kind, []).append(fault)
    return dict(sorted(kinds.items()))


def _row(kind: str, faults: list[Fault], history: History, found: Sequence[Finding]) -> tuple[str, ...]:
    begins = [fault.began for fault in history.faults]
    nexts = [min((began for began in begins if began > fault.began), default=math.inf) for fault in faults]
    windows = [Window(fault, history.people, upto) for fault, upto in zip(faults, nexts, strict=True)]
    held = [window.held() for window in windows]
    # Where a kind came often, the worst time stands for all.
    still, open_before = min(held, key=lambda pair: pair[0] - pair[1])
    sent = [message for window in windows for message in window.sent()]
    near = [finding for finding in found if finding.fault is not None and finding.fault.kind == kind]
    return (
        kind,
        str(len(faults)),
        f"{still}/{open_before}",
        *_counts(sent, near),
        _seconds(max(w.pause() for w in windows)),
    )


def _total(history: History, found: Sequence[Finding]) -> tuple[str, ...]:
    sent = list(said(history.people))
    whole = Window(Fault("", "", 0.0, settled=history.ended), history.people)
    return ("all", str(len(history.faults)), "", *_counts(sent, found), _seconds(whole.pause()))


def _counts(sent: Sequence[Sent], found: Sequence[Finding]) -> tuple[str, ...]:
    lost = sum(finding.kind in LOST for finding in found)
    twice = sum(finding.kind == checker.TWICE for finding in found)
    order = sum(finding.kind == checker.ORDER for finding in found)
    with_cid = [message for message in sent if message.cid is not None]
    acked = sum(message.acked is not None for message in with_cid)
    harmful = sum(message.poison for message in with_cid)
    refused = f" (+{harmful} refused)" if harmful else ""
    return str(len(sent)), f"{acked}/{len(with_cid) - harmful}{refused}", str(lost), str(twice), str(order)


def _seconds(pause: float) -> str:
    return "never over" if math.isinf(pause) else f"{pause:.1f} s"
