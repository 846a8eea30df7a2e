r"""Equations become MathML while the site is built: no script, no request, no raw LaTeX.

``latex2mathml`` does the parsing. What it writes is aimed at an older MathML than the
one browsers draw today (MathML Core), so ``repair`` translates the differences. A
command it does not know is a warning, never a silent ``\foo`` on the page.
"""

import re
from html import escape
from unicodedata import category
from xml.etree.ElementTree import Element, ParseError, fromstring, tostring

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)

# Environments that the parser does not know, by the ones that it lays out the same way.
ENVIRONMENTS = {"aligned": "align*", "gathered": "gather*", "align": "align*"}
# What the parser writes, by the character that MathML's operator dictionary has.
CHARACTERS = {"~": "∼", r"\|": "‖", r"\{": "{", r"\}": "}"}
# Accents by the characters that fonts have for one letter, and for several.
BAR = "\u203e"
NARROW = {"^": "\u02c6", "~": "\u02dc", "―": BAR, "¯": BAR}
WIDE = {"^": "\u0302", "~": "\u02dc", "―": BAR, "¯": BAR}
# Symbols that read as letters although Unicode files them under operators.
LETTERS = "∞∂∇∅%"
FENCES = {"|", "‖", "∣", "∥"}
# Operators whose limits stand below and above where there is room for it.
LIMITS = {*"∑∏∐⋃⋂⋁⋀⨁⨂", "max", "min", "sup", "inf", "lim", "argmax", "argmin"}
PRIMES = {"′", "″", "‴"}
SCRIPTS = {"msub": "munder", "msup": "mover", "msubsup": "munderover"}
NEGATIVE_SPACE = {"negativethinmathspace": "-0.167em"}
# First code points of the bold italic letters: MathML Core has no mathvariant for them.
BOLD_ITALIC = {"A": 0x1D468, "a": 0x1D482, "Α": 0x1D71C, "α": 0x1D736}
THIN = "0.167em"
# Signs that open before a formula, and that close, end or continue a word after it.
TOUCHING_END = re.compile(r"[(\[“‘]*$")
TOUCHING_START = re.compile(r"[,.;:!?)\]”’%]*")


def prepare(latex: str) -> str:
    r"""Rewrite what the parser misreads: ``aligned`` and the upright d of ``\mathrm{d}``."""
    for name, known in ENVIRONMENTS.items():
        for edge in ("begin", "end"):
            latex = latex.replace(rf"\{edge}{{{name}}}", rf"\{edge}{{{known}}}")
    # A single letter in <mi> is drawn in italics; in <mtext> it stands upright.
    return re.sub(r"\\mathrm\s*(?=\{)", r"\\text", latex)


def repair(math: Element) -> None:
    """Translate what MathML Core does not know; ValueError for what has no translation."""
    parents = {child: parent for parent in math.iter() for child in parent}
    for node in list(math.iter()):
        node.text = CHARACTERS.get(node.text or "", node.text or "")
        if node.text.startswith("\\") and len(node.text) > 1:
            raise ValueError(f"unknown command {node.text}")
        if node.tag == "menclose":
            raise ValueError("browsers do not draw <menclose>")
        if node.tag in {"mi", "mo"}:
            repair_token(node, parents)
        elif node.tag in {"mover", "munder"} and node[1].tag in {"mi", "mo"}:
            repair_accent(node)
        elif node.tag in {*SCRIPTS, *SCRIPTS.values()}:
            for script in list(node)[1:]:
                tighten(script)
            if plain(node[-1].text) in PRIMES:
                set_prime(node)
            elif node[0].get("minsize"):
                enclose(node)
            if node.tag in SCRIPTS and plain(node[0].text) in LIMITS:
                node.tag = SCRIPTS[node.tag]
                node[0].set("movablelimits", "true")
        elif node.tag == "mtable" and node.get("columnspacing", "").startswith("0em"):
            node.set("class", "aligned")
        elif node.tag == "mtd" and (side := node.attrib.pop("columnalign", None)):
            node.set("class", side)  # the style sheet aligns it
        elif node.tag == "msqrt":
            # The smallest root sign is taller than a letter, and would hang below the line.
            node.append(Element("mspace", {"width": "0", "height": "0.72em", "depth": "0.24em"}))
        elif node.tag == "mspace":
            node.set("width", NEGATIVE_SPACE.get(node.get("width", ""), node.get("width", "0")))


def repair_token(node: Element, parents: dict[Element, Element]) -> None:
    """Mend one identifier or operator: its kind, its slant, whether it stretches."""
    text = node.text or ""
    if node.attrib.pop("mathvariant", None) == "bold-italic":
        node.text = "".join(map(bold_italic, text))
    elif len(text) > 1 and text[0].isalpha():
        name_function(node, parents)
    elif len(text) == 1 and "Α" <= text <= "Ω":
        node.set("mathvariant", "normal")  # capital Greek stands upright, as in LaTeX
    elif len(text) == 1 and text not in LETTERS and category(text) in {"Sm", "Ps", "Pe", "Po"}:
        node.tag = "mo"
        row = list(parents[node])
        bracket = category(text) in {"Ps", "Pe"} or text in FENCES
        if node.get("minsize"):
            node.set("stretchy", "true")
        elif bracket and not any(sibling.tag == "mtable" for sibling in row):
            # Only \left and \right ask for a bracket that grows with its content.
            node.attrib.setdefault("stretchy", "false")


