"""Adding a normalization is one file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import normlib

FILE = '''
"""Normalization by the root mean square of a whole batch."""
from normlib.spec import Norm

NORM = Norm(name="novel", label="Novel norm", shares="NGcS", center=False, scale="rms")
'''

USE = """
import numpy as np
import normlib

assert "novel" in normlib.NORMS, list(normlib.NORMS)
assert "copy" in normlib.__file__, normlib.__file__
rng = np.random.default_rng(0)
x = rng.standard_normal((200, 6))
y = (x[:, 0] > x[:, 1]).astype(int)
net = normlib.mlp([6, 16, 2], norm="novel")
data = normlib.Data(x[:150], y[:150], x[150:], y[150:])
history = normlib.fit(net, data, steps=200, record=normlib.Recorder(5))
assert history.accuracy > 0.85, history.accuracy
assert history.trace.info["label"] == "Novel norm"
assert list(net.running) == ["layer 1.mean", "layer 1.var", "layer 1.batches"]
"""


def test_a_new_file_is_all_it_takes(tmp_path):
    """Catches a list of names kept anywhere else: in the layers, in fit, in the Recorder."""
    package = tmp_path / "copy" / "normlib"
    shutil.copytree(
        Path(normlib.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__")
    )
    (package / "norms" / "novel.py").write_text(FILE)
    (tmp_path / "use.py").write_text(USE)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "copy")}
    done = subprocess.run(
        [sys.executable, "-W", "error", tmp_path / "use.py"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
