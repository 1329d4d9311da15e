"""The main job as it happens: ask, enrol, answer, sign, refuse a forgery, review."""

from __future__ import annotations

import copy
import re
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from services.demo import answers
from services.demo.cast import Firm, Supply
from services.demo.http import NOT_FOUND, Answered, Api, Json, StoryBroken, Where, until
from services.demo.party import Party
from services.demo.supplier_file import supplier_file
from services.demo.world import World

PACKS = ("jp-aigb-core", "jp-flow-down", "jp-industrial")
_WORKERS = 6
_LOOKS_IN_SECONDS = 600.0
Tell = Callable[[str], None]


@dataclass
class Campaign:
    """What one customer asked: its requests by the slug of the supplier."""

    customer: Party
    requests: dict[str, Json]


@dataclass
class Story:
    """Everything that happened so far.

    Attributes:
        signed: the address of each logged submission, by (customer, supplier).
        refusals: what was refused and with which codes.
    """

    where: Where
    world: World
    tell: Tell
    progress: Callable[[str, int, int], None]
    parties: dict[str, Party] = field(default_factory=dict)
    campaigns: dict[str, Campaign] = field(default_factory=dict)
    signed: dict[tuple[str, str], Json] = field(default_factory=dict)
    refusals: dict[str, list[str]] = field(default_factory=dict)
    rejected_rows: list[Json] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _looks_in_at: float = field(default_factory=lambda: time.monotonic() + _LOOKS_IN_SECONDS)

    @property
    def requester(self) -> Party:
        """The manufacturer."""
        return self.parties[self.world.requester.slug]

    def party(self, firm: Firm) -> Party:
        """Return the firm's party, made when first met."""
        with self._lock:
            if firm.slug not in self.parties:
                self.parties[firm.slug] = Party(firm, Api(self.where))
            return self.parties[firm.slug]

    def requester_enrols(self, link: str, code: str) -> None:
        """The operator's invitation, the one step that is not public HTTP, is accepted."""
        party = self.party(self.world.requester)
        invitation = party.open_invitation(link)
        party.accept(link, code)
        party.enrol_key()
        inviter = invitation["requester_name"] or "the operator"
        self.tell(
            f"{party.firm.name} accepted the invitation of {inviter} and "
            f"enrolled its key {party.key.public.key_id[:12]}…"
        )

    def requester_imports(self) -> None:
        """The supplier file goes in as a dry run; the bad rows are told, the good ones kept."""
        api = self.requester.api
        content = supplier_file(self.world)
        answer = api.call(
            "POST",
            "/questionnaire/v1/imports",
            content=content,
            headers={"Content-Type": "text/csv"},
        )
        dry_run = dict(answer.json())
        self.rejected_rows = dry_run["rejected"]
        for row in self.rejected_rows:
            self.tell(f"line {row['line']}: {row['reason']['ja']} / {row['reason']['en']}")
        api.post(f"/questionnaire/v1/imports/{dry_run['id']}/confirm")
        self.tell(
            f"{len(content)} bytes of CP932: {dry_run['accepted']} suppliers kept, "
            f"{len({row['line'] for row in self.rejected_rows})} rows listed for correction"
        )
        by_mailbox = {f.mailbox: f.slug for f in self.world.firms.values()}
        for supplier in api.every("/questionnaire/v1/suppliers"):
            slug = by_mailbox[supplier["mailbox"]]
            self.requester.supplier_ids[slug] = supplier["id"]
            self.requester.link_ids[slug] = supplier["link"]["id"]

    def ask_down_the_chain(self) -> None:
        """The manufacturer asks; whoever enrols asks its own suppliers by the same calls."""
        asking = [(self.world.requester, self.world.first_tier)]
        asked: set[str] = set()
        tier = 1
        while asking:
            asked |= {firm.slug for firm, _ in asking}
            self._all(f"tier {tier}: asking", asking, lambda one: self._ask(*one))
            joining = [
                (self.campaigns[firm.slug], supply)
                for firm, supplies in asking
                for supply in supplies
                if self.world.firms[supply.supplier].manner != "silent"
            ]
            self._all(f"tier {tier}: enrolling", joining, lambda one: self._join(*one))
            self._all(f"tier {tier}: keys logged", joining, lambda one: self._confirm(*one))
            met = {supply.supplier: None for _, supply in joining}
            asking = [
                (firm, firm.supplies)
                for slug in met
                if (firm := self.world.firms[slug]).supplies and slug not in asked
            ]
            tier += 1
        self.tell(
            f"{sum(p.enrolled for p in self.parties.values())} firms enrolled; "
            f"{len(self.world.links())} signed requests in {len(self.campaigns)} campaigns"
        )

    def _ask(self, firm: Firm, supplies: tuple[Supply, ...]) -> None:
        party = self.party(firm)
        api = party.api
        for supply in supplies:
            if supply.supplier not in party.supplier_ids:
                self._record_supplier(party, supply)
        chosen = PACKS if firm is self.world.requester else PACKS[:2]
        versions = {p["id"]: p["version"] for p in api.every("/questionnaire/v1/packs")}
        questionnaire = api.post(
            "/questionnaire/v1/questionnaires",
            {
                "title": "AIの利用状況調査 / AI governance survey",
                "packs": [{"id": name, "version": versions[name]} for name in chosen],
                "selection": "all",
            },
        )
        campaign = api.post("/questionnaire/v1/campaigns", _campaign(party, questionnaire["id"]))
        prepared = api.post(
            f"/questionnaire/v1/campaigns/{campaign['id']}/prepare", party.signing("requester")
        )
        party.submit("request", [party.sign(prepared["payload"])], prepared)
        requests = until(
            lambda: self._issued(api, campaign["id"]), f"the requests of {firm.name} going out"
        )
        slugs = {id_: slug for slug, id_ in party.supplier_ids.items()}
        self.campaigns[firm.slug] = Campaign(
            party, {slugs[request["supplier_id"]]: request for request in requests}
        )

    @staticmethod
    def _issued(api: Api, campaign_id: str) -> list[Json] | None:
        if api.get(f"/questionnaire/v1/campaigns/{campaign_id}")["state"] != "issued":
            return None
        return api.every(f"/questionnaire/v1/campaigns/{campaign_id}/requests")

    def _record_supplier(self, party: Party, supply: Supply) -> None:
        firm = self.world.firms[supply.supplier]
        made = party.api.post(
            "/questionnaire/v1/suppliers",
            {
                "name": firm.name,
                "country": firm.country,
                "contact_name": firm.contact,
                "mailbox": firm.mailbox,
                "language": firm.language,
                "vendor_codes": [{"code": f"{len(party.supplier_ids) + 1:06d}"}],
                "dependency": supply.dependency,
                "pass_through": supply.pass_through,
            },
        )
        party.supplier_ids[firm.slug] = made["id"]
        party.link_ids[firm.slug] = made["link"]["id"]

    def _join(self, campaign: Campaign, supply: Supply) -> None:
        """One supplier accepts one customer's invitation; the code is told by telephone."""
        firm = self.world.firms[supply.supplier]
        request = campaign.requests[supply.supplier]
        party = self.party(firm)
        with party.enrolling:
            first = not party.enrolled
            party.open_invitation(request["invitation_link"])
            told = campaign.customer.api.post(
                f"/identity/v1/invitations/{request['invitation_id']}/told-code"
            )
            party.accept(request["invitation_link"], told["code"])
            if first:
                party.prove_key()
                party.first_of = campaign.customer.firm.slug

    def _confirm(self, campaign: Campaign, supply: Supply) -> None:
        """The customer reads the fingerprint back by telephone: a second channel."""
        party = self.parties[supply.supplier]
        with party.enrolling:
            party.wait_enrolled()
        if party.firm.key_confirmed or party.first_of != campaign.customer.firm.slug:
            campaign.customer.api.post(
                f"/attestation/v1/keys/{_quoted(party.key.public.key_id)}/confirmations",
                {"link_id": campaign.customer.link_ids[supply.supplier]},
            )

    def everybody_answers(self) -> None:
        """Every firm that is not silent answers each request once and signs."""
        jobs = [
            (self.campaigns[customer], supply)
            for customer, supply in self.world.links()
            if self.world.firms[supply.supplier].manner != "silent"
        ]
        self._all("answering and signing", jobs, lambda one: self._answer(*one))
        self._all("into the log", list(self.signed), self._wait)
        self.tell(f"{len(self.signed)} responses signed, logged and receipted")

    def _answer(self, campaign: Campaign, supply: Supply) -> None:
        party = self.parties[supply.supplier]
        prepared = self._prepare(campaign, party)
        bundles = [party.sign(one["payload"]) for one in prepared["statements"]]
        prepared["location"] = party.submit("response", bundles, prepared)
        with self._lock:
            self.signed[campaign.customer.firm.slug, supply.supplier] = prepared

    def _wait(self, link: tuple[str, str]) -> None:
        given = self.signed[link]
        given |= self.parties[link[1]].wait_logged(given["location"])

    def _prepare(self, campaign: Campaign, party: Party) -> Json:
        """Fill in the response document and have its statements prepared for signing."""
        request_id = campaign.requests[party.firm.slug]["id"]
        path = f"/questionnaire/v1/requests/{request_id}"
        request = until(lambda: _seen(party.api, path), f"the request to {party.firm.name}")
        answer = party.api.call("POST", f"{path}/response")
        made = dict(answer.json())
        where = f"/questionnaire/v1/responses/{made['id']}"
        document = answers.response(
            party.firm, request["questionnaire"]["questions"], self._sub_tier(party)
        )
        answer = party.api.call(
            "PUT", where, json=document, headers={"If-Match": answer.headers["etag"]}
        )
        if party.firm.ml_bom:
            party.api.call(
                "POST",
                f"{where}/components/ml-bom",
                content=(answers.DATA / "inspection.ml-bom.json").read_bytes(),
                headers={"Content-Type": "application/json"},
            )
        prepared = party.api.post(
            f"{where}/prepare", {**party.signing(), "locale": party.firm.language}
        )
        return {**prepared, "response_id": made["id"], "request": request}

    def _sub_tier(self, party: Party) -> Json:
        firm = party.firm
        if not firm.list_open:
            return {"declared": None, "open_totals": False, "entries": [], "undisclosed": {}}
        entries = [
            {
                "supplier_id": party.supplier_ids[supply.supplier],
                "dependency": supply.dependency,
                "visibility": supply.visibility,
                "pass_through": supply.pass_through,
            }
            for supply in firm.supplies
        ]
        undisclosed = {name: firm.undisclosed.count(name) for name in firm.undisclosed}
        return {
            "declared": "complete" if entries or undisclosed else "none",
            "open_totals": True,
            "entries": entries,
            "undisclosed": undisclosed,
        }

    def a_forgery_is_refused(self) -> None:
        """One firm signs another firm's statement, and a signed answer is changed: both refused."""
        victim, forger = self.parties["reiji-denso"], self.parties["muster-robotik"]
        prepared = self._prepare(self.campaigns[self.world.requester.slug], victim)
        bundles = [forger.sign(one["payload"]) for one in prepared["statements"]]
        self._expect_refusal("signed with another firm's key", victim, bundles, prepared)
        bundles = [victim.sign(one["payload"]) for one in prepared["statements"]]
        changed = copy.deepcopy(prepared)
        name = next(n for n in changed["documents"] if n.endswith(".answers.json"))
        document = changed["documents"][name]
        changed["documents"][name] = document[:-8] + document[-8:].swapcase()
        self._expect_refusal("an answers document changed after signing", victim, bundles, changed)

    def _expect_refusal(self, what: str, party: Party, bundles: list[Json], prepared: Json) -> None:
        try:
            party.submit("response", bundles, prepared)
        except Answered as refused:
            codes = [str(code) for code in refused.problem.get("codes", [])]
            self.refusals[what] = codes
            self.tell(f"{what}: {refused.status}, {', '.join(codes)}")
            if not codes:
                msg = f"{what}: refused without a code: {refused}"
                raise StoryBroken(msg) from refused
            return
        msg = f"{what} was accepted"
        raise StoryBroken(msg)

    def requester_reviews(self) -> None:
        """The manufacturer saw some evidence on site and signs that it did (L3)."""
        party = self.requester
        for firm in self.world.firms.values():
            if not firm.reviewed:
                continue
            given = self.signed[party.firm.slug, firm.slug]
            statement = next(s for s in given["statements"] if s["type"] == "ai-governance")
            questions = [q["id"] for q in given["request"]["questionnaire"]["questions"]]
            wish = {
                "statement_id": statement["statement_id"],
                "decisions": [
                    {"question": id_, "outcome": "evidence_checked"}
                    for id_ in questions
                    if id_ in ("Q-CORE-008", "Q-CORE-009", "Q-CORE-013")
                ],
                **party.signing("requester"),
            }
            # The log has it; the service of the asking hears of that a moment later.
            prepared = until(
                lambda: _found(
                    lambda: party.api.post("/questionnaire/v1/reviews/prepare", wish)  # noqa: B023
                ),
                f"the answers of {firm.name} on record",
            )
            location = party.submit("review", [party.sign(prepared["payload"])], prepared)
            party.wait_logged(location)
            self.tell(f"{party.firm.name} signed a review: evidence of {firm.name} seen on site")

    def _all(self, what: str, jobs: Iterable[object], work: Callable[..., None]) -> None:
        todo = list(jobs)
        with ThreadPoolExecutor(_WORKERS) as pool:
            for done, _ in enumerate(pool.map(work, todo), start=1):
                self.progress(what, done, len(todo))
                self._stay_logged_in()

    def _stay_logged_in(self) -> None:
        """A session nobody uses for half an hour ends, and a story of thousands lasts longer."""
        if time.monotonic() < self._looks_in_at:
            return
        self._looks_in_at = time.monotonic() + _LOOKS_IN_SECONDS
        with self._lock:
            parties = [party for party in self.parties.values() if party.api.session_token]
        for party in parties:
            party.api.token("questionnaire")


