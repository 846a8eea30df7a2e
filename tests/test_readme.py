"""The first example that anyone tries."""

from __future__ import annotations

import re
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def test_python_examples_run(tmp_path, monkeypatch):
    """Catches an example that does not run as it stands; later blocks may use earlier ones."""
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)
    assert blocks, "README.md has no block that starts with ```python"
    monkeypatch.chdir(tmp_path)  # so that files it writes do not stay
    names: dict[str, object] = {"__name__": "readme"}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
