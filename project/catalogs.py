"""The catalogs of translations in ``locale/``: collected from the sources, compiled for Django. For development only.

``make messages`` brings each ``django.po`` up to date with what the sources and templates say, and writes its
``django.mo``. Both are in the repository, so that whoever runs Switchboard needs no tool for it. English is complete by
itself; what is new in another language is left empty, and a test fails until somebody has translated it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

from project.environment import ROOT

LOCALE = ROOT / "locale"
LANGUAGES = ("en", "ko")
_SOURCES = ("chat/**/*.py", "project/**/*.py", "switchboard/interface/*.py", "templates/**/*.html")
_KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "ngettext": (1, 2),
    "_plural": (1, 2),
    "pgettext": ((1, "c"), 2),
}


def collected() -> Catalog:
    """What the sources and templates want translated."""
    catalog = Catalog(fuzzy=False)
    for path in sorted(path for pattern in _SOURCES for path in ROOT.glob(pattern)):
        for _line, message, comments, context in extract("python", _source(path), _KEYWORDS, ["Translators:"]):
            place = (str(path.relative_to(ROOT)), 0)
            catalog.add(message, locations=[place], auto_comments=comments, context=context)
    return catalog


def _source(path: Path) -> io.BytesIO:
    """What Babel can read: of a template Django makes something like Python, with indentation that is none."""
    text = path.read_text()
    if path.suffix == ".html":
        text = "\n".join(line.strip() for line in templatize(text, origin=str(path)).splitlines())
    return io.BytesIO(text.encode())


def po_path(language: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / "django.po"


def read(language: str) -> Catalog:
    """The catalog of a language as it is in the repository."""
    with po_path(language).open("rb") as file:
        return read_po(file, locale=language)


def updated(language: str) -> Catalog:
    """The catalog with what is wanted now, and no more, and the translations that there are."""
    known = read(language) if po_path(language).exists() else Catalog(locale=language)
    wanted = collected()
    catalog = Catalog(locale=language, fuzzy=False)
    for message in messages(wanted):
        before = known.get(message.id, message.context)
        translation = before.string if before is not None else None
        if language == "en":
            translation = message.id
        catalog.add(
            message.id,
            translation or (("",) * catalog.num_plurals if message.pluralizable else ""),
            locations=sorted(set(message.locations)),
            auto_comments=message.auto_comments,
            context=message.context,
        )
    return catalog


def as_po(catalog: Catalog) -> bytes:
    file = io.BytesIO()
    write_po(file, catalog, width=120, omit_header=True, include_lineno=False, sort_output=True)
    header = (
        'msgid ""\nmsgstr ""\n'
        f'"Language: {catalog.locale}\\n"\n'
        '"Content-Type: text/plain; charset=UTF-8\\n"\n'
        '"Content-Transfer-Encoding: 8bit\\n"\n'
        f'"Plural-Forms: {catalog.plural_forms}\\n"\n\n'
    )
    return header.encode() + file.getvalue()


def as_mo(catalog: Catalog) -> bytes:
    """The same bytes for the same texts: the time is none of them."""
    catalog.creation_date = catalog.revision_date = datetime(2026, 1, 1, tzinfo=UTC)
    file = io.BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def messages(catalog: Catalog) -> Iterator[Message]:
    """All but the head."""
    return (message for message in catalog if message.id)


def is_translated(message: Message) -> bool:
    """In every plural form that the language has."""
    return bool(message.string) and all(message.string or ())


def main() -> None:
    for language in LANGUAGES:
        path = po_path(language)
        catalog = updated(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_po(catalog))
        path.with_suffix(".mo").write_bytes(as_mo(read(language)))
        left = sum(1 for message in messages(catalog) if not is_translated(message))
        print(f"{language}: {len(catalog)} messages, {left} to be translated")


if __name__ == "__main__":
    main()
