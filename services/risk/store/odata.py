"""OData's questions as SQL: flat tables with the columns that may be asked for, and no others.

The grammar of `$filter` is odata-query's; here it is held to types, and to what we have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

from odata_query import ast
from odata_query.exceptions import ODataException
from odata_query.grammar import ODataLexer, ODataParser
from odata_query.sqlalchemy.core import AstToSqlAlchemyCoreVisitor
from sqlalchemy import (
    ColumnElement,
    DateTime,
    Float,
    FromClause,
    Integer,
    Numeric,
    Select,
    Text,
    Uuid,
    and_,
    case,
    cast,
    column,
    func,
    literal,
    select,
    values,
)
from sqlalchemy.orm import Session

from services.risk.rules.odata import (
    SUPPLIERS,
    TIERS,
    Asked,
    EntitySet,
    NotImplementedHere,
    ODataRefused,
)
from services.risk.store.served import Served
from services.risk.store.shown import Label, Score, SnapshotSigned

_KINDS: Final[Mapping[str, str]] = {
    "Edm.Guid": "guid",
    "Edm.String": "text",
    "Edm.Int32": "number",
    "Edm.Decimal": "number",
    "Edm.DateTimeOffset": "moment",
}
_LITERALS: Final[Mapping[type, str]] = {
    ast.String: "text",
    ast.Integer: "number",
    ast.Float: "number",
    ast.GUID: "guid",
    ast.DateTime: "moment",
    ast.Null: "null",
}
_TEXT_FUNCTIONS: Final = {"tolower": "text", "toupper": "text", "trim": "text", "length": "number"}
_TESTS: Final = ("contains", "startswith", "endswith")


def _tenths(value: Any) -> ColumnElement[Any]:
    """A nine-place text of 0..1 as 0..100 with one decimal, half to even: so rounds a double."""
    return cast(func.round(cast(cast(value, Numeric) * 1000, Float)), Numeric) / 10


def suppliers(org: UUID, snapshot: SnapshotSigned, here: str) -> FromClause:
    """Return the scores of a snapshot as the table `Suppliers`."""
    joined = [func.coalesce(func.array_to_string(c, ";"), "") for c in (
        Label.vendor_codes, Label.tags, Label.product_lines)]  # fmt: skip
    own = Score.id.notlike("p\\_%")
    columns: dict[str, Any] = {
        "Id": case((own, cast(Score.id, Uuid)), else_=cast(func.md5(Score.id), Uuid)),
        "SupplierId": Score.id,
        "Name": Label.name,
        "VendorCode": Label.vendor_codes[1],
        "VendorCodes": joined[0],
        "CorporateNumber": Label.identifiers["corporate-number"].astext,
        "Tags": joined[1],
        "ProductLines": joined[2],
        "Tier": cast(Score.tier, Integer),
        "Score": _tenths(Score.evidenced),
        "ScoreClaimed": _tenths(Score.claimed),
        "Band": Score.band,
        "Coverage": cast(Score.coverage, Numeric),
        "ChangedAt": Served.changed_at,
        **_source(snapshot),
        "ExplanationUrl": literal(f"{here}/suppliers/").concat(Score.id),
    }
    assert columns.keys() == {one.name for one in SUPPLIERS.properties}
    return (
        select(*(value.label(name) for name, value in columns.items()))
        .select_from(Score)
        .outerjoin(Label, Label.link_id == Score.link_id)
        .outerjoin(Served, and_(Served.org_id == org, Served.id == Score.id))
        .where(Score.org_id == org, Score.snapshot_id == snapshot.snapshot_id)
        .subquery("suppliers")
    )


def tiers(org: UUID, snapshot: SnapshotSigned, here: str) -> FromClause:
    """Return the tier table of a snapshot as the table `Tiers`."""
    rows = [
        (
            uuid5(org, f"tier {row['tier']}"),
            row["tier"],
            row["index"]["evidenced"],
            row["index"]["claimed"],
            row["coverage"],
            row["share"]["evidenced"],
            sum(row["firms"].values()),
            row["firms"].get("unseen", 0),
        )
        for row in snapshot.summary["tiers"]
    ]
    read = values(
        *(
            column(name, kind)
            for name, kind in (
                *(("id", Uuid), ("tier", Integer)),
                *(("evidenced", Text), ("claimed", Text), ("coverage", Text), ("share", Text)),
                *(("firms", Integer), ("unseen", Integer)),
            )
        ),
        name="tier_rows",
    ).data(rows)
    columns: dict[str, Any] = {
        "Id": read.c.id,
        "Tier": read.c.tier,
        "Score": _tenths(read.c.evidenced),
        "ScoreClaimed": _tenths(read.c.claimed),
        "Coverage": cast(read.c.coverage, Numeric),
        "ContributionShare": cast(read.c.share, Numeric),
        "Firms": read.c.firms,
        "FirmsUnseen": read.c.unseen,
        **_source(snapshot),
        "ExplanationUrl": literal(f"{here}/snapshots/{snapshot.snapshot_id}/results"),
    }
    assert columns.keys() == {one.name for one in TIERS.properties}
    return select(*(value.label(name) for name, value in columns.items())).subquery("tiers")


def _source(snapshot: SnapshotSigned) -> dict[str, ColumnElement[Any]]:
    return {
        "AsOf": literal(snapshot.as_of, DateTime(timezone=True)),
        "ModelVersion": literal(snapshot.model, Text),
        "PolicyDigest": literal(snapshot.policy_digest, Text),
        "Snapshot": literal(snapshot.snapshot_id, Uuid),
    }


def count(tx: Session, table: FromClause, condition: ColumnElement[bool] | None) -> int:
    """Return how many rows hold to a condition."""
    return tx.scalar(_where(select(func.count()).select_from(table), condition)) or 0


def rows(
    tx: Session,
    table: FromClause,
    condition: ColumnElement[bool] | None,
    asked: Asked,
    *,
    offset: int,
    limit: int,
) -> list[dict[str, Any]]:
    """Return rows in the order asked for, the key last."""
    order = [table.c[name].desc() if down else table.c[name].asc() for name, down in asked.order]
    names = asked.select or tuple(table.c.keys())
    query = _where(select(*(table.c[name] for name in names)), condition)
    found = tx.execute(query.order_by(*order, table.c.Id).offset(offset).limit(limit))
    return [dict(row) for row in found.mappings()]


def _where(query: Select[Any], condition: ColumnElement[bool] | None) -> Select[Any]:
    return query if condition is None else query.where(condition)


def condition(entities: EntitySet, table: FromClause, text: str) -> ColumnElement[bool]:
    """Return a `$filter` as a condition on `table`, its values bound.

    Raises:
        NotImplementedHere: a function, operator or path that we do not have.
        ODataRefused: no such column, a comparison of unlike types, or no filter at all.
    """
    try:
        tree = ODataParser().parse(ODataLexer().tokenize(text))
        _all(entities, [tree], "boolean")
        made: ColumnElement[bool] = _ToSql(table).visit(tree)  # type: ignore[arg-type]
    except ODataRefused:
        raise
    except (ODataException, ValueError, OverflowError) as why:
        msg = f"$filter cannot be read: {why}"
        raise ODataRefused(msg) from why
    except RecursionError as why:
        msg = "$filter is nested too deep"
        raise ODataRefused(msg) from why
    return made


class _ToSql(AstToSqlAlchemyCoreVisitor):
    """The library's translation, with null and wildcards as OData means them."""

    # Its names, and its arguments whether they are used or not.

    def visit_Eq(self, _node: ast.Eq) -> Any:  # noqa: N802
        return lambda left, right: left.is_not_distinct_from(right)

    def visit_NotEq(self, _node: ast.NotEq) -> Any:  # noqa: N802
        return lambda left, right: left.is_distinct_from(right)

    def visit_GUID(self, node: ast.GUID) -> Any:  # noqa: N802
        return literal(UUID(node.val), Uuid)

    def visit_DateTime(self, node: ast.DateTime) -> Any:  # noqa: N802
        moment: datetime = node.py_val
        if moment.tzinfo is None:
            msg = "a moment needs its offset, such as Z"
            raise ODataRefused(msg)
        return literal(moment, DateTime(timezone=True))

    def _substr_function(self, field: ast._Node, substr: ast._Node, func: str) -> Any:
        assert isinstance(substr, ast.String)
        return getattr(self.visit(field), func)(substr.py_val, autoescape=True)


