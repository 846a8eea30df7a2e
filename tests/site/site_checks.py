"""What the site's tests look for on a page. Each check returns what it found wrong."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urldefrag, urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[2]
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PACKED = {".woff2", ".png", ".jpg"}  # a server gains nothing by compressing these


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Keep the requests out of the test's output."""


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve a folder on a free local port and give its address."""
    handler = partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@dataclass
class Visit:
    """A page in the browser, with what it said and fetched on the way."""

    page: Page
    problems: list[str] = field(default_factory=list)
    transfers: dict[str, int] = field(default_factory=dict)

    @property
    def weight(self) -> int:
        return sum(self.transfers.values())


@contextmanager
def visiting(
    browser: Browser,
    address: str,
    *,
    width: int = 1280,
    theme: str = "light",
    javascript: bool = True,
    settle: bool = True,
) -> Iterator[Visit]:
    """Open an address; scroll through it, so that what loads lazily has loaded."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=theme,  # type: ignore[arg-type]
        java_script_enabled=javascript,
        reduced_motion="reduce",
    )
    page = context.new_page()
    visit = Visit(page)
    host = urlsplit(address).netloc

    def finished(request):  # type: ignore[no-untyped-def]
        response = request.response()
        if response and urlsplit(request.url).netloc == host:
            body = response.body()
            packed = Path(urlsplit(request.url).path).suffix in PACKED
            visit.transfers[request.url] = len(body if packed else gzip.compress(body))

    def requested(request):  # type: ignore[no-untyped-def]
        parts = urlsplit(request.url)
        if parts.scheme.startswith("http") and parts.netloc != host:
            visit.problems.append(f"request to another host: {request.url}")

    def said(message):  # type: ignore[no-untyped-def]
        if message.type in ("error", "warning"):
            visit.problems.append(f"console {message.type}: {message.text}")

    page.on("request", requested)
    page.on("requestfinished", finished)
    page.on("console", said)
    page.on("pageerror", lambda error: visit.problems.append(f"page error: {error}"))
    page.goto(address)
    if javascript and settle:
        page.evaluate(
            """async () => {
              for (let y = 0; y < document.body.scrollHeight; y += 700) {
                scrollTo(0, y);
                await new Promise(requestAnimationFrame);
              }
              scrollTo(0, 0);
              await document.fonts.ready;
            }"""
        )
    page.wait_for_load_state("networkidle")
    yield visit
    context.close()


# Observers answer a change of layout (an opened fold, an arriving font) one frame later.
SETTLED = """async () => {
  await document.fonts.ready;
  for (let frame = 0; frame < 3; frame += 1) await new Promise(requestAnimationFrame);
}"""


def axe(page: Page) -> list[str]:
    """Accessibility violations, each with the first place where it occurs."""
    page.evaluate(SETTLED)
    result = Axe().run(page, options={"runOnly": AXE_TAGS, "resultTypes": ["violations"]})
    return [
        f"{rule['id']}: {rule['help']} at {rule['nodes'][0]['html'][:160]}"
        for rule in result.response["violations"]
    ]


def overflow(page: Page) -> list[str]:
    """Elements that make the whole page scroll sideways."""
    return page.evaluate(
        """() => {
          const wide = document.documentElement.clientWidth;
          if (document.documentElement.scrollWidth <= wide) return [];
          const found = [...document.querySelectorAll("body *")].filter(
            (e) => e.getBoundingClientRect().right > wide + 1);
          return found.slice(0, 5).map((e) => e.outerHTML.slice(0, 120));
        }"""
    )


class Anchors(HTMLParser):
    """The ids, links and headings of a page."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if values.get("id"):
            self.ids.add(str(values["id"]))
        if tag == "a" and values.get("href"):
            self.links.append(str(values["href"]))
        if tag == "img":
            self.images.append(values)


def broken_links(root: Path, file: Path) -> list[str]:
    """Links of a page to files or places of the same site that are not there."""
    broken = []
    for link in Anchors(file).links:
        address, anchor = urldefrag(link)
        if urlsplit(link).scheme or link.startswith("//"):
            continue
        target = (file.parent / unquote(address)).resolve() if address else file
        found = target.is_file() and target.is_relative_to(root.resolve())
        if found and anchor and target.suffix == ".html":
            found = unquote(anchor) in Anchors(target).ids
        if not found:
            broken.append(link)
    return broken
