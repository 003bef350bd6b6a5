"""The pages, as they are without JavaScript."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from pytest_django import Settings

from chat import handles, labels, services
from chat.models import Member, Message, Room
from chat.protocol import Post

pytestmark = pytest.mark.django_db


def say(label: str, *bodies: str) -> None:
    for body in bodies:
        services.post(label, Post("ada", body), identity=f"c:{body}")


def html_of(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize("path", ["/", "/chat/"])
def test_the_landing_page(client: Client, path: str) -> None:
    html = html_of(client, path)
    assert "Create new chat room" in html and 'href="/chat/new/"' in html and 'name="room"' in html


def test_a_new_room_has_a_fresh_label_each_time(client: Client) -> None:
    first, second = (client.get("/chat/new/")["Location"] for _ in range(2))
    assert re.fullmatch(r"/chat/[a-z]+-[a-z]+-[a-z2-9]{6}/", first)
    assert first != second and not Room.objects.exists()


def test_a_taken_label_is_not_given_again(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    services.ensure_room("taken")
    drawn = iter(["taken", "taken", "free"])
    monkeypatch.setattr("haikunator.Haikunator.haikunate", lambda self, **kwargs: next(drawn))
    assert client.get("/chat/new/")["Location"] == "/chat/free/"


@pytest.mark.parametrize(
    ("typed", "path"),
    [
        ("icy-cloud", "/chat/icy-cloud/"),
        ("Tea party", "/chat/Tea-party/"),
        ("https://x.example/chat/icy-cloud/", "/chat/icy-cloud/"),
    ],
)
def test_joining_by_name(client: Client, typed: str, path: str) -> None:
    assert client.get("/chat/", {"room": typed})["Location"] == path


@pytest.mark.parametrize("typed", ["", "new", "x" * 51, "é", "<script>"])
def test_joining_by_a_name_that_cannot_be(client: Client, typed: str) -> None:
    response = client.get("/chat/", {"room": typed})
    assert response.status_code == 400
    assert 'role="alert"' in response.content.decode() and "<script>" not in response.content.decode()


def test_a_look_makes_no_room(client: Client) -> None:
    html = html_of(client, "/chat/nobody-yet/")
    assert "nobody-yet" in html and "noindex" in html
    client.head("/chat/nobody-yet/")
    assert not Room.objects.exists()


@pytest.mark.parametrize("label", ["x" * 51, "a.b", "a%20b", "é", "%3Cscript%3E", "a%0A"])
def test_bad_labels_are_not_found(client: Client, label: str) -> None:
    response = client.get(f"/chat/{label}/")
    assert response.status_code == 404
    assert "Here is only grass" in response.content.decode()


def test_the_last_fifty_messages_are_in_the_page_oldest_first(client: Client) -> None:
    say("tea", *(f"message-{n}." for n in range(1, 54)))
    html = html_of(client, "/chat/tea/")
    assert re.findall(r">message-(\d+)\.<", html) == [str(n) for n in range(4, 54)]
    assert 'data-last="53"' in html


def test_what_people_write_is_text(client: Client) -> None:
    services.post("tea", Post("<i>ada</i>", "<img src=x onerror=alert(1)>"), identity="c:1")
    html = html_of(client, "/chat/tea/")
    assert "<img" not in html and "<i>" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html


def test_nothing_in_the_pages_needs_inline_script_or_style(client: Client) -> None:
    say("tea", "hi")
    for path in ("/", "/chat/tea/", "/accounts/login/"):
        response = client.get(path)
        html = response.content.decode()
        assert "'unsafe" not in response["Content-Security-Policy"]
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", html)
        # Data is no script: a browser does not run it.
        assert all("src=" in tag or 'type="application/json"' in tag for tag in re.findall(r"<script[^>]*>", html))


class TestPostingWithoutScripts:
    @pytest.fixture
    def browser(self) -> Client:
        """A client that is asked for the CSRF token, as a browser is."""
        return Client(enforce_csrf_checks=True)

    def fields(self, browser: Client, **typed: str) -> dict[str, str]:
        html = html_of(browser, "/chat/tea/")
        hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', html))
        return {**hidden, **typed}

    def test_it_is_stored_and_shown(self, browser: Client) -> None:
        fields = self.fields(browser, handle="ada", body="one\r\ntwo")
        response = browser.post("/chat/tea/", fields)
        assert (response.status_code, response["Location"]) == (302, "/chat/tea/#end")
        assert Message.objects.get().message == "one\ntwo"
        html = html_of(browser, "/chat/tea/")
        assert "one\ntwo" in html and 'value="ada"' in html

    def test_sent_twice_it_is_stored_once(self, browser: Client) -> None:
        fields = self.fields(browser, handle="ada", body="hi")
        browser.post("/chat/tea/", fields)
        browser.post("/chat/tea/", fields)
        assert Message.objects.count() == 1
        response = browser.post("/chat/tea/", {**fields, "body": "ho"})
        assert response.status_code == 409 and "ho</textarea>" in response.content.decode()

    def test_not_without_the_token(self, browser: Client) -> None:
        fields = self.fields(browser, handle="ada", body="hi")
        del fields["csrfmiddlewaretoken"]
        assert browser.post("/chat/tea/", fields).status_code == 403
        assert not Message.objects.exists()

    def test_an_old_token_is_told_in_words_and_the_text_is_kept(self, browser: Client) -> None:
        fields = self.fields(browser, handle="ada", body="dear text")
        del browser.cookies["csrftoken"]
        self.fields(browser)
        response = browser.post("/chat/tea/", fields)
        html = response.content.decode()
        assert response.status_code == 403 and "your browser has logged in or out since" in html
        assert "dear text</textarea>" in html and 'href="/chat/tea/"' in html
        response = browser.post("/chat/tea/lock", {"locked": "1"}, headers={"accept": "application/json"})
        assert (response.status_code, response.json()["error"]["code"]) == (403, "forbidden")
        html = browser.post("/accounts/login/", {"username": "ada", "password": "dear secret"}).content.decode()
        assert 'href="/accounts/login/"' in html and "dear secret" not in html

    @pytest.mark.parametrize(
        ("handle", "body"), [("", "hi"), ("ada", " "), ("x" * 33, "hi"), ("ada", "x" * 2_001), ("ada", "\u200b")]
    )
    def test_the_limits_are_the_same(self, browser: Client, handle: str, body: str) -> None:
        response = browser.post("/chat/tea/", self.fields(browser, handle=handle, body=body))
        assert response.status_code == 400 and 'role="alert"' in response.content.decode()
        assert not Message.objects.exists() and not Room.objects.exists()


class TestAccounts:
    def test_login_leads_back_and_fills_in_the_name(self, client: Client) -> None:
        User.objects.create_user("ada", password="lovelace-1815")
        assert 'href="/accounts/login/?next=/chat/tea/"' in html_of(client, "/chat/tea/")
        login = {"username": "ada", "password": "lovelace-1815", "next": "/chat/tea/"}
        assert client.post("/accounts/login/", login)["Location"] == "/chat/tea/"
        html = html_of(client, "/chat/tea/")
        assert re.search(r'<input id="handle" name="handle" value="ada"[^>]*data-account', html)
        assert client.post("/accounts/logout/").status_code == 302
        assert "data-account" not in html_of(client, "/chat/tea/")

    def test_a_wrong_password_is_said(self, client: Client) -> None:
        response = client.post("/accounts/login/", {"username": "ada", "password": "x"})
        assert "do not belong together" in response.content.decode()

    def test_a_stranger_is_offered_a_friendly_name(self, client: Client) -> None:
        html = html_of(client, "/chat/tea/")
        match = re.search(r'name="handle" value="(\w+) (\w+)"', html)
        assert match is not None and labels.is_label(match[1])


@pytest.mark.django_db(transaction=True)
class TestAdmin:
    def test_a_message_added_in_the_admin_is_a_message_like_any(self, admin_client: Client) -> None:
        room = services.ensure_room("tea")
        say("tea", "hi")
        fields = {
            "room": room.pk,
            "handle": "host",
            "message": "Welcome",
            "timestamp_0": "2026-02-20",
            "timestamp_1": "19:48:00",
            "user": "",
        }
        response = admin_client.post("/admin/chat/message/add/", fields)
        assert response.status_code == 302, response.content.decode()
        assert Message.objects.get(handle="host").seq == 2
        for path in ("/admin/chat/message/", "/admin/chat/room/", f"/admin/chat/room/{room.pk}/change/"):
            assert admin_client.get(path).status_code == 200


class TestReadingHasNoSideEffects:
    def test_a_preview_of_a_new_room_leaves_nothing_behind(self, client: Client, settings: Settings) -> None:
        settings.CHAT_LIMITS = {"ROOMS": "60/m"}
        response = client.get("/chat/new-name-1234/", headers={"user-agent": "Slackbot 1.0"})
        assert response.status_code == 200 and "noindex" in response["X-Robots-Tag"]
        assert b'<meta name="robots" content="noindex' in response.content
        assert not Room.objects.exists() and not Member.objects.exists() and not Session.objects.exists()

    def test_a_browser_is_given_a_cookie_once(self, client: Client) -> None:
        first = client.get("/chat/tea/")
        cookie = first.cookies["visitor"]
        assert cookie["httponly"] and cookie["samesite"] == "Lax" and cookie["path"] == "/"
        assert "visitor" not in client.get("/chat/tea/").cookies
        assert "visitor" not in Client().get("/").cookies
        client.cookies["visitor"] = "forged:value"
        assert "visitor" in client.get("/chat/tea/").cookies

    def test_robots_are_asked_to_stay_away(self, client: Client) -> None:
        response = client.get("/robots.txt")
        assert response["Content-Type"].startswith("text/plain") and b"Disallow: /chat/" in response.content

    def test_trying_rooms_one_by_one_is_limited(self, client: Client, settings: Settings) -> None:
        settings.CHAT_LIMITS = {"ROOMS": "2/h"}
        assert [client.get(f"/chat/{label}/").status_code for label in ("a", "b", "a", "c")] == [200, 200, 200, 429]


class TestOlder:
    def test_what_came_before_without_scripts(self, client: Client) -> None:
        say("tea", *(f"message {n}." for n in range(1, 121)))
        newest = client.get("/chat/tea/")
        assert newest.context["older"] == 71 and "message 70." not in newest.content.decode()
        older = client.get("/chat/tea/?before=71")
        assert "message 70." in older.content.decode() and "message 71." not in older.content.decode()
        assert older.context["older"] == 21
        assert client.get("/chat/tea/?before=21").context["older"] is None
        assert client.get("/chat/tea/?before=x").status_code == 200


class TestForms:
    CID = "3f0c8a52-1d5e-4a55-9c3a-0d7f6a1b2c3d"

    def test_too_fast_keeps_the_text(self, client: Client, settings: Settings) -> None:
        settings.CHAT_LIMITS = {"MESSAGES": "1, 1/h"}
        fields = {"handle": "ada", "body": "hi", "cid": self.CID}
        assert client.post("/chat/tea/", fields).status_code == 302
        assert client.post("/chat/tea/", fields).status_code == 302  # the same again
        response = client.post("/chat/tea/", {**fields, "cid": self.CID.replace("3", "4"), "body": "not yet"})
        assert response.status_code == 429 and int(response["Retry-After"]) > 3_000
        html = response.content.decode()
        assert "not yet</textarea>" in html and "Slow down" in html

    def test_json_for_who_asks_for_it(self, client: Client) -> None:
        json = {"accept": "application/json"}
        fields = {"handle": "ada", "body": "hi", "cid": self.CID}
        first, again = (client.post("/chat/tea/", fields, headers=json) for _ in range(2))
        assert (first.status_code, again.status_code) == (201, 200) and first.json()["seq"] == 1
        wrong = client.post("/chat/tea/", {**fields, "handle": "x" * 33}, headers=json)
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "long-handle")
        taken = client.post("/chat/tea/", {**fields, "handle": "admin", "cid": self.CID[::-1]}, headers=json)
        assert (taken.status_code, taken.json()["error"]["code"]) == (409, "reserved")

    def test_another_handle(self, client: Client) -> None:
        say("tea", "hi")
        assert client.post("/chat/tea/handle", {"handle": "Countess"})["Location"] == "/chat/tea/"
        assert 'value="Countess"' in html_of(client, "/chat/tea/")
        assert client.get("/chat/tea/").context["you"].handle == "Countess"
        assert client.post("/chat/tea/handle", {"handle": "admin"}).status_code == 409
        assert client.post("/chat/cake/handle", {"handle": "ada"}).status_code == 404
        assert client.get("/chat/tea/handle").status_code == 405


def test_what_breaks_says_so_in_a_page_of_ours(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("chat.entrance.look", broken)
    client.raise_request_exception = False
    response = client.get("/chat/tea/")
    html = response.content.decode()
    assert response.status_code == 500 and "A twig snaps somewhere." in html and "RuntimeError" not in html


@pytest.mark.parametrize(("name", "offered"), [("Ada Lovelace", True), ("🌿" * 20, True), ("x" * 40, False)])
def test_an_account_from_elsewhere_is_offered_its_name_if_it_can_be_one(
    client: Client, name: str, offered: bool
) -> None:
    client.force_login(User.objects.create_user(name))
    handle = client.get("/chat/tea/").context["handle"]
    assert (handle == name) is offered and handles.read(handle) == handle


def test_the_policy_stays_strict(client: Client) -> None:
    say("tea", "hi")
    for path in ("/", "/chat/tea/", "/accounts/signup/", "/chat/tea/transcript.html"):
        policy = client.get(path)["Content-Security-Policy"]
        assert "default-src 'self'" in policy and "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
