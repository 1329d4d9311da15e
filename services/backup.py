"""`renshod backup` and `renshod restore`: the whole database in one file, as of one moment.

A backup is a gzipped tar: `<service>/<table>.copy` (PostgreSQL's COPY text, columns as listed),
`evidence/<path>` where evidence is kept in a folder, and `manifest.json` with the revision of each
schema, the columns, and the digest of every other member. The schema itself is not in it: the
migrations of this build make it, so a backup of an older release, or of another PostgreSQL,
restores too. Private keys and the guard file are never in it: a backup that could sign would be
worth stealing, and a guard that is restored with its database guards nothing.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import psycopg
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy.engine import make_url

from services.kit import clock
from services.kit.settings import SERVICES, Settings, secret
from services.migrate import ROOT, migrate
from services.parts import tables

FORMAT = 1
_MANIFEST = "manifest.json"
_EVIDENCE = "evidence/"
_CHUNK = 1 << 20
# In memory up to here, then on disk: a table's length stands before its bytes in a tar.
_SPOOL = 32 << 20
Say = Callable[[str], None]
_Connection = psycopg.Connection[tuple[Any, ...]]


class BackupRefused(Exception):
    """It cannot be backed up or restored like this; the text says what to do."""


@dataclass(frozen=True)
class Member:
    """One file of a backup: a table with its `columns`, or a file of evidence without any."""

    name: str
    sha256: str
    columns: tuple[str, ...] = ()

    @property
    def table(self) -> tuple[str, str]:
        """Schema and table."""
        service, _, name = self.name.removesuffix(".copy").partition("/")
        return service, name


@dataclass(frozen=True)
class Manifest:
    """What a backup holds: schema revision by service, and its members in the order to restore."""

    format: int
    made_at: str
    log_origin: str
    revisions: dict[str, str]
    members: tuple[Member, ...]


def backup(settings: Settings, file: Path, say: Say = lambda _: None) -> Manifest:
    """Write everything as of one moment to `file`, mode 0600; the system may go on working.

    Args:
        settings: of this deployment; the admin URL must be set.
        file: must not exist yet. It appears whole or not at all.
        say: told what is being written.

    Raises:
        BackupRefused: the file exists, or a service has a database of its own.
        psycopg.Error: the database is away, or its admin may not read every row.
    """
    _refuse_scattered()
    if file.exists():
        raise BackupRefused(f"{file} exists already")
    draft = file.with_name(file.name + ".partial")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as out:
            with tarfile.open(fileobj=out, mode="w:gz", compresslevel=1) as archive:
                made = _write(settings, archive, say)
            out.flush()
            os.fsync(out.fileno())
        draft.rename(file)
    finally:
        draft.unlink(missing_ok=True)
    return made


def restore(settings: Settings, file: Path, say: Say = lambda _: None) -> Manifest:
    """Bring a backup into an empty database: every byte of it is checked before the first write.

    A crash on the way leaves empty tables and some files, over which the same backup restores.

    Raises:
        BackupRefused: the file is damaged, not ours or of a newer release, or the database or the
            evidence folder is in use.
        psycopg.Error: the database is away.
    """
    _refuse_scattered()
    say("checking the backup")
    manifest = _checked(file)
    _refuse_newer(manifest)
    say("making the tables")
    for service in SERVICES:
        found = _revision(settings, service)
        if found not in (None, manifest.revisions[service]):
            raise BackupRefused(
                f"{service} is at revision {found}, the backup at {manifest.revisions[service]}:"
                " restore into a database that was just created"
            )
        migrate(settings, (service,), manifest.revisions[service])
    _restore_evidence(settings, file, manifest, say)
    with _admin(settings) as connection:
        _read(connection, file, manifest, say)
    say("bringing the tables up to date")
    migrate(settings)
    return manifest


def _refuse_scattered() -> None:
    own = [name for name in SERVICES if secret(f"{name.upper()}_DATABASE_URL")]
    if own:
        raise BackupRefused(
            f"{own[0]} has a database of its own: one snapshot cannot span several,"
            " use your server's own tools (docs/runbook.md)"
        )


@contextmanager
def _admin(settings: Settings) -> Iterator[_Connection]:
    assert settings.database_url is not None, "everything.database names one"
    url = make_url(settings.database_url.get_secret_value()).set(drivername="postgresql")
    plain = url.render_as_string(hide_password=False)
    # Without this option, rows that a policy hides would be missing in silence.
    with psycopg.connect(plain, options="-c row_security=off") as connection:
        yield connection


def _write(settings: Settings, archive: tarfile.TarFile, say: Say) -> Manifest:
    members: list[Member] = []
    with _admin(settings) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        revisions = {service: _newest(connection, service) for service in SERVICES}
        for service in SERVICES:
            for table in tables(service):
                say(f"{service}: {table}")
                columns = _columns(connection, service, table)
                with tempfile.SpooledTemporaryFile(max_size=_SPOOL) as held:
                    with connection.cursor().copy(_copy(service, table, columns, "TO STDOUT")) as c:
                        for part in c:
                            held.write(bytes(part))
                    members.append(_add(archive, f"{service}/{table}.copy", held, columns))
    # After the snapshot: evidence is only ever added, so whatever a row names is there by now.
    members += _write_evidence(settings, archive, say)
    made = Manifest(
        FORMAT, clock.rfc3339(clock.now()), settings.log_origin, revisions, tuple(members)
    )
    body = json.dumps(asdict(made), indent=1).encode()
    _add(archive, _MANIFEST, io.BytesIO(body))
    return made


def _write_evidence(settings: Settings, archive: tarfile.TarFile, say: Say) -> Iterator[Member]:
    folder = settings.evidence_dir
    if folder is None or not folder.is_dir():
        return
    say("evidence")
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as held:
                yield _add(archive, _EVIDENCE + path.relative_to(folder).as_posix(), held)


def _add(
    archive: tarfile.TarFile, name: str, held: IO[bytes], columns: tuple[str, ...] = ()
) -> Member:
    size = held.seek(0, io.SEEK_END)
    held.seek(0)
    digest = _digest(held)
    held.seek(0)
    header = tarfile.TarInfo(name)
    header.size, header.mode = size, 0o600
    archive.addfile(header, held)
    return Member(name, digest, columns)


def _columns(connection: _Connection, service: str, table: str) -> tuple[str, ...]:
    rows = connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = %s"
        " AND table_name = %s AND is_generated = 'NEVER' ORDER BY ordinal_position",
        [service, table],
    ).fetchall()
    return tuple(str(row[0]) for row in rows)


def _copy(service: str, table: str, columns: tuple[str, ...], how: str) -> sql.Composed:
    return sql.SQL("COPY {} ({}) " + how).format(
        sql.Identifier(service, table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )


def _newest(connection: _Connection, service: str) -> str:
    query = sql.SQL("SELECT version_num FROM {}").format(sql.Identifier(service, "alembic_version"))
    row = connection.execute(query).fetchone()
    assert row is not None, "a migrated schema"
    return str(row[0])


def _revision(settings: Settings, service: str) -> str | None:
    with _admin(settings) as connection:
        row = connection.execute(
            "SELECT to_regclass(%s)::text", [f"{service}.alembic_version"]
        ).fetchone()
        return None if row is None or row[0] is None else _newest(connection, service)


def _checked(file: Path) -> Manifest:
    """Read a backup from end to end and hold every member against the manifest."""
    seen: dict[str, str] = {}
    manifest: Manifest | None = None
    try:
        with tarfile.open(file, mode="r|gz") as archive:
            for header in archive:
                held = archive.extractfile(header)
                if held is None:
                    raise BackupRefused(f"{file}: {header.name} is no file")
                if header.name == _MANIFEST:
                    manifest = _manifest(held.read())
                    continue
                seen[header.name] = _digest(held)
    except (tarfile.TarError, OSError, EOFError, ValueError, TypeError, KeyError) as why:
        raise BackupRefused(f"{file} is no whole backup: {why}") from why
    if manifest is None or manifest.format != FORMAT:
        raise BackupRefused(f"{file} is no backup of this program")
    if seen != {one.name: one.sha256 for one in manifest.members}:
        raise BackupRefused(f"{file} is damaged: a member differs from the manifest")
    return manifest


def _manifest(body: bytes) -> Manifest:
    value = json.loads(body)
    members = tuple(
        Member(one["name"], one["sha256"], tuple(one["columns"])) for one in value.pop("members")
    )
    return Manifest(**value, members=members)


def _refuse_newer(manifest: Manifest) -> None:
    for service in SERVICES:
        config = Config(str(ROOT / "alembic.ini"), ini_section=service)
        known = {one.revision for one in ScriptDirectory.from_config(config).walk_revisions()}
        if manifest.revisions.get(service) not in known:
            raise BackupRefused(f"the backup was made by a newer release ({service})")


def _read(connection: _Connection, file: Path, manifest: Manifest, say: Say) -> None:
    """Fill the tables, all in one transaction, in an order that foreign keys allow."""
    ours = {(service, table) for service in SERVICES for table in tables(service)}
    wanted = {one.name: one for one in manifest.members if one.columns}
    if strange := [one.name for one in wanted.values() if one.table not in ours]:
        raise BackupRefused(f"the backup holds {strange[0]}, which is no table of ours")
    for one in wanted.values():
        _refuse_rows(connection, *one.table)
    with tarfile.open(file, mode="r|gz") as archive:
        for header in archive:
            if header.name not in wanted:
                continue
            one, held = wanted[header.name], archive.extractfile(header)
            assert held is not None, "checked before"
            say(one.name.removesuffix(".copy").replace("/", ": "))
            order = _copy(*one.table, one.columns, "FROM STDIN")
            with connection.cursor().copy(order) as into:
                while part := held.read(_CHUNK):
                    into.write(part)
            _set_sequences(connection, *one.table)


def _refuse_rows(connection: _Connection, service: str, table: str) -> None:
    name = sql.Identifier(service, table)
    # Held until the end: nobody may begin to write beside us.
    connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(name))
    row = connection.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(name)).fetchone()
    if row is None or row[0]:
        raise BackupRefused(f"{service}.{table} holds rows: restore into an empty database")


def _set_sequences(connection: _Connection, service: str, table: str) -> None:
    """Let numbering go on behind the greatest number restored."""
    for column in _columns(connection, service, table):
        row = connection.execute(
            "SELECT pg_get_serial_sequence(%s, %s)", [f'"{service}"."{table}"', column]
        ).fetchone()
        if row is None or row[0] is None:
            continue
        query = sql.SQL("SELECT setval({}, max({})) FROM {} HAVING max({}) IS NOT NULL").format(
            sql.Literal(row[0]),
            sql.Identifier(column),
            sql.Identifier(service, table),
            sql.Identifier(column),
        )
        connection.execute(query)


def _restore_evidence(settings: Settings, file: Path, manifest: Manifest, say: Say) -> None:
    wanted = {one.name: one for one in manifest.members if one.name.startswith(_EVIDENCE)}
    if not wanted:
        return
    say("evidence")
    folder = settings.evidence_dir
    if folder is None:
        raise BackupRefused("the backup holds evidence files, and no evidence folder is set")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tarfile.open(file, mode="r|gz") as archive:
        for header in archive:
            if (one := wanted.get(header.name)) is None:
                continue
            header.name = header.name.removeprefix(_EVIDENCE)
            there = folder / header.name
            if there.exists() and _sha256(there) != one.sha256:
                raise BackupRefused(f"{there} is there already, and is another file")
            # The filter refuses a path that leads out of the folder.
            archive.extract(header, folder, filter="data")


def _sha256(path: Path) -> str:
    with path.open("rb") as held:
        return _digest(held)


def _digest(held: IO[bytes]) -> str:
    found = hashlib.sha256()
    while part := held.read(_CHUNK):
        found.update(part)
    return found.hexdigest()
