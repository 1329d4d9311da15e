"""Small faults put into source code, one at a time (mutation operators in the sense of DeMillo)."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

_COMPARE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_BINARY: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
# From which argument on these are told something for people, or for type checkers: a wrong word
# there is no fault of the logic.
_PROSE = {
    "VerificationError": 1,
    "report": 2,
    "note": 0,
    "cast": 0,
    "ApprovalRefused": 1,
    "CorrectiveRefused": 1,
    "TypeVar": 0,
}

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Mutant:
    """One altered module.

    `lines` are those of the statement it is in, `text` is the first of them; `function` is the
    outermost one, None outside of any.
    """

    lines: range
    text: str
    what: str
    function: str | None
    tree: ast.Module


def mutants(source: str) -> Iterator[Mutant]:
    """Yield every mutant of a module."""
    tree, texts = ast.parse(source), source.splitlines()
    for found in _nodes(tree, _Where()):
        for what, change in _changes(found.node):
            altered = copy.deepcopy(tree)
            _put(altered, found.place, change)
            text = texts[found.lines.start - 1].strip()
            ast.fix_missing_locations(altered)
            yield Mutant(found.lines, text, what, found.function, altered)


@dataclass(frozen=True)
class _Where:
    node: ast.AST = field(default_factory=lambda: ast.Module([], []))
    place: Place = ()
    classes: tuple[str, ...] = ()
    function: str | None = None
    lines: range = range(0)

    def step(self, node: ast.AST, *parts: str | int) -> _Where:
        """Where a child of this node is."""
        found = replace(self, node=node, place=(*self.place, *parts))
        if isinstance(node, ast.ClassDef):
            found = replace(found, classes=(*self.classes, node.name))
        if isinstance(node, ast.FunctionDef) and self.function is None:
            named = ".".join((*self.classes, node.name))
            return replace(found, function=named, lines=_lines(node))
        if isinstance(self.node, ast.FunctionDef) and parts[0] == "args":
            return replace(found, function=None)  # a default is computed when the module is read
        if isinstance(node, ast.stmt):
            return replace(found, lines=_lines(node))
        return found


def _lines(node: ast.stmt) -> range:
    last = node.end_lineno or node.lineno
    body: list[ast.stmt] = getattr(node, "body", [])
    return range(node.lineno, max(node.lineno, body[0].lineno - 1 if body else last) + 1)


def _nodes(tree: ast.AST, where: _Where) -> Iterator[_Where]:
    """Yield every node and where it is, leaving out prose, annotations and decorators."""
    for name, value in ast.iter_fields(tree):
        if name in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        listed = isinstance(value, list)
        for index, item in enumerate(value if listed else [value]):
            if isinstance(item, ast.AST) and not _is_prose(tree, name, index, item):
                found = where.step(item, *((name, index) if listed else (name,)))
                yield found
                yield from _nodes(item, found)


def _is_prose(node: ast.AST, name: str, index: int, item: ast.AST) -> bool:
    match node, item:
        case _, ast.Expr(value=ast.Constant() | ast.Call(func=ast.Name(id="assert_never"))):
            return True
        case _, ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case _, ast.Assign(targets=[ast.Name(id="__all__")]):
            return True
        case ast.Subscript(value=ast.Name(id="Literal" | "Final")), _:
            return True
        case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called)), _:
            return name == "args" and index >= _PROSE.get(called, index + 1)
    return False


def _changes(node: ast.AST) -> Iterator[tuple[str, Callable[[ast.AST], ast.AST]]]:
    """Yield every change of one node, each with a word for it."""
    if isinstance(node, ast.expr):
        for change in _of_expression(node):
            after = ast.fix_missing_locations(change(copy.deepcopy(node)))
            yield f"{ast.unparse(node)}  →  {ast.unparse(after)}", change
    elif isinstance(node, ast.stmt):
        yield from _of_statement(node)
    elif isinstance(node, ast.comprehension) and node.ifs:
        condition, rest = node.ifs[0], node.ifs[1:]
        negated = ast.UnaryOp(ast.Not(), condition)
        yield f"if not {ast.unparse(condition)}", lambda old: _set(old, ifs=[negated, *rest])
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        test = ast.UnaryOp(ast.Not(), node.test)
        yield f"not ({ast.unparse(node.test)})", lambda old: _set(old, test=test)


def _of_expression(node: ast.expr) -> Iterator[Callable[[ast.AST], ast.AST]]:
    match node:
        case ast.Compare(ops=ops):
            for number, operator in enumerate(ops):
                yield _with_operator(number, _COMPARE[type(operator)])
        case ast.BoolOp(op=operator):
            other = ast.Or if isinstance(operator, ast.And) else ast.And
            yield lambda old: _set(old, op=other())
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield lambda _: operand
        case ast.BinOp(op=binary) if type(binary) in _BINARY:
            swapped = _BINARY[type(binary)]
            yield lambda old: _set(old, op=swapped())
        case ast.Constant(value=value) if value is not None and value is not ...:
            yield lambda old: _set(old, value=_other(value))


def _of_statement(node: ast.stmt) -> Iterator[tuple[str, Callable[[ast.AST], ast.AST]]]:
    said = ast.unparse(node)
    match node:
        case ast.Return(value=value) if value is not None and ast.unparse(value) != "None":
            yield f"{said}  →  return None", lambda old: _set(old, value=ast.Constant(None))
        case (
            ast.Expr(value=ast.Call())
            | ast.Raise()
            | ast.AugAssign()
            | ast.Delete()
            | ast.Break()
            | ast.Assign(targets=[ast.Attribute() | ast.Subscript()])
        ):
            yield f"{said}  →  pass", lambda _: ast.Pass()
        case ast.Continue():
            yield "continue  →  break", lambda _: ast.Break()


def _with_operator(number: int, kind: type[ast.cmpop]) -> Callable[[ast.AST], ast.AST]:
    def change(old: ast.AST) -> ast.AST:
        assert isinstance(old, ast.Compare)
        old.ops[number] = kind()
        return old

    return change


def _set(node: ast.AST, **fields: object) -> ast.AST:
    for name, value in fields.items():
        setattr(node, name, value)
    return node


def _other(value: object) -> object:
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return value + "x" if value else "x"
        case bytes():
            return value + b"x"
        case _:
            raise TypeError(type(value))


def _put(tree: ast.Module, place: Place, change: Callable[[ast.AST], ast.AST]) -> None:
    parent: object = tree
    for part in place[:-1]:
        parent = parent[part] if isinstance(part, int) else getattr(parent, part)  # type: ignore[index]
    last = place[-1] if place else None
    if isinstance(last, int):
        parent[last] = change(parent[last])  # type: ignore[index]
    elif last is not None:
        setattr(parent, last, change(getattr(parent, last)))
