"""Static files: collected under names that carry their content's hash, and served from their sources under DEBUG."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.test import override_settings

from project.run.preparation import collect_static_files
from switchboard.testing.processes import ROOT
from tests.site import running_site

STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": "project.storage.StaticFiles"}}


@pytest.fixture
def sources(tmp_path: Path) -> Iterator[Path]:
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "room.js").write_text('import { connect } from "./socket.js";\nconnect();\n')
    (sources / "socket.js").write_text("export function connect() {}\n")
    with override_settings(
        STORAGES=STORAGES,
        STATIC_ROOT=tmp_path / "collected",
        STATICFILES_DIRS=[sources],
        STATICFILES_FINDERS=["django.contrib.staticfiles.finders.FileSystemFinder"],
    ):
        yield sources


def collect() -> dict[str, str]:
    """The names under which files are served, after collecting."""
    root = Path(settings.STATIC_ROOT)
    collect_static_files(root)
    paths: dict[str, str] = json.loads((root / "staticfiles.json").read_text())["paths"]
    return paths


def test_a_module_imports_the_other_by_its_hashed_name(sources: Path) -> None:
    names = collect()
    assert re.fullmatch(r"socket\.[0-9a-f]{12}\.js", names["socket.js"])
    served = (Path(settings.STATIC_ROOT) / names["room.js"]).read_text()
    assert f'"./{names["socket.js"]}"' in served
    assert staticfiles_storage.url("room.js") == f"/static/{names['room.js']}"


def test_what_did_not_change_is_not_collected_again(sources: Path) -> None:
    collect()
    manifest = Path(settings.STATIC_ROOT) / "staticfiles.json"
    os.utime(manifest, (1, 1))
    collect()
    assert manifest.stat().st_mtime == 1


def test_a_change_gets_a_new_name_and_leaves_the_old_file(sources: Path) -> None:
    before = collect()
    (sources / "socket.js").write_text("export function connect() { return 1; }\n")
    after = collect()
    assert after["socket.js"] != before["socket.js"]
    assert (Path(settings.STATIC_ROOT) / before["socket.js"]).exists()  # who has the old page open still asks for it


def test_our_own_scripts_are_served_without_their_comments(sources: Path) -> None:
    (sources / "chat").mkdir()
    code = 'const a = "// no comment"; // beside code\n'
    written = "// Why.\n\n/** @param {string} a */\n" + code + "  /*\n   * more\n   */\nlet b;\n"
    (sources / "chat" / "own.js").write_text(written)
    (sources / "other.js").write_text(written)
    names = collect()
    root = Path(settings.STATIC_ROOT)
    for name in ("chat/own.js", names["chat/own.js"]):
        assert (root / name).read_text() == code + "let b;\n"
    assert (root / names["other.js"]).read_text() == written


PLAIN = "tests.integration.plain_static_settings"
OWN, ADMIN = "/static/chat/style.css", "/static/admin/css/base.css"


@pytest.mark.redis
@pytest.mark.parametrize("module", [PLAIN, "project.settings"])
def test_under_debug_workers_serve_the_sources(tmp_path: Path, module: str) -> None:
    with running_site(tmp_path, workers=1, DEBUG="1", DJANGO_SETTINGS_MODULE=module) as site:
        own = httpx.get(site.url + OWN, timeout=30)
        assert (own.status_code, own.headers["Content-Type"].partition(";")[0]) == (200, "text/css")
        assert own.content == (ROOT / "static/chat/style.css").read_bytes()
        assert httpx.get(site.url + ADMIN, timeout=30).status_code == 200
        assert httpx.head(site.url + OWN, timeout=30).status_code == 200
        assert httpx.get(site.url + "/static/chat/none.css", timeout=30).status_code == 404
        assert httpx.get(site.url + "/static/%2e%2e/manage.py", timeout=30).status_code == 404
        assert httpx.get(site.url, timeout=30).status_code == 200
        # A page that was open before DEBUG was set asks for the collected files.
        manifest = tmp_path / "static/staticfiles.json"
        if manifest.exists():
            collected = json.loads(manifest.read_text())["paths"]["chat/style.css"]
            assert httpx.get(f"{site.url}/static/{collected}", timeout=30).status_code == 200


@pytest.mark.redis
def test_without_debug_that_is_left_to_whoever_serves_them(tmp_path: Path) -> None:
    with running_site(tmp_path, workers=1, DJANGO_SETTINGS_MODULE=PLAIN) as site:
        assert httpx.get(site.url + OWN, timeout=30).status_code == 404
