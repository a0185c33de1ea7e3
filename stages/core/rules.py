"""A decision rule in one line of text, such as ``PAY_0 >= 2 and LIMIT_BAL < 50000``.

By the task it is a condition, or gives a class or a number: ``'late' if hours > 48 else
'in time'``. Grammar, from the loosest to the tightest::

    choice      = condition ["if" condition "else" choice]
    condition   = both {"or" both}
    both        = negation {"and" negation}
    negation    = "not" negation | comparison
    comparison  = sum {("==" | "!=" | "<" | "<=" | ">" | ">=") sum}
    sum         = product {("+" | "-") product}
    product     = signed {("*" | "/") signed}
    signed      = "-" signed | atom
    atom        = number | 'text' | column | `column with spaces` | "(" choice ")"

The text is parsed, never run as Python.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

import numpy as np
import numpy.typing as npt
import pandas as pd

from stages.core.errors import LoopwrightError, did_you_mean
from stages.core.params import Task
from stages.core.targets import class_label

Mask = npt.NDArray[np.bool_]
Kind = Literal["condition", "number", "text", "column"]
# What a rule gives: of a binary task a condition, else a class or a number.
Gives = Literal["condition", "class", "number"]
GIVES: dict[Task, Gives] = {"binary": "condition", "multiclass": "class", "regression": "number"}

COMPARISONS = {
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
ARITHMETIC = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}
WORDS = ("and", "or", "not", "if", "else")

POSSIBLE = (
    "possible: column names (`back-quoted` where they hold spaces), numbers, 'text', "
    "== != < <= > >=, and or not, + - * /, A if ... else B, parentheses"
)
# What people write from other languages, and what it is here.
FOREIGN = {"=": "==", "&": "and", "&&": "and", "|": "or", "||": "or", "!": "not", "~": "not"}

# Enough for a rule that a person can follow, and a bound on the recursion below.
MAX_TOKENS = 200
MAX_DEPTH = 20

TOKEN = re.compile(
    r"""(?:
        (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
      | (?P<text>'[^']*'|"[^"]*")
      | (?P<quoted>`[^`]+`)
      | (?P<name>[^\W\d]\w*)
      | (?P<sign>==|!=|<=|>=|&&|\|\||[-+*/()<>=&|!~])
    )\s*""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Token:
    """A piece of the expression; `position` counts characters from 1."""

    kind: Literal["number", "text", "quoted", "name", "sign", "end"]
    text: str
    position: int


@dataclass(frozen=True)
class Node:
    """A part of the parsed expression: what it does, to which parts, and where it stands.

    Attributes:
        kind: what it gives; a ``column`` may be a number, a text or a condition.
        what: an operator, ``column`` or ``literal``.
        value: the column's name or the literal.
    """

    kind: Kind
    what: str
    position: int
    parts: tuple["Node", ...] = ()
    value: str | float = ""


@dataclass(frozen=True)
class Rule:
    """A parsed rule.

    Attributes:
        expression: its text.
        columns: the columns that it reads, in the order in which they appear.
        where: who declares it, such as ``charter.rule.expression``.
        gives: a condition, a class or a number.
    """

    expression: str
    columns: tuple[str, ...]
    where: str
    root: Node = field(repr=False)
    gives: Gives = "condition"

    def check_columns(self, possible: Iterable[str]) -> None:
        """Check that every column of the rule is among `possible`.

        Raises:
            LoopwrightError: one is not; the message names the closest.
        """
        known = list(possible)
        for name in self.columns:
            if name not in known:
                raise LoopwrightError(
                    f"{self.where}: no column '{name}'{did_you_mean(name, known)}; "
                    f"possible: {', '.join(known)}"
                )

    def mask(self, frame: pd.DataFrame) -> Mask:
        """Return which rows of `frame` the rule holds for, shape (rows,).

        A comparison with a missing value, or with a division by zero, is False.

        Raises:
            LoopwrightError: a column is not in `frame`, or holds another type than the
                rule takes it for.
        """
        self.check_columns(str(name) for name in frame.columns)
        return _Evaluation(self, frame).condition(self.root)

    def values(self, frame: pd.DataFrame) -> npt.NDArray[Any]:
        """Return what the rule gives for each row of `frame`, shape (rows,).

        A condition: bool, as `mask`. A class: its label, a text; None where what it is
        read from is missing. A number: float64, NaN where missing or divided by zero.

        Raises:
            LoopwrightError: as `mask`.
        """
        if self.gives == "condition":
            return self.mask(frame)
        self.check_columns(str(name) for name in frame.columns)
        evaluation = _Evaluation(self, frame)
        if self.gives == "class":
            return evaluation.labels(self.root)
        found = np.broadcast_to(evaluation.numbers(self.root), len(frame))
        return np.where(np.isfinite(found), found, np.nan)


def parse_rule(expression: str, where: str, task: Task = "binary") -> Rule:
    """Parse `expression`; `where` says in messages who declares it.

    Args:
        expression: the text.
        where: who declares it.
        task: a rule of a binary task is a condition, that of a multiclass task gives a
            class, and that of a regression a number.

    Raises:
        LoopwrightError: the expression does not fit the grammar above; the message shows
            the position.
    """
    # Line ends of a folded YAML text would break the caret's line.
    parser = _Parser(" ".join(expression.splitlines()).strip(), where)
    gives = GIVES[task]
    root = parser.parse(gives)
    names = [token.text for token in parser.tokens if token.kind in ("name", "quoted")]
    columns = dict.fromkeys(name.strip("`") for name in names if name not in WORDS)
    return Rule(parser.expression, tuple(columns), where, root, gives)


def _fail(expression: str, where: str, position: int, fault: str) -> NoReturn:
    """Raise the one error of a rule, with a caret under the place."""
    raise LoopwrightError(
        f"{where}: {fault} at character {position}\n"
        f"    {expression}\n    {' ' * (position - 1)}^\n  {POSSIBLE}"
    )


class _Parser:
    """Recursive descent over the tokens of one expression; one method a line of grammar."""

    def __init__(self, expression: str, where: str) -> None:
        self.expression = expression
        self.where = where
        self.tokens = self._tokenize()
        self.next = 0
        self.depth = 0

    def _tokenize(self) -> list[Token]:
        tokens, at = [], 0
        while at < len(self.expression):
            found = TOKEN.match(self.expression, at)
            if found is None:
                self._fail(at + 1, f"{self.expression[at]!r} was not expected")
            kind: Any = found.lastgroup
            tokens.append(Token(kind, found[kind], at + 1))
            at = found.end()
            if len(tokens) > MAX_TOKENS:
                self._fail(at, f"a rule has at most {MAX_TOKENS} words and signs: it is too long")
        return [*tokens, Token("end", "", at + 1)]

    def _fail(self, position: int, fault: str) -> NoReturn:
        _fail(self.expression, self.where, position, fault)

    @property
    def token(self) -> Token:
        return self.tokens[self.next]

    def _take(self, *texts: str) -> Token | None:
        """Return the next token and step over it, if it is a sign or word of `texts`."""
        token = self.token
        if token.kind in ("sign", "name") and token.text in texts:
            self.next += 1
            return token
        return None

    def _unexpected(self) -> NoReturn:
        token = self.token
        if token.kind == "end":
            self._fail(token.position, "the rule ends too early")
        meant = FOREIGN.get(token.text)
        hint = f" (write {meant})" if meant else ""
        self._fail(token.position, f"{token.text!r} was not expected{hint}")

    def _expect(self, kind: Kind, node: Node) -> Node:
        """Return `node` if it can be of `kind`; a column can be of any."""
        if node.kind in (kind, "column"):
            return node
        self._fail(node.position, f"a {kind} was expected, not a {node.kind}")

    def parse(self, gives: Gives) -> Node:
        root = self.choice()
        if self.token.kind != "end":
            self._unexpected()
        if gives != "class":
            return self._expect(gives, root)
        if root.kind == "condition":
            self._fail(root.position, "a class was expected, not a condition")
        return root

    def choice(self) -> Node:
        value = self.condition()
        word = self._take("if")
        if word is None:
            return value
        condition = self._expect("condition", self.condition())
        if not self._take("else"):
            self._unexpected()
        other = self.choice()
        kinds = {value.kind, other.kind} - {"column"}
        if len(kinds) > 1:
            self._fail(
                word.position, f"both sides are of one kind, not a {' and a '.join(sorted(kinds))}"
            )
        kind = kinds.pop() if kinds else "column"
        return Node(kind, "if", value.position, (condition, value, other))

    def condition(self) -> Node:
        return self._chain("or", self.both)

    def both(self) -> Node:
        return self._chain("and", self.negation)

    def _chain(self, word: str, part: Callable[[], Node]) -> Node:
        parts = [part()]
        while self._take(word):
            parts.append(part())
        if len(parts) == 1:
            return parts[0]
        checked = tuple(self._expect("condition", one) for one in parts)
        return Node("condition", word, checked[0].position, checked)

    def negation(self) -> Node:
        word = self._take("not")
        if word is None:
            return self.comparison()
        part = self._expect("condition", self.negation())
        return Node("condition", "not", word.position, (part,))

    def comparison(self) -> Node:
        left = self.sum()
        pairs = []
        while sign := self._take(*COMPARISONS):
            right = self.sum()
            pairs.append(self._compared(sign, left, right))
            left = right
        if not pairs:
            return left
        # 18 <= AGE < 30 is both of its comparisons.
        first = pairs[0]
        return first if len(pairs) == 1 else Node("condition", "and", first.position, tuple(pairs))

    def _compared(self, sign: Token, left: Node, right: Node) -> Node:
        kinds = {left.kind, right.kind}
        if "condition" in kinds:
            self._fail(sign.position, "conditions are joined by and, or; not compared")
        if kinds == {"text", "number"}:
            self._fail(sign.position, "a text cannot be compared with a number")
        if "text" in kinds and sign.text not in ("==", "!="):
            self._fail(sign.position, f"a text is equal or not; {sign.text} is for numbers")
        return Node("condition", sign.text, sign.position, (left, right))

    def sum(self) -> Node:
        return self._arithmetic(("+", "-"), self.product)

    def product(self) -> Node:
        return self._arithmetic(("*", "/"), self.signed)

    def _arithmetic(self, signs: tuple[str, str], part: Callable[[], Node]) -> Node:
        left = part()
        while sign := self._take(*signs):
            right = self._expect("number", part())
            left = Node("number", sign.text, sign.position, (self._expect("number", left), right))
        return left

    def signed(self) -> Node:
        sign = self._take("-")
        if sign is None:
            return self.atom()
        zero = Node("number", "literal", sign.position, value=0.0)
        right = self._expect("number", self.signed())
        return Node("number", "-", sign.position, (zero, right))

    def atom(self) -> Node:
        if opened := self._take("("):
            self.depth += 1
            if self.depth > MAX_DEPTH:
                self._fail(opened.position, f"more than {MAX_DEPTH} parentheses are open")
            inside = self.choice()
            self.depth -= 1
            if not self._take(")"):
                self._unexpected()
            return inside
        token = self.token
        if token.text in WORDS or token.kind in ("sign", "end"):
            self._unexpected()
        self.next += 1
        if token.kind == "number":
            return Node("number", "literal", token.position, value=float(token.text))
        if token.kind == "text":
            return Node("text", "literal", token.position, value=token.text[1:-1])
        return Node("column", "column", token.position, value=token.text.strip("`"))


class _Evaluation:
    """One rule on one frame."""

    def __init__(self, rule: Rule, frame: pd.DataFrame) -> None:
        self.rule = rule
        self.frame = frame

    def _fail(self, node: Node, fault: str) -> NoReturn:
        _fail(self.rule.expression, self.rule.where, node.position, fault)

    def condition(self, node: Node) -> Mask:
        if node.what == "column":
            return self._booleans(node)
        if node.what == "not":
            return ~self.condition(node.parts[0])
        if node.what == "if":
            held, one, other = (self.condition(part) for part in node.parts)
            return np.where(held, one, other)
        if node.what in ("and", "or"):
            masks = [self.condition(part) for part in node.parts]
            joined = np.logical_and if node.what == "and" else np.logical_or
            return np.asarray(joined.reduce(masks), dtype=bool)
        return self._compare(node)

    def _compare(self, node: Node) -> Mask:
        left, right = node.parts
        if self._is_text(left) or self._is_text(right):
            if node.what not in ("==", "!="):
                self._fail(node, f"a text is equal or not; {node.what} is for numbers")
            sides: list[npt.NDArray[Any]] = [self._texts(left), self._texts(right)]
            known = np.logical_and(*(np.asarray(pd.notna(side)) for side in sides))
        else:
            sides = [self.numbers(left), self.numbers(right)]
            known = np.logical_and(*(np.isfinite(side) for side in sides))
        compared = np.asarray(COMPARISONS[node.what](*sides), dtype=bool)
        return np.broadcast_to(known & compared, len(self.frame)).copy()

    def _is_text(self, node: Node) -> bool:
        if node.what == "if":
            return any(self._is_text(part) for part in node.parts[1:])
        if node.kind != "column":
            return node.kind == "text"
        values = self._column(node)
        return not pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)

    def _column(self, node: Node) -> "pd.Series[Any]":
        values = self.frame[node.value]
        if pd.api.types.is_datetime64_any_dtype(values):
            self._fail(node, f"column '{node.value}' holds dates: a rule reads numbers and texts")
        if isinstance(values.dtype, pd.CategoricalDtype):
            # Codes stay numbers; Float64 holds missing ones too.
            coded = pd.api.types.is_numeric_dtype(values.cat.categories)
            return values.astype("Float64" if coded else object)
        return values

    def _booleans(self, node: Node) -> Mask:
        values = self._column(node)
        if not pd.api.types.is_bool_dtype(values):
            self._fail(node, f"column '{node.value}' is no condition: compare it with something")
        return values.to_numpy(dtype=bool, na_value=False)

    def labels(self, node: Node) -> npt.NDArray[np.object_]:
        """Return the label of a class for each row, None where it is missing."""
        if node.what == "if":
            held, one, other = self.condition(node.parts[0]), *map(self.labels, node.parts[1:])
            return np.where(held, one, other)
        if node.what == "column":
            values = self._column(node).astype(object).to_numpy()
        elif self._is_text(node):
            values = self._texts(node)
        else:
            values = self.numbers(node).astype(object)
        named = [None if pd.isna(value) else class_label(value) for value in np.atleast_1d(values)]
        found = np.array(named, dtype=object)
        return np.broadcast_to(found, len(self.frame)).copy()

    def _texts(self, node: Node) -> npt.NDArray[np.object_]:
        if node.what == "if":
            held, one, other = self.condition(node.parts[0]), *map(self._texts, node.parts[1:])
            return np.where(held, one, other)
        if node.what == "literal" and node.kind == "text":
            return np.array(node.value, dtype=object)
        if not self._is_text(node):
            noun = f"column '{node.value}' holds numbers" if node.kind == "column" else "a number"
            self._fail(node, f"{noun}, and cannot be compared with a text")
        return self._column(node).to_numpy(dtype=object)

    def numbers(self, node: Node) -> npt.NDArray[np.float64]:
        if node.what == "literal":
            return np.array(node.value, dtype=np.float64)
        if node.what == "column":
            if self._is_text(node):
                self._fail(node, f"column '{node.value}' holds text, not numbers")
            return self._column(node).to_numpy(dtype=np.float64, na_value=np.nan)
        if node.what == "if":
            held, one, other = self.condition(node.parts[0]), *map(self.numbers, node.parts[1:])
            return np.where(held, one, other)
        left, right = (self.numbers(part) for part in node.parts)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return np.asarray(ARITHMETIC[node.what](left, right), dtype=np.float64)
