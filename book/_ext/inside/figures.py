"""Pictures that follow the reader's theme, and widgets with a picture in their place.

An output whose metadata has the key ``normlib_figure`` becomes one ``<figure>`` with a
light and a dark image::

    {"dark": base64 PNG, "alt": str, "caption": str, "width": CSS pixels, "name": str}

The light image is the output's own ``image/png``; both have twice the resolution of their
width. When the output is an anywidget, the images are its poster: what stands on the page
before the widget runs, when it cannot run, and in print. ``static/widget_host.js`` runs it.
"""

import json
import posixpath
import struct
from binascii import a2b_base64
from hashlib import sha256
from html import escape
from io import BytesIO
from typing import Any
from urllib.parse import quote

from docutils import nodes
from myst_nb.core.render import (
    WIDGET_STATE_MIMETYPE,
    WIDGET_VIEW_MIMETYPE,
    MimeData,
    NbElementRenderer,
    load_mime_renders,
)
from myst_nb.sphinx_ import NbMetadataCollector
from PIL import Image
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator
from sphinx.writers.latex import LaTeXTranslator

KEY = "normlib_figure"
STATE = "ipywidgets_state"  # the name under which myst-nb keeps a page's widget state
PALETTE = 64  # colours; curves and labels need fewer, and a colour scale shows no steps
DROPPED = ("layout", "style", "tooltip", "tabbable")  # state that only ipywidgets itself reads

logger = logging.getLogger(__name__)


class themed_image(nodes.image):  # noqa: N801 (docutils finds visitors by lower-case names)
    """An image for one theme, with its size known before it has loaded."""


class widget_stage(nodes.General, nodes.Element):  # noqa: N801
    """The place of a widget; its children are the poster."""


class in_words(nodes.General, nodes.Element):  # noqa: N801
    """What a widget shows, in words."""


# ---- reading: outputs become figures


class FigurePlugin:
    """myst-nb asks this for every output, before its own renderers."""

    mime_priority_overrides = ()

    @staticmethod
    def handle_mime(
        renderer: NbElementRenderer, data: MimeData, inline: bool
    ) -> list[nodes.Element] | None:
        if data.mime_type == WIDGET_VIEW_MIMETYPE:
            return [widget_stage(model_id=data.content["model_id"])]  # type: ignore[index]
        if data.mime_type == "image/png" and KEY in data.output_metadata:
            return [build_figure(renderer, data, data.output_metadata[KEY])]
        return None


def build_figure(
    renderer: NbElementRenderer, data: MimeData, about: dict[str, Any]
) -> nodes.figure:
    figure = nodes.figure()
    for theme, png in (("light", data.content), ("dark", about.get("dark"))):
        if png:
            figure += build_image(renderer, a2b_base64(png), theme, about)
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
    smaller = BytesIO()
    palette = picture.convert("RGB").quantize(PALETTE, dither=Image.Dither.NONE)
    palette.save(smaller, "PNG", optimize=True)
    return min(png, smaller.getvalue(), key=len)


# ---- the page as a whole: posters, descriptions, widget state


def finish_page(app: Sphinx, doctree: nodes.document) -> None:
    """Join widgets with their posters; keep of the widget state what the page needs."""
    docname = app.env.docname
    scripts = NbMetadataCollector.get_js_files(app.env, docname)  # type: ignore[arg-type]
    state = read_state(scripts.pop(STATE, None))
    shown: set[str] = set()
    for bundle in list(doctree.findall(is_mime_bundle)):
        parts = {part["mime_type"]: part for part in bundle.children}
        if WIDGET_VIEW_MIMETYPE not in parts:
            continue
        stage = parts[WIDGET_VIEW_MIMETYPE][0]
        if is_anywidget(state.get(stage["model_id"], {})):
            set_poster(bundle, parts, stage)
            shown.add(stage["model_id"])
        else:
            # A control of ipywidgets does something only where a kernel runs.
            remove_output(bundle)
    if shown:
        body = pack(needed(state, shown))
        scripts[STATE] = (None, {"type": WIDGET_STATE_MIMETYPE, "body": body})
        scripts["widget_host"] = ("widget_host.js", {"defer": "defer"})
    for image in doctree.findall(nodes.image):
        if not image.get("alt", "").strip():
            logger.warning("image without a text alternative (alt)", location=image)


