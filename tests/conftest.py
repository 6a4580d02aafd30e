"""The worked neuron as fixtures: its cost C, and its leaves w, b, x, y. And a place without dot."""

import gc

import pytest
from worked_neuron import recorded_neuron


def pytest_collection():
    """Tests come into being, thousands of objects of pytest's own: the collector need not look through them now…"""
    gc.disable()


def pytest_collection_finish():
    """…nor again and again later."""
    gc.freeze()
    gc.enable()


@pytest.fixture
def recorded():
    return recorded_neuron()


@pytest.fixture
def C(recorded):
    return recorded[0]


@pytest.fixture
def leaves(recorded):
    return list(recorded[1:])


@pytest.fixture
def no_dot(monkeypatch, tmp_path):
    """An empty folder to work in, as if Graphviz were not installed."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.chdir(tmp_path)
    return tmp_path
