"""The part of Opendatasoft's query language that a client of this project may use.

Belongs here: ``where`` (comparisons, ``in``, ``like``, ``is null``, and/or/not, brackets), with the
errors of the real service. Functions, arithmetic and aggregations are not served.
"""

from __future__ import annotations

import fnmatch
import operator
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

Record = Mapping[str, Any]
Test = Callable[[Record], bool]

_TOKEN = re.compile(
    r"""\s*(?:(?P<date>date'[^']*'|date"[^"]*")|(?P<text>"[^"]*"|'[^']*')|(?P<number>-?\d+(?:\.\d+)?)
    |(?P<word>[A-Za-z_]\w*|`[^`]+`)|(?P<mark>!=|<>|<=|>=|=|<|>|\(|\)|,))""",
    re.VERBOSE,
)
#: A field of that name must stand between back-quotes.
_KEYWORDS = frozenset({"and", "or", "not", "in", "is", "null", "like"})
_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class QueryError(Exception):
    """A query that the service refuses with status 400."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(message)


def unknown_field(name: str) -> QueryError:
    """Return the error for a field that the dataset does not have."""
    return QueryError("ODSQLError", f"ODSQL query is malformed: Unknown field: {name}")


def where(clause: str, fields: Collection[str]) -> Test:
    """Return the test that ``clause`` means.

    Raises:
        QueryError: the syntax is wrong or a field is unknown.
    """
    return _Parser(clause, fields).parse()


class _Parser:
    """Recursive descent; ``or`` binds least, then ``and``, then ``not``."""

    def __init__(self, clause: str, fields: Collection[str]) -> None:
        self.clause = clause
        self.fields = fields
        self.tokens: list[tuple[str, str, int]] = []
        self.place = 0
        position = 0
        while clause[position:].strip():
            found = _TOKEN.match(clause, position)
            if found is None:
                unexpected = clause[position:].lstrip()[0]
                raise self._syntax(unexpected, clause.index(unexpected, position))
            kind = str(found.lastgroup)
            self.tokens.append((kind, found[kind], found.start(kind)))
            position = found.end()

    def _syntax(self, unexpected: str, position: int) -> QueryError:
        return QueryError(
            "ODSQLSyntaxError",
            f"ODSQL syntax exception: unexpected {unexpected} at position {position}"
            f" in {self.clause}.",
        )

    def _next(self) -> tuple[str, str]:
        if self.place >= len(self.tokens):
            raise self._syntax("end", len(self.clause))
        kind, token, _ = self.tokens[self.place]
        self.place += 1
        return kind, token

    def _refuse(self) -> QueryError:
        """Return the error for the token just read."""
        _, token, position = self.tokens[self.place - 1]
        return self._syntax(token, position)

    def _take(self, *words: str) -> bool:
        """Consume ``words`` if they come next, whatever their case."""
        ahead = [token.lower() for _, token, _ in self.tokens[self.place : self.place + len(words)]]
        if ahead == list(words):
            self.place += len(words)
            return True
        return False

    def parse(self) -> Test:
        test = self._either()
        if self.place < len(self.tokens):
            self._next()
            raise self._refuse()
        return test

    def _either(self) -> Test:
        tests = [self._both()]
        while self._take("or"):
            tests.append(self._both())
        return lambda record: any(test(record) for test in tests)

    def _both(self) -> Test:
        tests = [self._single()]
        while self._take("and"):
            tests.append(self._single())
        return lambda record: all(test(record) for test in tests)

    def _single(self) -> Test:
        if self._take("not"):
            inner = self._single()
            return lambda record: not inner(record)
        if self._take("("):
            inner = self._either()
            if not self._take(")"):
                self._next()
                raise self._refuse()
            return inner
        kind, name = self._next()
        if kind != "word" or name.lower() in _KEYWORDS:
            raise self._refuse()
        name = name.strip("`")
        if name not in self.fields:
            raise unknown_field(name)
        return self._condition(name)

    def _condition(self, name: str) -> Test:
        if self._take("is", "null"):
            return lambda record: record[name] is None
        if self._take("is", "not", "null"):
            return lambda record: record[name] is not None
        if self._take("in", "("):
            allowed = [self._literal()]
            while self._take(","):
                allowed.append(self._literal())
            if not self._take(")"):
                self._next()
                raise self._refuse()
            return lambda record: any(value in allowed for value in _values(record[name]))
        if self._take("like"):
            pattern = str(self._literal()).casefold()
            return lambda record: any(
                fnmatch.fnmatchcase(str(value).casefold(), pattern)
                for value in _values(record[name])
            )
        _, sign = self._next()
        if sign not in _COMPARE:
            raise self._refuse()
        literal = self._literal()
        return lambda record: any(_holds(sign, value, literal) for value in _values(record[name]))

    def _literal(self) -> Any:
        kind, token = self._next()
        if kind == "date":
            return token[5:-1]
        if kind == "text":
            return token[1:-1]
        if kind == "number":
            return float(token) if "." in token else int(token)
        raise self._refuse()


def _values(value: Any) -> list[Any]:
    """Return what a condition looks at: a multi-valued field is true if one value is."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _holds(sign: str, value: Any, literal: Any) -> bool:
    """Compare; dates are ISO text, whose order is that of time."""
    if isinstance(value, str) != isinstance(literal, str):
        value, literal = str(value), str(literal)
    return bool(_COMPARE[sign](value, literal))
