"""The life of a response over HTTP, as steps that any system test can join: ask, delegate, answer
half by Excel and half by API, sign, send back, correct, open to a second customer, take back.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import openpyxl

from services.demo.cast import Firm
from services.demo.http import Answered, Api, Json, Where, until
from services.demo.party import Party
from services.kit import clock
from services.questionnaire.actions.excel import MEDIA_TYPE

ASK = "/questionnaire/v1"
PACKS = ("jp-aigb-core", "jp-flow-down", "jp-industrial")
CORE, FLOW = "company/jp-aigb-core", "company/jp-flow-down"
CHECKING = {"state": "checking"}


def firm(slug: str, name: str) -> Firm:
    return Firm(slug, name, "JP", "見本 花子")


@dataclass
class Asked:
    """One customer's request to the supplier, seen from both ends."""

    customer: Party
    supplier_id: str
    link_id: str
    request: Json

    @property
    def path(self) -> str:
        return f"{ASK}/requests/{self.request['id']}"


@dataclass
class Life:
    """Everybody in the story, and what they hold."""

    where: Where
    supplier: Party = field(init=False)
    mailbox: str = ""

    def __post_init__(self) -> None:
        self.supplier = Party(firm("kakuu-buhin", "架空部品株式会社"), Api(self.where))
        self.mailbox = self.supplier.firm.mailbox

    def customer(self, name: str, slug: str, link: str, code: str) -> Party:
        """A customer that the operator invited, with its key in the log."""
        party = Party(firm(slug, name), Api(self.where))
        party.accept(link, code)
        party.enrol_key()
        return party

    def ask(self, customer: Party) -> Asked:
        """A customer records the supplier and sends it the starter set, signed."""
        api = customer.api
        made = api.post(
            f"{ASK}/suppliers",
            {
                "name": self.supplier.firm.name,
                "country": "JP",
                "contact_name": "見本 花子",
                "mailbox": self.mailbox,
                "language": "ja",
                "dependency": "major",
            },
        )
        versions = {pack["id"]: pack["version"] for pack in api.every(f"{ASK}/packs")}
        body = {
            "title": "AI利用状況調査",
            "packs": [{"id": name, "version": versions[name]} for name in PACKS],
            "selection": "starter",
        }
        questionnaire = api.post(f"{ASK}/questionnaires", body)
        campaign = api.post(f"{ASK}/campaigns", _campaign(questionnaire["id"]))
        path = f"{ASK}/campaigns/{campaign['id']}"
        prepared = api.post(f"{path}/prepare", customer.signing("requester"))
        sign(customer, "request", prepared)
        (request,) = until(
            lambda: api.every(f"{path}/requests") if _issued(api, path) else None, "requests"
        )
        return Asked(customer, made["id"], made["link"]["id"], request)

    def name_another_contact(self, asked: Asked, mailbox: str) -> None:
        """Whoever holds the link names a colleague of the same firm, before any code."""
        handle = asked.request["invitation_link"].rsplit("/", 1)[-1]
        body = {"name": "見本 次郎", "mailbox": mailbox}
        self.supplier.api.raw("POST", f"{ASK}/invitations/{handle}/contact", json=body)
        until(
            lambda: (
                True
                if self.supplier.open_invitation(asked.request["invitation_link"])["mailbox_hint"][
                    :1
                ]
                == mailbox[:1]
                else None
            ),
            "the invitation under its new mailbox",
        )

    def join(self, asked: Asked) -> None:
        """The supplier accepts an invitation; the customer confirms its key by telephone."""
        supplier, api = self.supplier, asked.customer.api
        first = not supplier.enrolled
        supplier.open_invitation(asked.request["invitation_link"])
        told = api.post(f"/identity/v1/invitations/{asked.request['invitation_id']}/told-code")
        supplier.accept(asked.request["invitation_link"], told["code"])
        # Enrolled again for a later link: the event then vouches on that one too.
        self.vouch(asked)
        assert first or supplier.org_id

    def vouch(self, asked: Asked) -> None:
        """The supplier enrols its key; its customer confirms it."""
        supplier, api = self.supplier, asked.customer.api
        until(lambda: there(supplier.api, asked.path), "the request at its supplier")
        supplier.enrol_key()
        key = quote(supplier.key.public.key_id, safe="")
        until(lambda: _confirmed(api, key, asked.link_id), "the key at its customer")

    def draft(self, asked: Asked, **fields: Any) -> Json:
        """The supplier's draft, saved with its ticks and one AI component."""
        opened = self.supplier.api.call("POST", f"{asked.path}/response")
        document = {
            **opened.json()["document"],
            "pre_screen": {"embedded": "none", "process": "yes", "customer_data": "none"},
            **fields,
        }
        return self.save(opened.json()["id"], document, opened.json()["version"])

    def save(self, response_id: str, document: Json, version: int) -> Json:
        path, tag = f"{ASK}/responses/{response_id}", {"If-Match": f'"{version}"'}
        return dict(self.supplier.api.call("PUT", path, json=document, headers=tag).json())

    def delegate(self, draft: Json, section: str) -> Api:
        """Pass a section on; the colleague joins by link and code. Returns their side."""
        api = self.supplier.api
        mailbox = f"it@{self.supplier.firm.slug}.example"
        language = self.supplier.firm.language
        told = {"mailbox": mailbox, "name": "見本 三郎", "language": language}
        given = {**told, "sections": [section]}
        made = api.post(f"{ASK}/responses/{draft['id']}/delegations", given)
        handle = made["link"].rsplit("/", 1)[-1]
        path = f"/identity/v1/invitations/{handle}"
        colleague = Api(self.where)
        until(lambda: _there(colleague, path), "the colleague's invitation")
        body = {"code": self.code_for(mailbox, handle, made["delegation"]["id"])}
        joined = colleague.raw(
            "POST", f"{path}/accept", json=body, headers={"X-Rensho-Client": "api"}
        )
        assert joined.status_code == 201, joined.text
        colleague.session_token = joined.json()["session_token"]
        return colleague

    def code_for(self, mailbox: str, handle: str, invitation_id: str) -> str:
        """The one-use code of a colleague, told by the member who passed the section on."""
        del mailbox, handle
        told = self.supplier.api.post(f"/identity/v1/invitations/{invitation_id}/told-code")
        return str(told["code"])

    def answer_section(self, colleague: Api, answers: Json) -> Json:
        """A colleague fills in what was passed on and hands it back."""
        colleague.token("questionnaire")
        (mine,) = colleague.get(f"{ASK}/delegations")["items"]
        path = f"{ASK}/delegations/{mine['id']}"
        version = colleague.get(path)["version"]
        tag = {"If-Match": f'"{version}"'}
        done = colleague.call("PUT", path, json={"answers": answers}, headers=tag)
        colleague.post(f"{path}/return")
        return dict(done.json())

    def answer_by_excel(self, response_id: str, filled: dict[str, str]) -> Json:
        """Take the workbook out, fill in states of the company's questions, take it back in."""
        api, path = self.supplier.api, f"{ASK}/responses/{response_id}/workbook"
        book = openpyxl.load_workbook(io.BytesIO(api.call("GET", path).content))
        for row in book["Company"].iter_rows(max_col=8):
            if row[0].value in filled:
                row[5].value = filled[str(row[0].value)]
        out = io.BytesIO()
        book.save(out)
        headers = {"Content-Type": MEDIA_TYPE}
        told = api.call("POST", path, content=out.getvalue(), headers=headers).json()
        assert len(told["changes"]) == len(filled)
        assert (told["conflicts"], told["problems"]) == (0, [])
        return self.save(response_id, told["document"], told["version"])

    def sign(self, response_id: str) -> Json:
        """Sign the draft as it is, and wait until the log holds all of it."""
        body = {**self.supplier.signing(), "locale": "ja"}
        prepared = self.supplier.api.post(f"{ASK}/responses/{response_id}/prepare", body)
        sign(self.supplier, "response", prepared)
        return prepared

    def review(self, asked: Asked, statement_id: str, decisions: list[Json]) -> None:
        """The customer decides, signs and hands in."""
        body = {
            **asked.customer.signing("requester"),
            "statement_id": statement_id,
            "decisions": decisions,
        }
        prepared = asked.customer.api.post(f"{ASK}/reviews/prepare", body)
        sign(asked.customer, "review", prepared)

    def wait_state(self, asked: Asked, state: str) -> None:
        api = asked.customer.api
        until(lambda: api.get(asked.path)["state"] == state or None, f"the request being {state}")

    def grant(self, asked: Asked, offer: Json) -> str:
        """Open one of one's signed statements to a further customer; returns the grant."""
        body = {
            **self.supplier.signing(),
            "statement_id": offer["statement_id"],
            "request_id": asked.request["id"],
            "questions": offer["questions"],
            "not_after": clock.rfc3339(clock.now() + timedelta(days=90)),
        }
        prepared = self.supplier.api.post("/attestation/v1/grants/prepare", body)
        sign(self.supplier, "grant", prepared)
        return str(prepared["statement_id"])

    def withdraw(self, statement_id: str) -> None:
        """Take a statement of one's own back."""
        body = {
            **self.supplier.signing(),
            "statement_id": statement_id,
            "effect": "retracted",
            "reason": "開示を終了いたします",
        }
        prepared = self.supplier.api.post("/attestation/v1/withdrawals/prepare", body)
        sign(self.supplier, "withdrawal", prepared)


