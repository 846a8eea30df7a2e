"""What the numbers were measured on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_info


def description() -> str:
    """Return processor, cores, and the versions that matter."""
    blas = next((pool for pool in threadpool_info() if pool["user_api"] == "blas"), {})
    parts = [
        f"{_processor()}, {os.cpu_count()} cores",
        platform.platform(terse=True),
        f"Python {platform.python_version()}",
        f"NumPy {np.__version__}",
        "{} {} ({} kernels, {} thread)".format(
            *(
                blas.get(key, "?")
                for key in ("internal_api", "version", "architecture", "num_threads")
            )
        ),
        *(f"{name} {_version(name)}" for name in ("scikit-learn", "torch")),
    ]
    return "; ".join(parts)


def _processor() -> str:
    """Return the model's name, which only Linux's own file knows exactly."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
