"""``python -m switchboard.interface asgi:application``"""

from __future__ import annotations

from switchboard.interface.server import CommandLine

if __name__ == "__main__":
    CommandLine.entrypoint()