def sign(party: Party, kind: str, prepared: Json) -> None:
    """Sign everything that was handed out, submit it whole, and wait for the log."""
    payloads = [one["payload"] for one in prepared.get("statements", [prepared])]
    bundles = [party.sign(payload) for payload in payloads]
    party.wait_logged(party.submit(kind, bundles, prepared))


def judged(customer: Party) -> Json:
    """The customer's facts, as a snapshot freezes them now."""
    made = customer.api.post("/risk/v1/snapshots")
    path = f"/risk/v1/snapshots/{made['id']}"
    until(lambda: customer.api.get(path)["state"] == "logged" or None, "a snapshot")
    return dict(json.loads(customer.api.call("GET", f"{path}/facts").content))


def there(api: Api, path: str) -> Json | None:
    """What stands at a path, None while nothing does."""
    try:
        return api.get(path)
    except Answered:
        return None


def _there(api: Api, path: str) -> Json | None:
    answer = api.raw("GET", path)
    return dict(answer.json()) if answer.is_success else None


def _issued(api: Api, path: str) -> bool:
    return bool(api.get(path)["state"] == "issued")


def _confirmed(api: Api, key: str, link_id: str) -> Json | None:
    try:
        return api.post(f"/attestation/v1/keys/{key}/confirmations", {"link_id": link_id})
    except Answered as refused:
        return {} if refused.urn == "keys/confirmed-already" else None


def _campaign(questionnaire_id: str) -> Json:
    return {
        "title": "AI利用状況調査",
        "questionnaire_id": questionnaire_id,
        "all": True,
        "due_on": (clock.now().date() + timedelta(days=60)).isoformat(),
        "purpose": "製品の安全と品質の確認",
        "why": "お取引先の皆様にAIの利用状況をお伺いしております。",
        "viewers": ["調達部", "品質保証部"],
        "nda_basis": "basic-contract",
        "fair_dealing": {
            "subcontract_act": "undecided",
            "basis": "資本金区分を確認中",
            "effort_minutes": 45,
            "cost_offered": "書面で案内",
            "explanation": "説明会で趣旨を説明",
        },
    }
