"""Which module may know which, and that no name of a normalization decides anything."""

from __future__ import annotations

import ast
import re
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
    "moments",
    "roots",
    "whiten",
    "spec",
    "norms",
    "layers",
    "nets",
    "data",
    "record",
    "train",
    "diagnose",
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


#: What takes longer to import than all of normlib's own modules, and is needed by few calls.
HEAVY = {"asyncio", "email", "hashlib", "http", "json", "multiprocessing", "ssl", "subprocess"}
HEAVY |= {"tempfile", "unittest", "xml", "zipfile", "numpy.testing"}


def test_importing_is_light():
    """Catches an import at the top of a module that one rare call needs; no clock is asked."""
    program = (
        "import sys, numpy; before = set(sys.modules); import normlib;"
        "print(*set(sys.modules) - before)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    added = set(done.stdout.split())
    assert "normlib.core" in added
    assert not added & HEAVY
    assert not {name for name in added if name.split(".")[:2][-1] in READERS}
    others = {name for name in added if name.partition(".")[0] != "normlib"}
    assert len(others) < 60  # 26 with Python 3.11 and NumPy 2.4


LAZY = """
import sys
import normlib as nl
assert not {"normlib.plots", "normlib.widgets"} & set(sys.modules)
assert {"plots", "widgets", "mlp"} <= set(dir(nl))
print(nl.plots.ridge.__name__, nl.widgets.__name__, hasattr(nl, "plot"))
"""


def test_what_draws_is_imported_when_it_is_asked_for():
    """Catches `import normlib as nl; nl.plots` that fails, or costs those who never draw."""
    done = subprocess.run([sys.executable, "-c", LAZY], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["ridge", "normlib.widgets", "False"]


WITHOUT = """
import sys
import numpy as np

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in sys.stdlib_module_names | {"numpy", "normlib"}:
            raise ModuleNotFoundError(f"no {name} here")

sys.meta_path.insert(0, Blocked())
import normlib as nl
from normlib import plots

rng = np.random.default_rng(0)
data = nl.Data(*(rng.normal(size=(64, 5)), np.arange(64) % 2) * 2)
net = nl.mlp([5, 8, 2], norm="batch")
history = nl.fit(net, data, steps=20, record=nl.Recorder())
assert history.loss.shape == (20,) and history.trace.signals["a"].mean.shape[1] == 1
run = lambda lr: {"y": lr}

def widgets():
    assert not hasattr(nl, "widgets")  # so that help(nl) leaves it out
    import normlib.widgets

for feature in (
    lambda: nl.load_digits(),
    lambda: nl.fit(net, data, progress=True),
    lambda: nl.sweep(run, {"lr": [0.1]}),
    lambda: plots.show(lambda figure: None, caption="a", alt="b"),
    lambda: plots.table(["a"], [[1]]),
    widgets,
):
    try:
        feature()
    except ImportError as error:
        print(error)
    else:
        print("no error")
"""


def test_what_needs_more_says_how_to_get_it():
    """Catches a feature that fails with a bare ModuleNotFoundError, or training that needs more."""
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    wanted = ["scikit-learn", "tqdm", "joblib", "matplotlib", "IPython", "anywidget"]
    for line, package in zip(done.stdout.splitlines(), wanted, strict=True):
        assert re.fullmatch(
            rf'.+ needs {package}[.] Install it with: pip install "normlib\[book\]"', line
        )


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