def _campaign(party: Party, questionnaire_id: str) -> Json:
    due = datetime.now(UTC).date() + timedelta(days=60)
    return {
        "title": f"AI {due.year} {party.firm.name}",
        "questionnaire_id": questionnaire_id,
        "all": True,
        "due_on": due.isoformat(),
        "purpose": "製品の安全と品質 / product safety and quality",
        "why": "AIの利用状況を把握し、取引先と対話するため / to know where AI is used and to talk",
        "clauses": ["C-7.1", "D-7.i", "P-7.i"],
        "viewers": ["調達部", "品質保証部"],
        "nda_basis": "basic-contract",
        "fair_dealing": {
            "subcontract_act": "undecided",
            "basis": "資本金区分を確認中 / size classes being checked",
            "effort_minutes": 90,
            "cost_offered": "費用のご相談を承ると書面で案内 / offered in writing",
            "explanation": "依頼の必要性と範囲を説明済み / need and scope were explained",
        },
    }


def _quoted(key_id: str) -> str:
    # Key ids are base64: a slash in one would end the path segment.
    return re.sub(r"[+/=]", lambda found: f"%{ord(found[0]):02X}", key_id)


def _seen(api: Api, path: str) -> Json | None:
    return _found(lambda: api.get(path))


def _found(ask: Callable[[], Json]) -> Json | None:
    try:
        return ask()
    except Answered as refused:
        if refused.status == NOT_FOUND:
            return None
        raise
