"""Talk in a room: python examples/client.py ws://127.0.0.1:8000/chat/icy-cloud-k7w2mq/ ada (pip install websockets)"""

import asyncio, json, sys, uuid  # noqa: E401, I001
from websockets import ConnectionClosed, connect


async def speak(unanswered: dict[str, str], connection: list) -> None:
    while line := await asyncio.to_thread(sys.stdin.readline):
        cid = uuid.uuid4().hex
        unanswered[cid] = json.dumps({"t": "msg", "cid": cid, "body": line.rstrip("\n")})
        await asyncio.gather(*(socket.send(unanswered[cid]) for socket in connection), return_exceptions=True)


async def chat(address: str, handle: str, last: int = 0) -> None:
    unanswered, connection = {}, []
    speaking = asyncio.create_task(speak(unanswered, connection))
    async for socket in connect(address, subprotocols=["switchboard.v1"]):  # anew, whenever it was lost
        try:
            await socket.send(json.dumps({"t": "hello", "last": last or None, "handle": handle}))
            while frame := json.loads(await socket.recv()):
                if frame["t"] == "welcome":  # what was not acknowledged is said again, and stored once
                    connection[:] = [socket]
                    await asyncio.gather(*map(socket.send, unanswered.values()))
                for line in frame["missed"] if frame["t"] == "welcome" else [frame] if frame["t"] == "msg" else ():
                    if line["seq"] > last:
                        last = line["seq"]
                        print(line.get("handle"), line.get("body", "(deleted)"), sep=": ", flush=True)
                if frame["t"] == "nack":
                    print(frame["text"], file=sys.stderr, flush=True)
                if frame["t"] == "ack" or (frame["t"] == "nack" and not frame["retry"]):
                    unanswered.pop(frame.get("cid"), None)
        except ConnectionClosed:
            connection.clear()
    await speaking


asyncio.run(chat(*sys.argv[1:3]))
