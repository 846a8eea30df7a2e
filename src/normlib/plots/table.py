"""`table`: numbers in rows, as a table of the page and as text in a notebook."""

from __future__ import annotations

from collections.abc import Sequence

from normlib import checks


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Display a Markdown table; all columns but the first are aligned to the right.

    Parameters
    ----------
    header : sequence of str
        One name per column; `$...$` is mathematics.
    rows : sequence of sequences
        As many entries as there are names; each is written by ``str``, so format numbers first.

    Raises
    ------
    ValueError
        A row has more or fewer entries than the header, or there is no row.
    ImportError
        IPython is not installed.
    """
    wrong = [list(row) for row in rows if len(row) != len(header)]
    if wrong or not rows:
        raise ValueError(
            f"rows must hold {len(header)} entries each, and at least one row must be there; "
            f"got {wrong[0] if wrong else 'no row'}. Match the header {list(header)}."
        )
    with checks.installed("a table", "IPython"):
        from IPython.display import Markdown, display

    lines = [header, [":--"] + ["--:"] * (len(header) - 1), *rows]
    text = "\n".join("| " + " | ".join(str(entry) for entry in line) + " |" for line in lines)
    display(Markdown(text))  # type: ignore[no-untyped-call]
