"""What all tests share: seeded randomness, and hypothesis without a clock."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import settings

import normlib
from measured import LARGEST

# The same examples on every machine: a failure in CI is a failure here.
settings.register_profile("fixed", max_examples=30, deadline=None, derandomize=True)
settings.load_profile("fixed")


@pytest.fixture(autouse=True)
def _measured(request: pytest.FixtureRequest) -> Iterator[None]:
    """Write the errors that a test has accepted beside its result."""
    LARGEST.clear()
    yield
    request.node.user_properties += LARGEST.items()


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20)


@pytest.fixture(scope="session")
def digits() -> normlib.Data:
    """A tenth of the digits: enough to learn from, and quick."""
    data = normlib.load_digits()
    return normlib.Data(data.x_train[:160], data.y_train[:160], data.x_test[:80], data.y_test[:80])
