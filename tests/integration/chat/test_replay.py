"""Who says hello with what it has ends with everything, or is told to begin anew: never a gap that nobody told of."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat import services
from chat.models import Message, Room
from chat.protocol import Post
from tests.integration.chat.conftest import Heard


@dataclass
class Reader:
    """A client that follows docs/wire.md and may be cut off at any time."""

    #: What it shows: text by number.
    shown: dict[int, str] = field(default_factory=dict)
    last: int | None = None
    connected: bool = False

    def hear(self, message: Message) -> None:
        if self.connected and self.last is not None and message.seq == self.last + 1:
            self.shown[message.seq] = message.message
            self.last = message.seq

    def hello(self) -> services.Missed:
        missed = services.missed("tea", self.last)
        if missed.reset:
            self.shown.clear()
        assert [message.seq for message in missed.messages] == sorted({message.seq for message in missed.messages})
        self.shown |= {message.seq: message.message for message in missed.messages}
        self.last, self.connected = missed.seq, True
        return missed


steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["post", "post long", "miss", "miss long"]), st.integers(1, 9)),
        st.tuples(st.just("repeat"), st.integers(1, 40)),
        st.tuples(st.just("delete"), st.integers(1, 40)),
        st.tuples(st.sampled_from(["hello", "restored"]), st.just(0)),
    ),
    max_size=12,
)


def stored() -> dict[int, str]:
    return dict(Message.objects.filter(room__label="tea").values_list("seq", "message"))


def step(kind: str, number: int, reader: Reader, said: list[str]) -> None:
    if kind.startswith("miss"):
        reader.connected = False
    if kind.startswith(("post", "miss")):
        for _ in range(number):
            said.append(f"m{len(said)}" + "!" * 100 * kind.endswith("long"))
            reader.hear(services.post("tea", Post("ada", said[-1]), identity=f"c:{len(said)}").message)
    elif kind == "repeat" and number <= len(said) and Message.objects.filter(identity=f"c:{number}").exists():
        assert services.post("tea", Post("ada", said[number - 1]), identity=f"c:{number}").duplicate
    elif kind == "delete":
        Message.objects.filter(seq=number).delete()
    elif kind == "restored":
        reader.last, reader.connected = 1_000, False  # of another past of this room


def check(reader: Reader, before: Reader, missed: services.Missed) -> None:
    now = stored()
    assert len(missed.messages) <= services.MISSED_LIMIT
    assert missed.seq == Room.objects.get(label="tea").last_seq
    if missed.reset:
        # The newest that fit, without a hole among them.
        first = min(reader.shown, default=None)
        assert (first is None) == (not now)
        assert reader.shown == {seq: text for seq, text in now.items() if first is not None and seq >= first}
    else:
        assert before.last is not None
        newer = {seq: text for seq, text in now.items() if seq > before.last}
        assert reader.shown == before.shown | newer


@pytest.mark.django_db
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(steps=steps)
def test_hello_is_complete_or_says_reload(
    steps: list[tuple[str, int]], heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MISSED_LIMIT", 6)
    monkeypatch.setattr(services, "RECENT", 4)
    monkeypatch.setattr(services, "MISSED_BYTES", 400)
    with transaction.atomic():
        services.ensure_room("tea")
        reader, said = Reader(), list[str]()
        assert not reader.hello().reset
        for kind, number in [*steps, ("hello", 0)]:
            step(kind, number, reader, said)
            if not reader.connected or kind == "hello":
                before = Reader(dict(reader.shown), reader.last)
                check(reader, before, reader.hello())
        transaction.set_rollback(True)
