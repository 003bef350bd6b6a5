"""Sign-up, and sockets that follow a login and a logout."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.handlers.wsgi import WSGIHandler
from django.test import Client, RequestFactory
from pytest_django import Settings

from chat import identity
from chat.forms import SignUpForm
from switchboard.testing.client import WSClient
from tests.integration.chat.conftest import visitor_cookie
from tests.integration.chat.sockets import heard, hello, tab, v1

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("own_layer")]

PASSWORD = "lovelace-1815"


def fields(name: str, **more: str) -> dict[str, str]:
    return {"username": name, "password1": PASSWORD, "password2": PASSWORD, **more}


class TestSignUp:
    def test_it_logs_in_and_leads_back(self, client: Client) -> None:
        assert "next=/chat/tea/" in client.get("/accounts/signup/?next=/chat/tea/").content.decode()
        answer = client.post("/accounts/signup/", fields("Ada", next="/chat/tea/"))
        assert (answer.status_code, answer["Location"]) == (302, "/chat/tea/")
        assert client.get("/chat/tea/").context["user"].get_username() == "Ada"
        assert client.get("/accounts/signup/")["Location"] == "/"

    @pytest.mark.parametrize("onward", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
    def test_nowhere_else(self, client: Client, onward: str) -> None:
        assert client.post("/accounts/signup/", fields("Ada", next=onward))["Location"] == "/"

    @pytest.mark.parametrize("name", ["ADA", "ａda", "admin", "System", "x" * 33, "a\u200bda", "a b", ""])
    def test_names_that_cannot_be(self, client: Client, name: str) -> None:
        User.objects.create_user("ada")
        answer = client.post("/accounts/signup/", fields(name))
        assert answer.status_code == 400 and 'role="alert"' in answer.content.decode()
        assert User.objects.count() == 1

    def test_twice_is_as_once(self, client: Client) -> None:
        """The answer to a double click is that to the second one, which is sent before the first is answered."""
        assert Client().post("/accounts/signup/", fields("Ada")).status_code == 302
        assert client.post("/accounts/signup/", fields("Ada", next="/chat/tea/"))["Location"] == "/chat/tea/"
        assert client.get("/").context["user"].get_username() == "Ada" and User.objects.count() == 1
        other = Client().post("/accounts/signup/", fields("Ada", password1="hopper-1906", password2="hopper-1906"))
        assert other.status_code == 400 and "already exists" in other.content.decode()

    def test_twice_at_the_same_moment(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        """Neither sees the other one's account before it is made."""
        User.objects.create_user("ada", password=PASSWORD)
        monkeypatch.setattr(SignUpForm, "clean_username", lambda form: form.cleaned_data["username"])
        monkeypatch.setattr(SignUpForm, "validate_unique", lambda form: None)
        assert client.post("/accounts/signup/", fields("ada"))["Location"] == "/"
        other = Client().post("/accounts/signup/", fields("ada", password1="hopper-1906", password2="hopper-1906"))
        assert other.status_code == 400 and "This name is taken." in other.content.decode()
        assert User.objects.count() == 1

    def test_a_weak_password(self, client: Client) -> None:
        assert client.post("/accounts/signup/", fields("ada", password1="1234", password2="1234")).status_code == 400

    def test_too_many(self, client: Client, settings: Settings) -> None:
        settings.CHAT_LIMITS = {"NEW_ACCOUNTS": "1/h"}
        assert Client().post("/accounts/signup/", fields("ada")).status_code == 302
        answer = client.post("/accounts/signup/", fields("bob"))
        assert answer.status_code == 429 and answer["Retry-After"] and User.objects.count() == 1


class TestSockets:
    def browser(self, name: str) -> Client:
        client = Client()
        client.cookies[identity.COOKIE] = visitor_cookie(name)
        return client

    def test_all_tabs_of_the_browser_follow_a_login_and_a_logout(self) -> None:
        User.objects.create_user("ada", password=PASSWORD)
        browser = self.browser("ada's")
        tabs, other = [tab("ada's"), tab("ada's", "/chat/cake/")], tab("bob's")
        for one in (*tabs, other):
            hello(one)
            one.received()
        assert browser.post("/accounts/login/", {"username": "ada", "password": PASSWORD}).status_code == 302
        assert [heard(one)[-1:] for one in tabs] == [[{"close": 4401}]] * 2
        assert {"close": 4401} not in heard(other)
        for one in tabs:
            one.disconnect(4401)
        back = v1(headers=[(b"cookie", cookie_header(browser))])
        assert hello(back)["you"]["user"] == "ada"
        browser.post("/accounts/logout/")
        assert heard(back)[-1] == {"close": 4401}

    def test_they_follow_when_the_response_has_left(self) -> None:
        """A tab that came back sooner would have the cookies of before."""
        User.objects.create_user("ada", password=PASSWORD)
        one, browser = tab("ada's"), self.browser("ada's")
        request = RequestFactory().post("/accounts/login/", {"username": "ada", "password": PASSWORD})
        request.COOKIES = {name: morsel.value for name, morsel in browser.cookies.items()}
        request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]
        response = WSGIHandler().get_response(request)
        assert response.status_code == 302 and settings.SESSION_COOKIE_NAME in response.cookies
        assert {"close": 4401} not in heard(one)
        response.close()
        assert heard(one)[-1] == {"close": 4401}

    def test_other_browsers_of_the_account_stay(self) -> None:
        ada = User.objects.create_user("ada", password=PASSWORD)
        phone, laptop = self.browser("phone"), self.browser("laptop")
        for browser in (phone, laptop):
            browser.force_login(ada)
        sockets = [v1(headers=[(b"cookie", cookie_header(browser))]) for browser in (phone, laptop)]
        phone.post("/accounts/logout/")
        assert heard(sockets[0]) == [{"close": 4401}] and heard(sockets[1]) == []

    def test_a_socket_with_a_session_alone_follows_too(self) -> None:
        ada = User.objects.create_user("ada", password=PASSWORD)
        client = Client()
        client.force_login(ada)
        socket = v1(headers=[(b"cookie", cookie_header(client))])
        client.post("/accounts/logout/")
        assert heard(socket) == [{"close": 4401}]

    def test_whose_account_is_gone_is_told_to_come_again(self) -> None:
        ada = User.objects.create_user("ada")
        socket = WSClient("/chat/tea/", subprotocols=("switchboard.v1",), user=ada)
        socket.connect()
        ada.delete()
        socket.text('{"t": "msg", "cid": "c1", "body": "hi", "handle": "ada"}')
        assert heard(socket) == [{"close": 4401}]


def cookie_header(client: Client) -> bytes:
    return "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items()).encode()
