"""What a sentence says, taken apart once so that many comparisons are cheap."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from kb.links.around import arguments, described, doers, governors, holdings, weighed
from kb.links.clauses import read_words
from kb.links.english import english, is_english, read_english, strip_openers
from kb.links.english import tense as english_tense
from kb.links.keys import clean, key_of, lead_key, strip_opener
from kb.links.negation import Word
from kb.links.tables import Pole, Tables, tables
from kb.quantities import DateRef, Quantity, dates, quantities
from kb.records import Token
from kb.text import fold
from kb.text import tokens as read_tokens


@dataclass(frozen=True, slots=True)
class Term:
    """A content word of a sentence under its canonical name.

    `signs` are +1 where it is affirmed, -1 where denied; `roles` the cases it
    stands in; `poles` the axes of opposites it stands on, negation counted in;
    `lead` that it stands before the first は, `made` that it is a causative,
    `cancelled` the poles of the verb that says it does not happen.
    """

    name: str
    shown: str
    weight: float
    kind: str  # entity, noun, verb, adjective, adverb
    signs: frozenset[int]
    roles: frozenset[str]
    poles: frozenset[Pole]
    lead: bool = False
    made: bool = False
    cancelled: frozenset[Pole] = frozenset()


class Anchor(NamedTuple):
    """Where a number or date stands: the words before it in its clause, and the particle after it."""

    words: frozenset[str]
    case: str
    text: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """A sentence taken apart; see `prepare`."""

    text: str
    meant: str
    label: str
    key: str
    core: str
    terms: Mapping[str, Term]
    total: float
    quantities: tuple[Quantity, ...]
    dates: tuple[DateRef, ...]
    entities: frozenset[str]
    denied: frozenset[str]
    denials: int
    hedged: bool
    modality: frozenset[str]
    none: bool
    passive: bool
    lead: tuple[int, int]
    scopes: Mapping[int, frozenset[str]]
    cut: bool
    exclusive: frozenset[str]
    tense: str
    verbal: bool
    only: bool
    anchors: Mapping[tuple[str, str], Anchor]
    subject: frozenset[str]
    object: frozenset[str]
    cleft: bool
    doubly: bool
    joint: str
    before: frozenset[str]
    after: frozenset[str]
    glosses: tuple[tuple[frozenset[str], str], ...]
    ends_denied: bool
    tail: tuple[str, ...]
    conditional: frozenset[str]
    supposed: frozenset[tuple[str, int]]
    attributive: frozenset[str]
    contrasted: frozenset[str]
    beyond: bool
    affirmed: bool
    doers: Mapping[str, frozenset[str]]
    governors: Mapping[str, str]
    than: frozenset[str]
    top: frozenset[str]
    described: Mapping[str, frozenset[str]]
    framed: bool
    sequence: tuple[str, ...]
    holdings: Mapping[str, str]
    marks: frozenset[str]
    focus: frozenset[str]
    rates: frozenset[str]
    planned: bool
    parted: bool


_GLOSS = re.compile(r"([^\s、。()「」はがをにでとの]{2,24})\(([A-Za-z][A-Za-z0-9&.\-]{1,11})\)")
_ENDING = 40  # letters: where its last predicate is read
_TAIL = 3  # content words at the end among which the main predicate is
_END = re.compile(r"[。.!?」』)…]\s*$")


class _Source(NamedTuple):
    """A sentence as it is compared: without mark-up (`plain`), without its opener (`body`), and as it is `meant`."""

    plain: str
    label: str
    body: str
    meant: str
    latin: bool


def prepare(text: str, tokens: Sequence[Token] | None = None) -> Prepared:
    """Take one sentence apart.

    `tokens` are the words of `text` as `kb.text.tokens` gives them; they are used
    where the sentence needs no cleaning, and read again where it does.
    """
    table = tables()
    said = _source(text, table)
    meant, body, latin = said.meant, said.body, said.latin
    words = list(tokens) if tokens is not None and meant == text else read_tokens(meant)
    plain_words = words if meant == body else read_tokens(body)
    found_dates = dates(meant)
    found = quantities(meant, [(d.start, d.end) for d in found_dates])
    taken = [(d.start, d.end) for d in found_dates] + [(q.start, q.end) for q in found]
    found = [q for q in found if not (q.low == q.high == 1 and meant.startswith("も", q.end))]  # 一人も: none
    read, denials, ends_denied = read_english(meant, taken, table) if latin else read_words(meant, words, taken, table)
    terms = _terms(read)
    lead = _lead(meant, words)
    names = frozenset(t.name for t in terms.values() if t.kind == "entity")
    return Prepared(
        text=body,
        meant=meant,
        label=said.label,
        key=key_of(plain_words) + lead_key(said.label),
        core=fold(body).rstrip("。.!?…」』)"),
        terms=terms,
        total=sum(t.weight for t in terms.values()),
        quantities=tuple(found),
        dates=tuple(found_dates),
        entities=names,
        denied=frozenset(name for name, t in terms.items() if -1 in t.signs),
        denials=denials,
        ends_denied=ends_denied,
        modality=_modality(meant, words, table),
        lead=lead,
        scopes=_scopes(meant, read, found, english().scopes if latin else table.scopes),
        verbal=any(t.pos[0] == "動詞" for t in words[-5:]),
        anchors=_anchors(meant, found, found_dates, read),
        glosses=_glosses(meant, read),
        marks=frozenset([n for n, compiled in table.marking if (found or n != "aimed") and compiled.search(meant)]),
        focus=_focus(meant, lead, read, table),
        rates=frozenset(table.patterns["rates"].findall(meant)) if found else _BARE,
        described=described(read, words) if names else {},
        framed=meant[max(0, lead[1] - 1) : lead[1]] in ("で", "に"),
        **_by_patterns(said, table),
        **_by_words(said, read, words, table),
    )


def _source(text: str, table: Tables) -> _Source:
    """Return a sentence cleaned, and rewritten as data/relate/ has it."""
    plain, label = clean(text)
    latin = is_english(plain)
    body = strip_openers(plain) if latin else strip_opener(plain, table)
    meant = body
    for literal, compiled, to in table.rewrites:
        if literal in meant:
            meant = compiled.sub(to, meant)
    return _Source(plain, label, body, meant, latin)


def _by_patterns(said: _Source, table: Tables) -> dict[str, Any]:
    """Return the parts of `Prepared` that its letters decide."""
    patterns, body, meant = table.patterns, said.body, said.meant
    return {
        "hedged": table.hedges.search(meant) is not None,
        "none": patterns["exist_none"].search(body) is not None,
        "passive": _passive(body, table, latin=said.latin),
        "cut": _END.search(said.plain) is None,
        "tense": english_tense(meant) if said.latin else _tense(meant, table),
        "only": patterns["only"].search(meant) is not None,
        "cleft": patterns["cleft"].search(body) is not None,
        "beyond": patterns["beyond"].search(meant) is not None,
        "affirmed": patterns["affirmed"].search(meant) is not None,
        "planned": patterns["planned"].search(meant) is not None,
        "parted": "うち" in meant,
    }


def _by_words(said: _Source, read: Sequence[Word], tokens: Sequence[Token], table: Tables) -> dict[str, Any]:
    """Return the parts of `Prepared` that its content words decide, as `read`, and how they stand together."""
    subject, objective = arguments(read, tokens)
    compared = "より" in said.meant or "ほど" in said.meant
    than, top = weighed(read, tokens) if compared else (_BARE, _BARE)
    joint = table.patterns["sequence"].search(said.meant)
    edge = joint.start() if joint else -1
    telling = [w.name for w in read if w.weight > 0 and w.shown not in table.words["stances"]]
    return {
        "subject": subject,
        "object": objective,
        "than": than,
        "top": top or (subject if than else top),  # AはBより安い
        "joint": _joint(joint[0]) if joint else "",
        "before": frozenset(w.name for w in read if w.start < edge and w.weight >= 1),
        "after": frozenset(w.name for w in read if w.start >= edge >= 0 and w.weight >= 1),
        "exclusive": frozenset(w.name for w in read if w.shown in table.words["exclusive"]),
        "doubly": any(w.denials > 1 for w in read),
        "tail": tuple(telling[0 if said.latin else -_TAIL :]),
        "sequence": tuple(w.name for w in read) if said.latin else (),
        "conditional": frozenset(w.name for w in read if w.conditional),
        "supposed": frozenset((w.name, w.sign) for w in read if w.conditional),
        "attributive": frozenset(w.name for w in read if w.attributive),
        "contrasted": frozenset(w.name for w in read if w.contrasted),
        "doers": doers(read, tokens),
        "governors": governors(read),
        "holdings": holdings(read, tokens),
    }


def _joint(words: str) -> str:
    """Return "prior" where the words between two events put the one named first later, "later" for the reverse."""
    if "前" in words or "先立" in words:
        return "prior"
    return "later" if "後" in words or "あと" in words or "てから" in words else ""


def _focus(text: str, lead: tuple[int, int], words: Sequence[Word], table: Tables) -> frozenset[str]:
    """Return what a sentence says it is: the words after のは of a cleft, or after は of one that ends in a noun."""
    cleft = table.patterns["cleft"].search(text)
    start = cleft.start() + 2 if cleft else lead[1]
    if not cleft and (not start or table.patterns["identifies"].search(text[-_ENDING:]) is None):
        return _BARE
    return frozenset(w.name for w in words if w.start >= start and w.weight > 0)


def _terms(words: Sequence[Word]) -> dict[str, Term]:
    grouped: dict[str, list[Word]] = {}
    for word in words:
        if word.weight > 0:
            grouped.setdefault(word.name, []).append(word)
    return {name: _once(name, same[0]) if len(same) == 1 else _often(name, same) for name, same in grouped.items()}


_SIGNS = {1: frozenset((1,)), -1: frozenset((-1,))}
_NONE: frozenset[Pole] = frozenset()
_BARE: frozenset[str] = frozenset()


def _once(name: str, w: Word) -> Term:
    """Return the term of a word that stands in the sentence once, as most do."""
    roles = frozenset((w.role,)) if w.role else _BARE
    poles = frozenset((axis, side * w.sign) for axis, side in w.poles) if w.poles else _NONE
    cancelled = frozenset(w.cancelled) if w.cancelled else _NONE
    return Term(name, w.shown, w.weight, w.kind, _SIGNS[w.sign], roles, poles, w.lead, w.made, cancelled)


def _often(name: str, same: Sequence[Word]) -> Term:
    """Return the term of a word that stands in the sentence more than once."""
    return Term(
        name,
        same[0].shown,
        max(w.weight for w in same),
        same[0].kind,
        frozenset(w.sign for w in same),
        frozenset(w.role for w in same if w.role),
        frozenset((axis, side * w.sign) for w in same for axis, side in w.poles),
        any(w.lead for w in same),
        any(w.made for w in same),
        frozenset(pole for w in same for pole in w.cancelled),
    )


def _modality(text: str, words: Sequence[Token], table: Tables) -> frozenset[str]:
    found = {name for name, compiled in table.modality if compiled.search(text)}
    if any(t.pos[5].startswith("命令形") for t in words[-3:] if t.pos[0] in ("動詞", "助動詞")):
        found.add("command")
    if any(_can(t) for t in words):
        found.add("ability")
    return frozenset(found)


def _can(token: Token) -> bool:
    """Tell whether a word is the potential of a verb, 乗れる of 乗る: the dictionary has the plain verb as its norm."""
    lemma, norm = token.lemma, token.norm
    return token.pos[4].startswith("下一段") and len(norm) == len(lemma) - 1 and norm[:-1] == lemma[:-2]


def _passive(text: str, table: Tables, *, latin: bool) -> bool:
    """Tell whether the main predicate is a passive."""
    if latin:
        return english().passive.search(text) is not None
    return table.patterns["passive"].search(_undoubted(text, table)[-12:]) is not None


def _undoubted(text: str, table: Tables) -> str:
    """Return the end of a sentence without the marks of doubt after its predicate."""
    return table.patterns["doubt_tail"].sub("", text[-_ENDING:])


def _tense(text: str, table: Tables) -> str:
    """Return past or plain, or "" for a state or where neither can be told."""
    text = _undoubted(text, table)
    if table.patterns["state"].search(text):
        return ""
    return next((name for name in ("past", "plain") if table.patterns[name].search(text)), "")


def _anchors(
    text: str, numbers: Sequence[Quantity], days: Sequence[DateRef], words: Sequence[Word]
) -> Mapping[tuple[str, str], Anchor]:
    """Return for each number or date (kind, value) the words of its clause before it, and its case particle."""
    found: dict[tuple[str, str], Anchor] = {}
    marks = [((q.dimension, f"{q.value}"), q.start, q.end) for q in numbers]
    marks += [((d.part, d.value), d.start, d.end) for d in days]
    edge = 0
    for key, start, end in sorted(marks, key=lambda m: m[1]):
        edge = max(edge, text.rfind("、", 0, start) + 1)
        case = _CASE.match(text, end)
        names = frozenset(w.name for w in words if edge <= w.start < start and w.weight > 0)
        found[key] = Anchor(names, case[1] if case else "", text[start:end])
        edge = end
    return found


_CASE = re.compile(r"(?:半ば|末|初め|頃|ごろ|以降)?(から|まで|より|へ|に)")


def _glosses(text: str, words: Sequence[Word]) -> tuple[tuple[frozenset[str], str], ...]:
    """Return (names of the words spelt out, name of the short form) for each 国民医療サービス(NHS)."""
    found = []
    for match in _GLOSS.finditer(text):
        short = [w.name for w in words if match.start(2) <= w.start < match.end(2)]
        spelt = [w.name for w in words if match.start(1) <= w.start < match.end(1)]
        if len(short) == 1 and spelt:
            found.append((frozenset(spelt), short[0]))
    return tuple(found)


def _lead(text: str, words: Sequence[Token]) -> tuple[int, int]:
    """Return the stretch before the first は, from the comma before it: what the sentence is about."""
    end = next((t.start for t in words if t.surface == "は" and t.pos[1] == "係助詞"), 0)
    return text.rfind("、", 0, end) + 1, end


def _spelt(text: str, word: Word) -> tuple[str, ...]:
    end = word.start + len(word.surface)
    return word.shown, word.surface, word.surface + text[end : end + 1]


def _scopes(
    text: str, words: Sequence[Word], numbers: Sequence[Quantity], contrasts: Mapping[str, Sequence[int]]
) -> Mapping[int, frozenset[str]]:
    rows: dict[int, set[str]] = {}
    for spellings in [_spelt(text, w) for w in words] + [(q.text,) for q in numbers]:
        for spelling in dict.fromkeys(spellings):
            for row in contrasts.get(spelling, ()):
                rows.setdefault(row, set()).add(spelling)
    return {row: frozenset(names) for row, names in rows.items()}
