"""Static files under names that carry their content's hash, compressed, to be cached for ever.

What explains our own scripts and style sheets to whoever reads them is a third of their weight, so browsers get them
without those comments. It is no build step: the program stays what it is in the checkout, where `runserver` serves it.
"""

from __future__ import annotations

import re

from django.core.files.base import ContentFile, File
from whitenoise.storage import CompressedManifestStaticFilesStorage

__all__ = ["StaticFiles", "without_comments"]

#: Ours; the admin's come as their authors made them.
_OWN = re.compile(r"chat/[^/]+\.(js|css)")
#: Comments that have their lines to themselves. Those beside code stay: only a parser can tell them from a text.
_COMMENT = re.compile(r"^[ \t]*(?://[^\n]*|/\*(?:(?!\*/).)*\*/[ \t]*)\n", re.MULTILINE | re.DOTALL)


def without_comments(source: str) -> str:
    """The program or style sheet without the comments that stand alone."""
    return re.sub(r"\n{2,}", "\n", _COMMENT.sub("", source)).lstrip("\n")


class StaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # it ships no types
    """WhiteNoise's storage, which also rewrites `import … from "./x.js"` inside ES modules to the hashed names."""

    support_js_module_import_aggregation = True
    #: A module's name is certain once the names of what it imports are; each pass goes one step further up.
    max_post_process_passes = 20

    def _save(self, name: str, content: File[bytes]) -> str:
        if _OWN.fullmatch(name):
            content.seek(0)  # it may have been read before
            content = ContentFile(without_comments(content.read().decode()).encode())
        return str(super()._save(name, content))
