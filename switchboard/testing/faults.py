"""Resilience mode: a layer between its callers and another one, by which a share of the calls goes wrong.

::

    CHANNEL_LAYERS = {"default": {
        "BACKEND": "switchboard.testing.faults.UnreliableLayer",
        "CONFIG": {"layer": {"BACKEND": …, "CONFIG": {…}}, "seed": 7, "lose_answer": 0.02, "refuse": 0.01},
    }}

It does only what the contract allows to happen, so whoever keeps to the contract is not harmed by it:

* ``lose_request``: `LayerUnavailable` is raised and nothing was done;
* ``lose_answer``: `LayerUnavailable` is raised, but it was done;
* ``repeat``: it is done twice, as by somebody who did not get the first answer; not where that is not safe;
* ``delay``: it takes up to ``longest_delay`` seconds longer, so that calls overtake each other;
* ``refuse``: the channel says that it is full. Never for a disconnect.

The Channels layer specification proposed such a mode for testing applications. What goes wrong when is drawn from
``seed``; the calls' order, and so which of them it hits, is that of the program.
"""

from __future__ import annotations

import abc
import asyncio
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from switchboard.events import Envelope
from switchboard.exceptions import ChannelFull, LayerUnavailable
from switchboard.layers.base import Enqueued, Layer, Receipt
from switchboard.names import DISCONNECT

__all__ = ["UnreliableLayer"]

#: Calls that are always passed on as they are: whoever makes them wants to begin or end with a layer in order.
_RELIABLE: Final = frozenset({"flush", "close"})
#: Calls that are not repeated. Of these the contract says that a repetition is there twice (`request`, `publish`;
#: a report is read twice), or the second call does another thing than the first: takes the next messages or the next
#: page, counts one more attempt.
_SINGLE: Final = frozenset(
    {"request", "publish", "report_written", "take", "await_reports", "begin", "forgive", "revive", "scan_sockets"}
)


class UnreliableLayer(Layer):
    """``CONFIG``: ``layer``, as in ``CHANNEL_LAYERS`` or a layer; ``seed``; the shares of the module's docstring, each
    from 0 to 1; ``longest_delay``; ``only``, the names of the calls that may go wrong, all if it is not given.

    Raises:
        ImproperlyConfigured: a share is none, or a name is that of no call.
    """

    def __init__(
        self,
        layer: Layer | Mapping[str, Any],
        seed: int = 0,
        longest_delay: float = 0.05,
        only: Collection[str] = Layer.__abstractmethods__,
        **shares: float,
    ) -> None:
        self.inner: Layer = layer if isinstance(layer, Layer) else _made(layer)
        self.crosses_processes = self.inner.crosses_processes  # type: ignore[misc]
        self.extensions = self.inner.extensions  # type: ignore[misc]
        self._random = random.Random(seed)  # noqa: S311 - a seed is wanted, not a secret
        self._longest_delay = longest_delay
        self._only = _calls(only)
        self._shares = _checked(shares)

    def __getattr__(self, name: str) -> Any:
        # What a layer has beyond the contract.
        if name == "inner":
            raise AttributeError(name)
        return getattr(self.inner, name)

    async def _call(self, name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        call = getattr(self.inner, name)
        if name in _RELIABLE or name not in self._only:
            return await call(*arguments, **options)
        if self._hits("lose_request"):
            raise LayerUnavailable(f"{name} was lost on purpose")
        if self._hits("delay"):
            await asyncio.sleep(self._random.random() * self._longest_delay)
        if name in _REFUSALS and self._hits("refuse"):
            refused, answer = _REFUSALS[name](*arguments)
            if refused:
                return answer
        answer = await call(*arguments, **options)
        if name not in _SINGLE and self._hits("repeat"):
            await call(*arguments, **options)
        if self._hits("lose_answer"):
            raise LayerUnavailable(f"the answer of {name} was lost on purpose")
        return answer

    def _hits(self, share: str) -> bool:
        return self._random.random() < self._shares[share]


def _refuse_enqueue(envelopes: Sequence[Envelope]) -> tuple[bool, Sequence[Receipt]]:
    refusable = all(envelope.channel != DISCONNECT for envelope in envelopes)
    return refusable, [Receipt(Enqueued.FULL)] * len(envelopes)


def _refuse_publish(outputs: Any) -> tuple[bool, None]:
    for output in outputs:
        if isinstance(output, Envelope):
            raise ChannelFull(output.channel)
    return False, None


#: For each call that may be refused: whether this one is, and with which answer.
_REFUSALS: Final[Mapping[str, Callable[..., tuple[bool, Any]]]] = {
    "enqueue_many": _refuse_enqueue,
    "publish": _refuse_publish,
    "request": lambda envelope: (True, False),
    "has_room": lambda channel: (True, False),
}


def _checked(shares: Mapping[str, float]) -> dict[str, float]:
    known = dict.fromkeys(("lose_request", "lose_answer", "repeat", "delay", "refuse"), 0.0)
    for name, share in shares.items():
        if name not in known or not 0 <= share <= 1:
            raise ImproperlyConfigured(f"{name}={share!r} is no share from 0 to 1 of: {', '.join(known)}.")
    return {**known, **shares}


def _calls(names: Collection[str]) -> Collection[str]:
    # A name that is merely no abstract method of the contract would leave its call in order, and nobody would notice.
    if unknown := set(names) - Layer.__abstractmethods__:
        raise ImproperlyConfigured(f"No call of a layer: {', '.join(sorted(unknown))}.")
    return names


def _made(config: Mapping[str, Any]) -> Layer:
    made: Layer = import_string(config["BACKEND"])(**config.get("CONFIG", {}))
    return made


def _passing_on(name: str) -> Callable[..., Any]:
    async def method(self: UnreliableLayer, *arguments: Any, **options: Any) -> Any:
        return await self._call(name, arguments, options)

    method.__name__, method.__doc__ = name, getattr(Layer, name).__doc__
    return method


# One method for each of the contract, whatever the contract will be.
for _name in Layer.__abstractmethods__:
    setattr(UnreliableLayer, _name, _passing_on(_name))
abc.update_abstractmethods(UnreliableLayer)  # type: ignore[type-abstract]
