"""Steps 16 and 17: to whom it was opened, what was asked, about which component and goods."""

from __future__ import annotations

import uuid
from typing import Any

from rensho import blocks, disclosure, dsse, sign
from rensho.documents import Scope
from rensho.entries import Reader
from rensho.keys import PrivateKey

from tests.client.deployment import DAY, Party, World, org
from tests.client.museum import Shown, bad, good
from tests.client.museum.scenes import (
    expecting,
    lacking,
    plain,
    resubmitted,
    shown,
)
from tests.client.responses import Answered


@bad("not-opened-to-anybody", 16, "context.not_opened", "No audience entry was handed over.")
def _() -> Shown:
    done = plain()
    for one in done.ids:
        del done.world.opened[one]["audience"]
    return shown(done)


@bad("opened-to-somebody-else", 16, "context.audience", "One customer's answer is not another's.")
def _() -> Shown:
    return shown(plain(reader={"org": org()}))


@bad("readers-time-is-over", 16, "context.audience", "A reader's time ends.", "whole-response")
def _() -> Shown:
    done = plain()
    return shown(done, now=done.world.now + 250 * DAY)


@bad("answer-to-another-request", 16, "context.nonce", "The nonce is of the reader's own request.")
def _() -> Shown:
    return shown(plain(reader={"nonce": disclosure.fresh_salt()}))


@bad("nonce-of-no-request-in-hand", 16, "context.nonce", "With ANY the request in hand decides.")
def _() -> Shown:
    done = plain(reader={"nonce": disclosure.fresh_salt()})
    return shown(done, expect={})


@good("public-answer", 16, "What is public is opened to everybody.")
def _() -> Shown:
    done = plain(answering={"audience": "public"})
    for one in done.ids:
        del done.world.opened[one]["audience"]
    return shown(done)


def log_grant(
    done: Answered,
    further: Party,
    *,
    by: Party | None = None,
    target: int = 0,
    answers: tuple[str, ...] | None = None,
    common: dict[str, Any] | None = None,
    **entry: Any,
) -> str:
    """Log a grant of one statement to a further reader; return its id."""
    world, who = done.world, by or done.world.supplier
    values: dict[str, Any] = {
        "org": further.org,
        "request_id": str(uuid.UUID(int=7)),
        "nonce": "A" * 22,
        "onward": "none",
        "not_after": world.now + 100 * DAY,
    }
    block, texts = blocks.audience([Reader(**values | entry)])
    held = world.opened[done.ids[target]]["answers"]
    payload = sign.grant(
        world.common(who, **common or {}),
        statement_id=done.ids[target],
        audience=block,
        answers=[disclosure.digest(one) for one in held] if answers is None else answers,
    )
    (found,) = world.record((dsse.sign(who.key, payload), who.key))
    world.opened[found] = {"audience": texts}
    return found


FURTHER = {"request_id": str(uuid.UUID(int=7)), "nonce": "A" * 22}


def two_customers() -> tuple[Answered, Party]:
    """One customer was answered; a further one also stands for the supplier's key."""
    world = World()
    further = Party(PrivateKey.generate(), ("requester",))
    world.log.publish(world.now)
    world.key_event(world.requester)
    world.key_event(further)
    vouchers = [world.voucher(), world.voucher(by=further.org)]
    world.key_event(world.supplier, vouchers=vouchers)
    return plain(world), further


def granted(**how: Any) -> Shown:
    """What the further customer is handed: the component statement, and the grant of it."""
    done, further = two_customers()
    log_grant(done, further, **how)
    return to_further(done, further)


def to_further(done: Answered, further: Party, *, declared: bool = False, **how: Any) -> Shown:
    opened, hidden = done.world.opened, [done.asked.statement_id]
    if not declared:
        hidden.append(done.ids[-1])
    for one in done.ids:
        opened[one].pop("audience", None)
    for one in hidden:
        del opened[one]
    files: dict[str, bytes | None] = {f"{one}.sigstore.json": None for one in hidden}
    files |= {f"{one}.promise.json": None for one in hidden}
    expect = {"audience": further.org, "request": FURTHER}
    return shown(done, files=files, expect=expect, **how)


@good("granted", 16, "A component statement, granted to a further customer on its own request.")
def _() -> Shown:
    return granted()


@bad("grant-of-declaration", 16, "context.grant", "A declaration is never granted.", "granted")
def _() -> Shown:
    done, further = two_customers()
    log_grant(done, further, target=-1)
    return to_further(done, further, declared=True)


@bad(
    "grant-replayed-for-other-nonce", 16, "context.grant", "A grant is for one request.", "granted"
)
def _() -> Shown:
    return granted(nonce="B" * 21 + "A")


