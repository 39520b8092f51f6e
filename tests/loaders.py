# SPDX-License-Identifier: Apache-2.0
"""How the client tests come by a loader, or by the reason why they cannot."""
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
