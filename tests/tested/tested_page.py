"""The page "How it was tested", written from the results of a run: no number in it is typed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import Any

import nbformat
import yaml
from junit import Result, count, largest

from normlib import NORMS

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "book"
PAGE = BOOK / "back/how_it_was_tested.md"
SURVIVORS = ROOT / "tests/mutation/survivors.md"
GOLDEN = ROOT / "tests/golden"

CHECKS = {
    "unit": "the library, and the book's own rules",
    "notebooks": "every cell of every notebook, run again",
    "site": "every page, in a browser",
}
#: What results depend on; a package that is not installed is left out.
LIBRARIES = (
    *("numpy", "matplotlib", "anywidget", "ipywidgets", "scikit-learn", "joblib"),
    *("jupyter-book", "Sphinx", "myst-nb", "sphinxcontrib-bibtex", "latex2mathml"),
    *("pytest", "hypothesis", "nbval", "playwright", "ruff", "mypy"),
)
#: Tags of cells whose output is not compared: where rounding decides it, and where nothing may run.
NOT_COMPARED = {"nbval-ignore-output", "nbval-skip"}
#: What the tests of the library are about, by the names of their files below tests/.
PARTS = {
    "the formula, its sets and its table": r"test_(core|moves|moments|spec)|norms/",
    "layers": r"layers/",
    "whitening": r"whiten/",
    "networks and training": r"test_(nets|cnn|fold|initialize|recalibrate|state|train|loss|optim)",
    "gradient check, invariances, landscape": r"diagnose/|test_gradient_checker",
    "beside PyTorch": r"golden/",
    "wrong input and its errors": r"test_errors",
    "recording, figures, sweeps": r"test_(record|trace|plots|sweep|data)",
    "widgets, in Python and in JavaScript": r"widgets/|js/",
    "notebooks, citations, promises": r"book/",
    "everything else": r"",
}


# ---- the facts


def notebooks(book: Path = BOOK) -> dict[str, Any]:
    """Return the notebooks of the book by their path below it, in the order of its contents."""
    found = {
        path.relative_to(book).as_posix(): nbformat.read(path, as_version=4)
        for path in sorted(book.rglob("*.ipynb"))
        if ".ipynb_checkpoints" not in path.parts
    }
    toc = yaml.safe_load((book.parent / "_toc.yml").read_text(encoding="utf-8"))
    chapters = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    order = [f"{name.removeprefix('book/')}.ipynb" for name in (toc["root"], *chapters)]
    return dict(sorted(found.items(), key=lambda item: order.index(item[0])))


def cells(notebook: Any) -> tuple[int, int]:
    """Count the code cells, and those whose output is compared."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    tags = [set(cell.metadata.get("tags", [])) for cell in code]
    return len(code), sum(not tag & NOT_COMPARED for tag in tags)


def title(notebook: Any) -> str:
    return notebook.cells[0].source.splitlines()[0].removeprefix("# ")


def methods_of(result: Result) -> set[str]:
    """Say which normalizations a test is about, by its parameters: `group3-image-True`."""
    found = re.search(r"\[(.*)\]", result.name)
    words = {word.rstrip("0123456789") for word in re.split(r"[-\s]", found[1])} if found else set()
    return words & NORMS.keys()


def mutation(text: str) -> tuple[str, list[str]]:
    """Return when and how mutants were tried, and the table of what became of them."""
    result = text.partition("## Result")[2].partition("\n## ")[0]
    rows = [line for line in result.splitlines() if line.startswith("|")]
    made = next(line for line in result.splitlines() if re.match(r"\d{4}-\d\d-\d\d", line))
    return made, rows


# ---- what is written


def table(header: Sequence[str], rows: Iterable[Sequence[object]], words: int = 1) -> Iterator[str]:
    """Write a table whose columns after the first `words` are numbers."""
    yield f"| {' | '.join(header)} |"
    yield f"| {' | '.join([':--'] * words + ['--:'] * (len(header) - words))} |"
    for row in rows:
        yield f"| {' | '.join('–' if cell is None else str(cell) for cell in row)} |"
    yield ""


