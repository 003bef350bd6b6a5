"""What every layer has to pass: the sentences of `switchboard.layers.base`, each as a test.

A layer of one's own is tested by naming how it is made::

    class TestMyLayer(LayerContract):
        @pytest.fixture
        def make_layer(self):
            return MyLayer

``make_layer`` takes the keys of ``CONFIG`` and gives a layer that nobody else uses; layers made in one test share
what they hold if they `cross processes <switchboard.layers.base.Layer.crosses_processes>`.

What they share with the layers of Channels and channels-redis is in `channel_layers`, and runs over those as well.
"""

import pytest

# pytest explains the asserts of test modules only, and of what is named to it before it is imported.
_PARTS = (
    *("acts", "bounds", "channels", "commits", "dead_letters", "groups", "handing_over", "inboxes", "loops", "model"),
    *("recovery", "requests", "sockets"),
    *("channel_layers", "channel_promises", "channels_consumers"),
)
pytest.register_assert_rewrite(*(f"{__name__}.{part}" for part in _PARTS))

from switchboard.testing.contract.bounds import BoundTests  # noqa: E402
from switchboard.testing.contract.channels import ChannelTests  # noqa: E402
from switchboard.testing.contract.commits import CommitTests  # noqa: E402
from switchboard.testing.contract.dead_letters import DeadLetterTests  # noqa: E402
from switchboard.testing.contract.groups import GroupTests  # noqa: E402
from switchboard.testing.contract.handing_over import HandingOverTests  # noqa: E402
from switchboard.testing.contract.inboxes import InboxTests  # noqa: E402
from switchboard.testing.contract.loops import LoopTests  # noqa: E402
from switchboard.testing.contract.model import ModelTests  # noqa: E402
from switchboard.testing.contract.recovery import RecoveryTests  # noqa: E402
from switchboard.testing.contract.requests import RequestTests  # noqa: E402
from switchboard.testing.contract.sockets import SocketTests  # noqa: E402

__all__ = ["LayerContract"]


class LayerContract(
    ChannelTests,
    BoundTests,
    SocketTests,
    CommitTests,
    InboxTests,
    GroupTests,
    RequestTests,
    HandingOverTests,
    DeadLetterTests,
    RecoveryTests,
    LoopTests,
    ModelTests,
):
    """The whole suite."""
