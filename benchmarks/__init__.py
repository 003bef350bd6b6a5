"""Measurements, each a command of its own; never part of the tests, because machines differ and are noisy."""
