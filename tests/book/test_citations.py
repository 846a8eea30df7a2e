"""Every paper that a page cites is in the bibliography, under the names and year it is cited by."""

from __future__ import annotations

import citing
import pytest
from pybtex.database import parse_file

from inside.citations import paper

KNOWN = citing.papers()
TEXTS = {where: text for where, text in citing.texts().items() if [*citing.citations(text)]}
KESSY = "A. Kessy, A. Lewin and K. Strimmer 2018, *Optimal whitening and decorrelation*, TAS"


@pytest.mark.parametrize("where", TEXTS)
def test_what_is_cited_is_in_the_bibliography(where: str) -> None:
    """Catches a paper without an entry, and one cited under another name, year or title."""
    assert list(citing.complaints(TEXTS[where], KNOWN)) == []


def test_entries_can_be_found_and_are_listed_once() -> None:
    """Catches an entry without DOI or arXiv id, and two entries for one paper."""
    entries = parse_file(str(citing.BIBLIOGRAPHY)).entries
    fields = [entry.fields.keys() & {"eprint", "doi"} for entry in entries.values()]
    assert all(fields)
    assert len(KNOWN) == sum(map(len, fields))


def test_every_entry_is_cited() -> None:
    """Catches an entry that no page leads to any more: take it out, or cite it."""
    cited = citing.cited()
    entries = {entry.key for name, entry in KNOWN.items() if name in cited}
    assert sorted({entry.key for entry in KNOWN.values()} - entries) == []


RIGHT = [
    "([Kessy and others 2018](https://arxiv.org/abs/1512.00809v2))",
    "[Kessy, Lewin and Strimmer 2018](https://doi.org/10.1080/00031305.2016.1277159)",
    "of *all* rows, as Kessy and others ([2018](https://arxiv.org/abs/1512.00809)) say",
    "see [the paper](https://arxiv.org/abs/1512.00809)",
    "Source: Kessy, Lewin &\n    Strimmer 2018, arXiv:1512.00809 (which W); the tutorial.",
    "Source: H. Shimodaira 2000, doi:10.1016/S0378-3758(00)00115-4.",
    f"- {KESSY} 72, [arXiv:1512.00809](https://arxiv.org/abs/1512.00809).",
    "- M. Sugiyama and others 2008, *Direct importance estimation for covariate shift adaptation*, "
    "[doi:10.1007/s10463-008-0197-x](https://doi.org/10.1007/s10463-008-0197-x).",
    "[PyTorch #19250](https://github.com/pytorch/pytorch/issues/19250)",
]
WRONG = [
    "[Nobody 2030](https://arxiv.org/abs/2999.00001)",
    "[Nobody 2030](https://doi.org/10.1000/182)",
    "[Kessy and others 2016](https://arxiv.org/abs/1512.00809)",
    "[Strimmer and others 2018](https://arxiv.org/abs/1512.00809)",
    "as Kessy and others ([2017](https://arxiv.org/abs/1512.00809)) say",
    "Source: Kessy 2015, arXiv:1512.00809.",
    "Source: Huang et al. 2018, arXiv:1512.00809.",
    f"- {KESSY.replace('2018', '2019')}, [arXiv:1512.00809](https://arxiv.org/abs/1512.00809).",
    f"- {KESSY.replace('Optimal', 'Good')}, [arXiv:1512.00809](https://arxiv.org/abs/1512.00809).",
    f"- {KESSY.replace(', A. Lewin', '')}, [arXiv:1512.00809](https://arxiv.org/abs/1512.00809).",
    f"- {KESSY.replace('Lewin', 'Levin')}, [arXiv:1512.00809](https://arxiv.org/abs/1512.00809).",
]


@pytest.mark.parametrize("text", RIGHT)
def test_the_ways_to_cite_are_understood(text: str) -> None:
    assert list(citing.complaints(text, KNOWN)) == []
    assert "github" in text or [citation.paper for citation in citing.citations(text)]


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_citation_is_found(text: str) -> None:
    assert list(citing.complaints(text, KNOWN)) != []


def test_two_citations_in_one_sentence_keep_their_names() -> None:
    """Catches names that are read from the citation before."""
    both = RIGHT[0] + " and " + RIGHT[1].replace("Kessy", "Huang")
    (complaint,) = citing.complaints(both, KNOWN)
    assert "Kessy" in complaint


def test_a_paper_has_one_name() -> None:
    """Catches the same paper under its address, its id, a version, or another case."""
    ids = ("http://arxiv.org/abs/1512.00809", "arXiv:1512.00809", "arxiv.org/abs/1512.00809v3")
    assert {paper(way) for way in ids} == {"arXiv:1512.00809"}
    dois = (
        "doi:10.1016/S0378-3758(00)00115-4",
        "https://doi.org/10.1016/s0378-3758%2800%2900115-4",
    )
    assert {paper(way) for way in dois} == {"doi:10.1016/s0378-3758(00)00115-4"}
    assert paper("https://keras.io/api/") is None
