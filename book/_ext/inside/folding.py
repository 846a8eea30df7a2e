"""What is hidden at first folds with ``<details>``: it works from the keyboard, without
scripts, and a search on the page finds what is inside.

Folded are code cells tagged ``hide-input``, ``hide-output`` or ``hide-cell``, solutions of
exercises, and any admonition with the class ``dropdown``. Tables get a box to scroll in.
"""

from html import escape

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.writers.html5 import HTML5Translator
from sphinx_exercise.nodes import solution_node

# What myst-nb calls the folded part, by what the reader is told.
LABELS = {
    "source": "Code",
    "output": "Output",
    "outputs": "Output",
    "content": "Code and output",
}


class fold(nodes.General, nodes.Element):  # noqa: N801 (docutils finds visitors by lower-case names)
    """Content behind a summary."""


class FoldContent(SphinxPostTransform):
    """Turn solutions and ``dropdown`` admonitions into folds."""

    default_priority = 300  # after sphinx-exercise has written the titles, at 21
    formats = ("html",)

    def run(self) -> None:
        for section in list(self.document.findall(nodes.section)):
            # sphinx-exercise gives all of its bodies the same id: take them out of the box.
            if section["ids"] in (["exercise-content"], ["solution-content"]):
                section.replace_self(section.children)
        for node in list(self.document.findall(nodes.Admonition)):
            if isinstance(node, solution_node) or "dropdown" in node.get("classes", ()):
                folded = fold(classes=["fold", *node["classes"]], ids=node["ids"])
                title = node[0] if isinstance(node[0], nodes.title) else None
                folded["label"] = title.astext() if title else node.tagname.capitalize()
                folded.extend(node.children[1:] if title else node.children)
                node.replace_self(folded)


class JoinFolds(SphinxPostTransform):
    """Put folded code without output into the fold of the cell that follows: one line, not two."""

    default_priority = 299  # before CodeAfterFigure moves that fold
    formats = ("html",)

    def run(self) -> None:
        for cell in list(self.document.findall(is_cell)):
            after = cell.next_node(descend=False, siblings=True)
            if after is None or not is_cell(after) or not after.children:
                continue
            alone = len(cell.children) == 1 and isinstance(cell.children[0], HideCodeCellNode)
            if alone and isinstance(after.children[0], HideCodeCellNode):
                after.children[0].children[:0] = cell.children[0].children
                cell.parent.remove(cell)


class CodeAfterFigure(SphinxPostTransform):
    """Show a figure first and the folded code that draws it below."""

    default_priority = 300  # after myst-nb has folded the code, at 199
    formats = ("html",)

    def run(self) -> None:
        for cell in self.document.findall(is_cell):
            if not cell.children:  # code removed by its tag, and no output
                continue
            code, output = cell.children[0], cell.children[-1]
            if isinstance(code, HideCodeCellNode) and any(output.findall(nodes.figure)):
                cell.children = [*cell.children[1:], code]


class Tables(SphinxPostTransform):
    """Let a wide table scroll inside the page; let an empty corner be no heading."""

    default_priority = 300
    formats = ("html",)

    def run(self) -> None:
        for table in list(self.document.findall(nodes.table)):
            box = nodes.container(classes=["scrolls"])
            table.replace_self(box)
            box += table
            for head in table.findall(nodes.thead):
                for cell in [c for c in head.findall(nodes.entry) if not c.astext().strip()]:
                    cell.replace_self(nodes.raw("", "<td></td>", format="html"))


def is_cell(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def visit_fold(self: HTML5Translator, node: fold) -> None:
    self.body.append(self.starttag(node, "details"))
    self.body.append(f"<summary>{escape(node['label'])}</summary>\n")


def visit_hidden(self: HTML5Translator, node: HideCodeCellNode) -> None:
    label = LABELS.get(node["prompt_show"], node["prompt_show"])
    self.body.append('<details class="fold code-fold">')
    self.body.append(f"<summary>{escape(label)}</summary>\n")


def depart_fold(self: HTML5Translator, node: nodes.Element) -> None:
    self.body.append("</details>\n")


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_node(fold, html=(visit_fold, depart_fold))
    app.add_node(HideCodeCellNode, override=True, html=(visit_hidden, depart_fold))
    app.add_post_transform(FoldContent)
    app.add_post_transform(JoinFolds)
    app.add_post_transform(CodeAfterFigure)
    app.add_post_transform(Tables)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
