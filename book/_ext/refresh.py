"""Execute notebooks and store what a test can compare: text, and neither pictures nor widgets.

    python book/_ext/refresh.py [NOTEBOOK ...]

Without names, every notebook of the book. Pictures and widget states are left out because they are
made anew whenever the site is built; the text beside them carries the numbers.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import nbformat
from nbclient import NotebookClient

BOOK = Path(__file__).resolve().parents[1]
KEPT_METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def stored(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Drop pictures, widgets, timestamps and the machine's versions from an executed notebook."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            if "data" in output:
                output["metadata"] = {}
                output["data"] = {
                    kind: data
                    for kind, data in output["data"].items()
                    if not kind.startswith(("image/", "application/vnd.jupyter.widget"))
                }
    notebook.metadata = nbformat.from_dict(KEPT_METADATA)
    return notebook


def refresh(path: Path) -> None:
    """Execute one notebook in its own folder and write it back."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=900,
        store_widget_state=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute()
    nbformat.write(stored(notebook), path)


def main(names: list[str]) -> None:
    """Refresh the named notebooks, or all."""
    paths = [Path(name) for name in names] or sorted(
        path for path in BOOK.rglob("*.ipynb") if not any(p.startswith(".") for p in path.parts)
    )
    for path in paths:
        print(f"executing {path}", flush=True)
        refresh(path)


if __name__ == "__main__":
    main(sys.argv[1:])
