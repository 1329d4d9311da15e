"""What tests of a log's end and its successor share."""

from __future__ import annotations

from rensho.documents import Response
from rensho.verify import ANY, Expectations

from tests.attestation.site import Relation, Site

OLD, NEXT = "log.rensho.example", "e2.log.rensho.example"
ANYBODY = Expectations(audience=ANY, request=ANY)


def logged(here: Relation, response: Response) -> None:
    made = here.maker(response=response).make()
    assert here.site.submit(here.respondent, made).status_code == 202
    work(here.site)


def work(site: Site) -> None:
    """Let a fresh sequencer of the newest log do what there is to do."""
    site.sequencer = site.new_sequencer()
    site.sequencer.start()
    while site.sequencer.round():
        pass


def taken(here: Relation, response: Response) -> bytes:
    answer = here.site.get(f"/responses/{response.id}.rensho.zip", here.requester.org)
    assert answer.status_code == 200, answer.text
    content: bytes = answer.content
    return content
