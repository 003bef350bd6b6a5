"""State of a socket between its messages, and the browser's Django session.

The **channel session** travels: the layer attaches it to each message of its socket, and takes it back with the
acknowledgement if the consumer changed it. So it costs no query and cannot be seen half written, workers keep
no state, and the browser never sees it. A consumer that raises changes nothing. It ends with its socket.

The **http session** is Django's, found by the cookie that came with the handshake.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, MutableMapping
from importlib import import_module
from typing import Any, TypeVar

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase

from switchboard.conf import get_settings
from switchboard.events import Content
from switchboard.exceptions import SessionTooLarge
from switchboard.isolation import in_database_thread
from switchboard.layers.serialization import Serializer
from switchboard.message import Message

Consumer = TypeVar("Consumer", bound=Callable[..., Any])

_WIRE = Serializer()


class ChannelSession(MutableMapping[str, Any]):
    """A dict for one socket; its values are what JSON has: str, numbers, bools, None, lists, dicts.

    Changing it, deep inside too, is enough; nothing has to be saved. One that came with a message which another
    consumer sent on is a copy for reading: changing it raises ``TypeError`` when the consumer returns.
    """

    def __init__(self, travelled: Content | None = None, *, writable: bool = True) -> None:
        # As bytes, which is both the copy to compare with and the way to one of our own, and cheaper than a deepcopy.
        self._before = _WIRE.dumps(travelled or {})
        self._data: dict[str, Any] = _WIRE.loads(self._before)
        self._writable = writable

    def changes(self) -> Content | None:
        """The whole session if it differs from what came with the message, else None.

        Raises:
            SessionTooLarge: it is over ``SWITCHBOARD["SESSION_BYTES"]``.
            TypeError: it belongs to a message that was sent on.
            ContentError: it holds a value that cannot travel.
        """
        packed = _WIRE.dumps(self._data)
        if packed == self._before:
            return None
        if not self._writable:
            raise TypeError("the session of a message that was sent on cannot be changed")
        if len(packed) > get_settings().SESSION_BYTES:
            raise SessionTooLarge(len(packed), get_settings().SESSION_BYTES)
        return self._data

    def __getitem__(self, key: str) -> Any:
        return self._data[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._data[key] = value

    def __delitem__(self, key: str) -> None:
        del self._data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def __repr__(self) -> str:
        return f"ChannelSession({self._data!r})"

    # What django.contrib.auth asks of a session besides being a mapping.

    def flush(self) -> None:
        """Forget everything."""
        self._data.clear()

    def cycle_key(self) -> None:
        """A channel session has no key that could be stolen."""


def channel_session(consumer: Consumer) -> Consumer:
    """Give the consumer ``message.channel_session``, a `ChannelSession`."""
    return before(consumer, open_channel_session)


def http_session(consumer: Consumer) -> Consumer:
    """Give the consumer ``message.http_session``: the browser's session, or None where the message has no cookie
    of one. Only ``websocket.connect`` and ``http.request`` come with cookies. Changes are saved when the consumer
    returns, not if it raises.
    """
    return before(consumer, open_http_session, save_http_session)


def channel_and_http_session(consumer: Consumer) -> Consumer:
    """Both; the http session is found on later messages of the socket too."""
    return before(consumer, _open_both, save_http_session)


def enforce_ordering(consumer: Consumer) -> Consumer:
    """Order is built in: messages of one socket run one at a time, as sent. For code written for Channels 1.x."""
    return consumer


def open_channel_session(message: Message) -> None:
    """Unpack ``message.channel_session`` unless another decorator did."""
    if "channel_session" not in vars(message):
        message.channel_session = ChannelSession(message.travelling_session, writable=message.session_is_own)


def open_http_session(message: Message) -> None:
    """Find ``message.http_session`` unless another decorator did."""
    if "http_session" not in vars(message):
        message.http_session = _session_of(message.cookies.get(settings.SESSION_COOKIE_NAME))


def save_http_session(message: Message) -> None:
    """Save the http session if it was changed."""
    session = message.http_session
    if session is not None and session.modified:
        session.save()


_KEY = "_http_session_key"


def _open_both(message: Message) -> None:
    open_channel_session(message)
    open_http_session(message)
    if message.http_session is not None:
        message.channel_session[_KEY] = message.http_session.session_key
    elif _KEY in message.channel_session:
        message.http_session = _session_of(message.channel_session[_KEY])


def before(
    consumer: Consumer,
    prepare: Callable[[Message], None],
    finish: Callable[[Message], None] = lambda message: None,
) -> Consumer:
    """``consumer`` with ``prepare`` run on its message first, and ``finish`` if it returned; on each of a batch.

    For an ``async def`` both run in the thread of ``sync_to_async``, since sessions may ask the database. What a sync
    consumer would load when it first uses it is loaded there too: on the loop it could not be loaded any more.
    """
    if iscoroutinefunction(consumer):

        def prepare_and_load(message: Message) -> None:
            prepare(message)
            _load(message)

        prepare_in_thread = in_database_thread(_of_each(prepare_and_load))
        finish_in_thread = in_database_thread(_of_each(finish))

        @functools.wraps(consumer)
        async def on_loop(message: Message | list[Message], *args: Any, **kwargs: Any) -> Any:
            await prepare_in_thread(message)
            result = await consumer(message, *args, **kwargs)
            await finish_in_thread(message)
            return result

        return on_loop  # type: ignore[return-value]

    prepare_all, finish_all = _of_each(prepare), _of_each(finish)

    @functools.wraps(consumer)
    def in_thread(message: Message | list[Message], *args: Any, **kwargs: Any) -> Any:
        prepare_all(message)
        result = consumer(message, *args, **kwargs)
        finish_all(message)
        return result

    return in_thread  # type: ignore[return-value]


def _of_each(step: Callable[[Message], None]) -> Callable[[Message | list[Message]], None]:
    def on_all(message: Message | list[Message]) -> None:
        for each in message if isinstance(message, list) else [message]:
            step(each)

    return on_all


def _load(message: Message) -> None:
    """Ask the database for the http session and the user now, if the message has them."""
    session = vars(message).get("http_session")
    if session is not None:
        session.keys()
    if "user" in vars(message):
        bool(message.user)


def _session_of(key: str | None) -> SessionBase | None:
    if not key:
        return None
    engine = import_module(settings.SESSION_ENGINE)
    session: SessionBase = engine.SessionStore(key)
    return session
