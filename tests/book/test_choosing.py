"""Every piece of advice in the guide has a measurement behind it, and says what was measured."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from mdit_py_plugins.anchors.index import slugify
from nbformat import v4
from nbformat import write as write_notebook
from structure import BOOK, notebooks, prose, read

sys.path.insert(0, str(BOOK / "practice"))
from evidence import complaints, items, numbers, sections, slug

PAGE = BOOK / "practice/choosing.ipynb"
#: The parts of the page that give advice; the others explain, or ask.
ADVICE = ("## From a situation to a choice", "## Before you choose", "## While you train")


def parts() -> dict[str, str]:
    """Return the page's sections by their headings."""
    text, found = prose(read(PAGE)), {}
    for part in text.split("\n## ")[1:]:
        head, _, body = part.partition("\n")
        found["## " + head] = body
    return found


def advice() -> list[str]:
    return [item for head in ADVICE for item in items(parts()[head])]


def test_the_guide_has_its_parts() -> None:
    """Catches a heading that is renamed, so that nothing below it is checked."""
    assert set(ADVICE) <= set(parts())
    assert len(advice()) > 15
    assert all(items(parts()[head]) for head in ADVICE)


@pytest.mark.parametrize("item", advice(), ids=lambda item: item[:40])
def test_advice_links_to_what_backs_it(item: str) -> None:
    """Catches an opinion, a link to nowhere, and a number that nobody measured."""
    assert list(complaints(item, PAGE.parent)) == []


def test_every_sentence_of_advice_has_a_link() -> None:
    """Catches advice outside the lists and tables, where nobody looks for a link."""
    for head in ADVICE:
        for block in parts()[head].split("\n\n"):
            if block.strip() and not items(block) and not block.lstrip().startswith("|"):
                assert "](" in block or block.strip().endswith(":"), block


def test_headings_are_named_as_on_the_page() -> None:
    """Catches a name that the site would write in another way."""
    for path in notebooks():
        for cell in read(path).cells:
            if cell.cell_type == "markdown":
                for line in cell.source.splitlines():
                    if line.startswith("## "):
                        assert slug(line[3:]) == slugify(line[3:])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    cells = [
        v4.new_markdown_cell("# Page\n\n## Small batches\n\nWith 5 seeds."),
        v4.new_code_cell("print(1.5)", outputs=[v4.new_output("stream", text="0.95 ± 0.02\n")]),
        v4.new_markdown_cell("### Smaller\n\nBatches of 2."),
        v4.new_markdown_cell("## Another\n\n0.77"),
    ]
    write_notebook(v4.new_notebook(cells=cells), tmp_path / "page.ipynb")
    return tmp_path


def test_a_section_has_its_text_and_its_outputs(folder: Path) -> None:
    """Catches a section without its subsections, or with its neighbour's numbers."""
    found = sections(folder / "page.ipynb")
    assert set(found) == {"page", "small-batches", "smaller", "another"}
    assert numbers(found["small-batches"]) == ["5", "0.95", "0.02", "2"]
    assert numbers(found["another"]) == ["0.77"]


@pytest.mark.parametrize(
    ("item", "complaint"),
    [
        ("- Do it.", "no link"),
        ("- Do it: [there](page.ipynb).", "no link"),
        ("- Do it: [there](nowhere.ipynb#small-batches).", "no page nowhere"),
        ("- Do it: [there](page.ipynb#large-batches).", "no heading #large-batches"),
        ("- 0.77: [there](page.ipynb#small-batches).", "0.77 is not in"),
        ("- 0.9 of it: [there](page.ipynb#small-batches).", "0.9 is not in"),
        ("- 1.5 of it: [there](page.ipynb#small-batches).", "1.5 is not in"),
    ],
)
def test_the_check_finds_what_is_missing(folder: Path, item: str, complaint: str) -> None:
    """Catches a check that is content with anything."""
    (found,) = complaints(item, folder)
    assert found.startswith(complaint)
    good = "- 0.95 at 2: [there](page.ipynb#small-batches)."
    assert list(complaints(good, folder)) == []
    assert items(f"Text.\n\n{good}\n\n| a | b |\n| :-- | --: |\n| 1 | 2 |\n") == [good, "| 1 | 2 |"]
