"""The suite's own asserts are to be as readable when they fail as those of a test module."""

import pytest

pytest.register_assert_rewrite("switchboard.testing.contract")
