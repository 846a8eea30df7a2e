"""Examples in docstrings run, and every public name explains itself."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import re
from operator import attrgetter

import numpy as np
import pytest

import normlib

MODULES = [
    "normlib",
    *(
        found.name
        for found in pkgutil.walk_packages(normlib.__path__, "normlib.")
        if not found.name.startswith("normlib.widgets")  # these show things in a notebook
    ),
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    """Catches an example that no longer says what happens."""
    module = importlib.import_module(name)
    assert module.__doc__, f"{name} does not say what it is for"
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    found = doctest.testmod(module, extraglobs={"np": np}, optionflags=flags)
    assert found.failed == 0


def test_there_are_examples():
    """Catches a run of no examples at all."""
    finder = doctest.DocTestFinder()
    count = sum(
        len(test.examples)
        for name in MODULES
        for test in finder.find(importlib.import_module(name))
    )
    assert count > 10


@pytest.mark.parametrize("name", normlib.__all__)
def test_public_names(name):
    """Catches a name that is promised and missing, or that `help` has nothing to say about."""
    value = getattr(normlib, name)
    if not inspect.isclass(value) and not inspect.isfunction(value):
        return  # NORMS: documented where it is defined
    assert inspect.getdoc(value)
    for method, function in inspect.getmembers(value, inspect.isfunction):
        if not method.startswith("_") and function.__module__.startswith("normlib"):
            assert inspect.getdoc(function), f"{name}.{method}"


def test_the_map_leads_somewhere():
    """Catches a newcomer's map with a name that is gone, or a normalization that it forgets."""
    text = inspect.getdoc(normlib)
    for name in re.findall(r"`([\w.]+)`", text):
        attrgetter(name)(normlib)
    for name in normlib.NORMS:
        assert f'"{name}"' in text
    named = set(re.findall(r"`(\w+)", text)) & set(normlib.__all__)
    assert named >= {"NORMS", "Net", "fit", "Recorder", "fold", "check_gradients", "whiten"}
    assert len(text.splitlines()) <= 25


def test_all_is_sorted_and_complete():
    """Catches a public name that `from normlib import *` forgets."""
    public = {
        name
        for name, value in vars(normlib).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert set(normlib.__all__) == public
    assert len(set(normlib.__all__)) == len(normlib.__all__)
