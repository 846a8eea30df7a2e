"""The pages at the end of the book keep up with what they speak of."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from structure import BOOK, ROOT, code, dangling, headings, notebooks, read, written

import normlib

PAGES = [*sorted((BOOK / "back").glob("*.md")), *notebooks()]
GLOSSARY = (BOOK / "back/glossary.md").read_text(encoding="utf-8")
NOTATION = (BOOK / "back/notation.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_links_lead_to_headings(path: Path) -> None:
    """Catches a page that was renamed, and a heading that was reworded."""
    assert list(dangling(written(path), path)) == []


def test_a_dangling_link_is_found(tmp_path: Path) -> None:
    """Catches a check that reads nothing, and one that takes a comment in code for a heading."""
    text = "# One & two\n\n```python\n# not a heading\n```\n\n## A `code` of 1.00\n"
    (tmp_path / "there.md").write_text(text, encoding="utf-8")
    assert headings(text) == {"one--two": "One & two", "a-code-of-100": "A `code` of 1.00"}
    good = "[a](there.md), [b](there.md#a-code-of-100), [c](https://x.org/#y), [d](#one--two)"
    assert list(dangling(text + good, tmp_path / "there.md")) == []
    for bad in ("[a](nowhere.md)", "[b](there.md#not-a-heading)", "[c](#elsewhere)"):
        assert len(list(dangling(text + bad, tmp_path / "there.md"))) == 1


# ---- the glossary


def entries(page: str) -> dict[str, str]:
    """Return the definitions by their terms, in the page's order."""
    (block,) = re.findall(r"^```\{glossary\}\n(.*?)^```", page, flags=re.M | re.S)
    pairs = re.findall(r"^(\S.*)\n((?:    .*\n)+)", block, flags=re.M)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def alphabet(term: str) -> str:
    return re.sub(r"[^a-z]", "", term.lower())


def test_terms_are_in_alphabetical_order() -> None:
    """Catches a new term at the wrong place; 'i.i.d.' stands as 'iid', 'pre-norm' as 'prenorm'."""
    terms = list(entries(GLOSSARY))
    assert terms == sorted(terms, key=alphabet)
    assert len(terms) > 60


def test_each_term_leads_to_a_page_that_shows_it() -> None:
    """Catches a definition that stands by itself, and one that is an essay."""
    for term, definition in entries(GLOSSARY).items():
        assert re.search(r"\]\((?:\.\./)?\w+[/.]", definition), term
        assert len(definition) < 650, term


# ---- the notation


def names_in_code() -> set[str]:
    """Return the names, attributes, arguments and strings of all code in the book and library."""
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py")]
    sources += [cell.source for path in notebooks() for cell in code(read(path))]
    found: set[str] = set()
    for node in (node for source in sources for node in ast.walk(ast.parse(source))):
        for field in ("id", "attr", "arg", "name", "value"):
            value = getattr(node, field, None)
            found |= {value} if isinstance(value, str) else set()
    return found


def test_names_of_symbols_are_those_of_the_code() -> None:
    """Catches a symbol whose name in code was changed or never existed."""
    rows = [row.split(" | ")[1:] for row in re.findall(r"^\| \$.*\|$", NOTATION, flags=re.M)]
    used = {name.strip('"') for row in rows if row for name in re.findall(r"`([^`]+)`", row[0])}
    assert len(used) > 50
    assert used - names_in_code() == set()


def test_every_normalization_has_a_row() -> None:
    """Catches a method of the book that the table of methods leaves out."""
    for name in ("batch", "layer", "instance", "group", "rms", "weight", "cosine"):
        assert name in normlib.NORMS
        assert f'| `"{name}"` |' in NOTATION
