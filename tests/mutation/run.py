"""Change the library in one place at a time, and see whether a test notices.

    make mutation                                     all suites
    python tests/mutation/run.py core layers/conv     a suite, and one module of another

mutmut makes the mutants. Its own runner collects all tests anew for each of them, which takes a
hundred times longer than the test that fails; so here they are collected once, and every mutant
is tried in a fork of this process. What survives without standing in survivors.md makes it fail.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, process_time

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import Phase, settings
from mutmut.mutation import mutators
from mutmut.mutation.file_mutation import mutate_file_contents
from mutmut.state import state

ROOT = Path(__file__).parents[2]
COPIES = ROOT / ".mutation"
KNOWN = Path(__file__).with_name("survivors.md")

#: Modules of normlib, and the tests that must notice every change to them.
SUITES = {
    "core": (["core.py", "sums.py", "moments.py"], ["test_core.py", "test_moments.py"]),
    "norms": (["norms/*.py", "spec.py"], ["test_spec.py", "norms/test_registry.py"]),
    "layers": (
        ["layers/*.py", "cells.py"],
        ["layers", "test_brief.py", "test_initialize.py", "test_recalibrate.py", "test_state.py"],
    ),
    "whiten": (["whiten.py", "roots.py"], ["whiten"]),
}
#: Those of bad input are one table for all modules.
FOR_ALL = "test_errors.py"

#: mutmut passes over functions with a decorator. Without its cache a function does the same.
CACHED = re.compile(r"^@lru_cache\(.*\)\n", re.MULTILINE)

# Words stay: most are messages, where case and spelling are no matter of tests, and the rest are
# keys, without which nothing works at all.
mutators.mutation_operators[:] = [
    pair for pair in mutators.mutation_operators if pair[1] is not mutators.operator_string
]

SECONDS = 5  # of processor time, beyond ten times what the tests need without a mutation
MEMORY = 4 << 30  # a mutated shape must not take the machine with it


class Mutant:
    """One change: in which function, under which name, and what it looks like."""

    def __init__(self, module: str, name: str, original: list[str], mutated: list[str]) -> None:
        self.name = f"{module}.{name}"
        self.function = self.name.partition("__mutmut_")[0]
        mutated = [
            line.replace(name, name.partition("__mutmut_")[0] + "__mutmut_orig") for line in mutated
        ]
        old, new = (
            " ".join(line.strip() for line in lines if line not in others)
            for lines, others in ((original, mutated), (mutated, original))
        )
        self.change = f"`{old}` → `{new}`"

    @property
    def place(self) -> str:
        """Where it is, as a reader writes it: core.total, spec.Norm.groups_of."""
        return re.sub(r"ǁ", ".", re.sub(r"\bx[_ǁ]", "", self.function)).removeprefix("normlib.")


def mutate(patterns: list[str], copy: Path) -> Iterator[Mutant]:
    """Write the mutated modules into the copy, and yield what is in them."""
    source = ROOT / "src" / "normlib"
    for pattern in patterns:
        for path in sorted(source.glob(pattern)):
            text = CACHED.sub("", path.read_text())
            mutated = mutate_file_contents(str(path), text)
            (copy / "normlib" / path.relative_to(source)).write_text(mutated.code)
            parts = path.relative_to(source.parent).with_suffix("").parts
            module = ".".join(part for part in parts if part != "__init__")
            lines, spans = mutated.code.splitlines(), mutated.line_span_by_function_name
            body = {name: lines[span.start - 1 : span.end] for name, span in spans.items()}
            for name in mutated.mutant_names:
                yield Mutant(
                    module, name, body[name.partition("__mutmut_")[0] + "__mutmut_orig"], body[name]
                )


class Trial:
    """A pytest plugin that runs the collected tests against one mutant after the other."""

    def __init__(self, mutants: list[Mutant]) -> None:
        self.mutants = mutants
        self.status: dict[Mutant, str] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """Let hypothesis stop at the first failure: a smaller example is for people."""
        settings.register_profile(
            "mutation", settings(), phases=(Phase.explicit, Phase.reuse, Phase.generate)
        )
        settings.load_profile("mutation")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run everything once as it is, then what concerns each mutant."""
        items = list(session.items)
        calls, seconds = self._unmutated(items)
        start = perf_counter()
        for number, mutant in enumerate(self.mutants, start=1):
            concerned = [item for item in items if mutant.function in calls[item]]
            limit = SECONDS + 10 * sum(seconds[item] for item in concerned)
            self.status[mutant], killer = attempt(mutant, concerned, limit)
            if killer:  # it is likely to catch the next one too
                items.remove(killer)
                items.insert(0, killer)
            if number % 100 == 0:
                rate = 60 * number / (perf_counter() - start)
                print(f"· {number} of {len(self.mutants)}, {rate:.0f} a minute", file=sys.stderr)
        return True

    def _unmutated(self, items: list[pytest.Item]) -> tuple[dict, dict]:
        """Return the functions that each test calls, and how long it takes."""
        os.environ["MUTANT_UNDER_TEST"] = "stats"
        calls, seconds = defaultdict(set), {}
        for item in items:
            start = process_time()
            if not passes(item):
                sys.exit(f"{item.nodeid} fails without any mutation.")
            seconds[item] = process_time() - start
            calls[item] = set(state()._stats)
            state()._stats.clear()
        return calls, seconds


