"""Whatever the bytes are: a code or the same payload, never a traceback."""

from __future__ import annotations

from functools import cache

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rensho import archive, dsse, jcs, strict_json
from rensho.errors import VerificationError
from rensho.salted import sha256
from rensho.trust import Trust
from rensho.verify import (
    ANY,
    Expectations,
    Material,
    Submission,
    check_submission,
    verify,
)

from tests.client.deployment import enrolled
from tests.client.fuzz import fuzz
from tests.client.judged import expectations
from tests.client.responses import Answered, answered, pack, prepare

QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@cache
def good() -> tuple[Answered, bytes, bytes]:
    done = answered()
    return done, pack(done.world), done.world.files[f"{done.ids[-1]}.sigstore.json"]


def mutated(data: st.DataObject, original: bytes) -> bytes:
    """One bit flipped, a piece cut out, cut off, doubled, or replaced by noise."""
    at = data.draw(st.integers(0, len(original) - 1))
    length = data.draw(st.integers(1, 64))
    match data.draw(st.sampled_from(["flip", "cut", "truncate", "double", "noise"])):
        case "flip":
            bit = 1 << data.draw(st.integers(0, 7))
            return original[:at] + bytes([original[at] ^ bit]) + original[at + 1 :]
        case "cut":
            return original[:at] + original[at + length :]
        case "truncate":
            return original[:at]
        case "double":
            return original[:at] + original[at : at + length] + original[at:]
        case _:
            noise = data.draw(st.binary(min_size=length, max_size=length))
            return original[:at] + noise + original[at + length :]


def never_another_payload(done: Answered, data: bytes) -> None:
    """The one law of this file."""
    verdict = verify(Material(data), done.world.trust(), expectations(done), done.world.now)
    if verdict.status == "VALID":
        assert verdict.payload == done.draft.payloads[-1]
    else:
        assert verdict.codes


@QUICK
@given(st.data())
def test_a_damaged_archive_is_never_valid_with_another_payload(data: st.DataObject) -> None:
    done, whole, _ = good()
    never_another_payload(done, mutated(data, whole))


@QUICK
@given(st.data())
def test_an_archive_with_one_damaged_file_is_never_valid_with_another_payload(
    data: st.DataObject,
) -> None:
    """The zip is made anew around the damage, so that it is the file that gets read."""
    done, whole, _ = good()
    entries = archive.read(whole)
    name = data.draw(st.sampled_from(sorted(entries)))
    entries[name] = mutated(data, entries[name])
    never_another_payload(done, archive.write(entries))


@QUICK
@given(st.data())
def test_an_archive_with_a_file_left_out_is_never_valid_with_another_payload(
    data: st.DataObject,
) -> None:
    done, whole, _ = good()
    entries = archive.read(whole)
    for name in data.draw(st.sets(st.sampled_from(sorted(entries)), min_size=1, max_size=4)):
        del entries[name]
    verdict = verify(
        Material(archive.write(entries)), done.world.trust(), expectations(done), done.world.now
    )
    if verdict.status == "VALID":
        assert verdict.payload == done.draft.payloads[-1]


@QUICK
@given(st.data())
def test_a_damaged_bundle_is_never_valid(data: st.DataObject) -> None:
    done, _, bundle = good()
    verdict = verify(
        Material(mutated(data, bundle)), done.world.trust(), expectations(done), done.world.now
    )
    assert verdict.status != "VALID"
    assert verdict.codes
    assert verdict.payload in {None, done.draft.payloads[-1]}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**6) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


def put(data: st.DataObject, value: object, inside: object) -> None:
    """Replace something somewhere inside a JSON value."""
    while isinstance(inside, dict | list) and inside:
        places = sorted(inside) if isinstance(inside, dict) else list(range(len(inside)))
        place = data.draw(st.sampled_from(places))
        within = inside[place]
        if not isinstance(within, dict | list) or not within or data.draw(st.booleans()):
            inside[place] = value
            return
        inside = within


@QUICK
@given(st.data(), JSON)
def test_any_value_anywhere_in_any_json_of_the_archive_gives_a_code(
    data: st.DataObject, value: object
) -> None:
    done, whole, _ = good()
    entries = archive.read(whole)
    name = data.draw(st.sampled_from([one for one in sorted(entries) if one.endswith(".json")]))
    found = strict_json.loads(entries[name])
    put(data, value, found)
    entries[name] = jcs.dumps(found)
    never_another_payload(done, archive.write(entries))


@settings(QUICK, max_examples=60)
@given(st.data(), JSON)
def test_any_value_a_key_holder_signs_gives_a_code_or_its_own_payload(
    data: st.DataObject, value: object
) -> None:
    """The signer itself is hostile: statement and document are bent before they are signed."""
    world = enrolled()
    asked = world.ask()
    draft = prepare(world, asked)
    which = data.draw(st.sampled_from([0, 2]))
    payload = strict_json.loads(draft.payloads[which])
    if data.draw(st.booleans()):
        put(data, value, payload["predicate"])
    else:
        digest = payload["subject"][0]["digest"]["sha256"]
        kind = "declaration" if which else "descriptor"
        document = strict_json.loads(world.files.pop(f"{digest}.{kind}.json"))
        put(data, value, document)
        digest = sha256(jcs.dumps(document))
        world.files[f"{digest}.{kind}.json"] = jcs.dumps(document)
        payload["subject"][0]["digest"]["sha256"] = digest
    payloads = [*draft.payloads]
    payloads[which] = jcs.dumps(payload)
    key = world.supplier.key
    ids = world.record(*((dsse.sign(key, one), key) for one in payloads))
    world.opened[ids[which]] = world.opened.pop(draft.component_ids[which])
    done = Answered(world, asked, draft, tuple(ids))
    verdict = verify(Material(pack(world)), world.trust(), expectations(done), world.now)
    assert verdict.payload in {None, payloads[-1]}
    assert verdict.codes or verdict.status == "VALID"
    submission = Submission(bundles=(world.files[f"{ids[which]}.sigstore.json"],))
    assert check_submission(submission, world.deployment(), world.now)


@QUICK
@given(st.binary(max_size=400))
def test_noise_gives_a_code(data: bytes) -> None:
    verdict = verify(
        Material(data),
        enrolled().trust(),
        Expectations(audience=ANY, request=ANY),
        enrolled().now,
    )
    assert verdict.status == "INVALID"
    assert verdict.codes


@QUICK
@given(st.data(), JSON)
def test_a_bent_trust_file_gives_a_code(data: st.DataObject, value: object) -> None:
    done, _, _ = good()
    found = strict_json.loads(done.world.trust().to_bytes())
    put(data, value, found)
    try:
        trust = Trust.load(jcs.dumps(found))
    except VerificationError:
        return
    assert Trust.load(trust.to_bytes()) == trust


def test_bent_logs_lists_and_firms_below_give_a_code_or_the_same_payload() -> None:
    found = fuzz(600)
    assert found["INVALID"] > 300
    assert sum(found.values()) == 600
