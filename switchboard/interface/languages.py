"""In which language a page of the interface is: the one that the browser prefers, of those that the project has.

Django's own translations wait for the applications, which an interface never loads. The catalogs in the folders of
``LOCALE_PATHS`` are files for ``gettext`` all the same. A sentence that they don't have stays in English.
"""

from __future__ import annotations

import functools
import gettext

from django.conf import settings
from django.utils.translation import to_locale
from django.utils.translation.trans_real import parse_accept_lang_header

from switchboard.interface.wire import Scope

__all__ = ["language_of", "translated"]


def language_of(scope: Scope) -> str:
    """One of ``LANGUAGES``: the first that the client accepts, itself or as a variant (``ko`` for ``ko-KR``);
    ``LANGUAGE_CODE`` where it accepts none."""
    known = dict(settings.LANGUAGES)
    for name, value in scope["headers"]:
        if name == b"accept-language":
            for language, _ in parse_accept_lang_header(value.decode("latin-1")):
                for variant in (language, language.partition("-")[0]):
                    if variant in known:
                        return variant
    return settings.LANGUAGE_CODE


def translated(sentence: str, language: str) -> str:
    """The sentence in a language, one of ``LANGUAGES``."""
    return _catalog(language).gettext(sentence)


@functools.cache
def _catalog(language: str) -> gettext.NullTranslations:
    found = gettext.NullTranslations()
    for folder in settings.LOCALE_PATHS:
        try:
            found.add_fallback(gettext.translation("django", folder, [to_locale(language)]))
        except FileNotFoundError:
            continue
    return found