@bad("grant-run-out", 16, "context.grant", "A grant's reader has a time too.", "granted")
def _() -> Shown:
    done, further = two_customers()
    log_grant(done, further, not_after=done.world.now - DAY)
    return to_further(done, further)


@bad("grant-past-its-validity", 16, "context.grant", "A grant is valid for as long as it says.")
def _() -> Shown:
    done, further = two_customers()
    log_grant(done, further, common={"not_after": done.world.now + DAY})
    return to_further(done, further, now=done.world.now + 2 * DAY)


@bad("grant-by-another-firm", 16, "context.grant", "Who made a statement may grant it.", "granted")
def _() -> Shown:
    done, further = two_customers()
    other = Party(PrivateKey.generate(), ("responsible-officer",))
    done.world.key_event(other, vouchers=[done.world.voucher(by=further.org)])
    log_grant(done, further, by=other)
    return to_further(done, further)


@bad("grant-withdrawn", 16, "context.grant", "A grant may be taken back.", "granted")
def _() -> Shown:
    done, further = two_customers()
    world = done.world
    payload = sign.withdrawal(
        world.common(world.supplier),
        statement_id=log_grant(done, further),
        effect="retracted",
        reason="granted to the wrong firm",
    )
    world.record((dsse.sign(world.supplier.key, payload), world.supplier.key))
    return to_further(done, further)


@bad("grant-listed-as-withdrawn", 16, "context.grant", "The same, told by the status list alone.")
def _() -> Shown:
    done, further = two_customers()
    done.world.list_status(retracted=[log_grant(done, further)])
    return to_further(done, further)


@bad("grant-of-fewer-answers", 16, "context.grant", "Opened is what was granted.", "granted")
def _() -> Shown:
    return granted(answers=())


@bad(
    "grant-by-a-revoked-key", 16, "context.grant", "A grant stands on its signer's key.", "granted"
)
def _() -> Shown:
    done, further = two_customers()
    done.world.key_event(done.world.supplier, "revoke", reason="ceased")
    log_grant(done, further)
    return to_further(done, further)


@bad("grant-to-somebody-else", 16, "context.not_opened", "A grant to another opens nothing to me.")
def _() -> Shown:
    done, further = two_customers()
    log_grant(done, Party(PrivateKey.generate(), ("requester",)))
    return to_further(done, further)


@bad("question-nobody-asked", 17, "context.questionnaire", "Answered is what was asked.")
def _() -> Shown:
    return shown(plain(questions=("Q-CORE-999",)))


@bad("pack-of-another-version", 17, "context.questionnaire", "Packs are named by digest.")
def _() -> Shown:
    def bend(value: dict[str, Any]) -> None:
        value["predicate"]["questionnaire"]["packs"][0]["sha256"] = "0" * 64

    return shown(resubmitted(bend))


@bad("another-questionnaire", 17, "context.questionnaire", "The request's questionnaire decides.")
def _() -> Shown:
    return shown(resubmitted(lambda v: v["predicate"]["questionnaire"].update(digest="0" * 64)))


@bad("not-the-questions-expected", 17, "context.questionnaire", "The reader asked for others.")
def _() -> Shown:
    done = plain()
    asked = {"questions": ["Q-CORE-001"], "packs": []}
    return shown(done, expect=expecting(done, questionnaire=asked))


@bad("questionnaire-left-out", 17, "content.missing", "What is to be compared must be in hand.")
def _() -> Shown:
    done = plain()
    asked = {"questions": ["Q-CORE-001"], "packs": []}
    return lacking(done, ".questionnaire.json", expect=expecting(done, questionnaire=asked))


@bad("another-component", 17, "context.component", "Nothing is said about the one expected.")
def _() -> Shown:
    done = plain()
    return shown(done, expect=expecting(done, component="robot-9"))


@bad("descriptor-left-out", 17, "context.component", "Without its descriptor: about what?")
def _() -> Shown:
    return lacking(plain(), ".descriptor.json")


def scoped(scope: Scope, line: str) -> Shown:
    done = plain(scope=scope)
    return shown(done, expect=expecting(done, line=line))


@good("scope-names-the-line", 17, "The declaration is about the goods of this link.")
def _() -> Shown:
    return scoped(Scope(goods=("cameras",)), "cameras")


@bad(
    "scope-of-other-goods", 17, "context.scope", "A declaration about other goods is about others."
)
def _() -> Shown:
    return scoped(Scope(goods=("lamps",)), "cameras")


@bad(
    "scope-of-other-products", 17, "context.scope", "The same, of products.", "scope-names-the-line"
)
def _() -> Shown:
    return scoped(Scope(kind="products", products=("lamp 3",)), "cameras")
