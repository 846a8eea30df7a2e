"""Does a piece of advice say where it was measured, and what was found?

An item of advice links to sections, as ``[words](page.ipynb#heading)``.
Every section must exist, and every number in the item must stand in one
of them, in its text or in what its cells have put out.
"""

import json
import re
from pathlib import Path

LINK = re.compile(r"\]\(([^)#\s]*)#([^)\s]+)\)")
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w]|\.\d)")


def slug(heading):
    """Return the name that a page gives to a heading, as in its address."""
    kept = re.sub(r"[^\w\u4e00-\u9fff\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


def sections(path):
    """Return what each section of a notebook says and puts out, by name.

    A section goes on to the next heading of its own level or above.
    """
    found, open_ones = {}, []
    for cell in json.loads(Path(path).read_text("utf-8"))["cells"]:
        lines = "".join(cell["source"]).splitlines()
        if cell["cell_type"] == "code":
            lines = [told(output) for output in cell["outputs"]]
        for line in lines:
            head = re.match(r"(#{1,4}) (.+)", line)
            if head and cell["cell_type"] == "markdown":
                level = len(head[1])
                open_ones = [one for one in open_ones if one[0] < level]
                open_ones.append((level, slug(head[2])))
            for _, name in open_ones:
                found[name] = found.get(name, "") + line + "\n"
    return found


def told(output):
    """Return the text of an output, as the notebook stores it."""
    data = output.get("data", {})
    shown = data.get("text/markdown", data.get("text/plain", []))
    return "".join(output.get("text", shown))


def items(markdown):
    """Return the items of its lists, and the rows of its tables."""
    listed = re.findall(r"^- .*(?:\n  .*)*", markdown, flags=re.M)
    lines = re.findall(r"^\| .*\|$", markdown, flags=re.M)
    rows = [line for line in lines if not re.match(r"\| :?--", line)]
    return listed + rows[1:]


def numbers(text):
    """Return the numbers that a text names; addresses are no text."""
    return NUMBER.findall(re.sub(r"\]\([^)]*\)", "]", text))


def complaints(item, folder):
    """Say what an item of advice lacks, in a page of this folder."""
    links = LINK.findall(item)
    if not links:
        yield f"no link to a measurement: {item}"
    known = ""
    for page, heading in links:
        path = Path(folder) / page
        if not path.is_file():
            yield f"no page {page}"
        elif heading not in (found := sections(path)):
            yield f"no heading #{heading} in {page}"
        else:
            known += found[heading]
    for number in numbers(item):
        if number not in NUMBER.findall(known):
            yield f"{number} is not in what it links to: {item}"
