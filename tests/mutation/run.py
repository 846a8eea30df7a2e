"""Change the library in one place at a time, and see whether a test notices.

    make mutation                                     all suites
    python tests/mutation/run.py core layers/conv     a suite, and one module of another

mutmut makes the mutants. Its own runner collects all tests anew for each of them, which takes a
hundred times longer than the test that fails; so here they are collected once, and every mutant
is tried in a fork of this process. What survives without standing in survivors.md makes it fail.
Run again, it repeats what survived and what has changed; without .mutation/ it begins anew.
"""

from __future__ import annotations

import gc
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from hashlib import sha1
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
    "norms": (
        ["norms/*.py", "spec.py"],
        ["test_spec.py", "norms/test_registry.py", "layers/test_layer.py"],
    ),
    "layers": (
        ["layers/*.py"],
        [
            *("layers", "test_brief.py", "test_fold.py", "test_initialize.py", "test_moments.py"),
            *("test_nets.py", "test_recalibrate.py", "test_state.py"),
        ],
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
        self.code = "\n".join(mutated)
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

    def __str__(self) -> str:
        """Where it is, as a reader writes it, and the change: the line that survivors.md holds."""
        place = re.sub(r"\bx[_ǁ]", "", self.function).replace("ǁ", ".").removeprefix("normlib.")
        return f"{place}: {self.change}"


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

    def __init__(self, mutants: list[Mutant], killed: Path) -> None:
        self.mutants = mutants
        self.status: dict[Mutant, str] = {}
        self.killed = killed
        self.before = set(killed.read_text().split()) if killed.exists() else set()

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
        gc.collect()
        gc.freeze()  # so that a fork need not copy what its collector would touch
        for number, mutant in enumerate(self.mutants, start=1):
            mark = sha1(mutant.code.encode()).hexdigest()
            if mark in self.before:
                self.status[mutant] = "killed"
                continue
            concerned = [item for item in items if mutant.function in calls[item]]
            limit = SECONDS + 10 * sum(seconds[item] for item in concerned)
            self.status[mutant], killer = attempt(mutant, concerned, limit)
            if killer:  # it is likely to catch the next one too
                items.remove(killer)
                items.insert(0, killer)
            if self.status[mutant].startswith("killed"):
                with self.killed.open("a") as file:
                    file.write(f"{mark}\n")
            else:
                print(f"survived: {mutant}", flush=True)
            if number % 50 == 0:
                minutes = (perf_counter() - start) / 60
                counts = dict(Counter(self.status.values()))
                print(f"· {number} of {len(self.mutants)} {counts} {minutes:.1f} min", flush=True)
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
        return calls, seconds

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> None:
        """Forget what the fixtures of a test have called: that is not what it is about."""
        state()._stats.clear()


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


def run(suite: str, only: str) -> int:
    """Try the mutants of one suite, print what survived, and return how many do so unexplained."""
    modules, tests = SUITES[suite]
    copy = COPIES / suite
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(ROOT / "src", copy)
    sys.path.insert(0, str(copy))
    mutants = list(mutate([only] if only else modules, copy))
    trial = Trial(mutants, COPIES / f"{suite}.killed")
    paths = [str(ROOT / "tests" / name) for name in [*tests, FOR_ALL]]
    options = ["-q", "-q", "-p", "no:cacheprovider", "--assert=plain"]
    if pytest.main([*options, *paths], plugins=[trial]):
        sys.exit("The tests could not be collected.")
    known = KNOWN.read_text()
    left = [mutant for mutant in mutants if not trial.status[mutant].startswith("killed")]
    for mutant in left:
        print(f"{' ' if str(mutant) in known else '?'} {mutant}")
    killed = len(mutants) - len(left)
    ends = ", ".join(
        f"{count} {status}" for status, count in Counter(trial.status.values()).items()
    )
    print(f"{suite}: {killed} of {len(mutants)} killed, {killed / len(mutants):.1%} ({ends})")
    return sum(str(mutant) not in known for mutant in left)


def main(wanted: list[str]) -> int:
    """Run the wanted suites, or all; 1 if something survived unexplained."""
    if len(wanted) == 1:
        suite, _, module = wanted[0].partition("/")
        return int(run(suite, f"{suite}/{module}.py" if module else "") > 0)
    # A process for each, since a module can be imported mutated in one way only.
    command = [sys.executable, "-u", __file__]
    return max(subprocess.run([*command, name]).returncode for name in wanted or SUITES)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
