"""What every notebook of the book must be, as functions that return complaints."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import yaml
from myst_parser.mdit_to_docutils.base import default_slugify

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"
Notebook = Any
Complaints = Iterator[str]

LONGEST_CELL = 25
CHAPTER_PARTS = ("In this chapter you will", "Exercises", "Now you can", "Sources")


def notebooks() -> list[Path]:
    """Every notebook below book/."""
    return sorted(p for p in BOOK.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)


def read(path: Path) -> Notebook:
    return nbformat.read(path, as_version=4)


def contents(toc: str) -> list[str]:
    """The files that a table of contents names, in order."""

    def walk(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            for key, value in node.items():
                if key in ("file", "root"):
                    yield value
                else:
                    yield from walk(value)
        elif isinstance(node, list):
            for item in node:
                yield from walk(item)

    return list(walk(yaml.safe_load(toc)))


def code(notebook: Notebook) -> list[Any]:
    return [c for c in notebook.cells if c.cell_type == "code"]


def prose(notebook: Notebook) -> str:
    return "\n\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")


def executed(notebook: Notebook) -> Complaints:
    """Run from top to bottom once: nbval compares no cell without a count."""
    counts = [c.execution_count for c in code(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield f"execution counts are {counts}, not 1 to {len(counts)}"


def lean(notebook: Notebook) -> Complaints:
    """Store text only: pictures and widget states are made anew on every build."""
    if "widgets" in notebook.metadata:
        yield "widget state is stored"
    for number, cell in enumerate(code(notebook), start=1):
        for output in cell.outputs:
            if output.get("name") == "stderr":
                yield f"cell {number} writes to stderr"
            if output.output_type == "error":
                yield f"cell {number} raises {output.ename}"
            kinds = [k for k in output.get("data", {}) if not k.startswith("text/")]
            if kinds:
                yield f"cell {number} stores {kinds}"


def described(notebook: Notebook) -> Complaints:
    """Show figures through `plots.show`, which asks for a caption and an alternative text."""
    for number, cell in enumerate(code(notebook), start=1):
        shown = [o.get("data", {}).get("text/plain", "") for o in cell.outputs]
        if "plots.show(" in cell.source and not any("\n\nAlt: " in text for text in shown):
            yield f"cell {number} draws a figure without caption or alternative text"
        if re.search(r"\bplt\.|pyplot|\bfigure\(", cell.source):
            yield f"cell {number} draws with pyplot: use plots.show"


def short(notebook: Notebook) -> Complaints:
    """Keep cells short enough to read."""
    for number, cell in enumerate(code(notebook), start=1):
        lines = len(cell.source.splitlines())
        hidden = {"hide-input", "remove-input"} & set(cell.metadata.get("tags", []))
        if lines > (2 * LONGEST_CELL if hidden else LONGEST_CELL):
            yield f"cell {number} has {lines} lines"


def imports_first(notebook: Notebook) -> Complaints:
    """Begin with imports and settings, and import nowhere else."""
    for number, cell in enumerate(code(notebook), start=1):
        nodes = ast.parse(cell.source).body
        found = any(isinstance(node, ast.Import | ast.ImportFrom) for node in nodes)
        if found != (number == 1):
            yield f"cell {number} {'imports' if found else 'does not import'}"


def plain_prose(notebook: Notebook) -> Complaints:
    """Say it without shouting."""
    text = re.sub(r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$", "", prose(notebook), flags=re.S)
    for match in re.finditer(r"[^\n]*\w![^\n\[]*", text):
        yield f"an exclamation mark: {match[0].strip()}"


def linked(notebook: Notebook, path: Path) -> Complaints:
    """Link to files that exist."""
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", prose(notebook)):
        if not re.match(r"[a-z]+:", target) and not (path.parent / target).exists():
            yield f"a link to {target}, which does not exist"


def written(path: Path) -> str:
    """The prose of a page, whichever kind of file it is."""
    if path.suffix == ".ipynb":
        return prose(read(path))
    return path.read_text(encoding="utf-8")


def headings(text: str) -> dict[str, str]:
    """The headings of a page, by the anchors that links use."""
    outside = re.sub(r"^(`{3,})[^`]*?^\1$", "", text, flags=re.M | re.S)
    found = re.findall(r"^#{1,3} +(.+?) *$", outside, flags=re.M)
    return {default_slugify(re.sub(r"[`$*]", "", title)): title for title in found}


def dangling(text: str, path: Path) -> Complaints:
    """Link to pages that exist, and to headings that they have."""
    for target, anchor in re.findall(r"\]\((?![a-z]+:)([^)#\s]*)(?:#([^)\s]+))?\)", text):
        page = (path.parent / target).resolve() if target else path
        if not page.exists():
            yield f"a link to {target}, which does not exist"
        elif anchor and anchor not in headings(written(page)):
            yield f"a link to {target}#{anchor}, a heading that it does not have"


def titled(notebook: Notebook) -> Complaints:
    """Open with a title and a paragraph, and have no second title."""
    first = notebook.cells[0]
    lines = [line for line in first.source.splitlines() if line.strip()]
    if first.cell_type != "markdown" or not lines[0].startswith("# ") or len(lines) < 2:
        yield "the first cell is not a title and a paragraph"
    if len(re.findall(r"^# ", prose(notebook), flags=re.M)) != 1:
        yield "there is not exactly one title"


def chapter(notebook: Notebook) -> Complaints:
    """Have the parts of a chapter, exercises with solutions, and sources that can be found."""
    text = prose(notebook)
    for part in CHAPTER_PARTS:
        if part not in text:
            yield f"no part {part!r}"
    sources = text.rpartition("## Sources")[2]
    for item in re.findall(r"^- .*(?:\n  .*)*", sources, flags=re.M):
        if not re.search(r"arxiv\.org/abs/|doi\.org/", item):
            yield f"a source without DOI or arXiv id: {item[:60]}"
    labels = re.findall(r"\{exercise\}.*\n:label: (\S+)", text)
    solved = re.findall(r"\{solution(?:-start)?\} (\S+)", text)
    if not labels or sorted(labels) != sorted(solved):
        yield f"exercises {labels} and solutions {solved} do not match"


EVERYWHERE: tuple[Callable[[Notebook], Complaints], ...] = (
    executed,
    lean,
    described,
    short,
    imports_first,
    plain_prose,
    titled,
)
