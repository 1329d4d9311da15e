"""What this service refuses, each with a name that stays."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from services.kit.problems import Refused


class KeyRefused(Refused):
    """The key, or the proof that its holder has it, does not hold."""

    urn = "keys/refused"
    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail, codes=[code])


class ChallengeExpired(Refused):
    """The challenge was not answered in time; ask for a new one."""

    urn = "keys/challenge-expired"


class ChallengeUsed(Refused):
    """The challenge was answered before."""

    urn = "keys/challenge-used"


class KeyAlreadyEnrolled(Refused):
    """The key is enrolled, and no invitation was accepted since."""

    urn = "keys/already-enrolled"


class KeyNotKnownYet(Refused):
    """The firm, the link or the key is not known here yet, or not yours: try again shortly."""

    urn = "keys.not_known_yet"

    def __init__(self) -> None:
        super().__init__(
            "what this is about is not known here yet; try again", headers={"Retry-After": "1"}
        )


class SubmissionRefused(Refused):
    """A check of the profile failed; `codes` are those of section 8, in step order."""

    urn = "submissions/refused"
    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, codes: Sequence[str], detail: str = "the submission does not hold") -> None:
        super().__init__(detail, codes=list(codes))


class WrongKind(Refused):
    """The statements are not those of the kind of submission it says it is."""

    urn = "submissions/wrong-kind"
    status = HTTPStatus.UNPROCESSABLE_ENTITY


class UnknownDocument(Refused):
    """A document came along that no statement of the submission refers to."""

    urn = "submissions/unknown-document"
    status = HTTPStatus.UNPROCESSABLE_ENTITY


class AlreadyRecorded(Refused):
    """The statement, or this revision of the response, was submitted before."""

    urn = "submissions/already-recorded"


class PreparationReplaced(Refused):
    """The request was prepared anew after this statement was made."""

    urn = "submissions/preparation-replaced"


class RequestNotKnownYet(Refused):
    """The request is not known here yet, or is not yours: try again shortly."""

    urn = "request.not_known_yet"

    def __init__(self) -> None:
        super().__init__(
            "this request is not known here yet; try again", headers={"Retry-After": "1"}
        )
