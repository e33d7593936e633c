"""Full text: what is indexed of a claim, the FTS5 table over it, and what a query means.

Two columns are indexed of every claim. `words` holds Sudachi's normalised short
units, content words only, so that サーバ finds サーバー and 二十 finds 20. `grams`
holds the character bigrams of each run of Japanese, so that a word no dictionary
knows, or a part of one, is found too; a run of other letters stays whole there.
Measured on Japanese paragraph retrieval, BM25 over both columns beats either.

The `trigram` tokenizer of FTS5 cannot find words of two characters (電力, 人材),
hence `unicode61` over text that is joined by spaces here. It would split C++ or
1.5 at their symbols, so those stand as private-use characters in the index,
which it takes for letters (https://www.sqlite.org/fts5.html#unicode61_tokenizer).
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from kb.config import NORMALISER_VERSION
from kb.records import Token
from kb.text import tokens

TABLE = "claim_terms"
INDEX = "claim_terms_fts"
COLUMNS = ("words", "grams")
TOKENIZER = "unicode61 remove_diacritics 0"
VERSION = 100 * NORMALISER_VERSION + 1  # of the terms that `terms` makes: of another, they are made afresh
QUERY_LIMIT = 2_000  # characters of a query that are read
TERM_LIMIT = 128  # words, and bigrams, of a query that are looked up

_JA = "々〆〇ヶぁ-ゖゝゞァ-ヺーヽヾ㐀-䶿一-鿿豈-﫿가-힣\U00020000-\U0003ffff"
_LETTER = rf"[^\W_{_JA}]"
_RUN = re.compile(rf"(?P<ja>[{_JA}]+)|{_LETTER}+(?:[.+#\-&'_]{_LETTER}+)*[+#]*")
_CODE = re.compile(rf"{_LETTER}+(?:[.+#\-&'_]{_LETTER}+)*[+#]*")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3})")
_PART = re.compile(rf"{_LETTER}+")
_KANA = re.compile(r"[ァ-ヺー]+")
_HIRAGANA = re.compile(r"[ぁ-ゖゝゞー]+")
_SYMBOL = re.compile(r"[!-/:-@\[-`{-~]")
_PRIVATE = re.compile("[\ue021-\ue07e]")
_FUNCTION_POS = frozenset(("助詞", "助動詞", "補助記号", "空白", "感動詞", "接続詞", "代名詞", "接頭辞"))
_ITEM = re.compile(r"(?P<minus>(?<!\S)-(?=[^\s-]))?(?:\"(?P<phrase>[^\"]*)(?:\"|$)|(?P<word>[^\s\"]+))")


@dataclass(frozen=True, slots=True)
class Phrase:
    """Text that must stand as it is: an FTS5 expression, and the text for people."""

    text: str
    expression: str


@dataclass(frozen=True, slots=True)
class Query:
    """What a user typed, read.

    `text` is the query without operators and excluded parts: what the semantic
    arm encodes. `words` and `grams` are terms of the two columns, in order,
    each once, any of which may match. Of every tuple in `required` one phrase
    must match; none of `excluded` may. `labels` pairs each word with the form
    it had in the query. `names` are those of `words` that the dictionary has as
    proper names. `cut` tells that the query was too long to read whole.
    """

    text: str
    words: tuple[str, ...]
    grams: tuple[str, ...]
    required: tuple[tuple[Phrase, ...], ...] = ()
    excluded: tuple[Phrase, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    names: frozenset[str] = frozenset()
    cut: bool = False

    @property
    def empty(self) -> bool:
        """Tell whether nothing in the query can be looked for."""
        return not (self.words or self.grams or self.required)


def encode(term: str) -> str:
    """Return `term` with ASCII symbols as private-use letters, which `unicode61` does not split at."""
    return _SYMBOL.sub(lambda m: chr(0xE000 + ord(m[0])), term)


def decode(term: str) -> str:
    """Return an indexed term as people write it: the inverse of `encode`."""
    return _PRIVATE.sub(lambda m: chr(ord(m[0]) - 0xE000), term)


def _flat(text: str) -> str:
    return _THOUSANDS.sub("", unicodedata.normalize("NFKC", text).casefold())


class Word(NamedTuple):
    """A content word: the term it is indexed under, how to show it, and whether it is a proper name."""

    term: str
    label: str
    name: bool


@lru_cache(maxsize=1 << 16)
def _term(unit: str) -> str:
    """Return the term of a part of a word, or "" where it has no letter or digit."""
    flat = "".join(_flat(unit).split())
    return encode(flat) if any(c.isalnum() for c in flat) else ""


def _empty(token: Token) -> bool:
    return token.pos[0] in _FUNCTION_POS or (token.pos[1] == "非自立可能" and token.pos[0] != "名詞")


def _word_list(text: str) -> Iterator[Word]:
    """Yield the content words of `text`, and its codes such as GPT-4."""
    for token in tokens(text):
        if _empty(token):
            continue
        units = _units(token)
        for unit in units:
            term = _term(unit)
            if term:
                yield Word(term, token.surface if len(units) == 1 else decode(term), token.pos[1] == "固有名詞")
    for match in _RUN.finditer(_flat(text)):
        code = match[0]
        if match["ja"] is None and _SYMBOL.search(code):
            yield Word(encode(code), code, False)
            for part in _PART.findall(code):
                yield Word(part, part, False)


def stands(text: str, words: frozenset[str], grams: frozenset[str]) -> list[tuple[int, int]]:
    """Return where terms of either column stand in `text`, as spans of code points, joined where they touch."""
    spans = []
    if words:
        for token in tokens(text):
            if not words.isdisjoint(map(_term, _units(token))):
                spans.append((token.start, token.end))
        # A code such as GPT-4 is a term of its own, which the words of Sudachi are parts of.
        spans += [m.span() for m in _CODE.finditer(text) if encode(_flat(m[0])) in words]
    if grams:
        spans += [(at, at + 2) for at in range(len(text) - 1) if encode(_flat(text[at : at + 2])) in grams]
    return joined(spans)


@lru_cache(maxsize=64)
def _parsed(text: str) -> tuple[tuple[Token, tuple[str, ...], bool], ...]:
    """Return the words of a query, their terms, and whether they are in katakana: asked for every hit."""
    return tuple(
        (
            token,
            () if _empty(token) else tuple(filter(None, map(_term, _units(token)))),
            _KANA.fullmatch(token.surface) is not None,
        )
        for token in tokens(text)
    )


def shown(text: str, held: Collection[str]) -> tuple[str, ...]:
    """Return the words of `text` whose terms are among `held`, as typed and each once: データセンター, not its parts.

    Words in katakana that touch are one name, where all of it is held: the dictionary may not know it.
    """
    found: list[str] = []
    end = -1  # of the word in katakana shown last
    for token, terms, katakana in _parsed(text):
        kept = [term for term in terms if term in held]
        kana = katakana and len(kept) == len(terms)
        if kept and kana and end == token.start:
            found[-1] += token.surface
        elif kept:
            found += [token.surface] if len(kept) == len(terms) else map(decode, kept)
        end = token.end if kept and kana else -1
    for code in (match[0] for match in _CODE.finditer(text)):
        if _SYMBOL.search(code) and encode(_flat(code)) in held:
            found = [word for word in found if word not in code] + [code]
    return _once(found)


def joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans in order, those that touch or overlap made one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _units(token: Token) -> tuple[str, ...]:
    """Return the parts of a word that mean something.

    A name in kana that falls into splinters stays whole, and so does a word with an affix that the dictionary writes
    as another word: 強み is no 味, お金 no 御.
    """
    units = token.units
    if len(units) < 2:
        return units
    splinters = any(len(unit) < 3 and _KANA.fullmatch(unit) for unit in units)
    if splinters and _KANA.fullmatch(token.surface):
        return (token.norm,)
    surface = token.surface.casefold()
    return (token.norm,) if any(len(unit) == 1 and unit.casefold() not in surface for unit in units) else units


def _once(terms: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(terms))


def _grams(text: str, *, closed: bool = True) -> list[str]:
    """Return the bigrams of each Japanese run and the other runs whole, in order.

    A run ends in its last character alone, so that every character begins some
    term; with `closed` false that of the last run is left out.
    """
    found: list[str] = []
    last = ""
    for match in _RUN.finditer(_flat(text)):
        run = last = match[0]
        if match["ja"] is None:
            found.append(encode(run))
        else:
            found.extend(run[i : i + 2] for i in range(len(run)))
    if not closed and found and len(last) > 1 and found[-1] == last[-1]:
        found.pop()
    return found


def terms(text: str) -> tuple[str, str]:
    """Return what is indexed of `text`: its words and its bigrams, each joined by spaces."""
    words = [word.term for word in _word_list(text)]
    return " ".join(words), " ".join(_grams(text))


def _phrase(text: str) -> Phrase | None:
    """Return an expression for `text` as it stands, or None where nothing in it is indexed."""
    grams = _grams(text, closed=False)
    if not grams:
        return None
    joined = " ".join(grams)
    alone = len(grams[-1]) == 1 and _RUN.fullmatch(grams[-1]) is not None and not grams[-1].isascii()
    expression = f'grams : "{joined}"' + (" *" if alone else "")
    if len(grams) == 1 and not alone and grams[0].isascii():
        expression = f'({expression} OR words : "{joined}")'
    return Phrase(" ".join(text.split()), expression)


def _items(text: str) -> Iterator[tuple[str, str, bool]]:
    """Yield (role, text, joined to the one before by OR); a role is word, phrase or minus."""
    joined = False
    first = True
    for match in _ITEM.finditer(text):
        if match["word"] in ("OR", "|", "||") and match["minus"] is None:
            joined = not first
            continue
        body = match["phrase"] if match["phrase"] is not None else match["word"]
        role = "minus" if match["minus"] else "phrase" if match["phrase"] is not None else "word"
        if body.strip():
            yield role, body, joined
            joined = first = False


def parse(query: str) -> Query:
    """Read what a user typed; every string is a valid query, if perhaps an empty one.

    Words may match in any number. "In quotes" must stand as written, -left and
    -"left out" must not stand, `"a" OR "b"` asks for one of two phrases.
    """
    sound = query[:QUERY_LIMIT].encode("utf-8", "replace").decode("utf-8").replace("\0", " ")
    flat = unicodedata.normalize("NFKC", sound).replace("“", '"').replace("”", '"')
    groups: list[list[tuple[str, str]]] = []
    excluded: list[Phrase] = []
    for role, body, joined in _items(flat):
        if role == "minus":
            phrase = _phrase(body)
            if phrase:
                excluded.append(phrase)
        elif joined and groups:
            groups[-1].append((role, body))
        else:
            groups.append([(role, body)])
    required = []
    for group in groups:
        if any(role == "phrase" for role, _ in group):
            phrases = tuple(p for p in (_phrase(body) for _, body in group) if p)
            if phrases:
                required.append(phrases)
    texts = [body for group in groups for _, body in group]
    found = [word for body in texts for word in _word_list(body)][:TERM_LIMIT]
    grams = _once(gram for body in texts for gram in _asked_grams(body))
    return Query(
        text=" ".join(texts),
        words=_once(word.term for word in found),
        grams=grams[:TERM_LIMIT],
        required=tuple(required),
        excluded=tuple(excluded),
        labels=tuple({word.term: word.label for word in reversed(found)}.items()),
        names=frozenset(word.term for word in found if word.name),
        cut=len(query) > QUERY_LIMIT,
    )


def _asked_grams(text: str) -> list[str]:
    """Return the bigrams of a query that tell anything: not those of kana endings, unless all are."""
    grams = _grams(text)
    told = [g for g in grams if (len(g) > 1 or g.isascii()) and not _HIRAGANA.fullmatch(g)]
    return told or [g for g in grams if len(g) > 1] or grams


def term_expression(column: str, term: str) -> str:
    """Return the FTS5 expression of one term of a column; a lone Japanese character asks for all it begins."""
    alone = column == "grams" and len(term) == 1 and not term.isascii()
    return f'{column} : "{term}"' + (" *" if alone else "")


def match_expression(query: Query) -> str:
    """Return one FTS5 expression for `query`, or "" where nothing can be looked for.

    For a plain `MATCH … ORDER BY rank`, as Datasette does; `kb.search` ranks by
    the same terms, but scores them itself.
    """
    parts = ["(" + " OR ".join(p.expression for p in group) + ")" for group in query.required]
    if not parts:
        any_of = [term_expression("words", t) for t in query.words] + [term_expression("grams", t) for t in query.grams]
        if not any_of:
            return ""
        parts = ["(" + " OR ".join(any_of) + ")"]
    expression = " AND ".join(parts)
    for phrase in query.excluded:
        expression = f"({expression}) NOT ({phrase.expression})"
    return expression


def ensure(conn: sqlite3.Connection) -> None:
    """Create the full-text table and its triggers where they are missing; commits what is open.

    sqlite-utils owns them: they are no part of the migrations.
    """
    from sqlite_utils import Database

    Database(conn)[TABLE].enable_fts(list(COLUMNS), tokenize=TOKENIZER, create_triggers=True, replace=True)  # type: ignore[union-attr]


def rebuild(conn: sqlite3.Connection) -> None:
    """Fill the full-text table afresh from `claim_terms`, and create it where it is missing."""
    ensure(conn)
    conn.execute(f"INSERT INTO {INDEX}({INDEX}) VALUES ('rebuild')")
    conn.commit()


def optimize(conn: sqlite3.Connection) -> None:
    """Merge the parts of the full-text index into one, which makes look-ups faster."""
    conn.execute(f"INSERT INTO {INDEX}({INDEX}) VALUES ('optimize')")
    conn.commit()


def check(conn: sqlite3.Connection) -> list[str]:
    """Return what is wrong with the full-text index, a line each; `conn` must be writable."""
    names = {row[0] for row in conn.execute("SELECT name FROM sqlite_master WHERE name LIKE ? || '%'", (TABLE,))}
    if INDEX not in names:
        return [f"{INDEX}: the full-text table is missing"]
    faults = [
        f"{INDEX}: the trigger {name} is missing"
        for name in (f"{TABLE}_ai", f"{TABLE}_ad", f"{TABLE}_au")
        if name not in names
    ]
    (bare,) = conn.execute(
        f"SELECT count(*) FROM claims WHERE NOT stock AND id NOT IN (SELECT claim_id FROM {TABLE})"
    ).fetchone()
    if bare:
        faults.append(f"{TABLE}: {bare} claims have no terms")
    try:
        conn.execute(f"INSERT INTO {INDEX}({INDEX}, rank) VALUES ('integrity-check', 1)")
    except sqlite3.DatabaseError as error:
        faults.append(f"{INDEX}: does not agree with {TABLE} ({error})")
    return faults
