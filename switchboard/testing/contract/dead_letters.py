"""Messages that are given up: acknowledged, kept, looked at, sent again."""

from __future__ import annotations

import time
from dataclasses import replace

from switchboard.events import Ack, Reply
from switchboard.layers.base import Begun, DeadLetter, Enqueued, Layer
from switchboard.layers.capacity import MOST_DEAD_LETTERS
from switchboard.names import CONNECT, DISCONNECT, RECEIVE, new_reply_channel
from switchboard.testing.contract.acts import (
    ANNE,
    BERT,
    LOG,
    LayerTests,
    frame,
    handle,
    inbox,
    new_home,
    new_socket,
    note,
    outcome,
    pending_one,
    take,
)


class DeadLetterTests(LayerTests):
    """`forgive`, `bury`, `dead_letters`, `revive`, `drop_dead_letter`."""

    async def test_a_forgiven_attempt_is_not_counted(self, layer: Layer) -> None:
        await layer.publish([note()])
        await take(layer, worker=ANNE)
        delivery = await layer.take_over(BERT, await pending_one(layer))
        assert delivery is not None
        numbers = []
        for forgiven in (False, True, True, False, False):
            numbers.append((await layer.begin(BERT, delivery)).number)
            if forgiven:
                await layer.forgive(BERT, delivery)
        assert numbers == [1, 2, 2, 2, 3]

    async def test_only_the_owner_is_forgiven_and_never_below_none(self, layer: Layer) -> None:
        await layer.publish([note()])
        await take(layer, worker=ANNE)
        delivery = await layer.take_over(BERT, await pending_one(layer))
        assert delivery is not None
        await layer.forgive(BERT, delivery)
        assert (await layer.begin(BERT, delivery)).number == 1
        await layer.forgive(ANNE, delivery)
        assert (await layer.begin(BERT, delivery)).number == 2
        await layer.commit(BERT, delivery)
        await layer.forgive(BERT, delivery)
        assert (await layer.begin(BERT, delivery)).begun is Begun.LOST

    async def test_what_is_buried_is_acknowledged_as_failed_and_kept(self, layer: Layer) -> None:
        interface = await new_home(layer)
        socket = new_reply_channel(interface)
        await layer.enqueue(frame(socket, 0, CONNECT))
        await layer.commit(ANNE, await take(layer, CONNECT), session={"n": 1})
        await layer.enqueue(frame(socket, 1))
        delivery = await take(layer, RECEIVE)
        sorry = Reply(socket, {"text": "sorry"})
        assert await layer.bury(ANNE, delivery, [sorry, note()], reason="3 workers died of it")
        assert (await inbox(layer, interface, 1))[0].events == (sorry, Ack(socket, 1, failed=True))
        assert await layer.depth(RECEIVE) == 0
        assert await layer.depth(LOG) == 1
        (letter,) = await layer.dead_letters()
        assert (letter.envelope, letter.reason) == (delivery.envelope, "3 workers died of it")
        assert abs(letter.at - time.time()) < 60
        await handle(layer, frame(socket, 2))

    async def test_only_the_owner_buries(self, layer: Layer) -> None:
        await layer.publish([note()])
        delivery = await take(layer)
        assert not await layer.bury(BERT, delivery, [note()], reason="")
        assert await layer.dead_letters() == []
        assert await layer.bury(ANNE, delivery, reason="")
        assert not await layer.bury(ANNE, delivery, reason="")
        assert len(await layer.dead_letters()) == 1
        assert await layer.depth(LOG) == 0

    async def test_what_was_acknowledged_before_is_not_kept(self, layer: Layer) -> None:
        interface = await new_home(layer)
        socket = await new_socket(layer, interface)
        await handle(layer, frame(socket, 1))
        await layer.publish([frame(socket, 1)])
        assert await layer.bury(ANNE, await take(layer, RECEIVE), [note()], reason="")
        assert await layer.dead_letters() == []
        assert await layer.depth(LOG) == 0

    async def test_a_buried_disconnect_removes_the_record(self, layer: Layer) -> None:
        interface = await new_home(layer)
        socket = await new_socket(layer, interface)
        await layer.enqueue(frame(socket, 1, DISCONNECT))
        assert await layer.bury(ANNE, await take(layer, DISCONNECT), reason="")
        assert await layer.sockets_of(interface) == []
        assert await outcome(layer, frame(socket, 2)) is Enqueued.UNKNOWN

    async def test_a_revived_message_comes_under_its_id_and_belongs_to_no_socket(self, layer: Layer) -> None:
        interface = await new_home(layer)
        socket = new_reply_channel(interface)
        await layer.enqueue(frame(socket, 0, CONNECT))
        await layer.commit(ANNE, await take(layer, CONNECT), session={"n": 1})
        await layer.enqueue(frame(socket, 1))
        buried = await take(layer, RECEIVE)
        await layer.bury(ANNE, buried, reason="")
        (letter,) = await layer.dead_letters()
        assert await layer.revive(letter.tag)
        assert await layer.dead_letters() == []
        revived = await take(layer, RECEIVE)
        assert revived.envelope == replace(buried.envelope, socket=None, order=None, session={"n": 1})
        assert not revived.redelivered
        assert await layer.commit(ANNE, revived, [note()])
        assert await layer.depth(LOG) == 1, "its outputs leave"
        assert len(await inbox(layer, interface)) == 2, "nobody is told of it"
        assert not await layer.revive(letter.tag)

    async def test_a_letter_can_be_forgotten(self, layer: Layer) -> None:
        await self._bury_all(layer, 3)
        first, second, third = await layer.dead_letters()
        assert await layer.drop_dead_letter(second.tag)
        assert not await layer.drop_dead_letter(second.tag)
        assert await layer.dead_letters() == [first, third]
        assert await layer.depth(LOG) == 0

    async def test_what_is_no_tag_names_no_letter(self, layer: Layer) -> None:
        for tag in ("", "x", "-", "+", "1-2-3", "99999999999999999999-1", "1-1"):
            assert not await layer.revive(tag)
            assert not await layer.drop_dead_letter(tag)

    async def test_the_oldest_go_first(self, layer: Layer) -> None:
        letters = await self._bury_all(layer, MOST_DEAD_LETTERS + 5)
        assert [letter.envelope.content["number"] for letter in letters] == list(range(5, MOST_DEAD_LETTERS + 5))

    async def _bury_all(self, layer: Layer, total: int) -> list[DeadLetter]:
        await layer.publish([note(number) for number in range(total)])
        for delivery in await layer.take(ANNE, [LOG], count=total, wait=0):
            assert await layer.bury(ANNE, delivery, reason="enough")
        return list(await layer.dead_letters())
