"""The neighbours of a log, for the demo: two witnesses and a time-stamping authority.

Outside the demo they belong to other people: whoever runs both ends proves nothing to anybody.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from services import tsa, witness
from services.kit import keyfiles
from services.kit.settings import Settings

WITNESSES = ("witness-1.example", "witness-2.example")


@contextmanager
def around(settings: Settings) -> Iterator[Settings]:
    """Run the neighbours while the block runs; yield settings that need every one of them.

    The authority's root is new each time; the roots of earlier times stay pinned, for what they
    stamped.

    Raises:
        witness.Unusable: a witness cannot use its folder.
        processes.StartFailed: a port is taken.
    """
    keyfiles.init(settings)
    with tsa.loopback() as clock, witness.beside(settings, WITNESSES) as asked:
        roots = _pinned(settings.demo_roots, clock.root_der)
        yield asked.model_copy(update={"tsa_urls": clock.url, "tsa_roots": roots})


def _pinned(path: Path, root_der: bytes) -> Path:
    with path.open("ab") as file:
        file.write(x509.load_der_x509_certificate(root_der).public_bytes(Encoding.PEM))
    return path
