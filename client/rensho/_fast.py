"""The extra `fast`: msgspec takes over where it can be shown to answer as the slow way would.

Without the extra, and for whatever is not canonical, these functions answer `NOTHING` and the slow
way goes on: it alone refuses, with its codes. So the extra changes how long an answer takes and
never which answer it is.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from types import ModuleType

NOTHING: Final = object()
"""What these functions return where the slow way has to tell; None is a JSON value."""


@cache
def _codec() -> ModuleType | None:
    """Load the functions that need msgspec; None where it is not installed."""
    try:
        from rensho import _fast_msgspec  # noqa: PLC0415 - an extra, and not free to import
    except ImportError:
        return None
    return _fast_msgspec


def read(data: bytes) -> Any:
    """Return the value of a canonical JSON text, as `strict_json.loads` would."""
    codec = _codec()
    return NOTHING if codec is None else codec.read(data, NOTHING)


def write(value: Any) -> Any:
    """Return the RFC 8785 form of a value, as `jcs.dumps` would."""
    codec = _codec()
    return NOTHING if codec is None else codec.write(value, NOTHING)


def read_bundle(data: bytes) -> Any:
    """Return the `_fast_msgspec.File` of a bundle in canonical form, its base64 decoded."""
    codec = _codec()
    return NOTHING if codec is None else codec.read_bundle(data, NOTHING)
