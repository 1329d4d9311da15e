"""A time-stamping authority made of `openssl ts`: the one in the tests that is not ours."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
_CONFIG = """
[tsa]
serial = serial
default_policy = 1.2.3.4
digests = sha256
signer_digest = {digest}
ess_cert_id_alg = sha256
"""


def openssl(
    folder: Path, arguments: str, *, check: bool = True
) -> subprocess.CompletedProcess[bytes]:
    """Run the program in `folder`."""
    return subprocess.run(
        ["openssl", *arguments.split()], cwd=folder, check=check, capture_output=True, timeout=60
    )


@dataclass(frozen=True)
class OpensslTsa:
    """Its keys and certificates are files in `folder`."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> OpensslTsa:
        """Make a root and a certificate under it for time-stamps."""
        (folder / "use").write_text("extendedKeyUsage = critical, timeStamping\n")
        (folder / "serial").write_text("01\n")
        openssl(folder, f"req -x509 {_KEY} -keyout root.key -out root.pem -subj /CN=foreign-root")
        openssl(folder, f"req {_KEY} -keyout tsa.key -out tsa.csr -subj /CN=foreign-tsa")
        signed = "-CA root.pem -CAkey root.key -CAcreateserial -extfile use"
        openssl(folder, f"x509 -req -in tsa.csr {signed} -out tsa.pem")
        return cls(folder)

    @property
    def root_der(self) -> bytes:
        root = x509.load_pem_x509_certificate((self.folder / "root.pem").read_bytes())
        return root.public_bytes(Encoding.DER)

    def answer(self, request: bytes, *, chain: bool = False, digest: str = "sha256") -> bytes:
        """Answer a request; with `chain` the root goes into the token too, in no order."""
        (self.folder / "tsa.cnf").write_text(_CONFIG.format(digest=digest))
        (self.folder / "query.tsq").write_bytes(request)
        signed = "-signer tsa.pem -inkey tsa.key" + (" -chain root.pem" if chain else "")
        openssl(
            self.folder,
            f"ts -reply -queryfile query.tsq {signed} -config tsa.cnf -section tsa -out reply.tsr",
        )
        return (self.folder / "reply.tsr").read_bytes()

    def holds(self, response: bytes, message: bytes) -> bool:
        """Whether OpenSSL itself believes a response."""
        (self.folder / "reply.tsr").write_bytes(response)
        (self.folder / "message").write_bytes(message)
        said = openssl(
            self.folder, "ts -verify -in reply.tsr -data message -CAfile root.pem", check=False
        )
        return said.returncode == 0
