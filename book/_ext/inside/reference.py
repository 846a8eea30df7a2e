"""The reference of the library, written by its docstrings.

``{public} layers`` describes every public name that ``normlib`` has from ``normlib.layers``, and
``{norms}`` is the table of all normalizations: what is new in the library appears by itself.
"""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective
from sphinx.util.inspect import stringify_signature

LIBRARY = "normlib"
OVERVIEW = 3  # from so many names on, a module begins with a list of them
SETTINGS = {
    "default_role": "py:obj",  # `name` is code, and a link where the name is known
    "autodoc_typehints": "none",  # the docstrings say what an argument may be
    "autodoc_preserve_defaults": True,
    "napoleon_use_param": False,  # "a, b : float" stays together
    "napoleon_use_rtype": False,
    "napoleon_custom_sections": ["Source", ("Attributes", "params_style")],
}


# ---- which names there are, and where they come from


def imports(package: ModuleType) -> dict[str, str]:
    """Say from which module a package has each of its public names."""
    tree = ast.parse(Path(str(package.__file__)).read_text(encoding="utf-8"))
    found = {
        alias.asname or alias.name: str(node.module)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    return {name: found.get(name, package.__name__) for name in package.__all__}


def public() -> dict[str, list[str]]:
    """Return the public names of the library by the module that they come from."""
    found: dict[str, list[str]] = {}
    for name, module in imports(importlib.import_module(LIBRARY)).items():
        found.setdefault(f"{module}.".split(".")[1], []).append(name)
    return found


def described(page: str) -> list[str]:
    """Return the modules that a page describes, as often as it does."""
    return re.findall(r"^(?:`{3,}|:{3,})\{public\} *(\S+)", page, flags=re.M)


def missing(page: str) -> list[str]:
    """Say which public names a page leaves out or describes twice, and what to write."""
    modules = described(page)
    return [
        f"{', '.join(names)}: describe them once, with ```{{public}} {module}"
        for module, names in public().items()
        if modules.count(module) != 1
    ]


# ---- what is written about them


def entries(module: str) -> Iterator[str]:
    """Write the directives that describe a module: an overview, then each name."""
    package, names = importlib.import_module(LIBRARY), public().get(module)
    if names is None:  # a part that is imported by its own name, such as the figures
        package = importlib.import_module(f"{LIBRARY}.{module}")
        names = package.__all__
    yield from (f".. currentmodule:: {package.__name__}", "")
    if len(names) >= OVERVIEW:
        yield from (".. autosummary::", "   :nosignatures:", "")
        yield from (f"   {name}" for name in names if callable(getattr(package, name)))
        yield ""
    for name in names:
        value = getattr(package, name)
        if inspect.isclass(value):
            yield from (f".. autoclass:: {name}", "   :members:", "   :member-order: bysource")
            if bases_of(value):
                yield "   :show-inheritance:"
        elif callable(value):
            yield f".. autofunction:: {name}"
        else:
            yield from (f".. py:data:: {name}", "")
            yield from (f"   {line}" for line in comment(package, name))
        yield ""


def bases_of(value: type) -> list[str]:
    """Return the public classes that a class is made from."""
    library = importlib.import_module(LIBRARY)
    names = [base.__name__ for base in value.__bases__]
    return [
        name
        for name, base in zip(names, value.__bases__, strict=True)
        if getattr(library, name, None) is base
    ]


def comment(package: ModuleType, name: str) -> list[str]:
    """Return the comment ``#:`` above a constant, from the module that defines it."""
    module = imports(package).get(name, package.__name__)
    if module != package.__name__:
        origin = importlib.import_module(module)
        return comment(origin, name) if hasattr(origin, "__all__") else written(module, name)
    return written(module, name)


def written(module: str, name: str) -> list[str]:
    return ModuleAnalyzer.for_module(module).find_attr_docs().get(("", name), [])


def table(norms: Mapping[str, Any]) -> Iterator[str]:
    """Write the table of all normalizations: the fields of each, in words."""
    yield "| | acts on | shares over | $\\mu$ | $\\sigma$ | from |"
    yield "|:--|:--|:--|:--|:--|:--|"
    for name, norm in norms.items():
        row = (
            f"`{name}`",
            norm.acts_on,
            " ".join(norm.shares) or "all of a row",
            "mean" if norm.center else "0",
            norm.scale,
            f"[{norm.paper}]({norm.url})" if norm.url else norm.paper,
        )
        yield f"| {' | '.join(row)} |"


# ---- the directives


class Generated(SphinxDirective):
    """Write lines and let the page's own parser read them."""

    required_arguments = 0

    def lines(self) -> Iterator[str]:
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        box = nodes.Element()
        self.state.nested_parse(StringList(list(self.lines()), LIBRARY), 0, box)
        return box.children


class Public(Generated):
    required_arguments = 1

    def lines(self) -> Iterator[str]:
        yield from ("````{eval-rst}", *entries(self.arguments[0]), "````")


class Norms(Generated):
    def lines(self) -> Iterator[str]:
        return table(importlib.import_module(LIBRARY).NORMS)


# ---- what docstrings say


def prepare(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Write this library's docstrings as Napoleon reads them."""
    lines[:] = prepared("\n".join(lines)).split("\n")


def prepared(text: str) -> str:
    """Make ``Source: ...`` a section, arXiv ids links, and one-line attributes descriptions."""
    text = re.sub(r"^( +[A-Z])\. ", r"\1\\. ", text, flags=re.M)  # "C. ..." begins no list
    text = re.sub(r"^Source: ", "Source\n------\n", text, flags=re.M)
    link = r"`arXiv:\1 <https://arxiv.org/abs/\1>`__"
    text = re.sub(r"\barXiv:(\d{4}\.\d{4,5})", link, text)
    before, heading, after = text.partition("Attributes\n----------\n")
    attributes, gap, rest = after.partition("\n\n")
    # What ends its line with a comma goes on, and is no type either.
    words = re.compile(r"^(\w.*?) : (.*,|.{60,}|.*(?!\n ))$", flags=re.M)
    attributes = words.sub(r"\1\n    \2", attributes)
    return before + heading + attributes + gap + rest


def link_bases(app: Sphinx, name: str, obj: type, options: object, bases: list[Any]) -> None:
    """Name base classes as this page does."""
    bases[:] = [f":py:class:`~{LIBRARY}.{base}`" for base in bases_of(obj)]


def sign_widgets(
    app: Sphinx, what: str, name: str, obj: Any, options: object, arguments: str, returned: str
) -> tuple[str, str] | None:
    """Show what a widget's ``__init__`` takes: traitlets hides it behind a ``__new__``."""
    if what != "class" or arguments != "(*args, **kwargs)":
        return None
    found = inspect.signature(obj.__init__)
    own = found.replace(parameters=list(found.parameters.values())[1:])
    return stringify_signature(own, show_annotation=False, show_return_annotation=False), returned


def setup(app: Sphinx) -> dict[str, bool]:
    for name in ("autodoc", "autosummary", "napoleon", "viewcode"):
        app.setup_extension(f"sphinx.ext.{name}")
    for name, value in SETTINGS.items():
        app.config[name] = value
    app.add_directive("public", Public)
    app.add_directive("norms", Norms)
    app.connect("autodoc-process-docstring", prepare, priority=400)
    app.connect("autodoc-process-signature", sign_widgets)
    app.connect("autodoc-process-bases", link_bases)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
