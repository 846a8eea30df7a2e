"""The page around the text: theme, scripts, links to run or edit it, metadata."""

import re
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

THEME = Path(__file__).parent / "theme"
# Of what extensions offer, a page loads no more than it needs.
ALWAYS = {"site.js"}
WITH_DESIGN = {"sphinx-design.min.css"}
SEARCH = {"documentation_options.js", "doctools.js", "sphinx_highlight.js"}
WIDGETS = {"widget_host.js"}
STYLES = {"book.css"}


def loads(asset: Any, wanted: set[str]) -> bool:
    """Tell whether a page loads this script or style sheet."""
    name = Path(str(asset.filename or "")).name
    return name in wanted if name else "body" in asset.attributes


def add_context(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document
) -> None:
    body = context.get("body", "")
    wanted = ALWAYS | WIDGETS | STYLES
    wanted |= WITH_DESIGN if 'class="sd-' in body else set()
    wanted |= SEARCH if pagename == "search" else set()
    for kind in ("css_files", "script_files"):
        context[kind] = [asset for asset in context[kind] if loads(asset, wanted)]
    if doctree is not None:
        context["description"] = description(doctree)
        context["run_links"] = run_links(app.config, pagename, context)
    context["contents"] = contents(app, pagename, context)


def contents(app: Sphinx, pagename: str, context: dict[str, Any]) -> str:
    """Write the book's contents, with the page's own sections under its entry."""
    chapters = context["toctree"](collapse=True, maxdepth=1, titles_only=True, includehidden=True)
    # A heading needs a level, and a part's name in a list of links is none.
    chapters = (chapters or "").replace(' role="heading"', "")
    outline = app.env.tocs.get(pagename, nodes.bullet_list()).deepcopy()
    lists = list(outline.findall(nodes.bullet_list))
    if not chapters or len(lists) < 2:  # the first list holds the title, the second its sections
        return chapters
    for deeper in lists[2:]:
        deeper.parent.remove(deeper)
    for link in lists[1].findall(nodes.reference):
        link["refuri"] = link["anchorname"]
    sections = app.builder.render_partial(lists[1])["fragment"]
    return re.sub(r'(<a class="current[^>]*>.*?</a>)', lambda m: m[1] + sections, chapters, count=1)


def description(doctree: nodes.document) -> str:
    """Take the first paragraph as the page's description, cut at a word."""
    for paragraph in doctree.findall(nodes.paragraph):
        text = re.sub(r"\s+", " ", paragraph.astext()).strip()
        return text if len(text) <= 160 else text[:157].rsplit(" ", 1)[0] + " …"
    return ""


def run_links(config: Config, pagename: str, context: dict[str, Any]) -> list[tuple[str, str]]:
    """Say where the page can be run and edited; without a repository, it can be downloaded."""
    source = context.get("sourcename", "")
    if not source.endswith(".ipynb"):
        return []
    links = [("download it", f"{context['pathto']('_sources', 1)}/{source}")]
    repository = config.html_theme_options.get("repository_url", "").rstrip("/")
    if not repository:
        return links
    branch = config.html_theme_options.get("repository_branch") or "main"
    owner_and_name = "/".join(repository.split("/")[-2:])
    file = f"{owner_and_name}/blob/{branch}/{pagename}.ipynb"
    if "github.com" in repository:
        binder = f"https://mybinder.org/v2/gh/{owner_and_name}/{branch}?labpath={pagename}.ipynb"
        links += [
            ("open it in Colab", f"https://colab.research.google.com/github/{file}"),
            ("open it in Binder", binder),
        ]
    return [*links, ("suggest a change", f"{repository}/edit/{branch}/{pagename}.ipynb")]


def site_address(app: Sphinx, config: Config) -> None:
    """Know the site's address: as set, or GitHub Pages' for the repository."""
    repository = config.html_theme_options.get("repository_url", "").rstrip("/")
    if not config.html_baseurl and "github.com" in repository:
        owner, name = repository.split("/")[-2:]
        config.html_baseurl = f"https://{owner.lower()}.github.io/{name}/"


def write_sitemap(app: Sphinx, error: Exception | None) -> None:
    base = app.config.html_baseurl
    if error or not base or app.builder.format != "html":
        return
    pages = (
        f"{base.rstrip('/')}/{app.builder.get_target_uri(name)}" for name in app.env.found_docs
    )
    entries = "".join(f"<url><loc>{escape(page)}</loc></url>\n" for page in sorted(pages))
    Path(app.outdir, "sitemap.xml").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{entries}</urlset>\n',
        encoding="utf-8",
    )


def setup(app: Sphinx) -> dict[str, bool]:
    # Jupyter Book sets this for an extension that the book does not load.
    app.add_config_value("comments_config", {}, "", dict)
    app.add_html_theme("inside", str(THEME))
    app.add_js_file("site.js", defer="defer")
    app.connect("config-inited", site_address)
    # After the other extensions have added their scripts to the page.
    app.connect("html-page-context", add_context, priority=900)
    app.connect("build-finished", write_sitemap)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
