"""A log as its operator shows it over HTTP: honest, unless a test says otherwise."""

from __future__ import annotations

import json
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from rensho import log_access, merkle, strict_base64
from rensho.errors import VerificationError
from rensho.monitor import claims

from tests.client.deployment import Log, World

TOKEN = "good-token"


@dataclass
class Shown:
    """What is shown of a world's logs; `instead` answers a path in another way."""

    world: World
    url: str = ""
    instead: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    log: Log | None = None

    @property
    def logs(self) -> dict[str, Log]:
        found = {log.origin: log for log in (*self.world.past, self.world.log)}
        newest = self.log or self.world.log
        return found | {newest.origin: newest, "": newest}

    def answer(self, path: str, authorization: str) -> tuple[int, bytes]:
        self.asked.append(path)
        if path in self.instead:
            return self.instead[path]
        parts = path.removeprefix("/log/").split("/")
        if parts[0] == "proof":
            return self._proof(parts[1])
        origin = parts.pop(0) if parts[0] in self.logs else ""
        log = self.logs[origin]
        if parts == ["checkpoint"]:
            return 200, log.heads[len(log.leaves)]
        if parts[1] == "entries" and not self._may_read(authorization, log):
            return 401, b"{}"
        return self._tile(log, parts[1], "/".join(parts[2:]))

    def _may_read(self, authorization: str, log: Log) -> bool:
        try:
            witnesses = self.world.deployment().witnesses or self.world.witnesses
            log_access.check(authorization, witnesses, log.origin, self.world.now)
        except VerificationError:
            return authorization == f"Bearer {TOKEN}"
        return True

    @staticmethod
    def _tile(log: Log, level: str, path: str) -> tuple[int, bytes]:
        name, _, width = path.partition(".p/")
        number = int(name.replace("x", "").replace("/", ""))
        leaves = log.leaves[number * 256 : number * 256 + int(width or 256)]
        if len(leaves) < int(width or 256):
            return 404, b"{}"
        if level == "entries":
            return 200, b"".join(struct.pack(">H", len(leaf)) + leaf for leaf in leaves)
        return 200, b"".join(map(merkle.leaf_hash, leaves))

    def _proof(self, statement_id: str) -> tuple[int, bytes]:
        for log in self.logs.values():
            for index, leaf in enumerate(log.leaves):
                if (claim := claims(leaf)) and claim[1] == statement_id:
                    return 200, self.proof_of(log, index)
        return 404, b"{}"

    @staticmethod
    def proof_of(log: Log, index: int, size: int | None = None) -> bytes:
        size = len(log.leaves) if size is None else size
        hashes = list(map(merkle.leaf_hash, log.leaves[:size]))
        return json.dumps(
            {
                "origin": log.origin,
                "index": index,
                "size": size,
                "hashes": [
                    strict_base64.encode(one) for one in merkle.inclusion_proof(hashes, index, size)
                ],
                "checkpoint": log.heads[size].decode(),
            }
        ).encode()


@contextmanager
def serving(shown: Shown) -> Iterator[Shown]:
    """Show it on a free loopback port while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = shown.answer(self.path, self.headers.get("Authorization", ""))
            self.send_response(status)
            if status == 302:
                self.send_header("Location", body.decode())
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        shown.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield shown
        finally:
            server.shutdown()
            thread.join()
