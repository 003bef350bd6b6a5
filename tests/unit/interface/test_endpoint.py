"""The server's end of a socket, where no real client comes at the right moment."""

from __future__ import annotations

from switchboard.interface.endpoint import Endpoint


class Ear:
    """A `Listener` that notes the close."""

    codes: tuple[int, ...] = ()

    def frame(self, data: str | bytes) -> None:
        raise AssertionError("nobody said anything")

    def lost(self, code: int) -> None:
        self.codes += (code,)


def test_a_client_that_went_before_anybody_listened_is_reported_lost() -> None:
    endpoint, ear = Endpoint(), Ear()
    endpoint.state = Endpoint.STATE_CLOSED
    endpoint.hear(ear)
    assert ear.codes == (1006,)
