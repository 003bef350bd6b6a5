"""The protocol of one socket, story by story: its messages, what the layer says to them, and the end."""

from __future__ import annotations

from switchboard.interface.actions import Accept, Action, Close, Enqueue, Forget, Pause, Resume, Send
from switchboard.interface.answers import Answer
from switchboard.interface.connection import Connection
from switchboard.interface.waiting import FRAME_OVERHEAD
from switchboard.interface.workers_end import RESEND_AFTER
from switchboard.layers.base import Enqueued, Receipt, SocketState
from switchboard.names import CONNECT, DISCONNECT, RECEIVE
from tests.unit.interface.connections import LIMITS, OPENING, accepted, envelopes, opened, queue, text

# -- messages


def test_a_connect_has_the_keys_of_the_opening_and_its_identity() -> None:
    (action,) = Connection("i!s", OPENING, LIMITS).opened(0.0)

    assert isinstance(action, Enqueue)
    envelope = action.envelope
    assert (envelope.channel, envelope.id, envelope.socket, envelope.order) == (CONNECT, "i!s/0", "i!s", 0)
    assert envelope.content == {"path": "/chat/x/", "headers": [], "order": 0, "reply_channel": "i!s"}


def test_frames_and_the_disconnect_have_the_keys_of_1x() -> None:
    connection = accepted()
    contents = []
    frames: list[str | bytes] = ["hi", b"\x00"]
    for order, data in enumerate(frames, start=1):
        (action,) = connection.frame(data)
        assert isinstance(action, Enqueue)
        contents.append(action.envelope.content)
        connection.acknowledged(order)
    (action,) = connection.lost(1001)
    assert isinstance(action, Enqueue)
    contents.append(action.envelope.content)

    assert contents == [
        {"path": "/chat/x/", "text": "hi", "order": 1, "reply_channel": "i!s"},
        {"path": "/chat/x/", "bytes": b"\x00", "order": 2, "reply_channel": "i!s"},
        {"path": "/chat/x/", "code": 1001, "order": 3, "reply_channel": "i!s"},
    ]
    assert connection.acknowledged(3) == [Forget()]


def test_one_message_is_under_way_and_the_others_wait_for_its_acknowledgement() -> None:
    connection = accepted()

    assert envelopes(connection.frame("a")) == [(RECEIVE, 1)]
    assert connection.frame("b") == []
    assert connection.lost(1000) == []
    assert envelopes(connection.acknowledged(1)) == [(RECEIVE, 2)]
    assert envelopes(connection.acknowledged(2)) == [(DISCONNECT, 3)]


def test_an_acknowledgement_of_another_order_is_ignored() -> None:
    connection = accepted()
    connection.frame("a")
    connection.frame("b")

    assert connection.acknowledged(0) == []
    assert connection.acknowledged(2) == []
    assert not connection.takes(0)
    assert connection.takes(1)
    assert connection.takes(None)


def test_what_was_handled_before_counts_as_acknowledged() -> None:
    connection = accepted()
    connection.frame("a")
    connection.frame("b")

    assert connection.enqueued(1, Receipt(Enqueued.DONE), 0.0) == [], "its acknowledgement may be in the inbox still"
    assert connection.takes(1)
    assert envelopes(connection.acknowledged(1)) == [(RECEIVE, 2)]
    assert connection.settled(1, None) == []


def test_what_was_handled_but_never_acknowledged_is_gone_and_the_client_is_told_to_look() -> None:
    connection = accepted(frames={"resync": "look"})
    connection.frame("a")
    connection.frame("b")
    connection.enqueued(1, Receipt(Enqueued.DONE, {"n": 1}), 0.0)

    actions = connection.settled(1, {"n": 1})
    assert actions[0] == Send(text("look"))
    assert envelopes(actions) == [(RECEIVE, 2)]
    assert connection.state == SocketState("i!s", 1, 1, "/chat/x/", {"n": 1})


def test_a_handshake_whose_answer_was_lost_is_closed_at_once() -> None:
    connection = Connection("i!s", OPENING, LIMITS)
    connection.opened(0.0)
    connection.enqueued(0, Receipt(Enqueued.DONE), 0.0)

    assert connection.settled(0, None) == [Accept("switchboard.v1"), Close(1012)]
    assert envelopes(connection.lost(1012)) == [(DISCONNECT, 1)]


# -- refusals of the layer


def test_a_full_channel_refuses_a_connect_and_nobody_is_told_of_it() -> None:
    connection = Connection("i!s", OPENING, LIMITS)
    connection.opened(0.0)

    assert connection.enqueued(0, Receipt(Enqueued.FULL), 0.0) == [Accept("switchboard.v1"), Close(1013)]
    assert connection.lost(1013) == [Forget()]


def test_a_full_channel_makes_a_frame_wait_and_says_so_once() -> None:
    connection = accepted(frames={"busy": "busy"})
    connection.frame("a")

    assert connection.enqueued(1, Receipt(Enqueued.FULL), 10.0) == [Send(text("busy"))]
    assert connection.wake_at is not None and 10.0 < connection.wake_at <= 10.1
    assert envelopes(connection.timer(10.1)) == [(RECEIVE, 1)]
    assert connection.enqueued(1, Receipt(Enqueued.FULL), 10.1) == []


def test_backoff_grows_and_ends() -> None:
    connection = accepted()
    connection.frame("a")
    delays = []
    for _ in range(12):
        connection.unavailable(1, 100.0)
        assert connection.wake_at is not None
        delays.append(connection.wake_at - 100.0)
        connection.timer(connection.wake_at)

    assert delays[0] <= 0.1
    assert delays[4] > delays[0]
    assert 2.5 <= delays[-1] <= 5.0


