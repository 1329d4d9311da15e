"""Steps 16 and 23: answers of firms below, handed on by the firm above."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from rensho import blocks, disclosure, dsse, sign
from rensho.documents import (
    AnswersDocument,
    ComponentDescriptor,
    ComponentLine,
    DeclarationDocument,
    QuestionnaireDocument,
    Response,
    SubTier,
)
from rensho.entries import Answer, Reader, SubTierEntry
from rensho.keys import PrivateKey
from rensho.salted import sha256

from tests.client.deployment import DAY, Asked, Party, World
from tests.client.museum import Shown, bad, good
from tests.client.museum.scenes import shown
from tests.client.responses import Answered


def pseudonym() -> str:
    return f"urn:rensho:pseudonym:{disclosure.fresh_salt()}"


@dataclass
class Chain:
    """Firms above each other: the requester asks the first, each lists the next.

    `said` collects the ids of each firm's statements, from the top.
    """

    world: World
    asked: Asked
    firms: list[Party]
    said: list[list[str]]


def answer(
    chain: Chain,
    firm: Party,
    above: str,
    below: list[SubTierEntry],
    *,
    reader: dict[str, Any],
    roles: dict[str, str] | None = None,
) -> list[str]:
    """One firm's response to the firm above it; `below` is its list."""
    world, asked = chain.world, chain.asked
    world.now += DAY
    answers, texts = AnswersDocument.make([Answer("Q-CORE-001", "answered", "yes")])
    descriptor = ComponentDescriptor(
        supplier_component_id="part",
        name="part",
        version="1",
        kind="model",
        use="embedded",
        roles=roles or {},
    ).to_bytes()
    world.files[f"{sha256(answers.to_bytes())}.answers.json"] = answers.to_bytes()
    world.files[f"{sha256(descriptor)}.descriptor.json"] = descriptor
    values: dict[str, Any] = {
        "org": above,
        "request_id": asked.request_id,
        "nonce": asked.nonce,
        "onward": "none",
        "not_after": world.now + 100 * DAY,
    }
    response = Response(f"00000000-0000-4000-8000-{len(chain.said):012d}", 1)

    def said() -> tuple[sign.Answering, tuple[str, ...]]:
        block, opened = blocks.audience([Reader(**values | reader)])
        questionnaire = QuestionnaireDocument.parse(asked.questionnaire)
        return (
            sign.Answering(
                response=response,
                questionnaire_sha256=sha256(asked.questionnaire),
                packs=questionnaire.packs,
                locale="ja",
                audience=block,
            ),
            opened,
        )

    body, opened = said()
    component = sign.ai_governance(
        world.common(firm),
        body,
        descriptor_sha256=sha256(descriptor),
        answers_sha256=sha256(answers.to_bytes()),
    )
    world.opened[dsse.statement_id(component)] = {"audience": opened, "answers": texts}
    sub_tier, sub_texts = SubTier.make(below)
    document = DeclarationDocument(
        response=response,
        pre_screen={"embedded": "yes", "process": "none", "customerData": "none"},
        answers_sha256=sha256(answers.to_bytes()),
        components=(ComponentLine(sha256(descriptor), dsse.statement_id(component)),),
        sub_tier=sub_tier,
    ).to_bytes()
    world.files[f"{sha256(document)}.declaration.json"] = document
    body, opened = said()
    declaration = sign.declaration(world.common(firm), body, declaration_sha256=sha256(document))
    world.opened[dsse.statement_id(declaration)] = {
        "audience": opened,
        "answers": texts,
        "subTier": (sub_texts.totals, *sub_texts.entries),
    }
    return world.record(*((dsse.sign(firm.key, one), firm.key) for one in (component, declaration)))


def chained(
    depth: int = 1,
    *,
    reader: dict[str, Any] | None = None,
    entry: dict[str, Any] | None = None,
    roles: dict[str, str] | None = None,
    named: bool = False,
    last: list[SubTierEntry] | None = None,
    vouched: bool = True,
) -> Chain:
    """A requester, a supplier, and `depth` firms below it, each handed on by the one above.

    `reader` bends what each lower firm lets its customer hand on, `entry` how the customer lists
    it, `last` is the list of the lowest firm.
    """
    world = World()
    world.log.publish(world.now)
    world.key_event(world.requester)
    world.key_event(world.supplier, vouchers=[world.voucher()])
    firms = [world.supplier]
    for _ in range(depth):
        firm = Party(PrivateKey.generate(), ("responsible-officer",))
        firm.org = firm.org if named else pseudonym()
        world.key_event(firm, vouchers=[world.voucher(by=firms[-1].org)] if vouched else [])
        firms.append(firm)
    chain = Chain(world, world.ask(), firms, [])
    for place in reversed(range(len(firms))):
        above = firms[place - 1].org if place else world.requester.org
        below: list[SubTierEntry] = list(last or ())
        if place < depth:
            told: dict[str, Any] = {"org": firms[place + 1].org} | (entry or {})
            below = [SubTierEntry("major", "named" if named else "masked", **told)]
        bent = ({"onward": "pseudonymous"} | (reader or {})) if place else {}
        ids = answer(chain, firms[place], above, below, reader=bent, roles=roles)
        chain.said.insert(0, ids)
    return chain


