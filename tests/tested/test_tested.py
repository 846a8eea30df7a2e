"""The page "How it was tested" says what pytest found, failures included, and notices its age."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import tested_page
from junit import Result, count, file_of, largest, read
from tested_page import ROOT, page, stale

from gradients import assert_same
from measured import LARGEST

JUNIT = """<testsuites><testsuite>
<testcase classname="tests.test_core" name="test_a[group3-image]" time="0.5"><properties>
  <property name="gradient of x by complex step" value="2e-15"/>
  <property name="gradient of g by complex step" value="3e-15"/></properties></testcase>
<testcase classname="tests.layers.test_dense" name="test_b" time="1"><failure/></testcase>
<testcase classname="tests.test_core" name="test_c" time="1"><skipped/></testcase>
<testcase classname="tests.test_core" name="test_d" time="1"/>
<testcase classname="tests.test_core" name="test_d" time="1"><error/></testcase>
<testcase classname="book.index.ipynb" name="Cell 0" time="1.25"/>
</testsuite></testsuites>"""


@pytest.fixture
def results(tmp_path: Path) -> list[Result]:
    (tmp_path / "unit.xml").write_text(JUNIT, encoding="utf-8")
    return read(tmp_path / "unit.xml", ROOT)


@pytest.fixture
def written(results: list[Result]) -> str:
    site = [
        Result("tests/site/test_pages.py", f"test_page_is_clean[{name}]", outcome, 1)
        for name, outcome in {
            "light-320-book/index.html": "passed",
            "dark-320-book/index.html": "failure",
            "dark-768-book/index.html": "passed",
        }.items()
    ]
    parity = Result("tests/golden/test_golden.py", "test_layer[batch-dense]", "passed", 1)
    parity.measured["PyTorch"] = 4e-14
    runs = {"unit": [*results[:4], parity], "notebooks": results[4:], "site": site}
    return page(runs, "a machine", datetime(2030, 1, 2, tzinfo=UTC))


def test_results_are_read_as_pytest_writes_them(results: list[Result]) -> None:
    """Catches a failure that is counted as passed, a lost error, a file that is not found."""
    assert [r.outcome for r in results] == ["passed", "failure", "skipped", "error", "passed"]
    assert count(results, "failure", "error") == 2
    assert results[0].file == "tests/test_core.py"
    assert results[4].file == "book/index.ipynb"
    assert file_of("tests.gone.test_x", ROOT) == "tests/gone/test_x"
    assert largest(results, "by complex step") == 3e-15
    assert largest(results, "by central differences") is None


def test_what_is_written(written: str) -> None:
    """Catches numbers of another check, failures left out, a visit or an error not counted."""
    lines = written.splitlines()
    assert "| `make unit` | the library, and the book's own rules | 5 | 2 | 1 | 1 |" in lines
    assert "| the formula, its sets and its table | 3 |" in lines
    assert "| layers | 1 |" in lines
    assert "| Group norm | 1 | 3e-15 | – |" in lines
    assert "| Batch norm | 0 | – | – |" in lines
    assert any(line.startswith("| batch |") and line.endswith("| 4e-14 |") for line in lines)
    assert any(line.startswith("| layer |") and line.endswith("| – |") for line in lines)
    assert "| visits, 320, 768 pixels wide, dark and light | 3 |" in lines
    assert "| runs of axe, on the narrowest pages folded and unfolded | 5 |" in lines
    assert any(line.startswith("| visits with a violation") and "| 1 |" in line for line in lines)
    (first,) = (line for line in lines if "](../index.ipynb)" in line)
    assert first.endswith("| 0 | 1 |")
    (other,) = (line for line in lines if "](../methods/batch.ipynb)" in line)
    assert other.endswith("| not run |")
    assert "2030-01-02" in written
    assert "a machine" in written
    assert "{{" not in written


def test_a_stale_page_is_found(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches a page that lists a notebook too many or too few, old mutants, an old version."""
    assert list(stale(written)) == []
    (row,) = (line for line in written.splitlines() if "](../methods/batch.ipynb)" in line)
    for changed in (
        written.replace(row, ""),
        written.replace(row, f"{row}\n{row.replace('methods/batch', 'methods/gone')}"),
        written.replace("| norms | ", "| norms | 1"),
        written.replace("with normlib ", "with normlib 9."),
        written.replace("| Layer norm |", "| Layers |"),
    ):
        assert len(list(stale(changed))) == 1
    monkeypatch.setattr(tested_page, "notebooks", lambda: {})
    assert len(list(stale(written))) > 5


def test_cells_that_are_not_compared_are_counted() -> None:
    """Catches a page that promises to compare what chaotic cells print."""
    total, compared = tested_page.cells(tested_page.notebooks()["origins/covariate_shift.ipynb"])
    assert 0 < total - compared < 5


def test_accepted_errors_are_noted() -> None:
    """Catches a note of an error that the test did not accept, and the smaller of two."""
    one = np.ones(3)
    assert_same(one + 1e-9, one, 1e-6, "some")
    assert_same(one + 1e-8, one, 1e-6, "some")
    assert_same(one, one, 1e-6, "some")
    assert np.isclose(LARGEST["some"], 1e-8)
    with pytest.raises(AssertionError):
        assert_same(one + 1, one, 1e-6, "wrong")
    assert "wrong" not in LARGEST


def test_what_is_noted_arrives(tmp_path: Path) -> None:
    """Catches notes that get lost between a test and pytest's file."""
    file = tmp_path / "unit.xml"
    test = "tests/golden/test_golden.py::test_layer[rms-dense]"
    options = ["-q", "-p", "no:cacheprovider", "--junitxml", str(file)]
    command = [sys.executable, "-m", "pytest", test, *options]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (result,) = read(file, ROOT)
    assert result.outcome == "passed"
    assert 0 <= result.measured["PyTorch"] < 1e-12
