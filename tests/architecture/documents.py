"""Reading the documents: what stands under a heading, in a table, in backticks."""

from __future__ import annotations

import re
from pathlib import Path

from project.environment import ROOT

DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])


def read(name: str) -> str:
    return (ROOT / name).read_text()


def section(text: str, heading: str) -> str:
    """What stands under a heading, up to the next one of its level or above."""
    [(level, start)] = [
        (len(found[1]), found.end()) for found in re.finditer(r"^(#+) (.*)$", text, re.M) if found[2] == heading
    ]
    rest = text[start:]
    end = re.search(rf"^#{{1,{level}}} ", rest, re.M)
    return rest[: end.start()] if end else rest


def rows(text: str) -> list[list[str]]:
    """The cells of all tables in a text, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    ruled = [index for index, row in enumerate(cells) if set("".join(row)) <= set("-: ")]
    return [row for index, row in enumerate(cells) if index not in ruled and index + 1 not in ruled]


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def prose(document: Path) -> str:
    """A document without its blocks of code."""
    return re.sub(r"^```.*?^```", "", document.read_text(), flags=re.M | re.S)
