"""``manage.py deadletters``: messages that were given up, to be looked at, sent again or dropped."""

from __future__ import annotations

import asyncio
import pprint
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from switchboard.conf import get_settings
from switchboard.exceptions import LayerUnavailable
from switchboard.layers.base import DeadLetter, Layer
from switchboard.layers.named import get_layer


class Command(BaseCommand):
    """``list``, ``show TAG``, ``send TAG`` (again, as a message of its own) and ``drop TAG``."""

    help = "Shows messages that were given up, sends them again or drops them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--layer", metavar="ALIAS", help="alias in CHANNEL_LAYERS")
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        actions.add_parser("list", help="a line for each, oldest first")
        for name, help_text in (
            ("show", "everything about one"),
            ("send", "put one on its channel again, under its old id"),
            ("drop", "forget one"),
        ):
            action = actions.add_parser(name, help=help_text)
            action.add_argument("tag", metavar="TAG", help="as the list shows it")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            layer = get_layer(options["layer"] or get_settings().LAYER)
            asyncio.run(self._act(layer, options))
        except ImproperlyConfigured as error:
            raise CommandError(str(error), returncode=2) from error
        except LayerUnavailable as error:
            raise CommandError(f"The layer does not answer: {error}.") from error

    async def _act(self, layer: Layer, options: dict[str, Any]) -> None:
        try:
            if options["action"] == "list":
                await self._list(layer)
            elif options["action"] == "show":
                self._show(await _found(layer, options["tag"]))
            else:
                await self._change(layer, options["action"], options["tag"])
        finally:
            await layer.close()

    async def _list(self, layer: Layer) -> None:
        letters = await layer.dead_letters()
        for letter in letters:
            envelope = letter.envelope
            self.stdout.write(f"{letter.tag}  {_when(letter)}  {envelope.channel}  {envelope.id}  {letter.reason}")
        self.stdout.write(f"{len(letters)} dead letter(s)")

    def _show(self, letter: DeadLetter) -> None:
        envelope = letter.envelope
        self.stdout.write(f"tag      {letter.tag}\nat       {_when(letter)}\nreason   {letter.reason}")
        self.stdout.write(f"channel  {envelope.channel}\nid       {envelope.id}")
        self.stdout.write(f"session  {pprint.pformat(envelope.session)}\ncontent  {pprint.pformat(envelope.content)}")

    async def _change(self, layer: Layer, action: str, tag: str) -> None:
        change: Callable[[str], Coroutine[Any, Any, bool]]
        change, done = (layer.revive, "sent again") if action == "send" else (layer.drop_dead_letter, "dropped")
        if not await change(tag):
            raise CommandError(f"There is no dead letter {tag!r}.", returncode=2)
        self.stdout.write(f"{tag} {done}")


async def _found(layer: Layer, tag: str) -> DeadLetter:
    for letter in await layer.dead_letters():
        if letter.tag == tag:
            return letter
    raise CommandError(f"There is no dead letter {tag!r}.", returncode=2)


def _when(letter: DeadLetter) -> str:
    return datetime.fromtimestamp(letter.at, UTC).strftime("%Y-%m-%d %H:%M:%S")
