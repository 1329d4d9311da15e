"""The generated half of `contracts/`: each service's OpenAPI, and one AsyncAPI page of all events.

Made from the code and the event schemas alone, without a database; `make check` fails on a diff.
"""

from __future__ import annotations

import json
import secrets
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml
from pydantic import SecretStr

from services.kit import keyfiles
from services.kit.auth import Issuer
from services.kit.outbox import CONTRACTS
from services.kit.settings import SERVICES, Settings
from services.parts import beside, log_part, part


def openapi_documents() -> dict[str, dict[str, Any]]:
    """Return the OpenAPI document of each service, and of the log, by name."""
    with tempfile.TemporaryDirectory() as folder:
        # The apps ask for keys and a database URL when they are wired; neither shows in the
        # document, and no connection is opened.
        settings = Settings(
            data_dir=Path(folder) / "data",
            keys_dir=Path(folder) / "keys",
            database_url=SecretStr(f"postgresql://nobody@127.0.0.1:1/{secrets.token_hex(4)}"),
            clock=None,
        )
        keyfiles.init(settings)
        issuer = Issuer(lambda: {"keys": []})
        documents = {name: part(name).web(settings, issuer).openapi() for name in SERVICES}
        documents["log"] = log_part().log_app(settings, issuer).openapi()
        for name in SERVICES:
            for prefix, app in beside(name, settings, issuer).items():
                documents[prefix.split("/")[2]] = app.openapi()
        return documents


def asyncapi_document() -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document: who says each event and who hears it, from the schemas."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for path in sorted((CONTRACTS / "events").glob("*.json")):
        name = path.stem
        schema = json.loads(path.read_bytes())
        channels[name] = {
            "address": name,
            "description": schema["description"],
            "messages": {name: {"contentType": "application/json", "payload": {"$ref": path.name}}},
        }
        for action, services in (
            ("send", [schema["x-producer"]]),
            ("receive", schema["x-consumers"]),
        ):
            for service in services:
                operations[f"{service}.{action}.{name}"] = {
                    "action": action,
                    "channel": {"$ref": f"#/channels/{name}"},
                    "tags": [{"name": service}],
                }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Events between the services of Rensho",
            "version": "1",
            "description": (
                "Each event leaves its service through the outbox of the transaction that made it "
                "true and enters another through the inbox of its effect: at least once on the "
                "wire, once in effect, in no promised order. Queue of a subscriber: rensho.<name>."
            ),
        },
        "channels": channels,
        "operations": operations,
    }


def files() -> dict[Path, str]:
    """Return what each generated file under `contracts/` must contain."""
    texts = {
        CONTRACTS / "openapi" / f"{name}.json": json.dumps(
            document, indent=1, ensure_ascii=False, sort_keys=True
        )
        + "\n"
        for name, document in openapi_documents().items()
    }
    page = yaml.safe_dump(asyncapi_document(), sort_keys=False, allow_unicode=True, width=100)
    return texts | {CONTRACTS / "events" / "asyncapi.yaml": page}


def drifted() -> list[Path]:
    """Return the generated files that differ from what the code says, and those left over."""
    wanted = files()
    differing = [
        path
        for path, text in wanted.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    return differing + [
        path for path in (CONTRACTS / "openapi").glob("*.json") if path not in wanted
    ]


def main() -> int:
    """Write the files (`python -m services.contracts`), or compare only (`--check`)."""
    if "--check" in sys.argv[1:]:
        found = drifted()
        for path in found:
            print(f"contract drift: {path.relative_to(CONTRACTS.parent)}; run `make contracts`")  # noqa: T201
        return 1 if found else 0
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
