"""Where evidence bytes lie, in a folder and in an object store: the same promises."""

from __future__ import annotations

import hashlib
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.kit.db import new_id
from services.questionnaire.store.objects import (
    Bucket,
    Folder,
    MissingObject,
    Name,
    Objects,
    digest_of,
    open_objects,
)


@pytest.fixture(params=["folder", "memory", "local"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    if request.param == "folder":
        return open_objects(None, tmp_path / "evidence")
    pytest.importorskip("obstore")
    if request.param == "memory":
        return open_objects("memory:///", None)
    return open_objects(tmp_path.as_uri(), None)


def name_of(content: bytes) -> Name:
    return Name(new_id(), hashlib.sha256(content).hexdigest())


def test_what_was_put_is_read_back_listed_and_removed(objects: Objects) -> None:
    content = os.urandom(700_000)
    name = name_of(content)
    objects.put(name, io.BytesIO(content))
    assert b"".join(objects.read(name)) == content
    assert digest_of(objects, name) == (name.sha256, len(content))
    assert list(objects.names()) == [name]
    objects.remove(name)
    objects.remove(name)
    assert list(objects.names()) == []
    with pytest.raises(MissingObject):
        next(objects.read(name))


def test_the_same_bytes_twice_are_one_object_and_two_owners_have_two(objects: Objects) -> None:
    name = name_of(b"x")
    for _ in range(2):
        objects.put(name, io.BytesIO(b"x"))
    other = Name(new_id(), name.sha256)
    objects.put(other, io.BytesIO(b"x"))
    objects.remove(name)
    assert list(objects.names()) == [other]


class Broken(io.BytesIO):
    """A source that ends with an error in the middle."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() > 0:
            raise OSError("gone")
        return super().read(10)


def test_a_put_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    objects = Folder(tmp_path)
    with pytest.raises(OSError, match="gone"):
        objects.put(name_of(b"y"), Broken(b"y" * 100))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_put_is_on_the_disk_before_it_has_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    real_sync, real_replace = os.fsync, Path.replace

    def sync(handle: int) -> None:
        said.append("sync folder" if Path(f"/proc/self/fd/{handle}").is_dir() else "sync file")
        real_sync(handle)

    def replace(path: Path, target: Path) -> Path:
        said.append("rename")
        return real_replace(path, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "replace", replace)
    Folder(tmp_path / "new").put(name_of(b"z"), io.BytesIO(b"z"))
    assert said[-3:] == ["sync file", "rename", "sync folder"]
    assert said[:-3] == ["sync folder"] * 3  # each folder that had to be made


def test_files_are_the_owners_alone(tmp_path: Path) -> None:
    Folder(tmp_path / "e").put(name := name_of(b"z"), io.BytesIO(b"z"))
    path = tmp_path / "e" / name.key
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_half_written_file_of_a_crash_has_no_name(tmp_path: Path) -> None:
    folder = tmp_path / str(new_id()) / "ab"
    folder.mkdir(parents=True)
    (folder / f".{'ab' * 32}.0001").write_bytes(b"half")
    (folder / "notes.txt").write_bytes(b"not ours")
    assert list(Folder(tmp_path).names()) == []


def test_what_else_lies_in_a_bucket_is_not_ours() -> None:
    obstore = pytest.importorskip("obstore")
    store = obstore.store.MemoryStore()
    obstore.put(store, "notes.txt", b"not ours")
    assert list(Bucket(store).names()) == []


def test_an_object_store_that_is_away_is_an_os_error() -> None:
    obstore = pytest.importorskip("obstore")

    class Away:
        """No store at all."""

    def refuse(*_: Any, **__: Any) -> Iterator[Any]:
        raise obstore.exceptions.GenericError("away")

    bucket = Bucket(Away())
    with pytest.MonkeyPatch.context() as patch:
        for each in ("put", "get", "delete", "list"):
            patch.setattr(obstore, each, refuse)
        name = name_of(b"x")
        for use in (
            lambda: bucket.put(name, io.BytesIO(b"x")),
            lambda: next(bucket.read(name)),
            lambda: bucket.remove(name),
            lambda: next(bucket.names()),
        ):
            with pytest.raises(OSError, match="GenericError"):
                use()


def test_an_address_without_the_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(LookupError, match="extra s3"):
        open_objects("s3://bucket/prefix", None)


def test_an_s3_address_gives_a_bucket() -> None:
    pytest.importorskip("obstore")
    assert isinstance(open_objects("s3://bucket/prefix", None), Bucket)
