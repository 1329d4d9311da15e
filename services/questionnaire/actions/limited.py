"""Reading a stranger's file in a process of its own, with two seconds and 256 MiB to do it in.

The child module calls `answer(work)`; `ask` runs it. What the file is never
reaches a command line, and of our environment the child gets where our code is, and no secret.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any, Final

from services.kit.problems import Refused, Unavailable
from services.questionnaire.rules.refusals import Problem, Refusal, Text

CPU_SECONDS: Final = 2.0
MEMORY_BYTES: Final = 256 * 1024 * 1024
# Of the wall clock: a busy machine gives a process its two seconds late.
_PATIENCE_SECONDS: Final = 30
_AT_ONCE: Final = threading.BoundedSemaphore(2)
_TURN_SECONDS: Final = 10


class TooCostly(Refused):
    """Reading the file took more time or memory than any honest one; it was given up."""

    urn = "files/too-costly"


def ask(module: str, content: bytes) -> dict[str, Any]:
    """Run `python -m module` on the content and return what it answers.

    Raises:
        Refusal: what the child refused, all of it.
        TooCostly: the limits were reached.
        Unavailable: two other files are being read, and took long.
    """
    if not _AT_ONCE.acquire(timeout=_TURN_SECONDS):
        raise Unavailable("other files are being read; try again", retry_after=10)
    try:
        done = subprocess.run(  # noqa: S603 - our own module, nothing of the file in the command
            [sys.executable, "-B", "-m", module],
            input=content,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
    except (subprocess.TimeoutExpired, BrokenPipeError) as why:
        raise _too_costly() from why
    finally:
        _AT_ONCE.release()
    if done.returncode != 0:
        raise _too_costly()
    found: dict[str, Any] = json.loads(done.stdout)
    if "problems" in found:
        raise Refusal(*(_problem(each) for each in found["problems"]))
    return found


def answer(work: Callable[[bytes], dict[str, Any]]) -> None:
    """In the child: read stdin under the limits, answer on stdout.

    Counted from here: the interpreter and the libraries are ours, the file is not.
    """
    # No handler: the kernel ends the process even inside one long regular expression.
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    data = sys.stdin.buffer.read()
    try:
        found = work(data)
    except Refusal as why:
        found = {"problems": [problem.document() for problem in why.problems]}
    json.dump(found, sys.stdout)


def _too_costly() -> TooCostly:
    return TooCostly("the file takes more than two seconds or 256 MiB to read")


def _problem(told: dict[str, Any]) -> Problem:
    return Problem(told["urn"], told["where"], Text(**told["reason"]))
