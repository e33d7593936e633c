"""Join a draft that was cut off in mid-sentence with the draft that takes it up.

Two things can be told from words alone: that the first words of a draft cannot
begin a sentence (a particle, an ending, the rest of a word), and that they say
the last words of a cut-off draft again. Where neither holds nothing is joined:
a sentence nobody wrote is worse than a fragment in the ledger.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kb.records import Draft, LedgerRow, Passage, Sentence, Span, Token
from kb.text import fold, tokens

_CLOSED = re.compile(r"[。．｡！？!?…:：」』）)】\]”\"'|]$|\.$")
_ELLIPSIS = re.compile(r"^(?:\.{2,}|…+|‥+)\s*")
_OVERLAP_WIDEST = 60  # characters said again at most
_KANJI = re.compile(r"[\u3400-\u9fff々]")
_NOMINAL = ("名詞", "代名詞", "接尾辞", "形状詞", "記号")
_CARRIERS = ("に", "で", "と", "から", "まで", "へ", "など", "だけ", "ば", "て", "」", "』", "）")
_LOOK = 24  # characters at each side of a cut that are read together
_STARTERS = ("接続詞", "感動詞")
_TAILS = 6  # cut sentences, the latest, that a draft may take up; few are taken up after the next draft but one
_NEARBY = 50_000  # characters before and after in which a word counts as one that the post has elsewhere
_LEFT_OPEN = ("助詞", "接頭辞", "連体詞")


@dataclass(frozen=True, slots=True)
class Stitched:
    """Sentences with cut ones joined, drafts marked, and the ledger of what was said twice.

    `tails` are the places in `sentences` that stay open, `heads` maps the folded
    beginning of each draft that was joined to the place of the joined sentence.
    """

    sentences: tuple[Sentence, ...]
    drafts: tuple[Draft, ...]
    ledger: tuple[LedgerRow, ...]
    tails: frozenset[int]
    heads: dict[str, int]


@dataclass(frozen=True, slots=True)
class _Join:
    """That a head continues a tail; `overlap` characters of the tail are said again."""

    overlap: int
    why: str


def stitch(text: str, drafts: Sequence[Draft], passages: Sequence[Passage], sentences: Sequence[Sentence]) -> Stitched:
    """Join what was cut across the edges of drafts.

    Args:
        text: the whole file.
        drafts: as `divide` left them, in order.
        passages: of the same body.
        sentences: of the same body.
    """
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for i, sentence in enumerate(sentences):
        first.setdefault(sentence.draft, i)
        last[sentence.draft] = i
    keys = {s.key for s in sentences}
    made = list(sentences)
    flags = list(drafts)
    ledger: list[LedgerRow] = []
    gone: set[int] = set()
    heads: dict[str, int] = {}
    seen: set[str] = set()
    open_tails: list[int] = []
    for draft in sorted(first):
        head = first[draft]
        core = _ELLIPSIS.sub("", sentences[head].plain)
        key = fold(core)
        if draft and key in heads:
            flags[draft] = replace(flags[draft], continues=True)
        elif draft and open_tails and core and key not in seen and _can_continue(passages, sentences[head]):
            found = _find(text, sentences, open_tails[-_TAILS:], head, core, keys)
            if found:
                tail, join = found
                made[tail], rows = _joined(text, sentences[tail], sentences[head], core, join)
                ledger.extend(rows)
                gone.add(head)
                heads[key] = tail
                open_tails.remove(tail)
                flags[draft] = replace(flags[draft], continues=True)
        end = last[draft]
        if end not in gone and _is_open(passages, sentences[end]):
            open_tails.append(end)
            flags[draft] = replace(flags[draft], truncated=True)
        seen.update(s.key for s in sentences[head : end + 1])
    places = {old: new for new, old in enumerate(i for i in range(len(made)) if i not in gone)}
    return Stitched(
        tuple(s for i, s in enumerate(made) if i not in gone),
        tuple(flags),
        tuple(ledger),
        frozenset(places[i] for i in open_tails),
        {key: places[i] for key, i in heads.items()},
    )


def _is_open(passages: Sequence[Passage], sentence: Sentence) -> bool:
    """Tell whether a draft's last sentence was cut off."""
    kind = passages[sentence.passage].kind
    return kind not in ("heading", "label", "cell") and not _CLOSED.search(sentence.plain)


def _can_continue(passages: Sequence[Passage], sentence: Sentence) -> bool:
    """Tell whether a draft's first sentence could be the rest of another."""
    return passages[sentence.passage].kind not in ("heading", "label", "cell")


