"""An assistant in a furnished project, on the embedded engine."""

import pytest

from tests.mcp.world import Assistant, furnished


@pytest.fixture
def assistant(engine_store: None) -> Assistant:
    return Assistant(furnished())
