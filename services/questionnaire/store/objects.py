"""Where the bytes of evidence lie: content-addressed, one object per owner and digest.

Two owners with the same file keep two objects: one shared object would tell each that the other
has it, by the time an upload takes and by what is left after a deletion.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Protocol
from uuid import UUID

_CHUNK: Final = 256 * 1024
_KEY: Final = re.compile(r"([0-9a-f-]{36})/[0-9a-f]{2}/([0-9a-f]{64})")


class MissingObject(Exception):
    """A name with no bytes behind it."""


@dataclass(frozen=True, slots=True)
class Name:
    """Whose bytes, and their lowercase hex sha256."""

    org: UUID
    sha256: str

    @property
    def key(self) -> str:
        """The name as a path without a leading slash."""
        return f"{self.org}/{self.sha256[:2]}/{self.sha256}"


class Objects(Protocol):
    """A place for bytes. What `put` returned from survives a crash and a power cut."""

    def put(self, name: Name, content: IO[bytes]) -> None:
        """Keep all of `content` under its name; the same name again is the same bytes again.

        Raises:
            OSError: the place is away or full; nothing is kept under the name.
        """

    def read(self, name: Name) -> Iterator[bytes]:
        """Yield the bytes kept under a name; raises `MissingObject` at the first step."""

    def remove(self, name: Name) -> None:
        """Forget a name; one that is not there is already forgotten."""

    def names(self) -> Iterator[Name]:
        """Yield every name that is kept, in no order."""


class Folder:
    """Objects as files below one folder (`<owner>/<first two>/<sha256>`)."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, name: Name, content: IO[bytes]) -> None:
        """See `Objects.put`."""
        path = self.root / name.key
        self._make_folders(path.parent)
        # A crash before the rename leaves a dotted file that no name leads to; after it, but
        # before the folder is synced, the rename may be lost, and the caller has promised nothing.
        part = path.with_name(f".{name.sha256}.{secrets.token_hex(4)}")
        try:
            with part.open("xb") as file:
                part.chmod(0o600)
                shutil.copyfileobj(content, file, _CHUNK)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        _sync(path.parent)

    def read(self, name: Name) -> Iterator[bytes]:
        """See `Objects.read`."""
        try:
            file = (self.root / name.key).open("rb")
        except FileNotFoundError as why:
            raise MissingObject(name.key) from why
        with file:
            while chunk := file.read(_CHUNK):
                yield chunk

    def remove(self, name: Name) -> None:
        """See `Objects.remove`."""
        (self.root / name.key).unlink(missing_ok=True)

    def names(self) -> Iterator[Name]:
        """See `Objects.names`."""
        for path in self.root.glob("*/*/*"):
            if found := _named(path.relative_to(self.root).as_posix()):
                yield found

    def _make_folders(self, folder: Path) -> None:
        missing = [each for each in (folder, *folder.parents) if not each.exists()]
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for made in reversed(missing):
            _sync(made.parent)


class Bucket:
    """Objects in an object store that `obstore` reaches (extra `s3`).

    Credentials come from where the provider's own tools look for them (`AWS_*`).
    """

    def __init__(self, store: Any) -> None:
        self._store = store

    def put(self, name: Name, content: IO[bytes]) -> None:
        """See `Objects.put`; the provider keeps a whole object or none."""
        import obstore  # noqa: PLC0415 - an extra

        with _as_os_error():
            obstore.put(self._store, name.key, content)

    def read(self, name: Name) -> Iterator[bytes]:
        """See `Objects.read`."""
        import obstore  # noqa: PLC0415 - an extra

        with _as_os_error():
            try:
                found = obstore.get(self._store, name.key)
            except FileNotFoundError as why:
                raise MissingObject(name.key) from why
            for chunk in found.stream(min_chunk_size=_CHUNK):
                yield bytes(chunk)

    def remove(self, name: Name) -> None:
        """See `Objects.remove`."""
        import obstore  # noqa: PLC0415 - an extra

        with _as_os_error(), contextlib.suppress(FileNotFoundError):
            obstore.delete(self._store, name.key)

    def names(self) -> Iterator[Name]:
        """See `Objects.names`."""
        import obstore  # noqa: PLC0415 - an extra

        with _as_os_error():
            for batch in obstore.list(self._store):
                for each in batch:
                    if found := _named(each["path"]):
                        yield found


def open_objects(url: str | None, folder: Path | None) -> Objects:
    """Return the place that is set: the object store at `url`, else the folder.

    Raises:
        LookupError: `url` is set and the extra `s3` is not installed.
    """
    if url is None:
        assert folder is not None
        return Folder(folder)
    try:
        from obstore.store import from_url  # noqa: PLC0415 - an extra
    except ImportError as why:
        raise LookupError("RENSHO_EVIDENCE_URL needs the extra s3: rensho-server[s3]") from why
    return Bucket(from_url(url))


def digest_of(objects: Objects, name: Name) -> tuple[str, int]:
    """Return (sha256, size) of what is really kept under a name. Raises `MissingObject`."""
    hashed, size = hashlib.sha256(), 0
    for chunk in objects.read(name):
        hashed.update(chunk)
        size += len(chunk)
    return hashed.hexdigest(), size


def _named(key: str) -> Name | None:
    found = _KEY.fullmatch(key)
    return Name(UUID(found[1]), found[2]) if found else None


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _as_os_error() -> Iterator[None]:
    from obstore.exceptions import BaseError  # noqa: PLC0415 - an extra

    try:
        yield
    except BaseError as why:
        raise OSError(f"the object store refused: {type(why).__name__}") from why