def seen(chain: Chain) -> Shown:
    """What the requester is handed: the supplier's answer, and what it hands on."""
    return shown(
        Answered(chain.world, chain.asked, None, tuple(chain.said[0]))  # type: ignore[arg-type]
    )


@good("tier-two-handed-on", 23, "A masked firm below attested, and the firm above may show it.")
def _() -> Shown:
    return seen(chained())


@good("tier-two-by-name", 23, "A named firm below attested, and lets its name go on.")
def _() -> Shown:
    return seen(chained(named=True, reader={"onward": "named"}))


@good("eight-firms-deep", 23, "A chain of eight firms is followed to its end.")
def _() -> Shown:
    return seen(chained(8))


@good(
    "mutual-suppliers", 23, "Two firms may supply each other: they refer to firms, not statements."
)
def _() -> Shown:
    chain = chained(0)
    other = Party(PrivateKey.generate(), ("responsible-officer",))
    world, first = chain.world, chain.firms[0]
    world.key_event(other, vouchers=[world.voucher(by=first.org)])
    onward = {"onward": "named"}
    back = [SubTierEntry("minor", "named", first.org)]
    answer(chain, other, first.org, back, reader=onward)
    chain.said.append([])
    listed = [SubTierEntry("major", "named", other.org)]
    chain.said[0] = answer(chain, first, world.requester.org, listed, reader={})
    return seen(chain)


@bad("child-not-to-be-shown", 16, "context.onward", "The firm below did not let it go on.")
def _() -> Shown:
    return told_of_child(chained(reader={"onward": "none"}))


@bad("child-shown-by-name", 16, "context.onward", "It may go on without a name only.")
def _() -> Shown:
    return told_of_child(chained(named=True))


@bad("child-for-another-customer", 16, "context.audience", "It was made for another firm above.")
def _() -> Shown:
    return told_of_child(chained(reader={"org": pseudonym()}))


@bad("child-not-opened", 16, "context.not_opened", "The firm above shows no entry of its own.")
def _() -> Shown:
    chain = chained()
    for one in chain.said[1]:
        del chain.world.opened[one]["audience"]
    return told_of_child(chain)


@bad("child-past-its-time", 16, "context.audience", "Its customer's time is over.")
def _() -> Shown:
    chain = chained()
    return replace(told_of_child(chain), now=chain.world.now + 150 * DAY)


@bad("child-key-pending", 15, "key.pending", "The firm above stands for the key below.")
def _() -> Shown:
    return told_of_child(chained(vouched=False))


def told_of_child(chain: Chain) -> Shown:
    """The child's declaration is asked about, with everything else beside it."""
    made = seen(chain)
    assert isinstance(made.main, dict)
    name = f"{chain.said[1][-1]}.sigstore.json"
    return replace(made, main=made.main[name], beside=(("all.zip", made.main),))


@bad("child-refuted", 23, "sub.invalid", "An answer below that does not hold spoils the list.")
def _() -> Shown:
    return seen(chained(reader={"onward": "none"}))


@bad("child-retracted", 23, "sub.invalid", "An answer below was taken back.", "tier-two-handed-on")
def _() -> Shown:
    chain = chained()
    world, firm = chain.world, chain.firms[1]
    payload = sign.withdrawal(
        world.common(firm), statement_id=chain.said[1][0], effect="retracted", reason="wrong"
    )
    world.record((dsse.sign(firm.key, payload), firm.key))
    return seen(chain)


@bad("child-in-another-role", 23, "sub.invalid", "The list says developer, the firm says no.")
def _() -> Shown:
    return seen(chained(entry={"role": "developer"}, roles={"developer": "no"}))


@bad(
    "nine-firms-deep", 23, "sub.depth", "A chain is followed eight firms down.", "eight-firms-deep"
)
def _() -> Shown:
    return seen(chained(9))


@bad("supplier-of-itself", 23, "sub.cycle", "A firm that lists itself.", "tier-two-handed-on")
def _() -> Shown:
    chain = chained(0)
    chain.said[0] = answer(
        chain,
        chain.firms[0],
        chain.world.requester.org,
        [SubTierEntry("major", "named", chain.firms[0].org)],
        reader={},
    )
    return seen(chain)


@bad("supplier-of-itself-below", 23, "sub.cycle", "The same, two firms down.", "tier-two-handed-on")
def _() -> Shown:
    chain = chained(1)
    firm = chain.firms[1]
    itself = [SubTierEntry("minor", "masked", firm.org)]
    onward = {"onward": "pseudonymous"}
    chain.said[1] = answer(chain, firm, chain.firms[0].org, itself, reader=onward)
    return seen(chain)
