"""What the book cites, and whether it names each paper rightly, as functions that complain."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import nbformat
from pybtex.database import Entry, parse_file
from pybtex.richtext import Text
from structure import BOOK, ROOT

from inside.citations import paper
from normlib import NORMS

BIBLIOGRAPHY = BOOK / "back/references.bib"
# A link, or the id alone, as docstrings have it. A DOI may have brackets, in pairs.
LINK = re.compile(
    r"\[(?P<label>[^\]\[]*)\]\((?P<address>[^()\s]+)\)"
    r"|(?P<bare>arXiv:\d{4}\.\d{4,5}|(?:https://doi\.org/|doi:)10\.(?:\([^()\s]*\)|[^\s,;()])+)"
)
IDENTIFIER = re.compile(r"arXiv:|doi:|https://doi\.org/")
YEAR = re.compile(r"\b(?:19|20)\d\d\b")


class Citation(NamedTuple):
    """A link to a paper, with the words that lead to it."""

    before: str
    label: str
    paper: str


def papers() -> dict[str, Entry]:
    """Return the entries by the papers that they name: one may have an arXiv id and a DOI."""
    found = {}
    for entry in parse_file(str(BIBLIOGRAPHY)).entries.values():
        ids = {"eprint": "arXiv:{}", "doi": "doi:{}"}
        for field in ids.keys() & entry.fields.keys():
            found[str(paper(ids[field].format(entry.fields[field])))] = entry
    return found


def texts() -> dict[str, str]:
    """Return everything that may cite: the pages, the library's docstrings, its table."""
    found = {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted([*BOOK.rglob("*.md"), *(ROOT / "src").rglob("*.py")])
        if "/." not in path.as_posix().removeprefix(str(ROOT))
    }
    for path in sorted(BOOK.rglob("*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        prose = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        found[path.relative_to(ROOT).as_posix()] = prose
    found["NORMS"] = "\n\n".join(f"[{n.paper}]({n.url})" for n in NORMS.values() if n.url)
    return found


def citations(text: str) -> Iterator[Citation]:
    """Find the links to papers; the words before one begin behind the last link or paragraph."""
    for paragraph in re.split(r"\n\s*\n|\n(?=\s*- )", text):
        end = 0
        for found in LINK.finditer(paragraph):
            before = re.sub(r"\s+", " ", paragraph[end : found.start()])
            end = found.end()
            if name := paper(found["address"] or found["bare"].rstrip(".")):
                yield Citation(before, found["label"] or found["bare"], name)


def complaints(text: str, known: Mapping[str, Entry]) -> Iterator[str]:
    """Say which papers have no entry, and where names, year or title differ from the entry's."""
    for citation in citations(text):
        if citation.paper not in known:
            yield (
                f"{citation.label!r}: {citation.paper} has no entry in "
                f"{BIBLIOGRAPHY.relative_to(ROOT)}; write one there"
            )
        else:
            yield from disagreements(citation, known[citation.paper])


def disagreements(citation: Citation, entry: Entry) -> Iterator[str]:
    """Compare names and year: in the link's own words, or before it where these are an id."""
    before, label, name = citation
    authors, identified = surnames(entry), bool(IDENTIFIER.match(label))
    lead = before.partition("*")[0] if identified else before  # *the title*
    years = YEAR.findall(lead)[-1:] if identified else YEAR.findall(label)
    if not years:  # "the paper"
        return
    if years != [entry.fields["year"]]:
        yield f"{name} is of {entry.fields['year']}, not of {years[0]}: {lead[-80:]}{label}"
    if authors[0] not in lead + label:
        yield f"{name} is by {authors[0]}: {lead[-80:]}{label}"
    if identified and (title := re.search(r"\*(.+)\*", before)):
        if plain(title[1]) != plain(entry.fields["title"]):
            yield f"{name} has the title {entry.fields['title']!r}, not {title[1]!r}"
        yield from missing_names(lead, name, authors)


def missing_names(lead: str, name: str, authors: list[str]) -> Iterator[str]:
    """Read "A. Kessy, A. Lewin and K. Strimmer 2018, ": it names all, or says "and others"."""
    some = re.search(r" and others| et al\.", lead)
    given = re.split(r", | and ", lead.partition(" and others" if some else "\0")[0])
    given = [part for part in given if re.search(r"[^\W\d]{2}", part)]
    if not some and (len(given) != len(authors) or any(a not in lead for a in authors)):
        yield f"{name} is by {', '.join(authors)}, not by {', '.join(given)}"


def surnames(entry: Entry) -> list[str]:
    persons = entry.persons["author"]
    names = (" ".join((*p.prelast_names, *p.last_names)) for p in persons)
    return [str(Text.from_latex(name)) for name in names]


def plain(title: str) -> str:
    """Leave out what may differ between two ways to write a title."""
    return re.sub(r"[^a-z0-9]", "", title.lower())


def cited() -> dict[str, list[str]]:
    """Return every paper that is cited, with where."""
    found: dict[str, list[str]] = {}
    for where, text in texts().items():
        for citation in citations(text):
            found.setdefault(citation.paper, []).append(where)
    return found
