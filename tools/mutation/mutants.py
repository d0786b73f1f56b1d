"""Mutants: a file with one small fault in it, such as another operator or a number off by one."""

import ast
import itertools
from collections.abc import Iterator
from typing import NamedTuple

_OPERATORS: dict[type, tuple[str, str]] = {
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="), ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"), ast.Is: ("is", "is not"), ast.IsNot: ("is not", "is"),
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "/"), ast.Mod: ("%", "//"), ast.Pow: ("**", "*"),
    ast.And: ("and", "or"), ast.Or: ("or", "and"),
}  # fmt: skip
# Errors are words; what is in an f-string has no places in the file before Python 3.12; and a
# pattern of `match` takes no arithmetic.
_LEFT_ALONE = (ast.Raise, ast.JoinedStr, ast.pattern)


class Mutant(NamedTuple):
    """Bytes start to end of a file, and what stands there instead."""

    path: str
    line: int
    start: int
    end: int
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} (byte {self.start}): {self.old} → {self.new}"


class _File:
    """The bytes of a file, which syntax trees refer to by lines and columns."""

    def __init__(self, path: str, source: bytes):
        self.path, self.source = path, source
        lengths = (len(line) for line in source.splitlines(keepends=True))
        self.starts = [0, *itertools.accumulate(lengths)]

    def span(self, node: ast.expr) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self.starts[node.lineno - 1] + node.col_offset
        return start, self.starts[node.end_lineno - 1] + node.end_col_offset

    def text(self, node: ast.expr) -> str:
        start, end = self.span(node)
        return self.source[start:end].decode()

    def mutant(self, node: ast.expr, span: tuple[int, int], new: str) -> Mutant:
        old = self.source[slice(*span)].decode()
        return Mutant(self.path, node.lineno, *span, old, new)

    def swapped(self, left: ast.expr, operator: ast.AST, right: ast.expr) -> Iterator[Mutant]:
        if type(operator) not in _OPERATORS:
            return
        old, new = _OPERATORS[type(operator)]
        start = self.source.index(old.encode(), self.span(left)[1], self.span(right)[0])
        yield self.mutant(left, (start, start + len(old)), new)

    def mutants(self, node: ast.AST) -> Iterator[Mutant]:
        match node:
            case ast.BinOp():
                yield from self.swapped(node.left, node.op, node.right)
            case ast.BoolOp():
                yield from self.swapped(node.values[0], node.op, node.values[1])
            case ast.Compare():
                yield from self.swapped(node.left, node.ops[0], node.comparators[0])
            case ast.UnaryOp(op=ast.Not()):
                yield self.mutant(node, self.span(node), f"bool({self.text(node.operand)})")
            case ast.Constant(value=bool()):
                yield self.mutant(node, self.span(node), str(not node.value))
            case ast.Constant(value=int() | float()):
                yield self.mutant(node, self.span(node), f"({self.text(node)} + 1)")
                yield self.mutant(node, self.span(node), f"({self.text(node)} - 1)")
            case ast.Return(value=ast.expr() as value) if self.text(value) != "None":
                yield self.mutant(value, self.span(value), "None")
            case ast.Slice():
                for bound in filter(None, (node.lower, node.upper)):
                    yield self.mutant(bound, self.span(bound), f"({self.text(bound)}) + 1")
            case ast.Call(args=[first, second, *_]):
                span = self.span(first)[0], self.span(second)[1]
                yield self.mutant(first, span, f"{self.text(second)}, {self.text(first)}")


def mutants(path: str, source: bytes) -> list[Mutant]:
    """All mutants of a file. Annotations, decorators and the texts of errors are left alone."""
    file = _File(path, source)
    return [one for node in _behaviour(ast.parse(source)) for one in file.mutants(node)]


def _behaviour(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not isinstance(child, _LEFT_ALONE):
                yield from _behaviour(child)
