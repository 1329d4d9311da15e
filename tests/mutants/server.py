"""Runs the tests against mutants: everything is imported once, and each mutant is a fork.

A mutant inside a function takes the place of the function's code, so every reference to it is
altered too. One outside of any function alters what importing does, and gets a process of its own.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import itertools
import math
import os
import pickle
import signal
import sys
import tempfile
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import coverage
import pytest

from tests.mutants.operators import Mutant

Outcome = Literal["killed", "survived", "timeout", "not covered"]
Reach = dict[str, dict[int, list[int]]]
"""By file and line: the numbers of the tests that run it."""

# Tests are tried fastest first, and no more of them than take this long together without a mutant:
# a mutant only a slower test would notice counts as unnoticed.
_PATIENCE = 60.0
_ENDLESS = 10


def patch(module: types.ModuleType, code: types.CodeType, function: str) -> None:
    """Put the code of one outermost function into the live module. Raises `KeyError`."""
    new = {inner.co_qualname: inner for inner in _codes(code)}
    dict(_functions(module))[function].__code__ = new[function]


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield inner
            yield from _codes(inner)


def _functions(module: types.ModuleType) -> Iterator[tuple[str, types.FunctionType]]:
    for value in vars(module).values():
        if isinstance(value, type) and value.__module__ == module.__name__:
            members = [_bare(member) for member in vars(value).values()]
        else:
            members = [_bare(value)]
        for found in members:
            if isinstance(found, types.FunctionType) and found.__module__ == module.__name__:
                yield found.__qualname__, found


def _bare(value: Any) -> Any:
    match value:
        case staticmethod() | classmethod():
            return value.__func__
        case property():
            return value.fget
        case functools.cached_property():
            return value.func
        case _:
            return getattr(value, "__wrapped__", value)


class Runner:
    """The plugin that takes over once pytest has collected the tests."""

    def __init__(self, files: list[str], work: Callable[[Runner], None]) -> None:
        self.files = files
        self.work = work
        self.items: list[pytest.Item] = []
        self.reach: Reach = {}
        self.failed: list[str] = []
        self.seconds: list[float] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.session = session
        self.items = session.items
        self.reach, self.seconds, self.failed = _in_child(self._record)
        self.work(self)
        return True

    def judge(self, module: str, mutant: Mutant) -> Outcome:
        """Run the tests that reach a mutant's lines against it."""
        file = str(sys.modules[module].__file__)
        function = mutant.function
        tests = self._reaching(file, mutant.lines)
        if not tests or function is None:
            return "not covered"

        def run() -> bool:
            code = compile(mutant.tree, file, "exec", dont_inherit=True)
            patch(sys.modules[module], code, function)
            for number in tests:
                # A mutant that never ends a test is ended with its process, and so is noticed.
                signal.alarm(_ENDLESS + math.ceil(10 * self.seconds[number]))
                if not self._passes(number):
                    return True
            return False

        try:
            limit = 20 + 5 * sum(self.seconds[number] for number in tests)
            return "killed" if _in_child(run, limit) else "survived"
        except TimeoutError:
            return "timeout"

    def files_reaching(self, module: str) -> list[str]:
        """Return the test files that run anything of a module beyond importing it."""
        lines = self.reach.get(str(sys.modules[module].__file__), {})
        tests = {number for found in lines.values() for number in found}
        return sorted({str(self.items[number].path) for number in tests})

    def _reaching(self, file: str, lines: range) -> list[int]:
        """The tests that run one of the lines, fastest first, as far as patience goes."""
        found = {one for line in lines for one in self.reach.get(file, {}).get(line, [])}
        in_order = sorted(found, key=self.seconds.__getitem__)
        spent = itertools.accumulate(self.seconds[number] for number in in_order)
        return [one for one, total in zip(in_order, spent, strict=True) if total < _PATIENCE]

    def _passes(self, number: int) -> bool:
        before = self.session.testsfailed
        item = self.items[number]
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        return self.session.testsfailed == before

    def _record(self) -> tuple[Reach, list[float], list[str]]:
        """Run every test once; tell which lines each one ran, how long it took, which failed."""
        seconds: list[float] = []
        good: set[str] = set()
        tracer = coverage.Coverage(data_file=None, include=self.files, config_file=False)
        tracer.start()
        for number, _ in enumerate(self.items):
            tracer.switch_context(str(number))
            # The processor's time: on a busy machine the same tests are to be tried.
            start = time.process_time()
            if self._passes(number):
                good.add(str(number))
            seconds.append(time.process_time() - start)
        tracer.stop()
        data = tracer.get_data()
        reach = {
            file: {
                line: [int(one) for one in who if one in good]
                for line, who in data.contexts_by_lineno(file).items()
            }
            for file in self.files
        }
        failed = [item.nodeid for n, item in enumerate(self.items) if str(n) not in good]
        return reach, seconds, failed


def _in_child(work: Callable[[], Any], seconds: float | None = None) -> Any:
    """Run `work` in a fork and return its result. Raises `TimeoutError`."""
    with tempfile.NamedTemporaryFile() as answer:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.setsid()
                quiet = os.open(os.devnull, os.O_WRONLY)
                os.dup2(quiet, 1)
                os.dup2(quiet, 2)
                Path(answer.name).write_bytes(pickle.dumps(work()))
                code = 0
            finally:
                os._exit(code)
        _wait(child, seconds)
        data = Path(answer.name).read_bytes()
    # No answer: it died of what it was (a mutant may exit or run out of stack), so it was noticed.
    return pickle.loads(data) if data else True


def _wait(child: int, seconds: float | None) -> None:
    end = None if seconds is None else time.monotonic() + seconds
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if end is not None and time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise TimeoutError
        time.sleep(0.005)


def import_altered(module: str, tree: ast.Module) -> None:
    """Import a module from a mutant of it, before anything else does."""
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[module] = made
    exec(compile(tree, spec.origin, "exec", dont_inherit=True), made.__dict__)
