"""HTTP through a real Daphne: what a client sees, and what a worker gets."""

from __future__ import annotations

import signal
import socket as sockets
from typing import Any

import httpx
import pytest

from switchboard.testing.waiting import wait_until
from tests.integration.interface.conftest import OURS, STOCK, Served
from tests.integration.interface.served import BIG_CHUNKS, CHUNK

PATIENCE = 20


def get(served: Served, path: str, **options: Any) -> httpx.Response:
    return httpx.get(served.url + path, timeout=PATIENCE, **options)


def test_a_request_has_the_keys_of_1x(served: Served) -> None:
    response = httpx.post(f"{served.url}/keys?a=%20b", content=b"body", timeout=PATIENCE)
    (_, request) = served.seen("/keys")[-1]

    assert (response.status_code, response.text) == (200, "POST body")
    assert set(request) == {
        *("reply_channel", "http_version", "method", "scheme", "path", "query_string", "root_path"),
        *("headers", "body", "client", "server"),
    }
    assert (request["method"], request["scheme"], request["http_version"]) == ("'POST'", "'http'", "'1.1'")
    assert (request["query_string"], request["body"]) == (repr(b"a=%20b"), repr(b"body"))


def test_a_response_in_chunks_and_the_worker_learns_what_is_written(served: Served) -> None:
    response = get(served, "/stream")

    assert response.text == "begin,end"
    assert get(served, "/seen").json()["written"][-1] == len("begin,")


def test_headers_of_one_name_stay_apart(served: Served) -> None:
    assert get(served, "/cookies").headers.get_list("set-cookie") == ["a=1", "b=2"]


def test_head_and_the_next_request_share_a_connection(served: Served) -> None:
    with sockets.create_connection(("127.0.0.1", served.port), timeout=PATIENCE) as wire:
        wire.sendall(b"HEAD /one HTTP/1.1\r\nHost: localhost\r\n\r\n")
        head = receive_until(wire, b"\r\n\r\n")
        wire.sendall(b"GET /two HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        rest = receive_all(wire)

    assert head.startswith(b"HTTP/1.1 200") and b"content-length: 5" in head.lower()
    assert head.endswith(b"\r\n\r\n")
    assert rest.startswith(b"HTTP/1.1 200") and rest.endswith(b"\r\n\r\nGET ")


def test_a_body_beyond_the_limit(served: Served) -> None:
    body = b"x" * (1024 * 1024 + 1)

    assert httpx.post(f"{served.url}/limit", content=body, timeout=PATIENCE).status_code == 413
    assert httpx.post(f"{served.url}/limit", content=iter([body]), timeout=PATIENCE).status_code == 413
    assert served.seen("/limit") == []
    assert httpx.post(f"{served.url}/limit", content=body[:-1], timeout=PATIENCE).status_code == 200


def test_an_answer_that_makes_no_sense(served: Served) -> None:
    assert get(served, "/nonsense").status_code == 502


def test_a_worker_that_died_before_it_answered(served: Served) -> None:
    response = get(served, "/dies", headers={"accept": "text/html", "accept-language": "ko"})

    assert response.status_code == 502
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert '<h1 lang="en">502 Bad Gateway</h1>' in response.text
    assert '<html lang="ko">' in response.text and "프로세스가 종료되었습니다." in response.text


def test_a_worker_that_died_while_it_answered(ours: Served) -> None:
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        get(ours, "/half")


@pytest.mark.parametrize("module", [OURS, STOCK])
def test_nobody_answers(module: str) -> None:
    with Served(module, HTTP_TIMEOUT="1") as served:
        assert get(served, "/never").status_code == 504


def test_no_room_for_a_request() -> None:
    with (
        Served(OURS, WORKERLESS="1", HTTP_TIMEOUT="2") as served,
        sockets.create_connection(("127.0.0.1", served.port), timeout=PATIENCE) as first,
    ):
        first.sendall(b"GET /first HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        responses: list[httpx.Response] = []

        def refused() -> bool:
            responses.append(get(served, "/second"))
            return responses[-1].status_code == 503

        wait_until(refused, "503")
        assert responses[-1].headers["retry-after"].isdigit()
        assert receive_all(first).startswith(b"HTTP/1.1 50")


def test_a_slow_client_slows_its_worker_and_not_the_others(ours: Served) -> None:
    def progress() -> int:
        written = [total for total in get(ours, "/seen").json()["written"] if total and total % CHUNK == 0]
        return len(written)

    with sockets.create_connection(("127.0.0.1", ours.port), timeout=PATIENCE) as slow:
        slow.sendall(b"GET /big HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        looks: list[int] = []

        def stands_still() -> bool:
            looks.append(progress())
            return len(looks) > 15 and looks[-1] > 0 and looks[-15] == looks[-1]

        wait_until(stands_still, "the worker waits for the client")
        assert looks[-1] < BIG_CHUNKS - 1
        assert len(receive_all(slow)) > BIG_CHUNKS * CHUNK


def test_a_client_that_goes_is_told_to_its_worker(ours: Served) -> None:
    with sockets.create_connection(("127.0.0.1", ours.port), timeout=PATIENCE) as going:
        going.sendall(b"GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n")
        receive_until(going, b"xxx")

    wait_until(lambda: get(ours, "/seen").json()["written"][-1:] == [-1], "the worker knows")


def test_sigterm_lets_a_request_finish() -> None:
    with Served(OURS) as served, sockets.create_connection(("127.0.0.1", served.port), timeout=PATIENCE) as wire:
        wire.sendall(b"GET /lingers HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        receive_until(wire, b"begin,")
        served.signal(signal.SIGTERM)
        wait_until(lambda: refuses(served.port), "no more connections")
        assert receive_all(wire).endswith(b"3\r\nend\r\n0\r\n\r\n")
        assert served.wait(PATIENCE) == 0
        assert "Traceback" not in served.log


def refuses(port: int) -> bool:
    try:
        sockets.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
    except ConnectionRefusedError:
        return True
    return False


def receive_until(wire: sockets.socket, end: bytes) -> bytes:
    received = b""
    while end not in received:
        chunk = wire.recv(65536)
        assert chunk, received
        received += chunk
    return received


def receive_all(wire: sockets.socket) -> bytes:
    chunks = []
    while chunk := wire.recv(1 << 20):
        chunks.append(chunk)
    return b"".join(chunks)
