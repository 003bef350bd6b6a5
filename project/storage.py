"""Static files under names that carry their content's hash, compressed, to be cached for ever."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage

__all__ = ["StaticFiles"]


class StaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # it ships no types
    """WhiteNoise's storage, which also rewrites `import … from "./x.js"` inside ES modules to the hashed names."""

    support_js_module_import_aggregation = True
