"""What this service refuses, each with a name that stays."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from services.kit.problems import Refused, Unavailable


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


class KeyNotUsable(Refused):
    """The key is not in a state in which this can happen to it."""

    urn = "keys/not-usable"


class LogInAgain(Refused):
    """Nothing but a one-use code proves a lost key's holder: log in again, then ask again."""

    urn = "keys/log-in-again"
    status = HTTPStatus.UNAUTHORIZED

    def __init__(self, max_age: int) -> None:
        # RFC 9470 section 3: the token is good, the log-in behind it is too old.
        told = f'Bearer error="insufficient_user_authentication", max_age={max_age}'
        super().__init__(
            "log in with a new one-use code and ask for the challenge within ten minutes",
            headers={"WWW-Authenticate": told},
        )


class RotationPending(Refused):
    """A rotation away from this key waits for its time already."""

    urn = "keys/rotation-pending"


class RotationOver(Refused):
    """The rotation took place, was vetoed, or lapsed: there is nothing left to object to."""

    urn = "keys/rotation-over"


class NeedsAnotherMember(Refused):
    """A key is reported stolen by two members: one asks, another agrees."""

    urn = "keys/needs-another-member"


class NothingToApprove(Refused):
    """The change needs nobody's agreement, or has it."""

    urn = "keys/nothing-to-approve"


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


class LogFrozen(Unavailable):
    """The log ends here; hand it in again when the next one is there. Nothing was kept."""

    urn = "log/frozen"

    def __init__(self) -> None:
        super().__init__("the log takes no more until the next one is begun", retry_after=60)


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


class NotGrantable(Refused):
    """Only a component statement that stands is granted."""

    urn = "grants/not-grantable"


class AlreadyWithdrawn(Refused):
    """The statement was taken back in this way before."""

    urn = "withdrawals/already-withdrawn"


class Unsignable(Refused):
    """A statement cannot hold this; `codes` are those of the attestation profile."""

    urn = "statements/unsignable"
    status = HTTPStatus.UNPROCESSABLE_ENTITY


class RequestNotKnownYet(Refused):
    """The request is not known here yet, or is not yours: try again shortly."""

    urn = "request.not_known_yet"

    def __init__(self) -> None:
        super().__init__(
            "this request is not known here yet; try again", headers={"Retry-After": "1"}
        )