def _find(
    text: str, sentences: Sequence[Sentence], tails: list[int], head: int, core: str, keys: set[str]
) -> tuple[int, _Join] | None:
    """Return the open tail that `head` continues: the nearest with sure evidence, else the only one."""
    ellipsis = core != sentences[head].plain
    folded = fold(core)
    opening = tokens(core[:_LOOK])
    at = sentences[head].start
    nearby = text[max(0, at - _NEARBY) : at + _NEARBY]
    for tail in reversed(tails):
        if folded.startswith(sentences[tail].key):
            return None  # it says the whole cut sentence again: a copy, not a continuation
        join = _sure(nearby, sentences[tail].plain, core, opening, ellipsis)
        if join:
            return tail, join
    nearest = tails[-1]
    tail_key = sentences[nearest].key
    if (
        len(tails) == 1
        and sentences[nearest].draft == sentences[head].draft - 1
        and not (len(tail_key) >= 4 and any(len(k) > len(tail_key) and k.startswith(tail_key) for k in keys))
    ):
        join = _likely(sentences[nearest].plain, core, ellipsis)
        if join:
            return nearest, join
    return None


def _sure(text: str, tail: str, core: str, opening: Sequence[Token], ellipsis: bool) -> _Join | None:
    """Return how `core`, whose first words are `opening`, continues `tail` where words prove it."""
    # An ellipsis announces a repetition; without one, a repetition shorter than a word may be chance.
    least = 2 if ellipsis else 3
    for size in range(min(_OVERLAP_WIDEST, len(tail), len(core) - 1), least - 1, -1):
        if tail[-size:] == core[:size]:
            return _Join(size, "says its last words again")
    edge = min(_LOOK, len(tail))
    before: Token | None = None
    for token in tokens(tail[-_LOOK:] + core[:_LOOK]):
        if token.end == edge:
            before = token
        if token.start < edge < token.end and token.pos[0] not in ("記号", "補助記号") and token.pos[1] != "数詞":
            # A word that neither side holds: cut in two, if the post has it elsewhere or it is a verb cut
            # from its ending. Digits prove nothing.
            stem = token.pos[0] in ("動詞", "形容詞") and _KANJI.match(tail[-1]) and not _KANJI.match(core[0])
            if stem or token.surface in text:
                return _Join(0, f"{token.surface} was cut in two")
        if token.start == edge:
            if opening and opening[0].pos[0] in ("助詞", "助動詞") and _fits(before, token):
                return _Join(0, f"{token.surface} cannot begin a sentence")
            if token.pos[0] == "接尾辞" and tail[-2:] + token.surface in text:
                return _Join(0, f"{token.surface} ends a word that the post has elsewhere")
    junction = tail[-3:] + core[:3]
    if len(junction) == 6 and not junction.isascii() and junction in text:
        return _Join(0, f"{junction} stands elsewhere in the post")
    return None


def _fits(before: Token | None, token: Token) -> bool:
    """Tell whether a particle or ending can stand right after the word before it."""
    if before is None:
        return False
    kind, sort = token.pos[0], token.pos[1]
    verbal = before.pos[0] in ("動詞", "形容詞", "助動詞")
    if kind == "助動詞":
        return verbal or (before.pos[0] in _NOMINAL and token.lemma in ("だ", "です"))
    if kind == "助詞" and sort == "接続助詞":
        return verbal
    return kind == "助詞" and (before.pos[0] in _NOMINAL or before.surface in _CARRIERS)


def _likely(tail: str, core: str, ellipsis: bool) -> _Join | None:
    """Return that `core` continues `tail`, which ends on a word that needs another."""
    opening = tokens(core[:_LOOK])
    if not opening or opening[0].pos[0] in _STARTERS:
        return None
    closing = tokens(tail[-_LOOK:])
    if ellipsis:
        return _Join(0, "begins with an ellipsis")
    if not closing:
        return None
    ending = closing[-1]
    if opening[0].pos[0] == "連体詞" or opening[0].surface in ("私", "あなた", "もちろん"):
        return None
    if ending.pos[0] in _LEFT_OPEN and ending.pos[1] != "終助詞" and ending.surface != "は":
        return _Join(0, f"{ending.surface} needs another word")
    return None


def _joined(text: str, tail: Sentence, head: Sentence, core: str, join: _Join) -> tuple[Sentence, list[LedgerRow]]:
    """Return the joined sentence, and the ledger rows of what is left out between."""
    cut = _back(text, tail, join.overlap)
    begin = head.start + max(0, head.text.find(core[:1])) if core != head.plain else head.start
    rows = []
    if cut < tail.end:
        rows.append(LedgerRow(cut, tail.end, "overlap", "the next draft says it again", (begin, head.end)))
    if begin > head.start:
        rows.append(LedgerRow(head.start, begin, "overlap", "an ellipsis where a draft takes up again"))
    spans: tuple[Span, ...] = ((tail.start, cut), (begin, head.end))
    kept = tail.plain[: len(tail.plain) - join.overlap]
    plain = kept + core
    joined = replace(
        tail,
        end=head.end,
        spans=spans,
        text="".join(text[a:b] for a, b in spans),
        plain=plain,
        key=fold(plain),
    )
    return joined, rows


def _back(text: str, tail: Sentence, overlap: int) -> int:
    """Return where the last `overlap` plain characters of `tail` begin in the source."""
    at = tail.end
    for char in reversed(tail.plain[len(tail.plain) - overlap :]):
        at = text.rfind(char, tail.start, at) if not char.isspace() else at
    return at
