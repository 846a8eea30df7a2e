"""The site's own Sphinx extension: how this book becomes pages.

One module per concern; none knows the chapters.

- ``execution``  notebooks run again whenever the library they import has changed
- ``mathml``     equations become MathML while the site is built
- ``figures``    a light and a dark picture become one figure
- ``widgets``    widgets run without a kernel, with a poster until then
- ``folding``    hidden code and solutions fold with plain HTML
- ``reference``  the library describes itself
- ``citations``  the bibliography, with the pages that cite each paper
- ``pages``      the page around the text: navigation, links, metadata
"""

from sphinx.application import Sphinx

MODULES = (
    "execution",
    "mathml",
    "figures",
    "widgets",
    "folding",
    "reference",
    "citations",
    "pages",
)


def setup(app: Sphinx) -> dict[str, bool]:
    for name in MODULES:
        app.setup_extension(f"{__name__}.{name}")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
