"""The witness as a process of its own, or beside others in one that shows a whole system."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rensho import strict_base64
from rensho.checkpoint import NoteKey

from services.kit import keyfiles
from services.kit.settings import Settings
from services.processes import bind, served, stop_on_signal
from services.witness.app import make_app
from services.witness.memory import Witness


@dataclass(frozen=True)
class Running:
    """A witness that answers at `url` and cosigns as `key`."""

    url: str
    key: NoteKey

    def setting(self) -> dict[str, str]:
        """Return its entry in the list that `RENSHO_WITNESSES` holds."""
        return {
            "name": self.key.name,
            "url": self.url,
            "key": strict_base64.encode(self.key.public),
        }


@contextmanager
def running(
    folder: Path,
    logs: Mapping[str, bytes],
    *,
    name: str | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
) -> Iterator[Running]:
    """Serve a witness from a thread while the block runs.

    Args:
        folder: of this witness alone; its key is made there.
        logs: origin → the log's raw Ed25519 key.
        name: what it signs as; default: out of its key.
        host: address to listen on.
        port: 0 takes a free one.

    Raises:
        Unusable: the folder cannot be used.
        services.processes.StartFailed: the port is taken.
    """
    witness = Witness(folder, logs, name)
    try:
        sock = bind(host, port)
        shown = f"[{host}]" if ":" in host else host
        with served(make_app(witness), sock):
            yield Running(f"http://{shown}:{sock.getsockname()[1]}", witness.key)
    finally:
        witness.close()


@contextmanager
def beside(settings: Settings, names: Sequence[str]) -> Iterator[Settings]:
    """Run witnesses of this deployment's first log in threads, for a demo or a test.

    They show how it works and are worth nothing against their own operator.

    Args:
        settings: the log's key must exist (`keyfiles.init`).
        names: one for each witness; its folder is kept below the data folder.

    Yields:
        The settings by which a sequencer asks them and needs every one.
    """
    logs = {settings.log_origin: keyfiles.signing_key(settings, "log").public.raw_ed25519}
    with ExitStack() as up:
        folder = settings.data_dir / "witnesses"
        here = [up.enter_context(running(folder / name, logs, name=name)) for name in names]
        told = json.dumps([one.setting() for one in here])
        yield settings.model_copy(update={"witnesses": told, "witness_quorum": len(here)})


def run(
    folder: Path,
    logs: Mapping[str, bytes],
    *,
    name: str | None,
    place: tuple[str, int],
    say: Callable[[Running], None],
    stop: threading.Event | None = None,
) -> None:
    """Serve a witness at `place` (host, port) until told to stop; raises as `running`.

    `say` is told who it is once it listens, for somebody to put into Trust.
    """
    stop = stop or stop_on_signal()
    with running(folder, logs, name=name, host=place[0], port=place[1]) as witness:
        say(witness)
        stop.wait()