def error(value: float | None) -> str | None:
    return None if value is None else f"{value:.0e}"


def seconds(value: float) -> str:
    return f"{value:.0f}" if value >= 1 else "< 1"


def overview(runs: Mapping[str, list[Result]]) -> Iterator[str]:
    rows = [
        (
            f"`make {check}`",
            what,
            len(runs[check]),
            count(runs[check], "failure", "error"),
            count(runs[check], "skipped"),
            sum(result.again for result in runs[check]),
        )
        for check, what in CHECKS.items()
    ]
    yield from table(["check", "of", "tests", "failed", "skipped", "twice"], rows, words=2)


def of_notebooks(results: list[Result], book: Path = BOOK) -> Iterator[str]:
    rows = []
    for name, notebook in notebooks(book).items():
        own = [result for result in results if result.file == f"book/{name}"]
        total, compared = cells(notebook)
        link = f"[{title(notebook)}](../{name})"
        failed = count(own, "failure", "error")
        spent = seconds(sum(r.seconds for r in own)) if own else "not run"
        rows.append((link, total, compared, failed, spent))
    yield from table(["page", "cells", "compared", "failed", "seconds"], rows)


def of_library(results: list[Result]) -> Iterator[str]:
    own = Counter(part(result) for result in results)
    yield from table(["about", "tests"], [(words, own[words]) for words in PARTS if own[words]])


def part(result: Result) -> str:
    """Say what a test of the library is about."""
    file = result.file.removeprefix("tests/")
    return next(words for words, pattern in PARTS.items() if re.match(pattern, file))


def of_gradients(results: list[Result]) -> Iterator[str]:
    checked = [r for r in results if largest([r], "by complex step") is not None]
    rows = []
    for name, norm in NORMS.items():
        own = [r for r in checked if name in methods_of(r)]
        rows.append((norm.label, len(own), *(error(largest(own, how)) for how in HOW)))
    rows.append(("all layers", len(checked), *(error(largest(checked, how)) for how in HOW)))
    yield from table(["gradients of", "tests", "to complex steps", "to differences"], rows)


HOW = ("by complex step", "by central differences")


def of_parity(results: list[Result]) -> Iterator[str]:
    own = [r for r in results if r.file.startswith("tests/golden/") and "PyTorch" in r.measured]
    rows = []
    for path in sorted(GOLDEN.glob("*.json")):
        cases = json.loads(path.read_text(encoding="utf-8"))["cases"]
        about = [r for r in own if belongs(r, path.stem, cases)]
        rows.append((path.stem.replace("_", " "), len(cases), error(largest(about, "PyTorch"))))
    yield from table(["values of", "cases", "largest difference"], rows)


def belongs(result: Result, file: str, cases: Mapping[str, Any]) -> bool:
    """Tell whether a test compared a case of this file: test_layer names it, others are named."""
    parameters = (re.search(r"\[(.*)\]", result.name) or ["", ""])[1]
    if result.name.startswith("test_layer["):
        return parameters in {f"{file}-{case}" for case in cases}
    about = {"start": "starts", "cross_entropy": "cross_entropy", "optimizers": "optimizer"}
    return about.get(file, file) in result.name.partition("[")[0]


