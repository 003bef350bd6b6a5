"""The words that rooms and strangers are named by: kind ones, since they greet people. Not all of Haikunator's are."""

from __future__ import annotations

_ADJECTIVES = """
amber ancient autumn azure billowing bold breezy bright calm clear cool coral crimson crisp curly dappled dawn
delicate dewy drifting early emerald evening fragrant fresh friendly frosty gentle gleaming golden green happy
hidden icy jolly kind lilac little lively long lucky mellow merry misty mossy morning patient peaceful plain
polished purple quiet rapid rosy round sandy shiny shy silent silver small snowy soft sparkling spring still
summer sunny sweet tidy tiny tranquil twilight velvet wandering warm wild winding winter wispy yellow young
"""

_NOUNS = """
acorn apple badger bay bird boat bread breeze brook butterfly cedar cherry clearing cloud clover cove dew
dream dune feather fern field finch firefly flower fog forest frog frost garden glade glen grass grove harbour
haze heron hill island ivy lagoon lake lantern leaf lily maple meadow moon morning moth mountain oak otter owl
pebble pine plum poem pond rain reed ripple river robin sea shell shore sky snow snowflake song sparrow star
stone stream sun sunset swallow thistle tide tree valley violet water waterfall wave willow wind wood wren
"""

ADJECTIVES = tuple(_ADJECTIVES.split())
NOUNS = tuple(_NOUNS.split())
