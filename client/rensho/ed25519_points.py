"""Which 32 bytes are an Ed25519 point worth trusting (RFC 8032 section 5.1.3)."""

from __future__ import annotations

from typing import Final

from rensho.errors import VerificationError

_P: Final = 2**255 - 19
_D: Final = -121665 * pow(121666, -1, _P) % _P
_SQRT_MINUS_1: Final = pow(2, (_P - 1) // 4, _P)
_COFACTOR_DOUBLINGS: Final = 3


def refuse_weak(raw: bytes) -> None:
    """Raise `key.algorithm_not_allowed` for a non-canonical encoding, no point, or low order."""
    encoded = int.from_bytes(raw, "little")
    sign, y = encoded >> 255, encoded & (2**255 - 1)
    if y >= _P:
        raise VerificationError("key.algorithm_not_allowed", "Ed25519 encoding is not canonical")
    x = _recover_x(y, sign)
    for _ in range(_COFACTOR_DOUBLINGS):
        x, y = _double(x, y)
    if (x, y) == (0, 1):
        raise VerificationError("key.algorithm_not_allowed", "Ed25519 point of low order")


def _recover_x(y: int, sign: int) -> int:
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _SQRT_MINUS_1 % _P
    if (x * x - square) % _P:
        raise VerificationError("key.algorithm_not_allowed", "Ed25519 key is not a curve point")
    if x == 0 and sign:
        raise VerificationError("key.algorithm_not_allowed", "Ed25519 encoding is not canonical")
    return x if x & 1 == sign else _P - x


def _double(x: int, y: int) -> tuple[int, int]:
    twist = _D * x * x * y * y
    return (
        2 * x * y * pow(1 + twist, -1, _P) % _P,
        (y * y + x * x) * pow(1 - twist, -1, _P) % _P,
    )
