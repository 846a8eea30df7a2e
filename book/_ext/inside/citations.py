"""Papers: the bibliography lists what the pages cite, and below each entry the pages that cite it.

A page cites by a link to arXiv or to a DOI, and ``book/back/references.bib`` has an entry for each
such paper. sphinxcontrib-bibtex writes the list; where each is cited is added here.
"""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

PAGE = "book/back/bibliography"
SETTINGS = {"bibtex_bibfiles": ["book/back/references.bib"], "bibtex_cite_id": "{key}"}
ARXIV = re.compile(r"(?:arxiv\.org/abs/|arXiv:)(\d{4}\.\d{4,5})")
DOI = re.compile(r"(?:doi\.org/|doi:)(10\.\d{4,}/\S+)")


def paper(address: str) -> str | None:
    """Name the paper that an address leads to: ``arXiv:...``, ``doi:...``, or none."""
    if found := ARXIV.search(address):  # with or without a version behind it
        return f"arXiv:{found[1]}"
    if found := DOI.search(unquote(address)):
        return f"doi:{found[1].lower()}"  # a DOI has no case
    return None


def cited(node: nodes.Node) -> list[str]:
    """Return the papers that a page or a part of it links to, each once."""
    links = (paper(link.get("refuri", "")) for link in node.findall(nodes.reference))
    return list(dict.fromkeys(filter(None, links)))


class CitedIn(SphinxPostTransform):
    """Write below each entry of the bibliography the pages that cite it, in the book's order."""

    default_priority = 7  # after sphinxcontrib-bibtex has written the list, before links resolve

    def run(self, **kwargs: Any) -> None:
        if self.env.docname != PAGE:
            return
        root = self.config.root_doc
        pages: dict[str, list[str]] = {}
        for page in [root, *self.env.toctree_includes.get(root, [])]:
            for name in cited(self.env.get_doctree(page)) if page != PAGE else []:
                pages.setdefault(name, []).append(page)
        for item in self.document.findall(nodes.list_item):
            found = [page for name in cited(item) for page in pages.get(name, [])]
            if found:
                item += self.line(dict.fromkeys(found))

    def line(self, pages: Iterable[str]) -> nodes.paragraph:
        line = nodes.paragraph("", "Cited in ", classes=["cited"])
        for place, page in enumerate(pages):
            link = addnodes.pending_xref(
                "", refdomain="std", reftype="doc", reftarget=f"/{page}", refexplicit=True
            )
            link["refdoc"] = PAGE
            link += nodes.inline("", self.env.titles[page].astext())
            line += [nodes.Text(" · "), link] if place else [link]
        return line


def write_anew(app: Sphinx, env: Any) -> list[str]:
    """Write the bibliography whenever any page has changed: it may cite something else now."""
    return [PAGE] if PAGE in env.all_docs else []


def setup(app: Sphinx) -> dict[str, bool]:
    app.setup_extension("sphinxcontrib.bibtex")
    for name, value in SETTINGS.items():
        app.config[name] = value
    app.add_post_transform(CitedIn)
    app.connect("env-updated", write_anew)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
