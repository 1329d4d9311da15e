"""Rows of identity as they are after enrolment, written past the policies by the admin."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from factory.alchemy import SQLAlchemyModelFactory
from factory.declarations import LazyAttribute, LazyFunction, Sequence, SubFactory

from services.identity.store import Code, Invitation, MachineClient, Member, Organization
from services.kit import clock
from services.kit.db import new_id


class _Rows(SQLAlchemyModelFactory):
    class Meta:
        abstract = True
        sqlalchemy_session_persistence = "commit"


class OrganizationFactory(_Rows):
    class Meta:
        model = Organization

    id = LazyFunction(new_id)
    name = Sequence(lambda n: f"架空精機{n}株式会社")
    country = "JP"
    enrolled_at = LazyFunction(clock.now)


class MemberFactory(_Rows):
    class Meta:
        model = Member

    class Params:
        organization = SubFactory(OrganizationFactory)

    id = LazyFunction(new_id)
    org_id = LazyAttribute(lambda o: o.organization.id)
    name = Sequence(lambda n: f"Member {n}")
    mailbox = LazyAttribute(lambda o: f"m-{o.id}@firm.example")
    mailbox_key = LazyAttribute(lambda o: o.mailbox.lower())
    language = "ja"
    roles = LazyFunction(lambda: ["admin"])
    joined_at = LazyFunction(clock.now)
    removed_at = None


class InvitationFactory(_Rows):
    class Meta:
        model = Invitation

    class Params:
        handle = LazyFunction(lambda: f"handle-{new_id()}")

    id = LazyFunction(new_id)
    handle_sha256 = LazyAttribute(lambda o: hashlib.sha256(o.handle.encode()).digest())
    link_id = LazyFunction(new_id)
    requester_org_id = LazyFunction(new_id)
    requester_name = "架空工業株式会社"
    supplier_name = "架空部品株式会社"
    mailbox = LazyAttribute(lambda o: f"taro-{o.id}@supplier.example")
    language = "ja"
    expires_at = LazyFunction(lambda: clock.now() + timedelta(days=30))
    accepted_at = None
    accepted_org_id = None


class CodeFactory(_Rows):
    class Meta:
        model = Code

    class Params:
        invitation = SubFactory(InvitationFactory)

    id = LazyFunction(new_id)
    invitation_id = LazyAttribute(lambda o: o.invitation.id)
    mailbox_key = LazyAttribute(lambda o: o.invitation.mailbox.lower())
    told = False
    issued_at = LazyFunction(clock.now)
    expires_at = LazyFunction(lambda: clock.now() + timedelta(minutes=10))
    attempts = 0
    used_at = None


class MachineClientFactory(_Rows):
    class Meta:
        model = MachineClient

    class Params:
        organization = SubFactory(OrganizationFactory)
        secret = "sample-secret-of-a-test-0123456789"

    id = LazyFunction(new_id)
    org_id = LazyAttribute(lambda o: o.organization.id)
    name = "ERP"
    scopes = LazyFunction(lambda: ["risk:scores.read"])
    secret_sha256 = LazyAttribute(lambda o: hashlib.sha256(o.secret.encode()).digest())
    jwk = None
    created_at = LazyFunction(clock.now)
    ended_at = None


ALL = (OrganizationFactory, MemberFactory, InvitationFactory, CodeFactory, MachineClientFactory)


def an_invitation(**fields: Any) -> Invitation:
    made: Invitation = InvitationFactory.create(**fields)
    return made


def a_code(**fields: Any) -> Code:
    made: Code = CodeFactory.create(**fields)
    return made


def a_member(**fields: Any) -> Member:
    made: Member = MemberFactory.create(**fields)
    return made


def a_client(**fields: Any) -> MachineClient:
    made: MachineClient = MachineClientFactory.create(**fields)
    return made
