"""The worked neuron as fixtures: its cost C, and its leaves w, b, x, y."""

import pytest
from worked_neuron import recorded_neuron


@pytest.fixture
def recorded():
    return recorded_neuron()


@pytest.fixture
def C(recorded):
    return recorded[0]


@pytest.fixture
def leaves(recorded):
    return list(recorded[1:])
