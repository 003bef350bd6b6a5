"""What must not have happened: the history, the database's rows and the journal in, findings out. Pure.

It is by the rows, in the order of their ``seq``, that everything is judged: they are what was promised to last. A
client of ``switchboard.v1`` has to end with every row of its room since its first welcome. A client of an old dialect
has nothing that could tell it of a gap, so each of its sockets is judged by itself: what it heard while it lived has to
be a stretch of the rows without a hole, beginning no later than the first row that was stored after it opened, and
reaching the end if it lived to see it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tests.e2e.chaos.history import Fault, Heard, History, Journal, Life, Person, Row, Sent

LOST = "lost"
TWICE = "twice"
ORDER = "out of order"
MADE_UP = "made up"
UNANSWERED = "not acknowledged"
CLOSED = "socket closed"
NO_DISCONNECT = "no disconnect"
PRESENT = "still present"
FAULT = "fault"
#: No finding, but the excuse for one.
RECORD_LOST = "record lost within the lease of a killed interface"

#: Seconds that a message may take to somebody whose socket closes meanwhile, while nothing is broken.
ON_ITS_WAY = 8.0
#: Seconds after a fault is healed in which a socket may still close because of it.
AFTERMATH = 8.0

V1 = "v1"
#: Characters of a text in a finding: its beginning names it.
SHORT = 40


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be. ``at`` is the moment to look for in the logs."""

    kind: str
    at: float
    client: str
    what: str
    fault: Fault | None = None


def check(history: History, rows: Sequence[Row], journal: Journal) -> list[Finding]:
    """Everything that is wrong, by time, each with the fault nearest to it."""
    rooms: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row.room, row.seq)):
        rooms[row.room].append(row)
    found = list(_rows(rooms, history))
    for person in history.people:
        stored = _Stored(rooms[person.room])
        if person.dialect == V1:
            found += [*_acknowledged(person, stored), *_shown(person, stored, history)]
        else:
            for life in person.lives:
                found += [*_said(person, life, stored, history), *_heard(person, life, stored, history)]
        found += _closed(person, history)
    found += [*_disconnects(history, journal), *_present(history, journal), *_by_faults(history)]
    return [_attributed(finding, history.faults) for finding in sorted(found, key=lambda finding: finding.at)]


