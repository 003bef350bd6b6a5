"""Consumers that end their worker, for `test_poison`."""
