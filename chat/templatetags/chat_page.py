"""What the room's page needs of Python: its scripts' words, and how a label looks as a title."""

from __future__ import annotations

import re

from django import template
from django.utils.html import json_script
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from chat import labels

register = template.Library()

#: A self-chosen label shorter than this may be tried by somebody who only plays with the address.
GUESSABLE = 12


@register.filter
def haiku(label: str) -> tuple[str, str]:
    """The label as its words and its token: ``icy-cloud`` and ``-k7w2mq``. The token is empty where there is none.

    A token by chance may have no digit; then the two words before it tell it from a third word that somebody chose.
    """
    match = re.fullmatch(r"(.*[a-z].*)(-[a-z0-9]{4,})", label)
    if match and (any(map(str.isdigit, match[2])) or labels.is_haiku(match[1])):
        return match[1], match[2]
    return label, ""


@register.filter
def guessable(label: str) -> bool:
    return len(label) < GUESSABLE


@register.simple_tag
def page_words() -> SafeString:
    """What the page’s scripts say, as JSON in the page’s language; ``static/chat/words.js`` reads it."""
    return json_script(_words(), "words")


def _plural(one: str, many: str) -> dict[str, str]:
    """Both forms of a sentence that are counted; the script picks by the rules of the language."""
    return {"one": ngettext(one, many, 1), "other": ngettext(one, many, 1_000)}


def _words() -> dict[str, str | dict[str, str]]:
    return {
        # the connection
        "connecting": _("Connecting…"),
        "open": _("Connected"),
        "back": _("Back online"),
        "busy": _("Busy, this may take a little"),
        "waiting": _("Reconnecting… You can keep typing; messages will be sent when you’re back."),
        "crowded": _("Too many rooms were opened from your network. Trying again in {count} s."),
        "refused": _("There can be no such room."),
        "banned": _("You were banned from this room."),
        "gone": _("This room was deleted. What you see here is all that is left of it."),
        # one’s own messages
        "sending": _("Sending…"),
        "slow": _plural("Slow down: sent in {count} second.", "Slow down: sent in {count} seconds."),
        "hold": _plural("Wait {count} second.", "Wait {count} seconds."),
        "unsent": _("Not sent. {fault}"),
        "written": _("You wrote this {ago}."),
        "retry": _("Retry"),
        "edit": _("Edit"),
        "discard": _("Discard"),
        "send": _("Send"),
        "noName": _("Pick a name first."),
        "full": _("Too many messages wait to be sent already."),
        "tooLong": _("This is too long for one message. Nothing was sent."),
        "left": _plural("{count} character left.", "{count} characters left."),
        "over": _plural("{count} character too many.", "{count} characters too many."),
        # reading
        "today": _("Today"),
        "yesterday": _("Yesterday"),
        "new": _("New"),
        "deleted": _("This message was deleted."),
        "account": _("Logged in as {name}"),
        "pill": _plural("{count} new message", "{count} new messages"),
        "latest": _("To the latest"),
        "loading": _("Loading…"),
        "older": _("Older messages"),
        "lost": _("The message that this link leads to is not here."),
        # people
        "here": _plural("{count} person here", "{count} people here"),
        "you": _("you"),
        "nameless": _plural("{count} reader without a name", "{count} readers without a name"),
        "more": _plural("{count} more", "{count} more"),
        "joined": _("{names} joined"),
        "went": _("{names} left"),
        "renamed": _("{before} is now {after}"),
        "typing": _plural("{names} is typing…", "{names} are typing…"),
        "crowdTypes": _("Several people are typing…"),
        "complete": _("Tab completes: {names}"),
        # the link
        "copied": _("Copied"),
        "copy": _("Copy link"),
        # notifications
        "denied": _("This browser does not allow notifications for this page."),
        # for who holds the keys
        "remove": _("Delete"),
        "mute": _("Mute {name}"),
        "unmute": _("Let {name} speak"),
        "done": _("Done."),
        "failed": _("That did not work. Try again."),
    }
