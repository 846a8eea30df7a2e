"""Widgets on a page without a kernel, each with a picture in its place.

Where an output is an anywidget, its figure (see ``figures``) is the poster: what stands on
the page before the widget runs, when it cannot run, and in print. The output's ``text/plain``
says the same in words. ``theme/static/widget_host.js`` runs the widget.
"""

import json
from html import escape
from typing import Any

from docutils import nodes
from myst_nb.core.render import (
    WIDGET_STATE_MIMETYPE,
    WIDGET_VIEW_MIMETYPE,
    MimeData,
    NbElementRenderer,
    load_mime_renders,
)
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

from .figures import KEY, nothing

STATE = "ipywidgets_state"  # the name under which myst-nb keeps a page's widget state
DROPPED = ("layout", "style", "tooltip", "tabbable")  # state that only ipywidgets itself reads

logger = logging.getLogger(__name__)


class widget_stage(nodes.General, nodes.Element):  # noqa: N801
    """The place of a widget; its children are the poster."""


class in_words(nodes.General, nodes.Element):  # noqa: N801
    """What a widget shows, in words."""


class StagePlugin:
    """myst-nb asks this for every output, before its own renderers."""

    mime_priority_overrides = ()

    @staticmethod
    def handle_mime(
        renderer: NbElementRenderer, data: MimeData, inline: bool
    ) -> list[nodes.Element] | None:
        if data.mime_type == WIDGET_VIEW_MIMETYPE:
            return [widget_stage(model_id=data.content["model_id"])]  # type: ignore[index]
        return None


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
    picture = figure.pop(0)  # a poster is as wide as its widget, on a phone too
    stage.extend(picture.children)
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


def skip(self: nodes.NodeVisitor, node: nodes.Element) -> None:
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    plugins = load_mime_renders()  # as in figures.py
    if StagePlugin not in plugins:
        plugins.append(StagePlugin)
    app.add_node(widget_stage, html=(visit_stage, depart_stage), latex=(nothing, nothing))
    app.add_node(in_words, html=(visit_in_words, None), latex=(skip, None))
    app.connect("doctree-read", finish_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
