"""Rules with one condition less: every way to take a single one out of a function's source.

Belongs here: which parts of a rule are conditions, and the code without one of them. Does not
belong here: which tests notice (:mod:`judging`), which conditions may go unnoticed
(:mod:`unnoticed`).

A condition is an argument of ``filter``, an operand of ``&``, ``|``, ``and`` and ``or``, one end
of ``is_between``, an argument of ``any_horizontal``, a semi- or anti-join, a ``unique``, the
condition of a ``when``, an ``if`` that returns.
"""

from __future__ import annotations
import __future__

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

#: Joins that keep or leave out rows and bring no column.
SIEVES = ("anti", "semi")
Change = tuple[str, ast.AST]


@dataclass(frozen=True)
class Removal:
    """A function without one of its conditions.

    Attributes:
        module: file name without suffix.
        function: its name.
        line: where the condition stands in the file.
        removed: the condition, as written.
        code: of the whole function without it.
    """

    module: str
    function: str
    line: int
    removed: str
    code: CodeType


def removals(path: Path) -> list[Removal]:
    """Return every function of a module without one of its conditions, in order of the file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.decorator_list:
            found += list(_of_function(path.stem, node))
    return found


def _of_function(module: str, function: ast.FunctionDef) -> Iterator[Removal]:
    for place, node in enumerate(_parts(function)):
        for way in range(len(_changes(node))):
            changed = copy.deepcopy(function)
            target = _parts(changed)[place]
            removed, instead = _changes(target)[way]
            line = target.lineno  # type: ignore[attr-defined]
            _Swap(target, instead).visit(changed)
            yield Removal(module, function.name, line, removed, _compiled(changed))


def _parts(function: ast.FunctionDef) -> list[ast.AST]:
    """Return what is computed in a function, not what its parameters are annotated with."""
    return [node for statement in function.body for node in ast.walk(statement)]


def _compiled(function: ast.FunctionDef) -> CodeType:
    tree = ast.fix_missing_locations(ast.Module([function], []))
    flags = __future__.annotations.compiler_flag
    code = compile(tree, "<mutant>", "exec", flags=flags, dont_inherit=True)
    return next(one for one in code.co_consts if isinstance(one, CodeType))


class _Swap(ast.NodeTransformer):
    def __init__(self, target: ast.AST, instead: ast.AST) -> None:
        self.target, self.instead = target, instead

    def visit(self, node: ast.AST) -> ast.AST:
        return self.instead if node is self.target else self.generic_visit(node)


def _changes(node: ast.AST) -> list[Change]:
    """Return what can be taken out of a node: the condition, and the node without it."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr):
        return [(ast.unparse(node.left), node.right), (ast.unparse(node.right), node.left)]
    if isinstance(node, ast.BoolOp) and not isinstance(node.values[-1], ast.Dict | ast.Tuple):
        return [(ast.unparse(one), _without(node, one)) for one in node.values]
    if isinstance(node, ast.If) and isinstance(node.body[-1], ast.Return):
        return [(f"if {ast.unparse(node.test)}", ast.Pass())]
    if isinstance(node, ast.Call):
        return _of_call(node)
    return []


def _without(node: ast.BoolOp, one: ast.expr) -> ast.expr:
    rest = [value for value in node.values if value is not one]
    return rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)


def _of_call(node: ast.Call) -> list[Change]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if not isinstance(node.func, ast.Attribute):
        return []
    source, said = node.func.value, ast.unparse(node.func.value)
    if name == "filter":
        return [(ast.unparse(one), _fewer(node, one, source)) for one in node.args]
    if name == "any_horizontal" and len(node.args) > 1:
        return [(ast.unparse(one), _fewer(node, one, source)) for one in node.args]
    if name == "is_between":
        ends = zip(("ge", "le"), node.args[:2], strict=True)
        kept = [_called(source, method, end) for method, end in ends]
        return [
            (f"{said} >= {ast.unparse(node.args[0])}", kept[1]),
            (f"{said} <= {ast.unparse(node.args[1])}", kept[0]),
        ]
    if name == "when":
        always = ast.parse("pl.lit(True)", mode="eval").body
        return [(f"when {ast.unparse(node.args[0])}", _called(source, "when", always))]
    how = next((one.value for one in node.keywords if one.arg == "how"), None)
    sieve = name == "join" and isinstance(how, ast.Constant) and how.value in SIEVES
    if sieve or name == "unique":
        return [(f".{name}({', '.join(map(ast.unparse, [*node.args, *node.keywords]))})", source)]
    return []


def _fewer(node: ast.Call, one: ast.expr, source: ast.expr) -> ast.expr:
    rest = [argument for argument in node.args if argument is not one]
    return ast.Call(node.func, rest, node.keywords) if rest else source


def _called(source: ast.expr, method: str, argument: ast.expr) -> ast.expr:
    return ast.Call(ast.Attribute(source, method, ast.Load()), [argument], [])
