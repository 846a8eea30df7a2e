"""The site's own Sphinx extension, on small books with this book's settings."""

import base64
import json
import re
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from playwright.sync_api import Browser
from site_checks import ROOT, overflow, visiting

from inside.execution import execution_key
from inside.mathml import to_mathml
from inside.pages import run_links
from inside.widgets import needed, pack


def png(width: int, height: int) -> str:
    """Make a black picture of that many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    rows = chunk(b"IDAT", zlib.compress((b"\0" * (width + 1)) * height))
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + header + rows + chunk(b"IEND", b"")).decode()


LIGHT, DARK = png(800, 400), png(800, 402)
ABOUT = {"dark": DARK, "alt": "A square.", "caption": "It is *black*: $\\hat{x}$.", "width": 400}


def figure(**about: object) -> dict:
    data = {"image/png": LIGHT, "text/plain": "twelve"}
    return new_output("display_data", data, metadata={"normlib_figure": {**ABOUT, **about}})


def printed(text: str) -> dict:
    return new_output("stream", name="stdout", text=text)


def cell(*outputs: dict, source: str = "pass", tags: tuple[str, ...] = ()) -> dict:
    return new_code_cell(
        source, outputs=list(outputs), execution_count=1, metadata={"tags": list(tags)}
    )


@pytest.fixture
def book(tmp_path: Path):
    """Build a book of one page with this book's settings; give its HTML and what was said."""

    def build(*cells: object, widgets: dict | None = None, run: bool = False) -> tuple[str, str]:
        if not (tmp_path / "book").exists():
            (tmp_path / "book").mkdir()
            shutil.copytree(ROOT / "book/_ext", tmp_path / "book/_ext")
            (tmp_path / "book/back").mkdir()
            for needed_too in ("favicon.svg", "back/references.bib"):
                shutil.copy(ROOT / "book" / needed_too, tmp_path / "book" / needed_too)
        settings = (ROOT / "_config.yml").read_text(encoding="utf-8")
        if not run:  # the outputs are those in the notebook
            settings = settings.replace("execute_notebooks: cache", "execute_notebooks: 'off'")
        (tmp_path / "_config.yml").write_text(settings, encoding="utf-8")
        (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: book/page\n", encoding="utf-8")
        language = {"name": "python", "pygments_lexer": "ipython3"}
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        metadata = {"kernelspec": kernel, "language_info": language}
        if widgets:
            metadata["widgets"] = {
                "application/vnd.jupyter.widget-state+json": {
                    "version_major": 2,
                    "version_minor": 0,
                    "state": widgets,
                }
            }
        blocks = [new_markdown_cell(c) if isinstance(c, str) else c for c in ("# Page", *cells)]
        for number, block in enumerate(blocks):
            block["id"] = f"cell-{number}"  # random ids would make every run a new notebook
        notebook = new_notebook(cells=blocks, metadata=metadata)
        nbformat.write(notebook, tmp_path / "book/page.ipynb")
        # What the script jupyter-book does, with the Python that runs the tests.
        script = "from jupyter_book.cli.main import main; main()"
        command = [sys.executable, "-c", script, "build", ".", "-W", "--keep-going"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        page = tmp_path / "_build/html/book/page.html"
        build.passed = done.returncode == 0
        return (page.read_text(encoding="utf-8") if page.exists() else ""), said

    return build


# ---- execution


@pytest.mark.parametrize(
    "changed", ["src/normlib/core.py", "src/normlib/widgets/kit/data.js", "requirements.lock"]
)
def test_the_key_follows_the_library_and_its_requirements(tmp_path: Path, changed: str) -> None:
    """Catches pages that keep showing yesterday's library or widget."""
    for name in ("src/normlib/core.py", "src/normlib/widgets/kit/data.js", "requirements.lock"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a", encoding="utf-8")
    before = execution_key(tmp_path)
    assert execution_key(tmp_path) == before
    (tmp_path / changed).write_text("b", encoding="utf-8")
    assert execution_key(tmp_path) != before


def test_the_key_does_not_depend_on_where_the_project_stands(tmp_path: Path) -> None:
    for place in ("here", "there"):
        (tmp_path / place / "src/normlib").mkdir(parents=True)
        (tmp_path / place / "src/normlib/core.py").write_text("a", encoding="utf-8")
    assert execution_key(tmp_path / "here") == execution_key(tmp_path / "there")


def test_a_page_runs_again_when_the_library_changes_and_only_then(book, tmp_path: Path) -> None:
    """Catches a cache, Jupyter's or Sphinx's, that does not notice the library."""
    library = tmp_path / "src/normlib/answer.py"
    library.parent.mkdir(parents=True)
    source = "import sys, time\nsys.path.insert(0, '../src/normlib')\nimport answer\n"
    page = cell(source=source + "print(f'{answer.VALUE} at {time.time_ns()}')")
    shown = r"(forty|fifty) at (\d+)"

    library.write_text("VALUE = 'forty'\n", encoding="utf-8")
    first, said = book(page, run=True)
    assert book.passed, said
    again, _ = book(page, run=True)
    library.write_text("VALUE = 'fifty'\n", encoding="utf-8")
    changed, _ = book(page, run=True)

    assert re.search(shown, first)[0] == re.search(shown, again)[0]
    assert re.search(shown, first)[1] == "forty"
    assert re.search(shown, changed)[1] == "fifty"


# ---- equations


@pytest.mark.parametrize(
    ("latex", "found"),
    [
        (r"\frac{a}{\sqrt{b}}", r"<mfrac>.*<msqrt>"),
        (r"\hat{x}", r'<mover accent="true">.*<mi>x</mi>.*<mo stretchy="false">ˆ</mo>'),
        (r"\overline{xy}", r'<mo [^>]*stretchy="true"[^>]*>‾</mo>'),
        (r"\sum_{i=1}^{N} x_i", r"<munderover><mo[^>]*>∑</mo>"),
        (r"\max_i x_i", r"<munder><mo[^>]*>max</mo>"),
        (
            r"\begin{aligned}a&=b\\c&=d\end{aligned}",
            r'<mtable[^>]*class="aligned".*<mtd class="right">',
        ),
        (r"\left(\frac ab\right)", r'<mo stretchy="true" fence="true" form="prefix">\('),
        (r"(a)", r'<mo stretchy="false">\('),
        (r"\mathcal{L}", "ℒ"),
        (r"\mathrm{d}x", r"<mtext>d</mtext>"),
        (r"\boldsymbol{\mu}", "𝝁"),
        (r"\Sigma", r'<mi mathvariant="normal">Σ'),
        (r"x \sim p", r"<mo>∼</mo>"),
        (r"\langle a \rangle", r'<mo stretchy="false">⟨'),
        (r"a \log x", r'<mo lspace="0.167em" rspace="0.167em">log'),
        (r"\bigl(a\bigr)^2", r'<msup><mrow><mo [^>]*minsize="1.2em"[^>]*>\)</mo><mi ?/></mrow>'),
        (r"f'_i", r"<msub><mrow><mi>f</mi><mo[^>]*>′</mo></mrow><mi>i</mi></msub>"),
        (r"x_{i<j}", r'<mo lspace="0" rspace="0">&lt;'),
        (r"\underbrace{a}_{\text{two words}}", r"⏟.*<mtext>two.words"),
    ],
)
def test_equations_become_mathml(latex: str, found: str) -> None:
    assert re.search(found, to_mathml(latex, display=True)), to_mathml(latex, display=True)


@pytest.mark.parametrize("latex", [r"\foo{x}", r"a & b", r"\frac{a}{", r"\cancel{x}"])
def test_what_is_not_understood_is_an_error(latex: str) -> None:
    """Catches raw LaTeX that would reach the page without a word."""
    with pytest.raises(ValueError, match=r"\w"):
        to_mathml(latex, display=False)


def test_equations_are_numbered_and_referred_to(book) -> None:
    equations = "$$\na = b\n$$ (norm)\n\n\\begin{align}c&=d\\end{align}"
    page, said = book(f"See {{eq}}`norm`, and inline $x_1$.\n\n{equations}")
    assert book.passed, said
    assert re.search(r'href="#equation-norm"[^>]*>\(1\)</a>', page)
    assert re.search(r'<span class="eqno">\(1\)', page)
    assert page.count("<math") == 3
    assert "$" not in re.sub(r"<script.*?</script>", "", page, flags=re.S)


def test_signs_stay_with_their_formula(book) -> None:
    """Catches a comma at the start of a line, where browsers break after a formula."""
    page, said = book("Two ($x$, $y$, $u$) and **$z$**.\n\n$a$ alone, $b$!")
    assert book.passed, said
    kept = re.findall(r'<span class="kept">(.)*?<math.*?</math>(.*?)</span>', page)
    assert kept == [("(", ","), ("", ","), ("", ")"), ("", "!")]
    text = re.sub(r"<math.*?</math>|<[^>]*>", "", page)
    assert "Two (, , ) and ." in text
    assert " alone, !" in text


def test_an_unknown_command_fails_the_build(book) -> None:
    _, said = book(r"Inline $\foo{x}$.")
    assert not book.passed
    assert r"unknown command \foo" in said


# ---- figures


def test_a_wide_figure_is_readable_on_a_phone(book, browser: Browser, tmp_path: Path) -> None:
    """Catches labels of four pixels, and a small picture that is blown up or cut."""
    book(cell(figure(width=500)), cell(figure(width=700)))
    file = tmp_path / "_build/html/book/page.html"
    with visiting(browser, file.as_uri(), width=390) as visit:
        pictures = visit.page.locator("figure .picture").all()
        images = [picture.locator("img.only-light") for picture in pictures]
        assert [image.bounding_box()["width"] for image in images] == [350, 560]
        assert [picture.bounding_box()["width"] for picture in pictures] == [350, 350]
        assert overflow(visit.page) == []


def test_a_figure_has_two_themes_a_caption_and_a_size(book) -> None:
    page, said = book(cell(figure(name="square")), "See {numref}`square`.")
    assert book.passed, said
    (shown,) = re.findall(r"<figure.*?</figure>", page, flags=re.S)
    light, dark = re.findall(r"<img[^>]*>", shown)
    assert "only-light" in light
    assert "only-dark" in dark
    assert 'width="400"' in light
    assert 'height="200"' in light
    assert 'height="201"' in dark
    assert 'alt="A square."' in light
    assert 'loading="lazy"' in dark
    assert "<em>black</em>" in shown
    assert "<math" in shown
    assert "Figure 1" in shown
    assert "twelve" not in page
    assert re.search(r'href="#square"', page)
    names = re.findall(r'src="\.\./(_images/[^"]+)"', shown)
    assert len(set(names)) == 2


def test_a_figure_without_alt_fails_the_build(book) -> None:
    _, said = book(cell(figure(alt=" ")))
    assert not book.passed
    assert "without a text alternative" in said


def test_an_ordinary_picture_needs_alt_too_and_otherwise_stays(book) -> None:
    picture = new_output("display_data", {"image/png": LIGHT, "text/plain": "picture"})
    _, said = book(cell(picture))
    assert not book.passed
    assert "without a text alternative" in said
    described = cell(picture)
    described["metadata"]["mystnb"] = {"image": {"alt": "A square."}}
    page, said = book(described)
    assert book.passed, said
    assert re.search(r'<img[^>]*alt="A square\."', page)
    assert "<figure" not in page


# ---- widgets

CONTROLS, SOURCE = "@jupyter-widgets/controls", "export default {}"


def state_of(name: str, module: str, **state: object) -> dict:
    return {"model_name": name, "model_module": module, "state": state}


def link_to(target: str) -> dict:
    ends = {"source": ["IPY_MODEL_player", "value"], "target": [f"IPY_MODEL_{target}", "value"]}
    return state_of("LinkModel", CONTROLS, **ends)


WIDGETS = {
    "player": {
        **state_of("AnyModel", "anywidget", _esm=SOURCE, layout="IPY_MODEL_l", value="</script>"),
        "buffers": [{"path": ["bins"], "data": "AAA=", "encoding": "base64"}],
    },
    "twin": state_of("AnyModel", "anywidget", _esm=SOURCE, value=2),
    "slider": state_of("IntSliderModel", CONTROLS, value=1),
    "l": state_of("LayoutModel", "@jupyter-widgets/base", width="9px"),
    "inner": link_to("twin"),
    "outer": link_to("slider"),
}


def view(model_id: str, poster: bool = True) -> dict:
    output = figure() if poster else new_output("display_data", {"text/plain": "IntSlider(1)"})
    view = {"model_id": model_id, "version_major": 2, "version_minor": 0}
    output["data"]["application/vnd.jupyter.widget-view+json"] = view
    return output


def test_a_widget_stands_in_its_figure_with_poster_and_words(book) -> None:
    page, said = book(cell(view("player"), tags=("remove-input",)), widgets=WIDGETS)
    assert book.passed, said
    (shown,) = re.findall(r"<figure.*?</figure>", page, flags=re.S)
    assert shown.count("<img") == 2
    assert '{"model_id": "player"}' in shown
    assert "twelve" in shown  # its description
    assert "<figcaption" in shown
    assert page.count("widget_host.js") == 1
    state = re.search(
        r'<script type="application/vnd.jupyter.widget-state\+json">(.*?)</script>', page
    )
    packed = json.loads(state[1])
    assert set(packed["state"]) == {"player"}
    assert packed["state"]["player"]["state"]["value"] == "</script>"
    assert packed["state"]["player"]["buffers"][0]["data"] == "AAA="


def test_controls_that_need_a_kernel_leave_nothing_behind(book) -> None:
    control = cell(view("slider", poster=False), tags=("remove-input",))
    page, said = book("Before.", control, "After.", widgets=WIDGETS)
    assert book.passed, said
    article = re.search(r"<article>.*</article>", page, flags=re.S)[0]
    assert "IntSlider" not in article
    assert 'class="cell' not in article
    assert "widget_host" not in page
    assert "widget-state" not in page


def test_a_widget_without_a_poster_fails_the_build(book) -> None:
    _, said = book(cell(view("player", poster=False)), widgets=WIDGETS)
    assert not book.passed
    assert "without a poster" in said


def test_the_state_keeps_what_is_shown_and_the_links_between() -> None:
    kept = needed(WIDGETS, {"player", "twin"})
    assert set(kept) == {"player", "twin", "inner"}
    assert kept["inner"] == {"link": [["player", "value"], ["twin", "value"]], "both_ways": True}
    assert "layout" not in kept["player"]["state"]
    assert set(needed(WIDGETS, {"player"})) == {"player"}


def test_a_module_is_written_once_for_all_widgets() -> None:
    packed = pack(needed(WIDGETS, {"player", "twin"}))
    assert packed.count("export default") == 1
    assert "<" not in packed


# ---- folding


def test_hidden_code_and_solutions_fold(book) -> None:
    exercise = ":::{exercise} Why\n:label: why\nSay why.\n:::"
    note = ":::{note}\n:class: dropdown\nA note.\n:::"
    page, said = book(
        cell(printed("seen"), source="hidden = 1", tags=("hide-input",)),
        cell(figure(), source="drawing = 1", tags=("hide-input",)),
        f"{exercise}\n\n:::{{solution-start}} why\n:::\n\nBecause.",
        cell(printed("executed"), source="solution = 1"),
        f":::{{solution-end}}\n:::\n\n{note}\n\n|  | $\\mu$ |\n|---|---|\n| a | $2$ |",
    )
    assert book.passed, said
    folds = re.findall(r"<details.*?</details>", page, flags=re.S)
    hidden, drawing, solution, note = (re.sub(r"<[^>]+>", "", fold) for fold in folds)
    assert hidden.split() == ["Code", "hidden", "=", "1"]
    assert "drawing" in drawing
    assert page.index("</figure>") < page.index("drawing")
    assert "Solution" in solution
    assert "Because." in solution
    assert "executed" in solution
    assert note.split() == ["Note", "A", "note."]
    assert "Exercise 1" in page
    assert re.search(r'<div class="[^"]*scrolls[^"]*">\s*<table', page)
    assert "<td></td>" in page  # the corner heads no column
    assert re.search(r'<th[^>]*><p><math [^>]*aria-label="\\mu"', page)
    assert (
        page.count('aria-label="\\mu') == page.count("<math") - 2 == 1
    )  # the caption's, the cell's


# ---- pages


class Config:
    def __init__(self, repository: str) -> None:
        self.html_theme_options = {"repository_url": repository, "repository_branch": "main"}


@pytest.mark.parametrize(
    ("repository", "places"),
    [
        ("", ["_sources/book/page.ipynb"]),
        (
            "https://github.com/someone/somewhere",
            [
                "_sources/book/page.ipynb",
                "https://colab.research.google.com/github/someone/somewhere/blob/main/book/page.ipynb",
                "https://mybinder.org/v2/gh/someone/somewhere/main?labpath=book/page.ipynb",
                "https://github.com/someone/somewhere/edit/main/book/page.ipynb",
            ],
        ),
    ],
)
def test_links_to_run_the_page_need_the_repository(repository: str, places: list[str]) -> None:
    context = {"sourcename": "book/page.ipynb", "pathto": lambda name, _: name}
    links = run_links(Config(repository), "book/page", context)
    assert [place for _, place in links] == places


def test_the_site_has_no_address_until_it_is_set(book, tmp_path: Path) -> None:
    page, _ = book("Text.")
    assert "og:url" not in page
    assert 'rel="canonical"' not in page
    assert not (tmp_path / "_build/html/sitemap.xml").exists()
    assert '<meta name="description" content="Text.">' in page
