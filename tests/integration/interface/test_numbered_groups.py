"""Numbered groups through the hub: what is missing is asked for, and everybody gets it in order."""

from __future__ import annotations

from typing import Any

import pytest

from switchboard.events import GroupMessage, Join, Reply, Tip
from switchboard.interface import repairs
from switchboard.names import GROUP_REPAIR
from switchboard.testing.waiting import await_until
from tests.integration.interface.scene import Client, Scene


def text(seq: int) -> dict[str, Any]:
    return {"text": str(seq)}


def numbered(*numbers: int) -> list[GroupMessage]:
    return [GroupMessage("room", text(seq), seq) for seq in numbers]


async def member(scene: Scene, base: int | None) -> Client:
    client = await scene.client()
    await scene.layer.publish([Join(client.channel, "room", base), Reply(client.channel, {"text": "in"})])
    assert (await client.said())["text"] == "in"
    return client


async def hears(client: Client, *numbers: int) -> None:
    assert [(await client.said())["text"] for _ in numbers] == [str(seq) for seq in numbers]


async def question(scene: Scene) -> dict[str, Any]:
    """The next question for a repair."""

    async def asked() -> Any:
        return await scene.layer.take("w", [GROUP_REPAIR], count=1, wait=0.05)

    (delivery,) = await await_until(asked, "a question")
    await scene.layer.commit("w", delivery)
    content = dict(delivery.envelope.content)
    assert content["group"] == "room"
    return content


async def answer(scene: Scene, question: dict[str, Any], *numbers: int, upto: int) -> None:
    rows = [[seq, text(seq)] for seq in numbers]
    await scene.layer.publish([Reply(question["reply_channel"], {"rows": rows, "upto": upto})])


async def test_what_is_missing_is_asked_for_and_everybody_gets_it_in_order(scene: Scene) -> None:
    one, two = await member(scene, 3), await member(scene, 5)
    await scene.layer.publish(numbered(6, 9, 9))

    asked = await question(scene)
    assert asked["after"] == 3
    assert one.silent()
    await answer(scene, asked, 5, 6, 8, upto=8)
    await hears(one, 5, 6, 8, 9)
    await hears(two, 6, 8, 9)
    await scene.layer.publish(numbered(8, 10))
    await hears(one, 10)
    await hears(two, 10)


async def test_a_tip_makes_a_lost_last_message_known(scene: Scene) -> None:
    client = await member(scene, 3)
    await scene.layer.publish([Tip("room", 4)])
    asked = await question(scene)
    await answer(scene, asked, 4, upto=4)

    await hears(client, 4)


async def test_a_recovery_asks_for_every_numbered_group(scene: Scene) -> None:
    client = await member(scene, 3)
    await scene.layer.publish(numbered(4))
    await hears(client, 4)
    await scene.layer.flush()

    asked = await question(scene)
    assert asked["after"] == 4
    await scene.layer.publish(numbered(6))
    await answer(scene, asked, 5, 6, upto=6)
    await hears(client, 5, 6)
    await scene.layer.publish(numbered(7))
    await hears(client, 7)


async def test_an_answer_that_makes_no_sense_is_asked_for_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(repairs, "FIRST_PATIENCE", 0.2)
    client = await member(scene, 3)
    await scene.layer.publish(numbered(5))
    asked = await question(scene)
    await scene.layer.publish([Reply(asked["reply_channel"], {"rows": [["4", text(4)]], "upto": 4})])
    await answer(scene, await question(scene), 4, upto=4)

    await hears(client, 4, 5)
    assert "makes no sense" in caplog.text


async def test_the_layer_that_thinks_we_are_in_a_group_is_told_otherwise(scene: Scene) -> None:
    client = await scene.client()
    scene.layer._state.groups["nobody's"] = {client.channel.partition("!")[0]}
    await scene.layer.publish([GroupMessage("nobody's", text(1), 1)])

    await await_until(lambda: "nobody's" not in scene.layer._state.groups, "the group is left")
