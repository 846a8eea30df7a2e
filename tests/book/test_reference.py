"""The reference knows every public name and every normalization, without being told."""

from __future__ import annotations

import types

import pytest
from structure import BOOK

import normlib
from inside import reference
from normlib import NORMS, Norm

PAGE = (BOOK / "back/api.md").read_text(encoding="utf-8")


def test_every_public_name_is_described() -> None:
    """Catches a new name whose module the page leaves out."""
    assert reference.missing(PAGE) == []
    names = [name for found in reference.public().values() for name in found]
    assert sorted(names) == sorted(normlib.__all__)


@pytest.mark.parametrize("module", reference.public())
def test_a_module_left_out_or_twice_is_found(module: str) -> None:
    """Catches a check that reads nothing."""
    line = f"```{{public}} {module}\n"
    for page in (PAGE.replace(line, ""), PAGE + line):
        (complaint,) = reference.missing(page)
        assert complaint.endswith(line.strip())
        assert all(name in complaint for name in reference.public()[module])


def test_every_name_gets_an_entry() -> None:
    """Catches a kind of object that is passed over: a constant is no class and no function."""
    for module, names in reference.public().items():
        text = "\n".join(reference.entries(module))
        for name in names:
            assert any(f".. {kind}:: {name}\n" in text for kind in ENTRIES), name
    assert "read-only" in "\n".join(reference.entries("norms"))  # the comment above NORMS


ENTRIES = ("autoclass", "autofunction", "py:data")


def test_parts_with_names_of_their_own() -> None:
    """Catches figures and widgets that a reader imports and cannot look up."""
    assert ".. autofunction:: ridge\n" in "\n".join(reference.entries("plots"))
    assert ".. autoclass:: ActivationPlayer\n" in "\n".join(reference.entries("widgets"))
    assert {"plots", "widgets"} <= set(reference.described(PAGE))


def test_where_a_name_comes_from() -> None:
    """Catches an import under another name, and one that is made in the package itself."""
    assert reference.imports(normlib)["Dense"] == "normlib.layers"
    made = types.SimpleNamespace(__name__="made", __file__=__file__, __all__=["Norm", "PAGE"])
    assert reference.imports(made) == {"Norm": "normlib", "PAGE": "made"}


def test_the_table_has_every_normalization() -> None:
    """Catches a row that is kept by hand."""
    own = Norm(name="mine", shares="cS", center=False, scale="rms", paper="Me 2026")
    rows = list(reference.table({**NORMS, "mine": own}))[2:]
    assert [row.split("`")[1] for row in rows] == [*NORMS, "mine"]
    assert rows[-1] == "| `mine` | pre-activation | c S | 0 | rms | Me 2026 |"
    (batch,) = (row for row in rows if "`batch`" in row)
    assert batch.startswith("| `batch` | pre-activation | N S | mean | std | [Ioffe")
    (weight,) = (row for row in rows if "`weight`" in row)
    assert "| all of a row | 0 | norm |" in weight


DOCSTRING = """
Do it.

Attributes
----------
mu : what was subtracted
axes : what shares,
    in order
running : mapping
    Of shapes.

Raises
------
ValueError
    C. Wrong.

Source: Ioffe & Szegedy 2015, arXiv:1502.03167, algorithm 1.

Examples
--------
"""


def test_docstrings_are_prepared() -> None:
    """Catches a source read as an exception, an id that is no link, words taken for a type."""
    text = reference.prepared(DOCSTRING)
    own = "\nmu\n    what was subtracted\naxes\n    what shares,\n    in order\n"
    assert f"{own}running : mapping\n    Of shapes.\n\nRaises" in text
    assert "\n    C\\. Wrong." in text
    link = "`arXiv:1502.03167 <https://arxiv.org/abs/1502.03167>`__"
    assert f"\nSource\n------\nIoffe & Szegedy 2015, {link}, algorithm 1.\n\nExamples" in text
    assert reference.prepared("Plain.") == "Plain."
