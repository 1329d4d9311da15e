"""Two changes of one response laid together: the law, over any documents."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.questionnaire.rules import merging
from services.questionnaire.rules.merging import Merged

NAMES = st.sampled_from(["A", "B", "組込/1", "~x"])
QUESTIONS = st.sampled_from(["Q-1", "Q-2", "Q-3"])
ANSWERS = st.dictionaries(
    QUESTIONS, st.sampled_from([{"state": "checking"}, {"state": "withheld"}])
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    names = draw(st.lists(NAMES, unique=True, max_size=3))
    return {
        "pre_screen": draw(st.sampled_from([None, {"embedded": "yes"}])),
        "scope": {"kind": draw(st.sampled_from(["company", "sites"]))},
        "origin": "self",
        "source_document": None,
        "sub_tier": draw(st.sampled_from([None, {"declared": "none"}])),
        "answers": draw(ANSWERS),
        "components": [
            {
                "supplier_component_id": name,
                "name": draw(st.sampled_from(["検査AI", "予測AI"])),
                "answers": draw(ANSWERS),
            }
            for name in names
        ],
    }


def ordered(document: dict[str, Any]) -> dict[str, Any]:
    by_id = sorted(document["components"], key=lambda each: each["supplier_component_id"])
    return {**document, "components": by_id}


@given(documents())
def test_the_places_of_a_document_are_the_document(document: dict[str, Any]) -> None:
    order = [each["supplier_component_id"] for each in document["components"]]
    assert merging.document_of(merging.places(document), order) == document


@given(st.lists(documents(), min_size=1, max_size=5))
def test_any_earlier_version_can_be_had_back(versions: list[dict[str, Any]]) -> None:
    saves = [merging.changes(before, after) for before, after in itertools.pairwise(versions)]
    back = merging.rewound(versions[-1], saves[::-1])
    assert back == merging.places(versions[0])


@given(documents(), documents())
def test_whoever_alone_changed_something_has_their_way(
    base: dict[str, Any], changed: dict[str, Any]
) -> None:
    places = merging.places(base)
    theirs = merging.merge(places, base, changed)
    mine = merging.merge(places, changed, base)
    assert isinstance(theirs, Merged)
    assert isinstance(mine, Merged)
    assert ordered(theirs.document) == ordered(mine.document) == ordered(changed)
    assert set(theirs.taken) == set(merging.changes(base, changed))
    assert mine.taken == ()


@settings(max_examples=300)
@given(documents(), documents(), documents())
def test_nothing_is_overwritten_unseen(
    base: dict[str, Any], mine: dict[str, Any], theirs: dict[str, Any]
) -> None:
    was, my, their = (merging.places(each) for each in (base, mine, theirs))
    both = {
        where
        for where in merging.changes(base, mine).keys() & merging.changes(base, theirs).keys()
        if my.get(where, "-") != their.get(where, "-")
    }
    merged = merging.merge(was, mine, theirs)
    if not isinstance(merged, Merged):
        clashes = {clash.where: clash for clash in merged}
        assert both <= clashes.keys()
        for where in clashes.keys() - both:
            # A change inside a component that the other one took out.
            assert merging.steps(where)[0] == "components"
        for where in both:
            assert clashes[where].yours == tuple([my[where]] if where in my else [])
            assert clashes[where].theirs == tuple([their[where]] if where in their else [])
        return
    assert not both
    kept = merging.places(merged.document)
    for where in was.keys() | my.keys() | their.keys():
        wanted = my if my.get(where, "-") != was.get(where, "-") else their
        assert kept.get(where, "-") == wanted.get(where, "-")
    other = merging.merge(was, theirs, mine)
    assert isinstance(other, Merged)
    assert ordered(other.document) == ordered(merged.document)


def test_an_answer_in_a_component_that_was_taken_out_is_a_clash() -> None:
    component = {"supplier_component_id": "A", "name": "検査AI", "answers": {}}
    plain: dict[str, Any] = {
        "pre_screen": None,
        "scope": {},
        "origin": "self",
        "source_document": None,
        "sub_tier": None,
        "answers": {},
    }
    base = {**plain, "components": [component]}
    gone: dict[str, Any] = {**plain, "components": []}
    said = {"Q-1": {"state": "checking"}}
    added = {**plain, "components": [{**component, "answers": said}]}
    for mine, theirs in ((gone, added), (added, gone)):
        clashes = merging.merge(merging.places(base), mine, theirs)
        assert not isinstance(clashes, Merged)
        (clash,) = clashes
        assert clash.where == "/components/A/answers/Q-1"
        assert (clash.yours, clash.theirs) in (
            ((), ({"state": "checking"},)),
            (({"state": "checking"},), ()),
        )


def test_components_come_in_the_order_they_were_in() -> None:
    plain: dict[str, Any] = {
        "pre_screen": None,
        "scope": {},
        "origin": "self",
        "source_document": None,
        "sub_tier": None,
        "answers": {},
    }

    def having(*names: str) -> dict[str, Any]:
        parts = [{"supplier_component_id": name, "answers": {}} for name in names]
        return {**plain, "components": parts}

    merged = merging.merge(
        merging.places(having("Z", "M")), having("Z", "M", "A"), having("Z", "M")
    )
    assert isinstance(merged, Merged)
    names = [each["supplier_component_id"] for each in merged.document["components"]]
    assert names == ["Z", "M", "A"]
