"""From outcomes of trials to tables, plots and the page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks.goals import goals
from benchmarks.page import BEGIN, END, between_markers, plots, write
from benchmarks.results import Results, pooled
from benchmarks.runner import rotated, saturated
from benchmarks.samples import no_samples
from benchmarks.tables import Table, ratios, tables
from benchmarks.trial import Outcome

HEAD = {
    "date": "2026-02-20",
    "revision": "abc",
    "note": "Others ran there.",
    "machine": {"cores": 2, "processor": "some", "memory_mb": 2048, "system": "Linux"},
    "versions": {"python": "3.11", "daphne": {"daphne": "4.2"}},
}


def outcome(messages: int, latencies: Sequence[float], *, seconds: float = 2.0, cpu: float = 1.0) -> Outcome:
    found = {
        "seconds": seconds,
        "messages": messages,
        "messages_per_second": messages / seconds,
        "deliveries": messages * 5,
        "deliveries_per_second": messages * 5 / seconds,
        "lost": 1,
        "generator": cpu / 10,
        "cpu_seconds": {"holders": cpu, "redis": 0.5},
    }
    samples = no_samples()
    samples.extend(latencies)
    return Outcome(found, samples)


def row(workload: str, variant: str, system: str, **facts: Any) -> dict[str, Any]:
    return {"workload": workload, "variant": variant, "system": system, "title": system, "processes": "2", **facts}


@pytest.fixture
def results() -> Results:
    def w3(system: str, p50: float) -> dict[str, Any]:
        return row("W3", "80/s", system, latency_ms={"p50": p50, "p99": 2 * p50}, messages_per_second=80.0)

    return Results(
        HEAD,
        [
            row("W1", "200 members", "switchboard", deliveries_per_second=6000.0, messages_per_second=30.0),
            row("W1", "200 members", "channels-core", deliveries_per_second=1000.0, messages_per_second=5.0),
            row("W1", "200 members", "socket.io", deliveries_per_second=4000.0),
            row("W1", "200 members", "socket.io-one", deliveries_per_second=8000.0),
            row("W2", "100 rooms", "switchboard", messages_per_second=50.0),
            row("W2", "100 rooms", "socket.io", missing="there is no node on the PATH"),
            w3("switchboard", 10.0),
            w3("daphne", 5.0),
        ],
    )


# -- pooling


def test_repeats_are_pooled_by_sums_and_raw_samples() -> None:
    row = pooled([outcome(10, [0.001] * 99), outcome(30, [0.5], seconds=6.0, cpu=3.0)])
    assert row["messages_per_second"] == 5.0  # 40 messages in 8 s, not the mean of 5 and 5 and not of their rates
    assert (row["latency_ms"]["count"], row["latency_ms"]["p50"], row["latency_ms"]["most"]) == (100, 1.0, 500.0)
    assert row["cpu_seconds"] == {"holders": 4.0, "redis": 1.0}
    assert row["cpu_ms_per_message"] == 125.0
    assert (row["lost"], row["generator"]) == (2, 0.3)
    assert [each["messages"] for each in row["repeats"]] == [10, 30]


def test_who_begins_turns() -> None:
    assert [rotated("abc", by) for by in range(4)] == [list("abc"), list("bca"), list("cab"), list("abc")]
    assert rotated([], 1) == []


@pytest.mark.parametrize(("stored", "p99", "expected"), [(95, 20.0, False), (94, 20.0, True), (100, 1001.0, True)])
def test_saturation_is_by_what_was_asked(stored: int, p99: float, expected: bool) -> None:
    assert saturated({"messages": stored, "latency_ms": {"p99": p99}, "lateness_ms": {"count": 100}}) is expected


def test_silence_is_saturation() -> None:
    assert saturated({"messages": 0, "latency_ms": None, "lateness_ms": {"count": 100}})


# -- the file


def test_a_variant_that_is_measured_again_replaces_the_old_one_whole(tmp_path: Path, results: Results) -> None:
    results.write(tmp_path / "a.json")
    again = Results.read(tmp_path / "a.json")
    again.replace([row("W1", "200 members", "switchboard", deliveries_per_second=1.0)])
    assert [found["system"] for found in again.of("W1")] == ["switchboard"]
    assert again.of("W2") == results.of("W2")


# -- tables


def test_ratios_are_ours_by_theirs_and_socket_io_is_the_better_one(results: Results) -> None:
    [w1, w2] = ratios(results).rows
    assert w1[1] == "6,000"
    assert (w1[2], w1[5]) == ("× 6.00", "× 0.75")
    assert w2[5] == "—"


def test_where_less_is_better_the_better_rival_is_the_lower_one() -> None:
    found = [("switchboard", 8.0), ("socket.io", 4.0), ("socket.io-one", 16.0)]
    rows = [row("W3", "in bursts", name, latency_ms={"p50": value, "p99": value}) for name, value in found]
    assert [cells[5] for cells in ratios(Results(HEAD, rows)).rows] == ["× 2.00", "× 2.00"]


def test_what_is_missing_says_why(results: Results) -> None:
    [table] = [table for table in tables(results) if table.title.startswith("W2")]
    assert table.rows[1][1] == "not measured: there is no node on the PATH"
    assert len({len(cells) for cells in table.rows} | {len(table.columns)}) == 1


def test_the_ladder_is_one_table(results: Results) -> None:
    results.replace([row("W3", "160/s", "daphne", latency_ms={"p50": 6.0, "p99": 7.0}, lost=3)])
    [table] = [table for table in tables(results) if table.title.startswith("W3")]
    assert list(table.columns) == ["", "processes", "80/s", "160/s"]
    assert [list(cells) for cells in table.rows] == [
        ["switchboard", "2", "10.0 / 20.0", "—"],
        ["daphne", "2", "5.00 / 10.0", "6.00 / 7.00, 3 lost"],
    ]


def test_a_table_as_text_and_as_markdown() -> None:
    table = Table("title", ["", "a"], [["longer", "1"], ["x", "22"]])
    assert table.as_text() == "title\n         a\nlonger   1\nx       22"
    assert table.as_markdown().splitlines()[2:] == ["|  | a |", "| --- | ---: |", "| longer | 1 |", "| x | 22 |"]


# -- goals


def test_goals_are_met_missed_or_open(results: Results) -> None:
    said = {cells[0]: cells[1:] for cells in goals(results).rows}
    assert said["W1, 200 members: by Channels 4 core"] == ["6.00", "≥ 8: missed", "—"]
    assert said["W1, 200 members: by Socket.IO"] == ["0.75", "≥ 0.85: missed", "≥ 1.3: missed"]
    assert said["W2: by Socket.IO"] == ["—", "≥ 0.75", "≥ 1"]
    results.replace([row("W5", "2000 sockets", "switchboard", in_sync_after=3.5, lost=0)])
    costs = [row("W8", "100 under way", name, cpu_ms_per_message=cost) for name, cost in (("few", 2.0), ("many", 2.5))]
    results.replace(costs)
    said = {cells[0]: cells[1:] for cells in goals(results).rows}
    assert said["W5: s until 2,000 are in sync"] == ["3.50", "≤ 10: met", "≤ 4: met"]
    assert said["W5: lost"] == ["0", "≤ 0: met", "—"]
    assert said["W8: CPU of a message, ten times the rooms and the past"][1] == "≤ 1.15: missed"


# -- plots and page


def test_plots_are_well_formed_and_of_what_was_measured(results: Results) -> None:
    drawn = plots(results)
    assert set(drawn) == {"one-room", "many-rooms", "latency-p50", "latency-p99"}
    for drawing in drawn.values():
        root = ElementTree.fromstring(drawing)
        assert root.tag.endswith("svg")
    assert drawn["one-room"].count("<rect") == 4
    assert plots(Results(HEAD, [])) == {}


def test_the_page_is_written_between_its_markers(tmp_path: Path, results: Results) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write(results, page, tmp_path)
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith(f"{END}\nafter\n") and "old" not in text
    assert "× 6.00" in text and "python 3.11" in text
    assert "Others ran there. Not measured: W4, W5, W6, W7, W8." in text
    assert (tmp_path / "one-room.svg").exists()
    write(results, page, tmp_path)
    assert page.read_text() == text


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="are to be in the page"):
        between_markers("nothing here", "written")
