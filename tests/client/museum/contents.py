"""Steps 22 and 23: documents, evidence, disclosures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rensho import disclosure, jcs, strict_base64, strict_json
from rensho.documents import DeclarationDocument, SubTier
from rensho.entries import EvidenceSeen, SubTierEntry
from rensho.salted import sha256
from rensho.strict_json import loads

from tests.client.deployment import START, enrolled, org
from tests.client.museum import Shown, bad, good
from tests.client.museum.scenes import lacking, plain, shown, signed_anew
from tests.client.responses import FILE, REPORT, Answered, prepare


def swapped(done: Answered, suffix: str, content: bytes) -> Shown:
    """Another content under the digest that was signed."""
    (name, *_) = (name for name in done.world.files if name.endswith(suffix))
    return shown(done, files={name: content})


@bad("answers-swapped", 22, "answers.digest", "The answers are the ones signed for.")
def _() -> Shown:
    return swapped(plain(), ".answers.json", b"{}")


@bad("descriptor-swapped", 22, "descriptor.digest", "The component is the one signed for.")
def _() -> Shown:
    return swapped(plain(), ".descriptor.json", b"{}")


@bad("declaration-document-swapped", 22, "descriptor.digest", "So is what was declared.")
def _() -> Shown:
    return swapped(plain(), ".declaration.json", b"{}")


@bad("questionnaire-swapped", 17, "descriptor.digest", "So is what was asked.")
def _() -> Shown:
    return swapped(plain(), ".questionnaire.json", b"{}")


@good("evidence-in-hand", 22, "The file behind an answer has the digest and size signed for.")
def _() -> Shown:
    return shown(plain(evidence=FILE))


@good("evidence-seen-on-site", 22, "Seen on site: there is no copy to compare.")
def _() -> Shown:
    seen = EvidenceSeen("QA-7", "2", START.date(), "auditor", "test report")
    return shown(plain(evidence=seen))


@bad("evidence-swapped", 22, "evidence.digest", "A file swapped after review shows.")
def _() -> Shown:
    return swapped(plain(evidence=FILE), ".evidence", b"another report")


@bad("evidence-of-another-size", 22, "evidence.digest", "Its size was signed too.")
def _() -> Shown:
    return shown(plain(evidence=replace(FILE, size=len(REPORT) + 1)))


@bad("evidence-left-out", 22, "content.missing", "What is not in hand was not compared.")
def _() -> Shown:
    return lacking(plain(evidence=FILE), ".evidence")


@bad("answers-left-out", 22, "content.missing", "The same, of the answers.", "whole-response")
def _() -> Shown:
    return lacking(plain(), ".answers.json")


def opened(done: Answered, which: int, kind: str, change: Any) -> Shown:
    """What was disclosed of one statement, changed."""
    texts = done.world.opened[done.ids[which]]
    texts[kind] = tuple(change(texts.get(kind, ())))
    return shown(done)


@bad("answer-made-up", 23, "disclosure.unknown", "What opens was hidden there before.")
def _() -> Shown:
    text, _ = disclosure.make({"question": "Q-CORE-001", "state": "answered", "value": "no"})
    return opened(plain(), 0, "answers", lambda _: [text])


@bad("answer-changed", 23, "disclosure.unknown", "A disclosure is what was hashed.")
def _() -> Shown:
    def change(texts: Any) -> list[str]:
        salt, name, value = loads(strict_base64.decode_url(texts[0]))
        return [disclosure.make(value | {"value": "no"}, salt=salt, name=name)[0]]

    return opened(plain(), 0, "answers", change)


@bad("disclosure-twice", 23, "disclosure.duplicate", "Each is opened once.")
def _() -> Shown:
    return opened(plain(), 0, "answers", lambda texts: texts * 2)


@bad("disclosure-with-stray-bits", 23, "disclosure.unknown", "It has one spelling.")
def _() -> Shown:
    return opened(plain(), 0, "answers", lambda texts: [f"{texts[0]}="])


@bad("disclosure-of-another-kind", 23, "disclosure.unknown", "A request has no answers.")
def _() -> Shown:
    done = plain()
    done.world.opened[done.asked.statement_id]["answers"] = ("e30",)
    return shown(done)


@bad("disclosure-of-nothing-in-hand", 23, "disclosure.unknown", "Of which statement?")
def _() -> Shown:
    done = plain()
    done.world.opened["0" * 64] = {"answers": ()}
    return shown(done)


@bad("sub-tier-of-a-silent-list", 23, "disclosure.unknown", "A silent list holds nothing.")
def _() -> Shown:
    return shown(plain(sub_tiered=False))


def relisted(sub_tier: SubTier, texts: tuple[str, ...]) -> Shown:
    """A declaration with this list of suppliers, signed anew."""
    world = enrolled()
    asked = world.ask()
    draft = prepare(world, asked, components=("vision-1",), evidence=None)
    statement = strict_json.loads(draft.payloads[-1])
    digest = statement["subject"][0]["digest"]
    document = DeclarationDocument.parse(world.files.pop(f"{digest['sha256']}.declaration.json"))
    data = replace(document, sub_tier=sub_tier).to_bytes()
    world.files[f"{sha256(data)}.declaration.json"] = data
    digest["sha256"] = sha256(data)
    world.opened[draft.component_ids[-1]]["subTier"] = texts
    payloads = [*draft.payloads[:-1], jcs.dumps(statement)]
    return shown(signed_anew(Answered(world, asked, draft, ()), payloads))


def hidden_entry() -> tuple[str, str]:
    return disclosure.make(SubTierEntry("critical", "named", org()).to_json())


@bad(
    "subtier-entry-passed-off-as-decoy",
    23,
    "sub.invalid",
    "A supplier counted as padding: the entry opens, the totals do not know it.",
    "whole-response",
)
def _() -> Shown:
    text, digest = hidden_entry()
    listed, texts = SubTier.make([SubTierEntry("major", "named", org())])
    sd = tuple(sorted([digest, *listed.sd[:7]]))
    kept = tuple(one for one in texts.entries if disclosure.digest(one) in sd)
    return relisted(replace(listed, sd=sd), (texts.totals, text, *kept))


@bad("entry-in-a-list-signed-as-none", 23, "sub.invalid", "None is none.", "whole-response")
def _() -> Shown:
    text, digest = hidden_entry()
    listed, texts = SubTier.make([])
    sd = tuple(sorted([digest, *listed.sd[:7]]))
    return relisted(replace(listed, sd=sd), (texts.totals, text))


@bad("totals-that-deny-the-list", 23, "sub.invalid", "A list declared complete counts something.")
def _() -> Shown:
    text, digest = disclosure.make({})
    listed, _ = SubTier.make([SubTierEntry("major", "named", org())])
    return relisted(replace(listed, totals=digest), (text,))


@bad("totals-opened-twice", 23, "disclosure.duplicate", "One sum.", "whole-response")
def _() -> Shown:
    listed, texts = SubTier.make([SubTierEntry("major", "named", org())])
    return relisted(listed, (texts.totals, texts.totals))