def test_what_is_not_acknowledged_is_enqueued_again_and_only_once_at_a_time() -> None:
    connection = accepted()
    (first,) = connection.frame("a")
    queue(connection, 1)

    assert connection.wake_at == RESEND_AFTER
    assert connection.timer(RESEND_AFTER - 0.1) == []
    assert connection.timer(RESEND_AFTER) == [first]
    assert connection.timer(RESEND_AFTER + 100) == []
    assert connection.again() == []
    connection.unavailable(1, RESEND_AFTER)
    assert connection.again() == [first]


def unknown(connection: Connection, order: int) -> list[Action]:
    return connection.enqueued(order, Receipt(Enqueued.UNKNOWN), 0.0)


def test_a_socket_whose_record_was_lost_goes_on() -> None:
    connection = accepted()
    (first,) = connection.frame("a")

    assert unknown(connection, 1) == []
    assert connection.unknown
    assert connection.wake_at is None, "nothing is asked before it is decided what that means"
    assert connection.state == SocketState("i!s", 0, 0, "/chat/x/", None)
    assert connection.recovered(data_lost=True) == [first]
    assert not connection.unknown


def test_a_disconnect_without_record_was_handled_unless_data_were_lost() -> None:
    for data_lost in (True, False):
        connection = accepted()
        (disconnect,) = connection.lost(1000)
        unknown(connection, 1)

        assert connection.recovered(data_lost=data_lost) == ([disconnect] if data_lost else [Forget()])


def test_a_socket_that_others_took_for_dead_is_closed_and_forgotten() -> None:
    connection = accepted()
    connection.frame("a")
    connection.frame("b")
    unknown(connection, 1)

    assert connection.abandon() == [Close(1012), Forget()]
    assert connection.lost(1012) == []


def test_recovery_asks_again_for_what_is_under_way_whatever_was_being_asked() -> None:
    connection = accepted()
    (first,) = connection.frame("a")

    assert connection.recovered(data_lost=False) == [first]
    assert accepted().recovered(data_lost=True) == []


def test_the_record_is_that_of_the_last_acknowledgement() -> None:
    connection = Connection("i!s", OPENING, LIMITS)
    connection.opened(0.0)
    assert connection.state == SocketState("i!s", -1, -1, "/chat/x/", None)
    connection.answered(Answer(accept=True))
    connection.acknowledged(0, session={"name": "ann"})
    connection.frame("a")
    connection.acknowledged(1)
    assert connection.state == SocketState("i!s", 1, 1, "/chat/x/", {"name": "ann"})


def test_a_connect_that_was_never_queued_has_no_record() -> None:
    connection = Connection("i!s", OPENING, LIMITS)
    connection.opened(0.0)
    connection.enqueued(0, Receipt(Enqueued.FULL), 0.0)

    assert connection.state is None


def test_a_client_that_sends_ahead_is_not_read_until_little_is_left() -> None:
    connection = accepted()
    connection.frame("under way")

    assert connection.frame("x" * 300) == []
    assert connection.frame("x" * 300) == [Pause()]
    assert connection.frame("") == [], "what was read already"
    assert not any(isinstance(action, Resume) for action in connection.acknowledged(1))
    assert connection.acknowledged(2)[0] == Resume()


def test_a_buffer_beyond_its_bound_closes_the_socket_and_keeps_what_it_had() -> None:
    connection = accepted()
    connection.frame("under way")
    room = LIMITS.buffer_bytes - FRAME_OVERHEAD

    assert connection.frame("x" * room) == [Pause()]
    assert connection.frame("") == [Resume(), Close(1013)], "or the client's own close is never read"
    assert connection.frame("not heard") == []
    connection.lost(1013)
    assert envelopes(connection.acknowledged(1)) == [(RECEIVE, 2)]
    assert envelopes(connection.acknowledged(2)) == [(DISCONNECT, 3)]


def test_a_frame_beyond_the_bound_is_too_big_even_alone() -> None:
    assert accepted().frame("ä" * 501) == [Close(1009)]


# -- the end of the interface


def test_leaving_hands_over_what_waits_and_then_the_disconnect() -> None:
    connection = accepted()
    connection.frame("a")
    connection.frame("b")

    assert connection.leave() == [Close(1012)]
    assert connection.leaving
    assert envelopes(connection.acknowledged(1)) == [(RECEIVE, 2)]
    assert envelopes(connection.acknowledged(2)) == [(DISCONNECT, 3)]
    assert connection.enqueued(3, Receipt(Enqueued.QUEUED), 0.0) == [Forget()]


def test_a_client_that_is_moved_is_told_first() -> None:
    assert accepted(frames={"moving": "come back"}).leave()[:2] == [Send(text("come back")), Close(1012)]


def test_abandoning_leaves_the_disconnect_behind() -> None:
    connection = accepted()
    connection.frame("a")
    connection.frame("b")

    actions = connection.abandon()
    assert actions[0] == Close(1012)
    assert envelopes(actions) == [(DISCONNECT, 2)]
    assert connection.abandon() == []
    assert connection.enqueued(2, Receipt(Enqueued.UNKNOWN), 0.0) == [Forget()]


def test_a_connect_is_never_overtaken_by_its_disconnect() -> None:
    """What the consumer of the connect makes would stay for ever."""
    connection = opened()
    connection.leave()

    assert connection.abandon() == [Forget()]


def test_leaving_in_the_handshake_shows_the_browser_why() -> None:
    assert opened().leave() == [Accept("switchboard.v1"), Close(1012)]
