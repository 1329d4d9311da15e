"""From the certificate that signed a token to the root that Trust pins."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from rensho import timestamps, trust

from services.tsa import DemoAuthority
from tests.client.certificates import Authority, p256
from tests.client.deployment import START, World
from tests.client.refused import refused
from tests.client.stamps import authority, token
from tests.client.test_timestamps import MESSAGE, stamping

FIRST, SECOND = authority(), authority("second")


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def test_a_chain_leads_from_the_signer_to_the_pinned_root() -> None:
    made = token(MESSAGE, START, FIRST)
    assert timestamps.chain(made, [FIRST.root_der]) == (_der(FIRST.certificate), FIRST.root_der)


def test_of_two_roots_with_one_name_the_one_that_signed_is_taken() -> None:
    assert FIRST.root.subject == SECOND.root.subject
    for pinned in ([FIRST.root_der, SECOND.root_der], [SECOND.root_der, FIRST.root_der]):
        assert timestamps.chain(token(MESSAGE, START, SECOND), pinned)[-1] == SECOND.root_der


def test_a_pinned_signer_is_a_chain_of_one() -> None:
    own = _der(FIRST.certificate)
    assert timestamps.chain(token(MESSAGE, START, FIRST), [own]) == (own,)


def test_certificates_between_may_be_pinned_as_well() -> None:
    root = Authority.root()
    below = root.below()
    made = stamping(root=below)
    assert timestamps.chain(made, [below.der, root.der])[1:] == (below.der,)


def test_a_stranger_has_no_chain() -> None:
    with refused("timestamp.untrusted"):
        timestamps.chain(token(MESSAGE, START, FIRST), [SECOND.root_der])
    with refused("timestamp.untrusted"):
        timestamps.chain(token(MESSAGE, START, FIRST), [])


def test_a_signer_that_signed_itself_and_is_not_pinned_has_no_chain() -> None:
    key = p256()
    root = Authority.root(key)
    alone = DemoAuthority(root.certificate, root.certificate, key)
    with refused("timestamp.untrusted"):
        timestamps.chain(token(MESSAGE, START, alone), [FIRST.root_der])


def test_what_is_no_token_has_none() -> None:
    with refused("timestamp.encoding_unsupported"):
        timestamps.chain(b"no token", [FIRST.root_der])


def test_the_sigstore_view_names_the_authorities_in_use_and_the_other_roots() -> None:
    world = World()
    believed = world.trust(tsa=(FIRST.root_der, SECOND.root_der))
    chain = timestamps.chain(token(MESSAGE, START, FIRST), [FIRST.root_der])
    assert trust.trusted_root(believed, [chain]).count(b'"certChain"') == 2
    assert trust.trusted_root(believed, [chain]) != trust.trusted_root(believed)
    stranger = (FIRST.root_der,)
    assert trust.trusted_root(world.trust(), [stranger]) == trust.trusted_root(world.trust())
