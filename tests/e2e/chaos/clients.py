"""Clients as they are published: each with one socket that comes back, each writing down what it sees.

`Old` speaks one of the dialects without numbers and acknowledgements: it sends while its socket is open, and shows what
comes. What ``switchboard.v1`` can do beyond that is in `modern`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import Callable, Sequence
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from tests.e2e.chaos.history import Heard, Life, Person, Sent
from tests.e2e.chaos.words import HARMFUL

#: Seconds, as in `static/chat/`: reconnecting, giving up a handshake, waiting for an answer.
BACKOFF_BASE: Final = 0.5
BACKOFF_CEILING: Final = 15.0
HANDSHAKE: Final = 15.0
PATIENCE: Final = 10.0

TRY_AGAIN_LATER: Final = 1013
#: Seconds. A handshake that is accepted to be closed at once, with nothing said in between, so that a browser learns
#: the code, was refused. We see its end when our answer to the close has come to the server, and it has hung up.
REFUSAL: Final = PATIENCE

#: Where the interfaces are: their names and addresses. Asked at each attempt.
Addresses = Callable[[], Sequence[tuple[str, str]]]
#: Seconds since the beginning of the run.
Clock = Callable[[], float]


class Client:
    """One person's connection. `run` keeps it up until `stop`."""

    path = "/chat/{room}/"
    subprotocols: Sequence[Subprotocol] | None = None

    def __init__(self, person: Person, addresses: Addresses, home: int, seed: str, now: Clock) -> None:
        self.person = person
        self._addresses = addresses
        self._home = home  # the interface that is tried first, as a balancer would have chosen it
        self._random = random.Random(seed)
        self._now = now
        self._socket: ClientConnection | None = None
        self._life: Life | None = None
        self._stopping = False
        self._said = 0
        self._lives = 0

    @property
    def connected(self) -> bool:
        return self._socket is not None

    async def run(self) -> None:
        attempt = 0
        while not self._stopping:
            attempt = 0 if await self._live(attempt) else attempt + 1
            if not self._stopping:
                await asyncio.sleep(self._random.random() * min(BACKOFF_CEILING, BACKOFF_BASE * 2**attempt))

    async def leave(self, why: str) -> None:
        """Close the socket, if it is open; `run` opens another one."""
        if self._socket is not None and self._life is not None:
            self._life.ours, self._life.why = True, why
            await self._socket.close()

    async def stop(self) -> None:
        self._stopping = True
        await self.leave("the end")

    async def say(self, word: str = "") -> Sent | None:
        """Say something new, with ``word`` in it. None where the dialect can't say it now."""
        raise NotImplementedError

    # -- one socket

    async def _live(self, attempt: int) -> bool:
        """One socket's life; False if there was none."""
        addresses = self._addresses()
        interface, address = addresses[(self._home + attempt) % len(addresses)]
        self._lives += 1
        name = f"{self.person.name}.{self._lives}"
        url = f"{address}{self.path.format(room=self.person.room)}?socket={name}"
        try:
            socket = await connect(
                url, subprotocols=self.subprotocols, open_timeout=HANDSHAKE, ping_interval=None, close_timeout=PATIENCE,
                compression=None, max_queue=None, proxy=None,
            )  # fmt: skip
        except (OSError, InvalidHandshake, TimeoutError, EOFError):
            self.person.turned_away += 1
            return False
        self._life = life = Life(name, interface, self._now())
        self.person.lives.append(life)
        self._socket = socket
        watch = asyncio.create_task(self._watch(), name=f"watch of {name}")
        answered = False
        try:
            await self._opened()
            async for frame in socket:
                answered = True
                await self._take(json.loads(frame), life)
        except ConnectionClosed:
            pass
        finally:
            self._socket = None
            life.closed, life.code = self._now(), socket.close_code
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
        return answered or not self._was_refused(life)

    def _was_refused(self, life: Life) -> bool:
        assert life.closed is not None
        if life.code != TRY_AGAIN_LATER or life.closed - life.opened > REFUSAL:
            return False
        self.person.lives.remove(life)
        self.person.turned_away += 1
        return True

    async def _send(self, frame: dict[str, Any]) -> None:
        # A socket that just closed is `_live`'s business.
        if self._socket is not None:
            with contextlib.suppress(ConnectionClosed):
                await self._socket.send(json.dumps(frame))

    def _text(self, word: str) -> str:
        self._said += 1
        return f"{self.person.name}#{self._said} {word}".strip()

    async def _opened(self) -> None:
        """The socket is open."""

    async def _take(self, frame: dict[str, Any], life: Life) -> None:
        """A frame came."""
        raise NotImplementedError

    async def _watch(self) -> None:
        """Runs while the socket is open."""


class Old(Client):
    """The dialects without numbers: ``classic``, ``tutorial`` and ``public``."""

    _PATHS: Final = {"classic": "/chat/{room}/", "tutorial": "/ws/chat/{room}/", "public": "/chat/public"}

    def __init__(self, person: Person, addresses: Addresses, home: int, seed: str, now: Clock) -> None:
        super().__init__(person, addresses, home, seed, now)
        self.path = self._PATHS[person.dialect]

    async def say(self, word: str = "") -> Sent | None:
        # One that leaves has said its last word: behind the close frame nothing is sent any more.
        if self._socket is None or self._life is None or self._life.ours:
            return None
        sent = Sent(self._text(word), self._now(), poison=word in HARMFUL)
        self._life.sent.append(sent)
        name = {"classic": "handle", "public": "sender"}.get(self.person.dialect)
        await self._send({"message": sent.text, **({name: self.person.name} if name else {})})
        return sent

    def heard_itself(self) -> bool:
        """Whether all that it said on its socket came back to it: there is no other acknowledgement."""
        if self._life is None:
            return True
        heard = {one.text for one in self._life.heard}
        return all(sent.poison or sent.text in heard for sent in self._life.sent)

    async def _take(self, frame: dict[str, Any], life: Life) -> None:
        life.heard.append(Heard(self._now(), frame["message"]))
