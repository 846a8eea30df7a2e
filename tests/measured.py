"""How large the errors were that tests found small enough: `make tested` reports them.

A test that compares numbers notes the largest difference that it let pass; conftest.py hands what
was noted to pytest, which writes it beside the test's result.
"""

from __future__ import annotations

LARGEST: dict[str, float] = {}


def note(what: str, error: float) -> None:
    """Note an error that was accepted; the largest of a test counts."""
    LARGEST[what] = max(float(error), LARGEST.get(what, 0.0))
