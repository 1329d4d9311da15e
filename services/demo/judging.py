"""The second half of the story: the risk per tier, the ERP, the auditor's files."""

from __future__ import annotations

import csv
import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from rensho import archive

from services.demo.http import Api, Json, StoryBroken, Where, until
from services.demo.story import Story

CSV_COLUMNS = ("vendor_code", "name", "tier", "score", "band", "coverage", "as_of", "snapshot")


@dataclass
class Judged:
    """A finished snapshot and what it says."""

    snapshot: Json
    facts: bytes
    results: bytes

    @property
    def said(self) -> Json:
        """The results document, read."""
        return dict(json.loads(self.results))


def take_snapshot(story: Story) -> Judged:
    """Have the risk judged once everything that happened has been heard of.

    Raises:
        StoryBroken: a signed response does not count in it.
    """
    until(
        lambda: _all_heard(story.where),
        "what happened to be heard of everywhere",
        60.0 + len(story.signed),
    )
    api = story.requester.api
    made = api.post("/risk/v1/snapshots")
    path = f"/risk/v1/snapshots/{made['id']}"
    snapshot = _wait_logged(api, path, 60.0 + len(story.signed))
    facts = api.call("GET", f"{path}/facts").content
    if not _complete(story, json.loads(facts)):
        msg = "some signed responses never reached the risk service"
        raise StoryBroken(msg)
    return Judged(snapshot, facts, api.call("GET", f"{path}/results").content)


def _all_heard(where: Where) -> bool | None:
    # Twice: what one service does on an event may be said after that service was counted.
    return True if where.on_the_way() == 0 and where.on_the_way() == 0 else None


def _wait_logged(api: Api, path: str, seconds: float) -> Json:
    return until(lambda: _logged(api, path), "the snapshot in the log", seconds)


def _logged(api: Api, path: str) -> Json | None:
    snapshot = api.get(path)
    return snapshot if snapshot["state"] == "logged" else None


def _complete(story: Story, facts: Json) -> bool:
    requester = story.requester
    expected = {
        requester.supplier_ids[slug]
        for customer, slug in story.signed
        if customer == requester.firm.slug
    }
    declared = {link["supplier"] for link in facts["direct"] if link["declaration"] is not None}
    deeper = {key for key in story.signed if key[0] != requester.firm.slug}
    return len(declared) >= len(expected) and (not deeper or bool(facts["deeper"]))


@dataclass
class Erp:
    """The requester's ERP: a machine client that may read scores and nothing else."""

    where: Where
    client_id: str
    secret: str

    def pull(self) -> tuple[list[Json], Json]:
        """Pull every score and the per-tier table, as an ERP would at night."""
        api = Api(self.where)
        answer = api.raw(
            "POST",
            "/identity/v1/token",
            data={"grant_type": "client_credentials", "audience": "risk"},
            auth=(self.client_id, self.secret),
        )
        answer.raise_for_status()
        api.client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        scores = api.every("/risk/v1/suppliers")
        tiers = api.get("/risk/v1/tiers")
        code = next(s["vendor_codes"][0] for s in scores if s.get("vendor_codes"))
        found = api.every("/risk/v1/suppliers", vendor_code=code)
        if [s["vendor_codes"][0] for s in found] != [code]:
            msg = f"the ERP asked for vendor code {code} and got {len(found)} firms"
            raise StoryBroken(msg)
        refused = api.raw("GET", "/questionnaire/v1/suppliers")
        if refused.status_code not in (401, 403):
            msg = f"a score key read supplier records: {refused.status_code}"
            raise StoryBroken(msg)
        return scores, tiers


def erp_pulls(story: Story) -> tuple[list[Json], Json]:
    """Make the machine client and pull with it."""
    made = story.requester.api.post(
        "/identity/v1/machine-clients", {"name": "ERP", "scopes": ["risk:scores.read"]}
    )
    return Erp(story.where, made["id"], made["secret"]).pull()


