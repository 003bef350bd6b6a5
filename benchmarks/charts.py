"""Plots as SVG, written by hand: bars, and lines over a logarithmic axis.

Text and axes have a grey that can be read on white and on black, so that one file serves both schemes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

__all__ = ["Line", "bars", "lines"]

WIDTH = 760
#: Kept free at the right, for half a number.
RIGHT = 30
GREY = "#808890"
#: Ours first. Told apart by people who see red and green alike, too (after Okabe and Ito).
COLOURS = ("#0072b2", "#e69f00", "#cc79a7", "#009e73", "#d55e00", "#f0a3a3", "#999999")
FONT = 'font-family="system-ui, sans-serif" font-size="13"'


@dataclass(frozen=True)
class Line:
    """A line with its points; the axes are logarithmic, so that none of them is 0."""

    title: str
    points: Sequence[tuple[float, float]]


def bars(title: str, unit: str, values: Sequence[tuple[str, float]]) -> str:
    """A bar for each value, the first one in our colour."""
    left, row, top = 330, 28, 44
    longest = max((value for _, value in values), default=1) or 1
    body = []
    for number, (name, value) in enumerate(values):
        y = top + number * row
        length = max(1.0, (WIDTH - left - 100) * value / longest)
        body += [
            _text(left - 8, y + 15, name, anchor="end"),
            f'<rect x="{left}" y="{y}" width="{length:.1f}" height="20" fill="{COLOURS[0 if number == 0 else -1]}"/>',
            _text(left + length + 6, y + 15, f"{value:,.0f}"),
        ]
    return _drawing(top + len(values) * row + 10, [_text(0, 20, f"{title}, {unit}", bold=True), *body])


def lines(title: str, x_title: str, y_title: str, drawn: Sequence[Line]) -> str:
    """Lines over logarithmic axes, with a legend below."""
    left, top, height = 60, 40, 300
    points = [point for line in drawn for point in line.points]
    x_axis = _Axis.around([x for x, _ in points], left, WIDTH - RIGHT)
    y_axis = _Axis.around([y for _, y in points], top + height, top)
    body = [_text(0, 20, title, bold=True), _text(left, top + height + 40, x_title), _text(left, top - 6, y_title)]
    for value in x_axis.ticks():
        x = x_axis.at(value)
        body.append(f'<path d="M{x:.1f} {top}V{top + height}" stroke="{GREY}" stroke-opacity=".25"/>')
        body.append(_text(x, top + height + 18, f"{value:,g}", anchor="middle"))
    for value in y_axis.ticks():
        y = y_axis.at(value)
        body.append(f'<path d="M{left} {y:.1f}H{WIDTH - RIGHT}" stroke="{GREY}" stroke-opacity=".25"/>')
        body.append(_text(left - 6, y + 4, f"{value:,g}", anchor="end"))
    for number, line in enumerate(drawn):
        body += _line(line, COLOURS[number % len(COLOURS)], x_axis, y_axis)
        y = top + height + 62 + number // 2 * 20
        x = left + number % 2 * 330
        body.append(f'<rect x="{x}" y="{y - 10}" width="12" height="12" fill="{COLOURS[number % len(COLOURS)]}"/>')
        body.append(_text(x + 18, y, line.title))
    return _drawing(top + height + 62 + (len(drawn) + 1) // 2 * 20, body)


def _line(line: Line, colour: str, x_axis: _Axis, y_axis: _Axis) -> list[str]:
    places = [(x_axis.at(x), y_axis.at(y)) for x, y in line.points]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    dots = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
    return [f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>', *dots] if places else []


@dataclass(frozen=True)
class _Axis:
    """From the power of ten below the smallest value to that above the largest."""

    low: int
    high: int
    start: float
    end: float

    @classmethod
    def around(cls, values: Sequence[float], start: float, end: float) -> _Axis:
        low = math.floor(math.log10(min(values, default=1)))
        high = math.ceil(math.log10(max(values, default=10)))
        return cls(low, max(high, low + 1), start, end)

    def at(self, value: float) -> float:
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        return [10.0**power for power in range(self.low, self.high + 1)]


def _text(x: float, y: float, text: str, *, anchor: str = "start", bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{GREY}" text-anchor="{anchor}" {FONT}{weight}>{escape(text)}</text>'


def _drawing(height: float, body: Sequence[str]) -> str:
    box = f'viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" height="{height:.0f}"'
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {box}>', *body, "</svg>"]) + "\n"