class _Stored:
    """The rows of one room, and where each text stands among them."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        self.by_text = {row.text: row for row in reversed(rows)}
        self.by_seq = {row.seq: row for row in rows}
        self.place = {row.text: place for place, row in reversed(list(enumerate(rows)))}


# -- the database


def _rows(rooms: dict[str, list[Row]], history: History) -> Iterator[Finding]:
    said = {sent.text for person in history.people for sent in _all_sent(person)}
    for room, rows in rooms.items():
        for text, count in Counter(row.text for row in rows).items():
            if count > 1:
                copies = [row for row in rows if row.text == text]
                seqs = ", ".join(f"#{row.seq}" for row in copies)
                yield Finding(TWICE, copies[-1].at, room, f"{_short(text)} is stored {count} times: {seqs}")
        for before, row in zip([None, *rows], rows, strict=False):
            if row.seq != (before.seq if before else 0) + 1:
                yield Finding(
                    LOST, row.at, room, f"there is no row between #{before.seq if before else 0} and #{row.seq}"
                )
            if row.text not in said:
                yield Finding(MADE_UP, row.at, room, f"row #{row.seq} {_short(row.text)} was sent by nobody")


def _all_sent(person: Person) -> Iterator[Sent]:
    yield from person.sent
    for life in person.lives:
        yield from life.sent


# -- what v1 was told


def _acknowledged(person: Person, stored: _Stored) -> Iterator[Finding]:
    for sent in person.sent:
        row = stored.by_text.get(sent.text)
        named = f"{_short(sent.text)} (cid {sent.cid}, sent {sent.at:.2f})"
        if sent.poison:
            if row is not None or sent.refused is None:
                wrong = "stored" if row else "never refused"
                yield Finding(FAULT, sent.at, person.name, f"{named} makes its consumer raise and was {wrong}")
        elif sent.acked is not None and row is None:
            yield Finding(LOST, sent.acked, person.name, f"{named} was acknowledged as #{sent.seq} and is not stored")
        elif sent.acked is not None and row is not None and row.seq != sent.seq:
            what = f"{named} was acknowledged as #{sent.seq} and is stored as #{row.seq}"
            yield Finding(ORDER, sent.acked, person.name, what)
        elif sent.acked is None:
            why = f"was refused ({sent.refused})" if sent.refused else "has no acknowledgement"
            where = "is stored" if row else "is not stored"
            yield Finding(UNANSWERED, sent.at, person.name, f"{named} {why} and {where}")
    yield from _in_order(person, [sent for sent in person.sent if not sent.poison], stored)


def _in_order(person: Person, sent: Iterable[Sent], stored: _Stored) -> Iterator[Finding]:
    """The rows of one client stand in the order in which it sent them."""
    last: Row | None = None
    for message in sent:
        row = stored.by_text.get(message.text)
        if row is not None and last is not None and row.seq < last.seq:
            what = (
                f"{_short(message.text)} (sent {message.at:.2f}) is #{row.seq}, but was sent after {_short(last.text)}"
            )
            yield Finding(ORDER, row.at, person.name, f"{what}, #{last.seq}")
        last = row or last


# -- what arrived


def _shown(person: Person, stored: _Stored, history: History) -> Iterator[Finding]:
    yield from _true(person, person.shown, stored)
    yield from _once_in_order(person, person.shown, stored)
    if person.since is None:
        if person.lives:
            yield Finding(LOST, history.ended, person.name, "was never welcomed")
        return
    seen = {heard.text for heard in person.shown}
    for row in stored.rows:
        if row.seq >= person.since and row.text not in seen:
            what = f"ends without #{row.seq} {_short(row.text)}; it has to have everything from #{person.since}"
            yield Finding(LOST, row.at, person.name, what)


def _heard(person: Person, life: Life, stored: _Stored, history: History) -> Iterator[Finding]:
    yield from _true(person, life.heard, stored)
    yield from _once_in_order(person, life.heard, stored)
    places = [stored.place[heard.text] for heard in life.heard if heard.text in stored.place]
    must = [place for place, row in enumerate(stored.rows) if _had_to_arrive(row, life, history)]
    if places:
        must += range(min(places), max(places))
    until = "the end" if _to_the_end(life, history) else f"{life.closed:.2f}"
    for place in sorted(set(must) - set(places)):
        row = stored.rows[place]
        what = f"missed #{row.seq} {_short(row.text)}, stored {row.at:.2f}"
        yield Finding(LOST, row.at, person.name, f"{what}; socket {life.id} lived {life.opened:.2f} to {until}")


def _had_to_arrive(row: Row, life: Life, history: History) -> bool:
    """Whether a row was stored while the socket was a member, and long enough before its end."""
    if row.at <= life.opened:
        return False
    if life.closed is None or _to_the_end(life, history):
        return True
    broken = any(fault.began < life.closed and _over(fault) > row.at for fault in history.faults)
    return row.at < life.closed - ON_ITS_WAY and not broken


def _true(person: Person, heard: Iterable[Heard], stored: _Stored) -> Iterator[Finding]:
    """What arrived is what is stored."""
    for one in heard:
        row = stored.by_text.get(one.text) if one.seq is None else stored.by_seq.get(one.seq)
        if row is None or row.text != one.text:
            there = "nothing" if row is None else _short(row.text)
            yield Finding(
                MADE_UP, one.at, person.name, f"got #{one.seq} {_short(one.text)}, but the database has {there}"
            )


def _once_in_order(person: Person, heard: Iterable[Heard], stored: _Stored) -> Iterator[Finding]:
    """All see the order of the rows, hence all see the same."""
    seen: dict[str, Heard] = {}
    highest = -1
    for one in heard:
        before = seen.setdefault(one.text, one)
        place = stored.place.get(one.text, highest)
        if before is not one:
            what = f"got {_short(one.text)} at {before.at:.2f} and again at {one.at:.2f}"
            yield Finding(TWICE, one.at, person.name, what)
        elif place < highest:
            what = f"got {_short(one.text)} (#{stored.rows[place].seq}) after {_short(stored.rows[highest].text)}"
            yield Finding(ORDER, one.at, person.name, f"{what} (#{stored.rows[highest].seq})")
        highest = max(highest, place)


# -- what was said in a dialect without acknowledgements


def _said(person: Person, life: Life, stored: _Stored, history: History) -> Iterator[Finding]:
    """What one socket sent is stored in order and without a hole; all of it if the socket lived, or left in peace."""
    sent = [message for message in life.sent if not message.poison]
    yield from _in_order(person, sent, stored)
    kept = [place for place, message in enumerate(sent) if message.text in stored.by_text]
    whole = _to_the_end(life, history) or (life.ours and not _near_fault(life, history))
    for place, message in enumerate(sent):
        if message.text not in stored.by_text and (whole or place < max(kept, default=-1)):
            what = f"{_short(message.text)} was sent {message.at:.2f} on socket {life.id} and is not stored"
            yield Finding(LOST, message.at, person.name, what)


def _near_fault(life: Life, history: History) -> bool:
    assert life.closed is not None
    closed = life.closed
    return any(fault.interfaces and fault.near(closed) < ON_ITS_WAY for fault in history.faults)


# -- sockets


def _closed(person: Person, history: History) -> Iterator[Finding]:
    """Nobody but the client, and a fault of its own interface, closes a socket."""
    for life in person.lives:
        if life.closed is None or life.ours:
            continue
        closed = life.closed
        blamed = [fault for fault in history.faults if fault.began <= closed <= _over(fault) + AFTERMATH]
        if not any(life.interface in fault.interfaces for fault in blamed):
            what = f"socket {life.id} at {life.interface}, open since {life.opened:.2f}, was closed with {life.code}"
            yield Finding(CLOSED, closed, person.name, what)


def excused(history: History, journal: Journal) -> list[Finding]:
    """Return the sockets that were not reported and could not be: `RECORD_LOST`, each with the fault that lost it.

    Their interface had been killed, and Redis lost their records before its lease ran out. The guarantee holds as long
    as Redis keeps its data.
    """
    reported = set(journal.disconnects)
    return [
        Finding(RECORD_LOST, fault.began, _client(socket, history), f"the record of {reply_channel} was lost", fault)
        for fault in history.faults
        for socket, reply_channel in journal.connects.items()
        if reply_channel in fault.lost and reply_channel not in reported
    ]


def _disconnects(history: History, journal: Journal) -> Iterator[Finding]:
    """Every socket whose connect ran is reported as closed, unless it is `excused`; at the end all are."""
    lives = {life.id: (person, life) for person in history.people for life in person.lives}
    reported = set(journal.disconnects).union(*(fault.lost for fault in history.faults))
    for socket, reply_channel in journal.connects.items():
        if reply_channel in reported:
            continue
        if socket in lives:
            _, life = lives[socket]
            at = life.closed or history.ended
            what = f"socket {socket} at {life.interface} ({reply_channel}), open {life.opened:.2f} to {at:.2f}"
        else:
            at = history.ended
            what = f"handshake {socket} ({reply_channel}), which was given up"
        yield Finding(NO_DISCONNECT, at, _client(socket, history), f"no websocket.disconnect for {what}")
    for socket, (person, life) in lives.items():
        if socket not in journal.connects:
            yield Finding(MADE_UP, life.opened, person.name, f"socket {socket} was accepted, but its connect never ran")


def _client(socket: str, history: History) -> str:
    """The name of the client that opened a socket."""
    names = (person.name for person in history.people if any(life.id == socket for life in person.lives))
    return next(names, socket.rpartition(".")[0])


def _present(history: History, journal: Journal) -> Iterator[Finding]:
    """Nobody is present after everybody left, whatever was reported."""
    sockets = {reply_channel: socket for socket, reply_channel in journal.connects.items()}
    for reply_channel in journal.present:
        client = _client(sockets[reply_channel], history) if reply_channel in sockets else reply_channel
        yield Finding(PRESENT, history.ended, client, f"{reply_channel} is shown as present after everybody left")


def _by_faults(history: History) -> Iterator[Finding]:
    for fault in history.faults:
        for found in fault.found:
            yield Finding(FAULT, fault.healed, fault.target, found)


# -- attribution


def _to_the_end(life: Life, history: History) -> bool:
    return life.closed is None or life.closed >= history.ended


def _short(text: str) -> str:
    return repr(text if len(text) <= SHORT else f"{text[:SHORT]}…")


def _over(fault: Fault) -> float:
    return max(fault.settled, fault.healed, fault.began)


def _attributed(finding: Finding, faults: Sequence[Fault]) -> Finding:
    # Of those that are equally near, as where two overlap, the one that began last.
    nearest = min(faults, key=lambda fault: (fault.near(finding.at), -fault.began), default=None)
    return Finding(finding.kind, finding.at, finding.client, finding.what, nearest)