def write_files(story: Story, judged: Judged, scores: list[Json], out: Path) -> dict[str, Path]:
    """Leave what auditor and ERP need (`interfaces.md`); returns the response zips by firm."""
    api = story.requester.api
    (out / "responses").mkdir(parents=True, exist_ok=True)
    (out / "bundles").mkdir(exist_ok=True)
    zips = {}
    for (customer, slug), given in sorted(story.signed.items()):
        reader = story.parties[customer].api
        name = f"{given['response_id']}.rensho.zip"
        content = reader.call("GET", f"/attestation/v1/responses/{name}").content
        (out / "responses" / name).write_bytes(content)
        if customer == story.world.requester.slug:
            zips[slug] = out / "responses" / name
        for entry, data in archive.read(content).items():
            if entry.endswith(".sigstore.json"):
                (out / "bundles" / entry).write_bytes(data)
    for name in ("trust.json", "trusted_root.json"):
        content = api.raw("GET", f"/attestation/v1/{name}").raise_for_status().content
        (out / name).write_bytes(content)
    (out / "facts.json").write_bytes(judged.facts)
    (out / "snapshot.rensho.zip").write_bytes(snapshot_zip(api, judged))
    write_csv(scores, out / "risk.csv")
    return zips


def snapshot_zip(api: Api, judged: Judged) -> bytes:
    """Join the evidence, which the log's service holds, with the documents, which risk holds."""
    entries = archive.read(evidence(api, judged))
    for kind, data in (("facts", judged.facts), ("results", judged.results)):
        entries[f"{hashlib.sha256(data).hexdigest()}.{kind}.json"] = data
    return archive.write(entries)


def evidence(api: Api, judged: Judged) -> bytes:
    """Return the archive of a snapshot's evidence alone."""
    name = f"{judged.snapshot['statement_id']}.rensho.zip"
    return api.call("GET", f"/attestation/v1/statements/{name}").content


def write_csv(scores: list[Json], path: Path, columns: tuple[str, ...] = CSV_COLUMNS) -> None:
    """Write scores as the ERP's CSV: UTF-8 with BOM, CRLF."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(columns)
        for score in scores:
            row = {**score, "vendor_code": next(iter(score.get("vendor_codes") or []), "")}
            writer.writerow("" if row.get(c) is None else row[c] for c in columns)


def verify_offline(story: Story, zips: dict[str, Path], out: Path) -> list[str]:
    """Verify the manufacturer's response files in fresh processes that know no server.

    Returns:
        One line per file.
    """
    told = []
    requests = story.campaigns[story.world.requester.slug].requests
    for slug in list(zips)[:3]:
        expected = out / "responses" / f"{slug}.request.json"
        request = story.parties[slug].api.get(f"/questionnaire/v1/requests/{requests[slug]['id']}")
        expected.write_text(
            json.dumps({"requestId": request["id"], "nonce": request["nonce"]}), encoding="utf-8"
        )
        verdict = _rensho(
            "verify",
            str(zips[slug]),
            "--trust",
            str(out / "trust.json"),
            "--audience",
            f"urn:rensho:org:{story.requester.org_id}",
            "--request",
            str(expected),
            "--json",
        )
        told.append(f"{story.world.firms[slug].name}: {_parts(json.loads(verdict))}")
    return told


def _parts(verdict: Json) -> str:
    """Say the six parts of a verdict.

    Raises:
        StoryBroken: one of them is not VALID; the exit code would let NOT_REQUIRED pass.
    """
    parts = dict(verdict["parts"])
    if set(parts.values()) != {"VALID"}:
        msg = f"an offline verification left something open: {parts} {verdict['codes']}"
        raise StoryBroken(msg)
    return f"VALID in {', '.join(parts)}"


def replay_offline(out: Path) -> str:
    """Recompute the snapshot in a fresh process with the second implementation of RM-1."""
    snapshot = str(out / "snapshot.rensho.zip")
    trust = str(out / "trust.json")
    _rensho("verify", snapshot, "--trust", trust, "--any", "audience,request")
    _rensho("replay", str(out / "facts.json"), "--expect", snapshot)
    return "the snapshot verifies, and a second program recomputes the same numbers from its facts"


def _rensho(*arguments: str) -> str:
    """Run the client as a process of its own.

    Raises:
        StoryBroken: it did not exit 0.
    """
    done = subprocess.run(  # noqa: S603 (our own interpreter, our own arguments)
        [sys.executable, "-m", "rensho.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if done.returncode:
        msg = f"rensho {arguments[0]} ended with {done.returncode}: {done.stdout}{done.stderr}"
        raise StoryBroken(msg)
    return done.stdout
