"""Rooms for programs, and the whole of a room as a file."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from chat import identity, limits, services, transcripts
from chat.models import Member, Message, Room
from chat.protocol import Post
from tests.integration.chat.conftest import visitor_cookie
from tests.integration.chat.sockets import heard, hello, tab

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("own_layer")]

PATH = "/api/rooms/tea/messages"


def post(body: object, client: Client | None = None, **headers: str) -> Any:
    text = body if isinstance(body, str) else json.dumps(body)
    return (client or Client(enforce_csrf_checks=True)).post(
        PATH, text, content_type="application/json", headers=headers
    )


def said(cid: str = "c1", body: str = "hi", handle: str = "ada") -> dict[str, str]:
    return {"cid": cid, "handle": handle, "body": body}


def say(count: int) -> None:
    for n in range(1, count + 1):
        services.post("tea", Post("ada", f"m{n}"), identity=f"c:{n}")


class TestReading:
    def seqs(self, **query: int) -> list[int]:
        return [line["seq"] for line in Client().get(PATH, query).json()["messages"]]

    def test_the_last_ones_those_after_and_those_before(self) -> None:
        say(60)
        answer = Client().get(PATH)
        assert answer.json()["seq"] == 60 and answer.json()["room"] == "tea"
        assert answer["X-Robots-Tag"] == "noindex, nofollow" and "no-store" in answer["Cache-Control"]
        assert self.seqs() == list(range(11, 61))
        assert self.seqs(after=57) == [58, 59, 60]
        assert self.seqs(after=0, limit=3) == [1, 2, 3]
        assert self.seqs(before=11, limit=5) == [6, 7, 8, 9, 10]
        assert self.seqs(before=1) == self.seqs(after=60) == []
        assert len(self.seqs(after=0, limit=5_000)) == 60

    def test_each_as_on_the_wire_tombstones_included(self) -> None:
        ada = User.objects.create_user("ada")
        services.post("tea", Post("ada", "hi"), identity="c:1", user=ada)
        services.post("tea", Post("ada", "oh"), identity="c:2")
        Message.objects.get(seq=2).bury()
        one, two = Client().get(PATH).json()["messages"]
        assert (one["body"], one["user"], one["cid"]) == ("hi", "ada", "1")
        assert set(two) == {"seq", "id", "at", "deleted"}

    @pytest.mark.parametrize("query", ["after=x", "before=-1", "limit=1.5", "after=" + "9" * 25, "limit=²"])
    def test_numbers_that_are_none(self, query: str) -> None:
        say(1)
        answer = Client().get(f"{PATH}?{query}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad-number")

    @pytest.mark.parametrize("label", ["tea", "new", "x" * 51, "a b"])
    def test_a_room_that_is_not_there(self, label: str) -> None:
        answer = Client().get(f"/api/rooms/{label}/messages")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "no-room")
        assert not Room.objects.exists()


class TestWriting:
    def test_it_is_stored_once_and_heard(self) -> None:
        socket = tab("bob")
        hello(socket)
        first, again, other = post(said()), post(said()), post(said(body="ho"))
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() == again.json() and first.json()["seq"] == 1
        assert (other.status_code, other.json()["error"]["code"]) == (409, "conflict")
        assert {(frame["seq"], frame["body"]) for frame in heard(socket) if frame["t"] == "msg"} == {(1, "hi")}
        assert "person" not in first.json() and Member.objects.count() == 1

    def test_it_makes_the_room(self) -> None:
        assert post(said()).status_code == 201
        assert Room.objects.get().label == "tea"

    @pytest.mark.parametrize(
        ("code", "body"),
        [
            ("not-json", "{"),
            ("not-an-object", "[]"),
            ("bad-cid", {"handle": "ada", "body": "hi"}),
            ("bad-cid", said(cid="two words")),
            ("bad-handle", said(handle="ada\u202e")),
            ("blank-handle", {"cid": "c1", "body": "hi"}),
            ("blank-message", said(body=" ")),
            ("long-message", said(body="x" * 2_001)),
        ],
    )
    def test_what_is_wrong_is_said(self, code: str, body: object) -> None:
        answer = post(body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
        assert not Message.objects.exists()

    def test_bytes_that_are_no_text(self) -> None:
        answer = Client().post(PATH, b"\xff", content_type="application/json")
        assert answer.json()["error"]["code"] == "not-json"

    def test_too_much(self, settings: Settings) -> None:
        assert post("x" * 40_000).status_code == 413
        settings.CHAT_LIMITS = {"ADDRESS_MESSAGES": "2, 1/h"}
        assert [post(said(f"c{n}")).status_code for n in (1, 2, 1, 3)] == [201, 201, 200, 429]
        answer = post(said("c3"))
        assert 3_500 < int(answer["Retry-After"]) <= 3_600
        assert answer.json()["error"]["wait"] == int(answer["Retry-After"])

    def test_rooms_are_limited_too(self, settings: Settings) -> None:
        settings.CHAT_LIMITS = {"NEW_ROOMS": "1/h", "ROOMS": "3/h"}
        assert post(said()).status_code == 201
        answers = [Client().get(f"/api/rooms/{label}/messages").status_code for label in ("a", "a", "b", "c")]
        assert answers == [404, 404, 404, 429]
        answer = Client().post("/api/rooms/cake/messages", said(), content_type="application/json")
        assert answer.status_code == 429 and Room.objects.count() == 1

    def test_somebody_elses_handle(self) -> None:
        hello(tab("ada"), "ada")
        for handle, code in (("ADA", "taken"), ("admin", "reserved")):
            answer = post(said(handle=handle))
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, code)

    def test_a_browser_needs_the_token(self) -> None:
        browser = Client(enforce_csrf_checks=True)
        browser.cookies[identity.COOKIE] = visitor_cookie("ada")
        answer = post(said(), browser)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
        browser.get("/chat/tea/")
        token = browser.cookies["csrftoken"].value
        answer = post(said(), browser, **{"x-csrftoken": token})
        assert answer.status_code == 201
        assert answer.json()["person"] == hello(tab("ada"))["you"]["person"]

    def test_a_browser_may_leave_out_its_handle(self) -> None:
        hello(tab("ada"), "Countess")
        browser = Client()
        browser.cookies[identity.COOKIE] = visitor_cookie("ada")
        answer = post({"cid": "c1", "body": "hi"}, browser)
        assert answer.json()["handle"] == "Countess"


class TestTranscripts:
    @pytest.fixture(autouse=True)
    def _said(self, own_layer: None) -> None:
        ada = User.objects.create_user("ada")
        services.post("tea", Post("ada", "one\ntwo"), identity="c:1", user=ada)
        services.post("tea", Post("<b>", "<script>alert(1)</script> 한글"), identity="c:2")
        services.post("tea", Post("cy", "gone"), identity="c:3")
        Message.objects.get(seq=3).bury()

    def text(self, form: str) -> str:
        answer = Client().get(f"/chat/tea/transcript.{form}")
        assert answer.status_code == 200 and answer["X-Robots-Tag"] == "noindex, nofollow"
        assert ("attachment" in answer.get("Content-Disposition", "")) == (form != "html")
        return answer.getvalue().decode()

    def test_as_text(self) -> None:
        text = self.text("txt")
        assert "ada ✓: one\n    two\n" in text and "<b>: <script>alert(1)</script> 한글\n" in text
        assert text.startswith("tea\nhttp://testserver/chat/tea/\n") and "gone" not in text

    def test_as_json(self) -> None:
        content = json.loads(self.text("json"))
        assert (content["room"], content["seq"]) == ("tea", 3)
        assert [line["seq"] for line in content["messages"]] == [1, 2]

    def test_as_a_page(self) -> None:
        html = self.text("html")
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html and "<script>alert" not in html
        assert '<bdi class="handle">&lt;b&gt;</bdi>' in html and html.rstrip().endswith("</html>")

    def test_of_no_room(self) -> None:
        assert Client().get("/chat/cake/transcript.txt").status_code == 404
        assert Client().get("/chat/tea/transcript.pdf").status_code == 404
        assert Room.objects.count() == 1

    def test_an_empty_one(self) -> None:
        services.ensure_room("cake")
        assert json.loads(Client().get("/chat/cake/transcript.json").getvalue())["messages"] == []

    def test_the_largest_room_takes_little_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        room = Room.objects.get()
        rows = [
            Message(room=room, handle="ada", message="x" * 2_000, seq=n, identity=f"x:{n}") for n in range(4, 5_004)
        ]
        Message.objects.bulk_create(rows)
        Room.objects.update(last_seq=5_003)
        del rows
        answer = Client().get("/chat/tea/transcript.txt")
        tracemalloc.start()
        try:
            parts: Iterator[bytes] = answer.streaming_content  # type: ignore[attr-defined]
            written = sum(map(len, parts))
            _now, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert written > 10_000_000 and peak < 4_000_000
        assert transcripts.PAGE < limits.SWEEP_ROWS  # a page of them is what is held