def repair_accent(node: Element) -> None:
    """Stretch an accent over several letters, or a bar; keep a hat over one letter small."""
    accent, letters = node[1], sum(1 for part in node[0].iter() if not len(part))
    accent.tag = "mo"
    accent.text = (WIDE if letters > 1 else NARROW).get(accent.text or "", accent.text)
    if accent.text == BAR and node.tag == "munder":
        accent.text = "_"
    node.set("accent" if node.tag == "mover" else "accentunder", "true")
    accent.set("stretchy", "true" if letters > 1 or accent.text in {BAR, "_"} else "false")


def set_prime(node: Element) -> None:
    """Put a prime beside its letter: it is drawn raised, and as a script it would fly away."""
    base, *index, prime = list(node)
    letter = Element("mrow")
    letter.extend([base, prime])
    prime.tag = "mo"
    prime.set("lspace", "0")
    for child in list(node):
        node.remove(child)
    node.tag = "msub" if index else "mrow"
    node.extend([letter, *index])


def enclose(node: Element) -> None:
    r"""Let ``\bigr)^2`` keep its size: a bracket that carries a script is not enlarged itself."""
    row = Element("mrow")
    row.extend([node[0], Element("mi")])  # with a neighbour, it is a bracket of a row
    node[0] = row


def tighten(script: Element) -> None:
    """Leave out the spaces around operators, as LaTeX does in indices and exponents."""
    for operator in script.iter("mo"):
        operator.set("lspace", "0")
        operator.set("rspace", "0")


def bold_italic(char: str) -> str:
    for first, start in BOLD_ITALIC.items():
        if 0 <= ord(char) - ord(first) < 26:
            return chr(start + ord(char) - ord(first))
    return char


def plain(text: str | None) -> str:
    """Drop the thin spaces that ``arg max`` is written with."""
    return re.sub(r"\s", "", text or "")


def name_function(node: Element, parents: dict[Element, Element]) -> None:
    """Space ``a log x`` and ``log(x)`` as functions are spaced."""
    node.tag = "mo"
    outer = node
    while parents[outer].tag in {*SCRIPTS, *SCRIPTS.values()} and parents[outer][0] is outer:
        outer = parents[outer]
    siblings = list(parents[outer])
    in_row = parents[outer].tag in {"mrow", "mtd", "math"} and outer in siblings
    row = siblings if in_row else [outer]
    place = row.index(outer)
    before, after = row[:place][-1:], row[place + 1 :][:1]
    node.set("lspace", THIN if before and before[0].tag not in {"mo", "mspace"} else "0")
    node.set("rspace", THIN if after and (after[0].text or "x") not in "([{|‖,)]}" else "0")


def to_mathml(latex: str, display: bool, label: str = "") -> str:
    """Translate LaTeX to a ``<math>`` element; ValueError says what is not understood."""
    try:
        math = fromstring(convert(prepare(latex), display="block" if display else "inline"))
    except ParseError as error:
        raise ValueError(f"alignment outside an environment, or {error}") from error
    except Exception as error:  # the parser raises a class of its own for every mistake
        raise ValueError(f"{type(error).__name__} {error}".strip()) from error
    for node in math.iter():
        node.tag = node.tag.rpartition("}")[2]  # inside HTML, MathML needs no namespace
    repair(math)
    if label:
        math.set("aria-label", label)
    return tostring(math, encoding="unicode")


def heads_column(node: nodes.Node) -> bool:
    while node.parent is not None and not isinstance(node, nodes.thead):
        node = node.parent
    return isinstance(node, nodes.thead)


def render(node: nodes.Element, display: bool) -> str:
    try:
        # A column's name must be text for those who hear it with every cell.
        label = node.astext() if heads_column(node) else ""
        return to_mathml(node.astext(), display, label)
    except ValueError as error:
        logger.warning("equation %r: %s", node.astext(), error, location=node)
        return f"<code>{escape(node.astext())}</code>"


def visit_inline(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(render(node, display=False))
    raise nodes.SkipNode


def visit_display(self: HTML5Translator, node: nodes.math_block) -> None:
    self.body.append(self.starttag(node, "div", CLASS="equation"))
    self.body.append(f'<div class="scrolls">{render(node, display=True)}</div>')
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append("</div>\n")
    raise nodes.SkipNode


def glue(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Keep a formula on one line with the signs that touch it; a browser would part them."""
    for math in list(doctree.findall(nodes.math)):
        line, place = math.parent, math.parent.index(math)
        before, after = (
            line[i] if 0 <= i < len(line) and isinstance(line[i], nodes.Text) else ""
            for i in (place - 1, place + 1)
        )
        opening, closing = TOUCHING_END.search(before)[0], TOUCHING_START.match(after)[0]
        if not opening + closing:
            continue
        if opening:
            line[place - 1] = nodes.Text(before[: -len(opening)])
        if closing:
            line[place + 1] = nodes.Text(after[len(closing) :])
        line[place] = kept = nodes.inline(classes=["kept"])
        kept += [nodes.Text(opening), math, nodes.Text(closing)]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_display, None))
    app.connect("doctree-resolved", glue)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
