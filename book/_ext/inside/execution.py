"""Run notebooks again whenever something they depend on has changed.

Executed notebooks are cached by the text of their cells. That cache does not know
``src/normlib``: after a change there, pages would show yesterday's library. So the
folder of the cache is named by a hash of everything a notebook's output depends on.
"""

import hashlib
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging

KEPT_CACHES = 3  # enough to switch between branches without running everything again
LIBRARY = "src/normlib"
LIBRARY_SUFFIXES = {".py", ".js", ".css"}
REQUIREMENTS = ("requirements.txt", "requirements.lock", "pyproject.toml")

logger = logging.getLogger(__name__)


def digest(files: Iterable[Path], root: Path) -> str:
    """Hash names and contents, whatever folder the project stands in."""
    total = hashlib.sha256()
    for file in sorted(files):
        total.update(file.relative_to(root).as_posix().encode())
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()[:16]


def execution_key(root: Path) -> str:
    """Name what the notebooks' outputs depend on, beside their own cells."""
    library = [f for f in (root / LIBRARY).rglob("*") if f.suffix in LIBRARY_SUFFIXES]
    requirements = [root / name for name in REQUIREMENTS if (root / name).is_file()]
    python = "{}.{}".format(*sys.version_info)
    return f"py{python}-{digest(library + requirements, root)}"


def page_key(root: Path) -> str:
    """Name what turns an executed notebook into a page."""
    here = Path(__file__).parent
    return digest((f for f in here.rglob("*") if f.suffix == ".py"), here.parent)


def choose_cache(app: Sphinx, config: Config) -> None:
    # Both values are registered as part of the environment: when one changes, Sphinx
    # reads every page again, so a page can be neither executed nor rendered stale.
    root = Path(app.confdir)
    caches = Path(app.outdir).parent / ".jupyter_cache"
    cache = caches / execution_key(root)
    config.nb_execution_cache_path = str(cache)
    config.inside_page_key = page_key(root)
    if not cache.is_dir():
        logger.info("[inside] the library or its requirements changed: running every notebook")
    cache.mkdir(parents=True, exist_ok=True)
    cache.touch()
    newest_first = sorted(caches.iterdir(), key=lambda folder: -folder.stat().st_mtime)
    for old in newest_first[KEPT_CACHES:]:
        shutil.rmtree(old)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_config_value("inside_page_key", "", "env", str)
    app.connect("config-inited", choose_cache)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
