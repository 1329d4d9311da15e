"""Write `contracts/vectors`: every exhibit to its file, and nothing else stays there."""

from __future__ import annotations

import sys

from tests.client.museum import VECTORS, exhibits


def main() -> int:
    written = set()
    for name, exhibit in exhibits().items():
        path = VECTORS / exhibit.folder / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(exhibit.file())
        written.add(path)
    for stray in set(VECTORS.glob("*/*.json")) - written:
        stray.unlink()
    size = sum(path.stat().st_size for path in written)
    sys.stdout.write(f"{len(written)} vectors, {size / 1e6:.1f} MB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
