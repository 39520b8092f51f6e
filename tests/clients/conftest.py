# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the client tests: the loaders, each skipped by name where it is missing."""
import importlib

import pytest

LIGHT = "pip install -r tests/requirements.txt"
HEAVY = "pip install -r tests/requirements-heavy.txt"


def loader(name, remedy):
    """Import a loader, or skip with what to do about it."""
    try:
        return importlib.import_module(name)
    except ImportError:
        pytest.skip(f"{name} is not installed; {remedy}")


@pytest.fixture(scope="session")
def numpy():
    """numpy."""
    return loader("numpy", LIGHT)


@pytest.fixture(scope="session")
def ml_dtypes(numpy):
    """The types that numpy lacks. Its import registers them, so other tests ask for it late."""
    return loader("ml_dtypes", LIGHT)


@pytest.fixture(scope="session")
def safetensors():
    """The reference reader."""
    return loader("safetensors", LIGHT)


@pytest.fixture(scope="session")
def oracle(safetensors):
    """Our questions to it."""
    return loader("oracle", LIGHT)


@pytest.fixture(scope="session")
def torch():
    """PyTorch."""
    return loader("torch", HEAVY)


@pytest.fixture(scope="module")
def original(edge_file, safetensors):
    """What the reference reads from the file itself: name -> dtype, shape and bytes."""
    return dict(safetensors.deserialize(edge_file.read_bytes()))
