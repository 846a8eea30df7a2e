"""Which module may know which, and that no name of a normalization decides anything."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import normlib
from normlib import NORMS

ROOT = Path(normlib.__file__).parent
#: From the bottom up: a module may import what stands in a lower layer, or in its own package.
ORDER = [
    "checks",
    "sums",
    "core",
    "roots",
    "whiten",
    "spec",
    "norms",
    "layers",
    "nets",
    "data",
    "record",
    "train",
    "cells",
    "grids",
    "sweep",
]
READERS = {"plots", "widgets"}


def unit(path):
    """Return the module or package, directly below normlib, that a file belongs to."""
    return path.relative_to(ROOT).with_suffix("").parts[0]


def files():
    return sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def imported(path):
    """Return (unit, whether at run time) for everything of normlib that a file imports."""
    tree = ast.parse(path.read_text())
    guarded = {
        id(node)
        for test in ast.walk(tree)
        if isinstance(test, ast.If) and "TYPE_CHECKING" in ast.unparse(test.test)
        for node in ast.walk(test)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write imports in full"
            if node.module == "normlib":
                names = [f"normlib.{alias.name}" for alias in node.names]
            else:
                names = [node.module]
        else:
            continue
        for name in names:
            package, _, rest = name.partition(".")
            if package == "normlib":
                yield rest.partition(".")[0], id(node) not in guarded


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_downward(path):
    """Catches a circle in the making: core <- spec <- norms <- layers <- nets <- train."""
    own = unit(path)
    for other, at_run_time in imported(path):
        if other == own:
            continue
        if own in READERS:
            assert other != "train", f"{own} reads a Trace and trains nothing"
        else:
            assert other not in READERS, f"{own} computes and draws nothing"
            if at_run_time:
                assert ORDER.index(other) < ORDER.index(own), f"{own} imports {other}"


def test_every_module_has_its_place():
    """Catches a new module that the order above says nothing about."""
    assert {unit(path) for path in files()} == {*ORDER, *READERS}


def test_record_does_not_know_who_trains():
    """Catches a Recorder that serves `fit` alone."""
    assert "train" not in {other for other, _ in imported(ROOT / "record.py")}


def test_numpy_is_all_it_needs():
    """Catches matplotlib or scikit-learn imported before anyone asked for them."""
    program = (
        "import sys, numpy; before = set(sys.modules); import normlib;"
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    foreign = set(done.stdout.split()) - set(sys.stdlib_module_names) - {"normlib", "numpy"}
    assert not {name for name in foreign if not name.startswith("_")}


def about_a_field(node):
    """Whether it is about acts_on or scale, which have words in common with names."""
    return any(
        word in {"acts_on", "scale", "Literal"}
        for leaf in ast.walk(node)
        for word in (getattr(leaf, "id", ""), getattr(leaf, "attr", ""), getattr(leaf, "value", ""))
        if isinstance(word, str)
    )


def decisions(tree):
    """Yield (line, word) wherever a word is compared with, matched, or used as a key."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Dict) and about_a_field(node):
            continue
        if isinstance(node, ast.Compare):
            parts = [node.left, *node.comparators]
        elif isinstance(node, ast.MatchValue):
            parts = [node.value]
        elif isinstance(node, ast.Subscript):
            parts = [node.slice]
        elif isinstance(node, ast.Dict):
            parts = node.keys
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("get", "startswith"):
            parts = node.args
        else:
            continue
        for part in parts:
            for leaf in ast.walk(part) if part is not None else ():
                if isinstance(leaf, ast.Constant) and leaf.value in NORMS:
                    yield leaf.lineno, leaf.value


def test_no_branch_on_a_name():
    """Catches `if norm.name == "batch"`: data decides, so that a new file is all it takes."""
    allowed = {ROOT / "plots" / "palette.py"}
    found = [
        f"{path.relative_to(ROOT)}:{line} {word!r}"
        for path in files()
        if unit(path) != "norms" and path not in allowed
        for line, word in decisions(ast.parse(path.read_text()))
    ]
    assert not found


@pytest.mark.parametrize(
    "code",
    [
        "if norm.name == 'batch': pass",
        "x = name in ('layer', 'rms')",
        "y = {'group': 1}[name]",
        "z = table.get('cosine')",
        "match name:\n    case 'weight': pass",
    ],
)
def test_the_search_for_branches_finds_them(code):
    """Catches a search that finds nothing because it looks nowhere."""
    assert list(decisions(ast.parse(code)))
