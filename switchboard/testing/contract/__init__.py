"""What every layer has to pass: the sentences of `switchboard.layers.base`, each as a test.

A layer of one's own is tested by naming how it is made::

    class TestMyLayer(LayerContract):
        @pytest.fixture
        def make_layer(self):
            return MyLayer

``make_layer`` takes the keys of ``CONFIG`` and gives a layer that nobody else uses; layers made in one test share
what they hold if they `cross processes <switchboard.layers.base.Layer.crosses_processes>`. Let pytest rewrite the
assertions, by ``pytest.register_assert_rewrite("switchboard.testing.contract")`` in a conftest, before importing this.
"""

from switchboard.testing.contract.channels import ChannelTests
from switchboard.testing.contract.commits import CommitTests
from switchboard.testing.contract.groups import GroupTests
from switchboard.testing.contract.handing_over import HandingOverTests
from switchboard.testing.contract.inboxes import InboxTests
from switchboard.testing.contract.loops import LoopTests
from switchboard.testing.contract.model import ModelTests
from switchboard.testing.contract.requests import RequestTests
from switchboard.testing.contract.sockets import SocketTests

__all__ = ["LayerContract"]


class LayerContract(
    ChannelTests,
    SocketTests,
    CommitTests,
    InboxTests,
    GroupTests,
    RequestTests,
    HandingOverTests,
    LoopTests,
    ModelTests,
):
    """The whole suite."""
