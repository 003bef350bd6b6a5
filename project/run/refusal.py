"""Why the run command does not start."""

from __future__ import annotations

__all__ = ["NotStarted", "Refusal"]


class Refusal(Exception):
    """Something is not as it has to be; the message is one sentence that says what to do."""

    #: The exit status.
    status = 2


class NotStarted(Refusal):
    """Everything was as it has to be, and still a process did not come up; the message ends with its log."""

    status = 1
