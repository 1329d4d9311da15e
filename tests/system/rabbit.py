"""A RabbitMQ node of our own: own ports, own data, own cookie, ended by its own process id."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import amqp

# The Debian wrapper in /usr/sbin changes to the machine's user and data folder: the script itself
# does neither.
_SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
_START_SECONDS = 60.0


def free_port() -> int:
    """Return a port nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _server() -> str:
    return str(_SERVER) if _SERVER.exists() else "rabbitmq-server"


@dataclass
class Rabbit:
    """One broker node that may be stopped, killed and started again; its queues stay on disk."""

    folder: Path
    port: int = field(default_factory=free_port)
    _epmd_port: int = field(default_factory=free_port)
    _dist_port: int = field(default_factory=free_port)
    _name: str = field(default_factory=lambda: f"rensho_{secrets.token_hex(4)}@localhost")
    _node: subprocess.Popen[bytes] | None = None
    _epmd: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The broker URL."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    @property
    def log(self) -> Path:
        """What the node printed since its first start."""
        return self.folder / "rabbit.log"

    def start(self) -> None:
        """Start the node on what its data folder holds; returns when it accepts clients.

        Raises:
            RuntimeError: it ended, or did not accept clients in a minute.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._epmd is None:
            self._epmd = subprocess.Popen(
                ["epmd", "-port", str(self._epmd_port), "-address", "127.0.0.1"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        with self.log.open("ab") as log:
            self._node = subprocess.Popen(
                [_server()],
                env=self._environment(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait()

    def stop(self) -> None:
        """End the node in order, as a system service would."""
        if self._node is not None:
            self._node.terminate()
            self._node.wait(60)
            self._node = None

    def kill(self) -> None:
        """kill -9: the node gets no chance to write anything."""
        assert self._node is not None
        self._node.kill()
        self._node.wait(10)
        self._node = None

    def close(self) -> None:
        """Take down what was started here."""
        if self._node is not None:
            self.kill()
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd.wait(10)

    def waiting(self, queue: str) -> int:
        """How many messages wait in a queue."""
        with amqp.Connection(f"127.0.0.1:{self.port}") as connection:
            declared = connection.channel().queue_declare(queue, passive=True)
            assert declared is not None
            _, messages, _ = declared
            return int(messages)

    def _environment(self) -> dict[str, str]:
        folder = self.folder
        (folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\nlog.console.level = info\n"
        )
        (folder / "enabled_plugins").write_text("[].\n")
        inherited = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return inherited | {
            "HOME": str(folder),
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": self._name,
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none.conf"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "none.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_LOGS": "-",
            # The script then becomes the node itself instead of a shell around it, so that the
            # process id we hold is the node's.
            "detached": "1",
        }

    def _wait(self) -> None:
        assert self._node is not None
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._node.poll() is not None:
                break
            try:
                with amqp.Connection(f"127.0.0.1:{self.port}", connect_timeout=2):
                    return
            except (OSError, amqp.AMQPError):
                time.sleep(0.1)
        tail = self.log.read_text(errors="replace")[-2000:]
        msg = f"RabbitMQ did not start: {tail}"
        raise RuntimeError(msg)
