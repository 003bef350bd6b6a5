"""``python -m benchmarks.reaping``: an interface with 20,000 sockets is killed; how soon do workers report them closed?

The sockets are records in Redis and rows in the chat's database, as an interface leaves them behind that is killed; two
workers of the chat run. Counted from the end of the interface's lease, which begins with its last heartbeat: until each
socket has its ``websocket.disconnect`` on the channel, and until all of these have been handled and nothing is left.

Workers notice a death at their first look after the lease, so up to five seconds are theirs.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack

from switchboard.layers.base import SocketState
from switchboard.layers.redis import RedisLayer
from switchboard.names import new_interface, new_reply_channel
from switchboard.testing.processes import ROOT, PrivateRedis, Worker, project_environment

MEMBERS = 20
#: The default of ``SWITCHBOARD["INTERFACE_LEASE"]``, which the workers have.
LEASE = 45.0
#: Seconds after the lease at which it is over in any case.
LIMIT = 120.0
#: Seconds between two looks at how far they are.
INTERVAL = 0.25

#: Run by ``manage.py shell``: the rows of the sockets whose names come in by lines.
_ROWS = f"""
import sys
from django.db import transaction
from chat.models import Connection, Member, Room
names = sys.stdin.read().split()
with transaction.atomic():
    for start in range(0, len(names), {MEMBERS}):
        room = Room.objects.create(label=f"room-{{start}}")
        for number, name in enumerate(names[start:start + {MEMBERS}]):
            member = Member.objects.create(room=room, person=f"b:{{number}}", handle=f"ann-{{number}}",
                                           handle_key=f"ann-{{number}}", here=True)
            Connection.objects.create(room=room, member=member, reply_channel=name, interface=name.partition("!")[0],
                                      dialect="v1")
"""


def left_behind(sockets: int, settings: dict[str, str]) -> tuple[str, list[str]]:
    """The name of an interface, and of its sockets, each of which has a row."""
    interface = new_interface()
    names = [new_reply_channel(interface) for _ in range(sockets)]
    environment = project_environment(**settings)
    manage = [sys.executable, str(ROOT / "manage.py")]
    subprocess.run([*manage, "migrate", "--verbosity", "0"], env=environment, check=True)
    subprocess.run(
        [*manage, "shell", "--verbosity", "0", "-c", _ROWS],
        env=environment,
        input="\n".join(names).encode(),
        check=True,
    )
    return interface, names


async def measure(redis: PrivateRedis, interface: str, names: Sequence[str]) -> tuple[float, float]:
    """Seconds after the lease until all are reported, and until nothing is left."""
    layer = RedisLayer(hosts=[redis.url])
    await layer.open_inbox(interface)  # its last heartbeat
    died = time.monotonic()
    for start in range(0, len(names), 300):
        states = [SocketState(name, 1, 1, f"/chat/room-{start}/") for name in names[start : start + 300]]
        await layer.restore(states)
    reported = None
    while time.monotonic() < died + LEASE + LIMIT:
        await asyncio.sleep(INTERVAL)
        now = time.monotonic() - died - LEASE
        first = await layer.sockets_of(interface)
        if reported is None and not (first and first[0].sent == first[0].acked):
            reported = now
        if interface not in await layer.interface_beats():
            await layer.close()
            return reported or now, now
    raise SystemExit(f"Not over {LIMIT:g} s after the lease.")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reaping", description=__doc__)
    parser.add_argument("--sockets", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with ExitStack() as stack:
        settings = {"DATA_DIR": stack.enter_context(tempfile.TemporaryDirectory(prefix="switchboard-reaping-"))}
        interface, names = left_behind(options.sockets, settings)
        redis = stack.enter_context(PrivateRedis())
        workers = [stack.enter_context(Worker(redis.url, **settings)) for _ in range(options.workers)]
        reported, handled = asyncio.run(measure(redis, interface, names))
        shares = [worker.log.count("reported") for worker in workers]
    print(f"{options.sockets} sockets, {options.workers} workers, a lease of {LEASE:g} s")
    print(f"all reported {reported:.1f} s after the lease, in {shares} looks of the workers")
    print(f"all handled  {handled:.1f} s after the lease")


if __name__ == "__main__":
    main()