def of_site(results: list[Result]) -> Iterator[str]:
    clean = [r for r in results if r.name.startswith("test_page_is_clean[")]
    seen = [re.search(r"\[(.*)\]", r.name)[1].split("-") for r in clean]  # type: ignore[index]
    pages = {word for words in seen for word in words if word.endswith(".html")}
    widths = sorted({int(word) for words in seen for word in words if word.isdigit()})
    themes = sorted({word for words in seen for word in words} & {"light", "dark"})
    narrow = sum(str(min(widths, default=0)) in words for words in seen)
    failed = count(clean, "failure", "error")
    weight = [r for r in results if r.name.startswith("test_page_weight[")]
    widgets = [r for r in results if re.search(r"_in_browser|widget_family", r.file)]
    sizes = f"{', '.join(map(str, widths))} pixels wide, {' and '.join(themes)}"
    rows = [
        ("pages", len(pages)),
        (f"visits, {sizes}", len(clean)),
        ("runs of axe, on the narrowest pages folded and unfolded", len(clean) + narrow),
        ("visits with a violation, sideways scrolling, console noise, foreign request", failed),
        ("pages within their weight", f"{count(weight, 'passed')} of {len(weight)}"),
        ("tests of widgets, by keyboard, touch, narrow, dark, without a kernel", len(widgets)),
    ]
    yield from table(["in the browser", "number"], rows)


def of_versions() -> Iterator[str]:
    found = {name: installed(name) for name in LIBRARIES}
    yield from table(
        ["library", "version"],
        [
            ("Python", ".".join(map(str, sys.version_info[:3]))),
            *((name, value) for name, value in found.items() if value),
            *browser(),
        ],
    )


def browser() -> Iterator[tuple[str, str]]:
    """Say which browser and which axe looked at the pages."""
    if path := next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None):
        said = subprocess.run(
            [path, "--version"], capture_output=True, text=True, check=True
        ).stdout
        yield "Chromium", re.search(r"[\d.]+", said)[0]  # type: ignore[index]
    script = files("axe_playwright_python") / "axe.min.js"
    if found := re.search(r"axe v([\d.]+)", script.read_text(encoding="utf-8")[:200]):
        yield "axe", found[1]


def installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def stale(text: str) -> Iterator[str]:
    """Say where the page no longer speaks of this book: notebooks, methods, mutants, version."""
    listed = re.findall(r"^\| \[[^\]]+\]\(\.\./(\S+\.ipynb)\) \|", text, flags=re.M)
    for name in sorted(set(listed) ^ set(notebooks())):
        yield f"{name} is {'not there any more' if name in listed else 'missing'}"
    yield from (
        f"no row of {norm.label}" for norm in NORMS.values() if f"| {norm.label} |" not in text
    )
    rows = mutation(SURVIVORS.read_text(encoding="utf-8"))[1]
    yield from (f"other mutants: {row}" for row in rows if row not in text.splitlines())
    if f"with normlib {version('normlib')}." not in text:
        yield f"not of version {version('normlib')}"


def page(runs: Mapping[str, list[Result]], machine: str, now: datetime | None = None) -> str:
    """Write the page."""
    torch = json.loads(next(iter(sorted(GOLDEN.glob("*.json")))).read_text("utf-8"))["made with"]
    made, mutants = mutation(SURVIVORS.read_text(encoding="utf-8"))
    today = (now or datetime.now(UTC)).date().isoformat()
    sections: dict[str, Callable[[], Iterator[str]]] = {
        "overview": lambda: overview(runs),
        "notebooks": lambda: of_notebooks(runs["notebooks"]),
        "library": lambda: of_library(runs["unit"]),
        "gradients": lambda: of_gradients(runs["unit"]),
        "parity": lambda: of_parity(runs["unit"]),
        "site": lambda: of_site(runs["site"]),
        "versions": of_versions,
    }
    facts = {
        "date": today,
        "machine": machine,
        "torch": torch["torch"],
        "version": version("normlib"),
    }
    facts |= {"mutation_made": made, "mutation": "\n".join(mutants)}
    facts |= {name: "\n".join(write()).rstrip() for name, write in sections.items()}
    text = (Path(__file__).parent / "tested_page.md").read_text(encoding="utf-8")
    return re.sub(r"\{\{ (\w+) \}\}", lambda found: facts[found[1]], text)