def is_mime_bundle(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and node.get("nb_element") == "mime_bundle"


def is_anywidget(model: dict[str, Any]) -> bool:
    return model.get("model_module") == "anywidget"


def set_poster(bundle: nodes.Element, parts: dict[str, nodes.Element], stage: widget_stage) -> None:
    """Put the poster on the stage and the stage into the figure."""
    figures = list(parts["image/png"].findall(nodes.figure)) if "image/png" in parts else []
    if not figures:
        logger.warning("widget without a poster (%s in its output's metadata)", KEY, location=stage)
        return
    (figure,) = figures
    posters = [child for child in figure.children if isinstance(child, themed_image)]
    for poster in posters:
        figure.remove(poster)
    stage.extend(posters)
    bundle.remove(parts[WIDGET_VIEW_MIMETYPE])
    stage.parent.remove(stage)
    figure.insert(0, stage)
    if "text/plain" in parts:
        figure += in_words(text=parts["text/plain"].astext())


def remove_output(bundle: nodes.Element) -> None:
    """Remove an output together with the boxes that it leaves empty."""
    node = bundle
    while node.parent is not None and isinstance(node.parent, nodes.container | nodes.figure):
        parent = node.parent
        parent.remove(node)
        if parent.children:
            return
        node = parent
    if node.parent is not None:
        node.parent.remove(node)


def read_state(entry: tuple[Any, dict[str, str]] | None) -> dict[str, Any]:
    return json.loads(entry[1]["body"])["state"] if entry else {}


def needed(state: dict[str, Any], shown: set[str]) -> dict[str, Any]:
    """Keep the widgets shown, those that they refer to, and the links between them."""
    kept: dict[str, Any] = {}
    waiting = list(shown)
    while waiting:
        model_id = waiting.pop()
        if model_id in kept or model_id not in state:
            continue
        model = state[model_id]
        values = {
            name: value
            for name, value in model["state"].items()
            if name in ("_esm", "_css") or not (name.startswith("_") or name in DROPPED)
        }
        kept[model_id] = {"state": values, "buffers": model.get("buffers", [])}
        waiting += [
            other
            for other in state
            if f"IPY_MODEL_{other}" in json.dumps(values) and is_anywidget(state[other])
        ]
    for model_id, model in state.items():
        if model.get("model_name") in ("LinkModel", "DirectionalLinkModel"):
            ends = [model["state"][end] for end in ("source", "target")]
            if all(end[0].removeprefix("IPY_MODEL_") in kept for end in ends):
                kept[model_id] = {
                    "link": [[end[0].removeprefix("IPY_MODEL_"), end[1]] for end in ends],
                    "both_ways": model["model_name"] == "LinkModel",
                }
    return kept


def pack(state: dict[str, Any]) -> str:
    """Write the state as JSON that may stand in a script tag, each source text once."""
    shared: list[str] = []
    for model in state.values():
        for name in ("_esm", "_css"):
            text = model.get("state", {}).get(name)
            if isinstance(text, str):
                if text not in shared:
                    shared.append(text)
                model["state"][name] = {"shared": shared.index(text)}
    packed = json.dumps({"shared": shared, "state": state}, separators=(",", ":"))
    return packed.replace("<", "\\u003c")


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


def visit_stage(self: HTML5Translator, node: widget_stage) -> None:
    self.body.append('<div class="widget-stage"><div class="poster">\n')


def depart_stage(self: HTML5Translator, node: widget_stage) -> None:
    view = json.dumps({"model_id": node["model_id"]})
    self.body.append(f'</div><script type="{WIDGET_VIEW_MIMETYPE}">{view}</script></div>\n')


def visit_in_words(self: HTML5Translator, node: in_words) -> None:
    self.body.append('<details class="in-words"><summary>In words</summary>')
    for paragraph in node["text"].split("\n\n"):
        self.body.append(f"<p>{escape(paragraph.strip())}</p>")
    self.body.append("</details>\n")
    raise nodes.SkipNode


def visit_image_latex(self: LaTeXTranslator, node: themed_image) -> None:
    if "only-dark" in node["classes"]:
        raise nodes.SkipNode
    self.visit_image(node)


def depart_image_latex(self: LaTeXTranslator, node: themed_image) -> None:
    self.depart_image(node)


def nothing(self: nodes.NodeVisitor, node: nodes.Element) -> None:
    """Write nothing around the children."""


def skip(self: nodes.NodeVisitor, node: nodes.Element) -> None:
    raise nodes.SkipNode


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
    app.add_node(widget_stage, html=(visit_stage, depart_stage), latex=(nothing, nothing))
    app.add_node(in_words, html=(visit_in_words, None), latex=(skip, None))
    app.connect("doctree-read", finish_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
