"""Write book/back/how_it_was_tested.md from the results of a run.

    python tests/tested/write.py FOLDER    with unit.xml, notebooks.xml and site.xml in it

`make tested` runs everything and then this.
"""

from __future__ import annotations

import sys
from pathlib import Path

from junit import read
from tested_page import CHECKS, PAGE, ROOT, page

sys.path.insert(0, str(ROOT / "benchmarks"))
from machine import description


def main(folder: Path) -> None:
    missing = [check for check in CHECKS if not (folder / f"{check}.xml").is_file()]
    if missing:
        raise SystemExit(f"no results of {', '.join(missing)} in {folder}: run 'make tested'")
    runs = {check: read(folder / f"{check}.xml", ROOT) for check in CHECKS}
    machine = "; ".join(part for part in description().split("; ") if "not installed" not in part)
    PAGE.write_text(page(runs, machine), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)} written from {sum(map(len, runs.values()))} tests")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
