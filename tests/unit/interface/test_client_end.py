"""The client's end of a socket: the handshake, the frames to the client, what the interface says by itself."""

from __future__ import annotations

from typing import Any

import pytest

from switchboard.interface.actions import Accept, Action, Close, Deny, Send
from switchboard.interface.answers import Answer, read_answer
from switchboard.interface.client_end import Phase
from switchboard.interface.frames import Frame
from switchboard.names import DISCONNECT, RECEIVE
from tests.unit.interface.connections import accepted, envelopes, opened, text

HANDSHAKES: list[tuple[list[dict[str, Any]], list[Action]]] = [
    ([{"accept": True}], [Accept()]),
    ([{"accept": True, "subprotocol": "switchboard.v1"}], [Accept("switchboard.v1")]),
    ([{"accept": True, "subprotocol": "never offered"}], [Accept()]),
    ([{"accept": True}, {"accept": True}], [Accept()]),
    ([{"accept": True, "text": "hi"}], [Accept(), Send(text("hi"))]),
    ([{"text": ""}], [Accept(), Send(text(""))]),
    ([{"bytes": b"x"}], [Accept(), Send(Frame(b"x"))]),
    ([{"accept": False}], [Deny()]),
    ([{"accept": False, "text": "no"}], [Deny()]),
    ([{"close": True}], [Deny()]),
    ([{"close": 4404}, {"accept": True}], [Deny()]),
    ([{"accept": True, "close": 4404}], [Accept(), Close(4404)]),
    ([{"text": "bye", "close": True}, {"text": "late"}], [Accept(), Send(text("bye")), Close(1000)]),
    ([{"close": False}, {}], []),
]


@pytest.mark.parametrize(("answers", "actions"), HANDSHAKES)
def test_what_answers_to_a_handshake_do(answers: list[dict[str, Any]], actions: list[Action]) -> None:
    connection = opened()

    assert [action for answer in answers for action in connection.answered(read_answer(answer))] == actions


def test_a_refused_socket_still_gets_its_disconnect() -> None:
    connection = opened()
    connection.answered(Answer(accept=False))
    connection.acknowledged(0)

    assert envelopes(connection.lost(1006)) == [(DISCONNECT, 1)]


def test_a_connect_that_failed_is_refused() -> None:
    assert opened().acknowledged(0, failed=True) == [Deny()]


def test_a_connect_that_failed_after_an_answer_stays_open() -> None:
    connection = opened()
    connection.answered(Answer(accept=True))

    assert connection.acknowledged(0, failed=True) == []


def test_a_handshake_nobody_answers_is_closed_so_that_a_browser_sees_it() -> None:
    connection = opened()
    connection.acknowledged(0)

    assert connection.wake_at == 15
    assert connection.timer(14.9) == []
    assert connection.timer(15) == [Accept("switchboard.v1"), Close(1013)]
    assert connection.wake_at is None


@pytest.mark.parametrize(("canned", "told"), [({"failed": "sorry"}, [Send(text("sorry"))]), ({}, [])])
def test_a_frame_that_failed_is_answered_with_what_the_application_gave(
    canned: dict[str, str], told: list[Action]
) -> None:
    connection = accepted(frames=canned)
    connection.frame("a")

    assert connection.acknowledged(1, failed=True) == told
    assert connection.phase is Phase.OPEN


def test_an_accept_that_comes_after_the_client_has_gone_is_no_fault_of_the_consumer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    connection = opened()
    connection.lost(1006)
    assert connection.answered(read_answer({"accept": True, "subprotocol": "switchboard.v1"})) == []
    assert caplog.text == ""


# -- what the interface answers by itself


def test_a_text_with_an_answer_is_answered_at_once_and_reaches_no_worker() -> None:
    connection = accepted(answers={"ping": "pong"})

    assert connection.frame("ping") == [Send(text("pong"))]
    connection.frame("a")
    connection.frame("waits")
    assert connection.frame("ping") == [Send(text("pong"))], "whatever is under way"
    assert connection.last_order == 1
    assert envelopes(connection.acknowledged(1)) == [(RECEIVE, 2)], "the one that waited, no ping"


@pytest.mark.parametrize("data", ["Ping", "ping ", b"ping"])
def test_only_the_very_text_is_answered(data: str | bytes) -> None:
    assert envelopes(accepted(answers={"ping": "pong"}).frame(data)) == [(RECEIVE, 1)]


def test_answers_may_be_added_and_end_with_the_socket() -> None:
    connection = accepted(answers={"ping": "pong"})
    connection.answered(read_answer({"answers": {"more": "and more"}}))

    assert [connection.frame("ping"), connection.frame("more")] == [[Send(text("pong"))], [Send(text("and more"))]]
    connection.answered(read_answer({"close": True}))
    assert connection.frame("ping") == []
