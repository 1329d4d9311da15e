"""The manufacturer's supplier file: CP932, CRLF, Japanese headings, two rows that are wrong."""

from __future__ import annotations

import csv
import io

from services.demo.answers import DATA
from services.demo.world import World, corporate_number

_DEPENDENCY = {"minor": "小", "moderate": "中", "major": "大", "critical": "最重要"}


def supplier_file(world: World) -> bytes:
    """Return the bundled file, with a row for each further firm asked directly."""
    bundled = (DATA / "suppliers.csv").read_bytes()
    present = bundled.decode("cp932")
    rows = io.StringIO(newline="")
    writer = csv.writer(rows, lineterminator="\r\n")
    for number, supply in enumerate(world.first_tier, start=1):
        firm = world.firms[supply.supplier]
        if firm.mailbox in present:
            continue
        writer.writerow(
            [
                f"{number:010d}",
                firm.name,
                firm.country,
                corporate_number(firm) or "",
                firm.contact,
                firm.mailbox,
                firm.language,
                _DEPENDENCY[supply.dependency],
                "",
                "",
                "",
            ]
        )
    return bundled + rows.getvalue().encode("cp932")
