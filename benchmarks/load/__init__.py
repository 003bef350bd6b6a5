"""The load generator: one process that plays all clients, whatever the server speaks; ``python -m benchmarks.load``."""