def _kind(entities: EntitySet, node: ast._Node) -> str:
    """Return the kind of value an expression has.

    Raises:
        NotImplementedHere, ODataRefused: see `condition`.
    """
    if type(node) in _LITERALS:
        return _LITERALS[type(node)]
    match node:
        case ast.Identifier(name=name, namespace=()):
            found = entities.property(name)
            if found is None:
                msg = f"$filter: {entities.name} has no property {name!r}"
                raise ODataRefused(msg)
            return _KINDS[found.type]
        case ast.Compare(left=left, right=ast.List(val=each), comparator=ast.In()):
            _alike(entities, [left, *each])
        case ast.Compare(left=left, right=right):
            _alike(entities, [left, right])
        case ast.BoolOp(left=left, right=right):
            _all(entities, [left, right], "boolean")
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            _all(entities, [operand], "boolean")
        case ast.Call(func=ast.Identifier(name=name, namespace=()), args=arguments):
            return _called(entities, name.lower(), arguments)
        case _:
            msg = f"$filter: {type(node).__name__} is not supported"
            raise NotImplementedHere(msg)
    return "boolean"


def _called(entities: EntitySet, name: str, arguments: Sequence[ast._Node]) -> str:
    if name in _TESTS:
        _all(entities, arguments, "text")
        if not isinstance(arguments[1], ast.String):
            msg = f"$filter: {name} looks for a text in quotes"
            raise NotImplementedHere(msg)
        return "boolean"
    if name in _TEXT_FUNCTIONS:
        _all(entities, arguments, "text")
        return _TEXT_FUNCTIONS[name]
    msg = f"$filter: the function {name} is not supported"
    raise NotImplementedHere(msg)


def _alike(entities: EntitySet, nodes: Sequence[ast._Node]) -> None:
    kinds = {_kind(entities, node) for node in nodes} - {"null"}
    if len(kinds) > 1 or "boolean" in kinds:
        msg = f"$filter: {' and '.join(sorted(kinds))} cannot be compared"
        raise ODataRefused(msg)


def _all(entities: EntitySet, nodes: Sequence[ast._Node], kind: str) -> None:
    for node in nodes:
        if (found := _kind(entities, node)) != kind:
            msg = f"$filter: {found} stands where {kind} is needed"
            raise ODataRefused(msg)