def passes(item: pytest.Item) -> bool:
    """Run one test, with its fixtures."""
    return all(report.outcome != "failed" for report in runtestprotocol(item, log=False))


def attempt(
    mutant: Mutant, items: list[pytest.Item], limit: float
) -> tuple[str, pytest.Item | None]:
    """Try a mutant in a fork; return what became of it, and the test that caught it."""
    if not items:
        return "not run by any test", None
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.environ["MUTANT_UNDER_TEST"] = mutant.name
        signal.setitimer(signal.ITIMER_PROF, limit)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        for number, item in enumerate(items):
            if not passes(item):
                os.write(writing, str(number).encode())
                break
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        answer = pipe.read()
    _, code = os.waitpid(child, 0)
    if answer:
        return "killed", items[int(answer)]
    return ("survived", None) if code == 0 else ("killed by the clock or a crash", None)


def run(suite: str, only: str) -> tuple[Counter, list[Mutant]]:
    """Return how many mutants of a suite ended how, and those that nothing caught."""
    modules, tests = SUITES[suite]
    copy = COPIES / suite
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(ROOT / "src", copy)
    sys.path.insert(0, str(copy))
    mutants = list(mutate([only] if only else modules, copy))
    trial = Trial(mutants)
    paths = [str(ROOT / "tests" / name) for name in [*tests, FOR_ALL]]
    options = ["-q", "-q", "-p", "no:cacheprovider", "--assert=plain"]
    if pytest.main([*options, *paths], plugins=[trial]):
        sys.exit("The tests could not be collected.")
    left = [mutant for mutant in mutants if not trial.status[mutant].startswith("killed")]
    return Counter(trial.status.values()), left


def main(wanted: list[str]) -> int:
    """Run the wanted suites, or all, and say what survived; 1 if something did unexplained."""
    known = KNOWN.read_text()
    unexplained = 0
    for name in wanted or SUITES:
        suite, _, module = name.partition("/")
        only = f"{suite}/{module}.py" if module else ""
        counts, left = run(suite, only)
        for mutant in left:
            line = f"{mutant.place}: {mutant.change}"
            new = line not in known
            unexplained += new
            print(f"{'?' if new else ' '} {line}")
        total, killed = sum(counts.values()), sum(counts.values()) - len(left)
        print(
            f"{name}: {killed} of {total} killed, {killed / total:.1%} {dict(counts)}", flush=True
        )
    return int(unexplained > 0)


if __name__ == "__main__":
    if len(sys.argv) == 2:
        sys.exit(main(sys.argv[1:]))
    # One process per suite, since a module can be imported mutated in one way only.
    codes = [
        os.waitstatus_to_exitcode(
            os.spawnv(os.P_WAIT, sys.executable, [sys.executable, __file__, name])
        )
        for name in sys.argv[1:] or SUITES
    ]
    sys.exit(max(codes))
