"""Pictures that follow the reader's theme.

An output whose metadata has the key ``normlib_figure`` becomes one ``<figure>`` with a
light and a dark image::

    {"dark": base64 PNG, "alt": str, "caption": str, "width": CSS pixels, "name": str}

The light image is the output's own ``image/png``; both have twice the resolution of their
width.
"""

import posixpath
import struct
from binascii import a2b_base64
from hashlib import sha256
from io import BytesIO
from typing import Any
from urllib.parse import quote

from docutils import nodes
from myst_nb.core.render import (
    MimeData,
    NbElementRenderer,
    load_mime_renders,
)
from PIL import Image
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator
from sphinx.writers.latex import LaTeXTranslator

KEY = "normlib_figure"
WIDE = 560  # CSS pixels from which a phone shows a picture in parts, with labels that can be read
# Colours of a picture: as many as keep it below this many bytes, or the fewest.
PALETTES = (256, 128, 64, 48)
ENOUGH = 60_000

logger = logging.getLogger(__name__)


class themed_image(nodes.image):  # noqa: N801 (docutils finds visitors by lower-case names)
    """An image for one theme, with its size known before it has loaded."""


# ---- reading: outputs become figures


class FigurePlugin:
    """myst-nb asks this for every output, before its own renderers."""

    mime_priority_overrides = ()

    @staticmethod
    def handle_mime(
        renderer: NbElementRenderer, data: MimeData, inline: bool
    ) -> list[nodes.Element] | None:
        if data.mime_type == "image/png" and KEY in data.output_metadata:
            return [build_figure(renderer, data, data.output_metadata[KEY])]
        return None


def build_figure(
    renderer: NbElementRenderer, data: MimeData, about: dict[str, Any]
) -> nodes.figure:
    images = [
        build_image(renderer, a2b_base64(png), theme, about)
        for theme, png in (("light", data.content), ("dark", about.get("dark")))
        if png
    ]
    wide = int(images[0]["width"]) > WIDE
    picture = nodes.container("", *images, classes=["scrolls", "picture", *["wide"] * wide])
    figure = nodes.figure("", picture)
    if about.get("caption"):
        caption = nodes.caption()
        with renderer.renderer.current_node_context(caption):
            renderer.renderer.nested_render_text(about["caption"], data.line or 0, inline=True)
        figure += caption
    if about.get("name"):
        figure["names"].append(nodes.fully_normalize_name(about["name"]))
        renderer.renderer.document.note_explicit_target(figure, figure)
    return figure


def build_image(
    renderer: NbElementRenderer, png: bytes, theme: str, about: dict[str, Any]
) -> themed_image:
    across, down = struct.unpack(">II", png[16:24])  # the PNG header: pixels
    width = int(about.get("width") or across / 2)
    png = compress(png)
    uri = renderer.write_file([f"{sha256(png).hexdigest()}.png"], png, exists_ok=True)
    classes = [f"only-{theme}"] if about.get("dark") else []
    return themed_image(
        uri=uri,
        alt=about.get("alt", ""),
        width=str(width),
        height=str(round(width * down / across)),
        classes=classes,
    )


def compress(png: bytes) -> bytes:
    """Write a picture with a palette, at a quarter of the size, unless it has transparency."""
    picture = Image.open(BytesIO(png))
    if "A" in picture.getbands() and picture.getchannel("A").getextrema()[0] < 255:
        return png
    picture, packed = picture.convert("RGB"), png
    for colours in PALETTES:
        smaller = BytesIO()
        palette = picture.quantize(colours, dither=Image.Dither.NONE)
        palette.save(smaller, "PNG", optimize=True)
        packed = smaller.getvalue()
        if len(packed) <= ENOUGH:
            break
    return min(png, packed, key=len)


def demand_words(app: Sphinx, doctree: nodes.document) -> None:
    for image in doctree.findall(nodes.image):
        if not image.get("alt", "").strip():
            logger.warning("image without a text alternative (alt)", location=image)


# ---- writing


def visit_image(self: HTML5Translator, node: themed_image) -> None:
    source = posixpath.join(self.builder.imgpath, quote(self.builder.images[node["uri"]]))
    # Lazy loading keeps the other theme's image from being fetched at all.
    self.body.append(
        self.emptytag(
            node,
            "img",
            src=source,
            alt=node["alt"],
            width=node["width"],
            height=node["height"],
            loading="lazy",
            decoding="async",
        )
    )


def visit_image_latex(self: LaTeXTranslator, node: themed_image) -> None:
    if "only-dark" in node["classes"]:
        raise nodes.SkipNode
    self.visit_image(node)


def depart_image_latex(self: LaTeXTranslator, node: themed_image) -> None:
    self.depart_image(node)


def nothing(self: nodes.NodeVisitor, node: nodes.Element) -> None:
    """Write nothing around the children."""


def setup(app: Sphinx) -> dict[str, bool]:
    # myst-nb looks for plugins among the entry points of installed packages; the book is
    # not one, so it joins the list that myst-nb has made of them.
    plugins = load_mime_renders()
    if FigurePlugin not in plugins:
        plugins.append(FigurePlugin)
    app.add_node(
        themed_image,
        html=(visit_image, nothing),
        latex=(visit_image_latex, depart_image_latex),
    )
    app.connect("doctree-read", demand_words)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
