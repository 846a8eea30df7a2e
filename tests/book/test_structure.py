"""Every notebook has the shape of the book, and each rule catches a notebook that breaks it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
import structure
from nbformat import v4
from structure import BOOK, ROOT, contents, notebooks, read

PAGES = [path.relative_to(BOOK).as_posix() for path in notebooks()]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("rule", structure.EVERYWHERE, ids=lambda rule: rule.__name__)
def test_notebook(rule: Callable[[Any], Any], page: str) -> None:
    assert list(rule(read(BOOK / page))) == []


@pytest.mark.parametrize("page", PAGES)
def test_links(page: str) -> None:
    assert list(structure.linked(read(BOOK / page), BOOK / page)) == []


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page != "index.ipynb" and not page.startswith("back/")]
)
def test_chapter(page: str) -> None:
    assert list(structure.chapter(read(BOOK / page))) == []


def test_contents_name_every_page_once() -> None:
    named = contents((ROOT / "_toc.yml").read_text())
    pages = [f"book/{page}".removesuffix(".ipynb") for page in PAGES]
    markdown = [str(p.relative_to(ROOT).with_suffix("")) for p in BOOK.rglob("*.md")]
    assert sorted(named) == sorted(pages + [m for m in markdown if "/_" not in m])


def cell(source: str, count: int = 1, **output: Any) -> Any:
    outputs = [v4.new_output("display_data", data=output["data"])] if "data" in output else []
    if "stderr" in output:
        outputs = [v4.new_output("stream", name="stderr", text=output["stderr"])]
    return v4.new_code_cell(source, execution_count=count, outputs=outputs)


def notebook(*cells: Any) -> Any:
    made = [dict(c, id=f"cell-{i}") for i, c in enumerate(cells)]
    return v4.new_notebook(cells=[nbformat.from_dict(c) for c in made])


TITLE = v4.new_markdown_cell("# Title\n\nA paragraph.")
FIGURE = 'plots.show(draw, caption="c", alt="a")'
BAD = [
    (structure.executed, notebook(TITLE, cell("import a", 2))),
    (structure.executed, notebook(TITLE, cell("import a"), cell("b", 1))),
    (structure.lean, notebook(TITLE, cell("import a", data={"image/png": "xx"}))),
    (structure.lean, notebook(TITLE, cell("import a", stderr="Warning"))),
    (structure.lean, v4.new_notebook(metadata={"widgets": {}})),
    (structure.described, notebook(TITLE, cell(FIGURE, data={"text/plain": "caption only"}))),
    (structure.described, notebook(TITLE, cell("plt.plot(x)"))),
    (structure.short, notebook(TITLE, cell("x\n" * 26))),
    (structure.imports_first, notebook(TITLE, cell("x = 1"))),
    (structure.imports_first, notebook(TITLE, cell("import a"), cell("import b", 2))),
    (structure.plain_prose, notebook(v4.new_markdown_cell("# T\n\nIt works!"))),
    (structure.titled, notebook(cell("import a"))),
    (structure.titled, notebook(TITLE, TITLE)),
    (structure.chapter, notebook(TITLE)),
    (
        structure.chapter,
        notebook(v4.new_markdown_cell("In this chapter you will\n# Exercises\nNow you can")),
    ),
]


@pytest.mark.parametrize(("rule", "broken"), BAD, ids=lambda part: getattr(part, "__name__", ""))
def test_rule_catches(rule: Callable[[Any], Any], broken: Any) -> None:
    assert list(rule(broken)) != []


def test_link_rule_catches(tmp_path: Path) -> None:
    broken = notebook(v4.new_markdown_cell("[there](nowhere.ipynb)"))
    assert list(structure.linked(broken, tmp_path / "page.ipynb")) != []


def test_stored_notebook_keeps_text_only() -> None:
    """The refresh command must drop what `lean` forbids, and keep what nbval compares."""
    from refresh import stored

    data = {"image/png": "xx", "text/plain": "words"}
    data["application/vnd.jupyter.widget-view+json"] = "{}"
    kept = stored(notebook(TITLE, cell("import a", data=data)))
    assert kept.cells[1].outputs[0].data == {"text/plain": "words"}
    nbformat.validate(kept)
