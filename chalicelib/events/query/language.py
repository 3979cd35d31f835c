"""The query language: text in, expression out; whatever is not understood is a QueryError that points at it.

    query  = [ either ]                                        nothing at all is everything
    either = both { "OR" both }
    both   = term { [ "AND" ] term }                           side by side means AND
    term   = { "NOT" | "-" } ( "(" either ")" | condition | phrase | word | "*" )
    condition = name operator value                            without spaces
    value  = phrase [ "*" ] | word | "(" value { "OR" value } ")"

The parser goes through the text once, character by character; what a value means is decided in `conditions`.
"""

from typing import Final

from chalicelib.events.query.conditions import Value, condition
from chalicelib.events.query.errors import QueryError
from chalicelib.events.query.expression import Contains, Everything, Expression, all_of, any_of, negated
from chalicelib.events.query.fields import Field, field_named, suggested_name

MAX_LENGTH: Final = 4_000
MAX_TERMS: Final = 200
MAX_NESTING: Final = 50


def parse(text: str) -> Expression:
    """The expression that a query means. Raises QueryError, and nothing else, for any text whatever."""
    if len(text) > MAX_LENGTH:
        raise QueryError(
            f"the query has {len(text):,} characters; at most {MAX_LENGTH:,} are read",
            MAX_LENGTH,
            len(text) - MAX_LENGTH,
        )
    return _Parser(text).query()


