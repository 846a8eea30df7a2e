"""A page with one widget and no kernel: the smallest host that anywidget's contract allows."""

from __future__ import annotations

import base64
import json
import shutil
from typing import Any

ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]

PAGE = """<!doctype html>
<html lang="en" data-theme="@THEME@">
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>harness</title><link rel="icon" href="data:,">
<style>
  body { margin: 0 auto; padding: 16px; max-width: @WIDTH@; background: #fbfaf7; color: #1b1b1d }
  [data-theme="dark"] body { background: #161618; color: #e9e7e2 }
</style><style>@CSS@</style>
<main><h1>Harness</h1><div id="place"></div></main>
<script type="application/json" id="state">@STATE@</script>
<script type="module">
  globalThis.__normlib_static_host = true;
  const { esm, state, bytes } = JSON.parse(document.getElementById("state").textContent);
  for (const [name, text] of Object.entries(bytes))
    state[name] = new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
  const handlers = new Map();
  const fire = (type, ...args) => [...(handlers.get(type) ?? [])].forEach((f) => f(...args));
  globalThis.sent = [];
  const changed = new Set();
  globalThis.model = {
    get: (name) => state[name],
    set: (name, value) => { state[name] = value; changed.add(name); fire(`change:${name}`); },
    save_changes: () => {
      globalThis.saved = Object.fromEntries([...changed].map((name) => [name, state[name]]));
    },
    on: (type, f) => handlers.set(type, [...(handlers.get(type) ?? []), f]),
    off: (type, f) => handlers.set(type, (handlers.get(type) ?? []).filter((g) => g !== f)),
    send: (message) => globalThis.sent.push(message),
    fire,
    listeners: () => [...handlers.values()].reduce((n, list) => n + list.length, 0),
  };
  const url = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
  const { default: widget } = await import(url);
  globalThis.place = document.getElementById("place");
  globalThis.start = async () => (globalThis.cleanup = await widget.render({ model, el: place }));
  await start();
  document.body.dataset.ready = "";
</script>
"""


def page(widget: Any, *, theme: str = "light", width: str = "none") -> str:
    """Return the HTML of a page that holds nothing but `widget`, from its state alone."""
    state: dict[str, Any] = {}
    packed: dict[str, str] = {}
    for name in widget.keys:
        if name in ("_esm", "_css", "layout") or name.startswith("_"):
            continue
        value = getattr(widget, name)
        if isinstance(value, bytes):
            packed[name] = base64.b64encode(value).decode("ascii")
        else:
            state[name] = value
    content = json.dumps({"esm": widget._esm, "state": state, "bytes": packed})
    parts = {
        "@THEME@": theme,
        "@WIDTH@": width,
        "@CSS@": widget._css,
        "@STATE@": content.replace("</", "<\\/"),
    }
    text = PAGE
    for mark, value in parts.items():
        text = text.replace(mark, value)
    return text


def chromium() -> str | None:
    """Return the path of a Chromium, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser")