_OPERATORS: Final = (">=", "<=", "!=", "==", ":", "=", ">", "<")  # the longer first
_ENDS_NAME: Final = frozenset(':=<>()"')
_ENDS_WORD: Final = frozenset('()"')
_COMPARISONS: Final = (">=", "<=", ">", "<")
_KEYWORDS: Final = ("AND", "OR", "NOT")
_METADATA: Final = ("metadata.", "meta.")
_NOT_FIELDS: Final = {
    "id": "`id` is not searched for: an event is opened by its id",
    "received_at": "`received_at` is not searched for; `timestamp` is",
    "metadata": "name a key of the metadata, as in `metadata.order_id:42`",
    "meta": "name a key of the metadata, as in `metadata.order_id:42`",
}


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.terms = 0
        self.nesting = 0

    def query(self) -> Expression:
        self.skip_space()
        if self.at == len(self.text):
            return Everything()
        expression = self.either()
        if self.at < len(self.text):  # only a parenthesis stops `either` early
            raise QueryError("this `)` closes nothing", self.at)
        return expression

    def either(self) -> Expression:
        alternatives = [self.both()]
        while self.keyword() == "OR":
            start = self.take_keyword()
            self.operand_after("OR", start)
            alternatives.append(self.both())
        return any_of(alternatives)

    def both(self) -> Expression:
        terms = [self.term()]
        while (keyword := self.keyword()) != "OR" and not self.ended():
            if keyword == "AND":
                start = self.take_keyword()
                self.operand_after("AND", start)
            terms.append(self.term())
        return all_of(terms)

    def term(self) -> Expression:
        negative = False
        while True:
            if self.keyword() == "NOT":
                start = self.take_keyword()
                self.operand_after("NOT", start)
            elif self.peek() == "-":
                self.take_minus()
            else:
                break
            negative = not negative
        expression = self.primary()
        return negated(expression) if negative else expression

    def primary(self) -> Expression:
        if self.peek() == ")":
            raise QueryError("this `)` closes nothing", self.at)
        keyword = self.keyword()
        if keyword:
            raise QueryError(f"`{keyword}` needs a term on its left", self.at, len(keyword), f'"{keyword}"')
        if self.peek() == "(":
            return self.group()
        self.count_term()
        expression = self.phrase() if self.peek() == '"' else self.condition() or self.word()
        self.skip_space()
        return expression

    def group(self) -> Expression:
        start = self.at
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise QueryError(f"parentheses are nested more than {MAX_NESTING} deep", start)
        self.at += 1
        self.skip_space()
        if self.peek() == ")":
            raise QueryError("there is nothing in these parentheses", start, self.at + 1 - start, '"()"')
        if self.at == len(self.text):
            raise QueryError("this `(` is never closed", start)
        expression = self.either()
        if self.peek() != ")":
            raise QueryError("this `(` is never closed", start)
        self.at += 1
        self.nesting -= 1
        self.skip_space()
        return expression

    def phrase(self) -> Expression:
        start = self.at
        text = self.quoted()
        if not text:
            raise QueryError("there is nothing in these quotes", start, self.at - start)
        return Contains(text)

    def word(self) -> Expression:
        start = self.at
        text = self.take_until(_ENDS_WORD)
        if text == "*":
            return Everything()
        if "*" in text[:-1]:
            raise QueryError(
                "`*` stands only at the end of a word; to look for a `*`, use quotes", start, len(text), f'"{text}"'
            )
        return Contains(text.removesuffix("*"))  # text is found anywhere in a message, so the star adds nothing

    def condition(self) -> Expression | None:
        """`name operator value`, or None where the text at hand is not that but a word."""
        start = self.at
        if not (self.peek().isalpha() or self.peek() == "_"):
            return None
        name = self.name()
        operator = self.operator()
        if operator is None:
            if '"' in self.text[start : self.at]:
                raise QueryError(f"a condition is missing after `{name}`, such as `:*`", start, self.at - start)
            self.at = start
            return None
        field = self.field(name, start)
        if self.peek() == "(" and operator in (":", "!="):
            expression = self.value_list(field, start)
            return negated(expression) if operator == "!=" else expression
        return condition(field, operator, self.value(start))

    def name(self) -> str:
        """Up to an operator. Quotes may stand around keys of metadata: `metadata."odd key".x`."""
        pieces = [self.take_until(_ENDS_NAME)]
        quotable = pieces[0].lower().startswith(_METADATA)
        while quotable and self.peek() == '"':
            pieces += [self.quoted(), self.take_until(_ENDS_NAME)]
        return "".join(pieces)

    def operator(self) -> str | None:
        found = self.starts_with_one_of(_OPERATORS)
        if found is None:
            return None
        self.at += len(found)
        if found not in ("=", "==", ":"):
            return found
        comparison = self.starts_with_one_of(_COMPARISONS)  # `field:>5` is written elsewhere, and means field>5
        self.at += len(comparison or "")
        return comparison or ":"

    def field(self, name: str, start: int) -> Field:
        field = field_named(name)
        if field is not None:
            return field
        reason = _NOT_FIELDS.get(name.lower())
        if reason:
            raise QueryError(reason, start, len(name))
        as_text = f"to look for the text itself, put it in quotes: `{_quote(self.whole_word(start))}`"
        if self.text.startswith("//", self.at):
            word = self.whole_word(start)
            raise QueryError(f"no field `{_cut(name)}`; {as_text}", start, len(word), _quote(word))
        meant = suggested_name(name)
        question = f"did you mean `{_cut(meant)}`? Or, " if meant else ""
        raise QueryError(f"no field `{_cut(name)}`; {question}{as_text}", start, len(name), meant)

    def value_list(self, field: Field, start: int) -> Expression:
        opened = self.at
        self.at += 1
        self.skip_space()
        alternatives = [condition(field, ":", self.value(start))]
        while True:
            self.skip_space()
            if self.peek() == ")":
                self.at += 1
                return any_of(alternatives)
            if self.at == len(self.text):
                raise QueryError("this `(` is never closed", opened)
            if self.keyword() != "OR":
                word = self.whole_word(self.at)
                raise QueryError(
                    "write `OR` between the values of a list, as in `level:(error OR fatal)`",
                    self.at,
                    len(word),
                    None if self.keyword() else f"OR {word}",
                )
            self.operand_after("OR", self.take_keyword())
            self.count_term()
            alternatives.append(condition(field, ":", self.value(start)))

    def value(self, start: int) -> Value:
        """The value at hand; `start` is where its condition began."""
        position = self.at
        quoted = self.peek() == '"'
        text = self.quoted() if quoted else self.take_until(_ENDS_WORD)
        if not text and not quoted:
            raise self.no_value(start)
        prefix = self.peek() == "*" if quoted else text.endswith("*")
        if quoted and prefix:
            self.at += 1
        return Value(text if quoted else text.removesuffix("*"), quoted, prefix, position, self.at - position)

    def no_value(self, start: int) -> QueryError:
        written = self.text[start : self.at].rstrip()
        self.skip_space()
        word = "" if self.ended() or self.peek() in _ENDS_WORD else self.whole_word(self.at)
        length = self.at + len(word) - start if word else len(written)
        return QueryError(
            f"a value must follow `{_cut(written)}` directly, without a space",
            start,
            length,
            written + word if word else None,
        )

    def quoted(self) -> str:
        start = self.at
        pieces: list[str] = []
        self.at += 1
        while self.at < len(self.text):
            character = self.text[self.at]
            if character == '"':
                self.at += 1
                return "".join(pieces)
            if character == "\\" and self.text[self.at + 1 : self.at + 2] in ('"', "\\"):
                self.at += 1
                character = self.text[self.at]
            pieces.append(character)
            self.at += 1
        raise QueryError('this quote is never closed (inside quotes, `\\"` is a quote and `\\\\` a backslash)', start)

    def keyword(self) -> str:
        """`AND`, `OR` or `NOT` if one stands here as a word of its own, else nothing."""
        found = self.starts_with_one_of(_KEYWORDS)
        if found is None:
            return ""
        after = self.text[self.at + len(found) : self.at + len(found) + 1]
        return found if not after or after.isspace() or after in _ENDS_WORD else ""

    def take_keyword(self) -> int:
        """Goes past the keyword and answers where it stood."""
        start = self.at
        self.at += len(self.keyword())
        self.skip_space()
        return start

    def operand_after(self, keyword: str, start: int) -> None:
        if self.ended():
            raise QueryError(
                f'`{keyword}` needs a term on its right; to look for the word, write `"{keyword}"`',
                start,
                len(keyword),
                f'"{keyword}"',
            )

    def take_minus(self) -> None:
        after = self.text[self.at + 1 : self.at + 2]
        if not after or after.isspace() or after in "-)":
            word = self.whole_word(self.at)
            raise QueryError(
                f"`-` must stand directly before what it excludes; to look for it, write `{_quote(_cut(word))}`",
                self.at,
                len(word),
                _quote(word),
            )
        self.at += 1

    def count_term(self) -> None:
        self.terms += 1
        if self.terms > MAX_TERMS:
            raise QueryError(f"the query has more than {MAX_TERMS} terms", self.at)

    def ended(self) -> bool:
        return self.at == len(self.text) or self.text[self.at] == ")"

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def skip_space(self) -> None:
        while self.peek().isspace():
            self.at += 1

    def starts_with_one_of(self, choices: tuple[str, ...]) -> str | None:
        return next((choice for choice in choices if self.text.startswith(choice, self.at)), None)

    def take_until(self, stops: frozenset[str]) -> str:
        """The run of characters up to one of the stops, a space, or (in a name) the `!` of `!=`."""
        start = self.at
        while (character := self.peek()) and character not in stops and not character.isspace():
            if character == "!" and stops is _ENDS_NAME and self.text.startswith("!=", self.at):
                break
            self.at += 1
        return self.text[start : self.at]

    def whole_word(self, start: int) -> str:
        """What stands at `start`, up to a space or a parenthesis; for messages."""
        end = start
        while end < len(self.text) and self.text[end] not in "()" and not self.text[end].isspace():
            end += 1
        return self.text[start : max(end, start + 1)]


def _quote(word: str) -> str:
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _cut(word: str) -> str:
    return word if len(word) <= 40 else word[:40] + "…"
