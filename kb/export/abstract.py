"""A lead in a language model's words, held to the claims it was given.

Any model of the `llm` package (https://llm.datasette.io/) can write it. Each of
its sentences must cite claims, `[key]`; one that cites none, cites what it was
not given, or has a number that none of the cited claims has, is removed and
counted. What remains is marked as the model's words, never as a quote.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kb.errors import ExtraMissingError, ModelError, near
from kb.export.records import Abstract, Claim, Sentence, Summary
from kb.export.words import day, shown, title, words

MOST_CLAIMS = 24
_CITED = re.compile(r"(?P<text>.*?)(?P<cites>(?:\s*[\[［【][0-9a-z,、;\s]+[\]］】])+)\s*[。.．]?", re.DOTALL)
_KEY = re.compile(r"[0-9a-z]+")
_ENDS = re.compile(r"(?<=[。！？!?])\s*|(?<=[.])\s+(?=[A-Z])|\n+")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_GROUPED = re.compile(r"(?<=\d),(?=\d{3})")
_BULLET = re.compile(r"^\s*(?:[-*・]|\d{1,2}[.)])\s*")


def written(summary: Summary, model: str, lang: str = "") -> Summary:
    """Return a summary with a lead that a language model wrote over its selected claims.

    Args:
        summary: of a subject with claims; without any it is returned as it is.
        model: a name that `llm models` lists.
        lang: "ja" or "en", that of the corpus where none is given.

    Raises:
        ExtraMissingError: the `llm` package is not installed.
        ModelError: no such model, or it gives no answer.
    """
    chosen = selected(summary)
    if not chosen:
        return summary
    lang = lang or summary.language
    answer = _answer(model, _prompt(summary, chosen, lang), str(words(lang)["llm_system"]))
    sentences, removed = checked(answer, {claim.key: claim for claim in chosen})
    return replace(summary, abstract=Abstract(model, sentences, removed))


def selected(summary: Summary) -> tuple[Claim, ...]:
    """Return the claims a model is given: the lead, both sides of conflicts, figures, forecasts and dated claims."""
    rows = [*summary.lead, *(side for c in summary.conflicts[:3] for side in (c.a, c.b))]
    rows += [row.claim for part in (summary.figures[:8], summary.forecasts[:4], summary.timeline[-4:]) for row in part]
    return tuple({claim.key: claim for claim in rows}.values())[:MOST_CLAIMS]


def _prompt(summary: Summary, chosen: tuple[Claim, ...], lang: str) -> str:
    lines = [str(words(lang)["llm_task"]).format(name=title(summary.subject, lang)), ""]
    for claim in chosen:
        holder = f"; {shown(claim.holder)}" if claim.holder != "author" else ""
        lines.append(f"[{claim.key}] ({claim.kind}; {day(claim.first_date)}{holder}) {shown(claim.text)}")
    return "\n".join(lines)


def _answer(name: str, prompt: str, system: str) -> str:
    """Return what a model answers."""
    try:
        import llm
    except ImportError:
        raise ExtraMissingError("llm", "llm") from None
    try:
        model: Any = llm.get_model(name)
    except llm.UnknownModelError:
        known = [str(one.model.model_id) for one in llm.get_models_with_aliases()]
        raise ModelError(
            f"--llm: no model {name!r} is known to llm{near(name, known)}; llm models lists them"
        ) from None
    try:
        return str(model.prompt(prompt, system=system, stream=False).text())
    except Exception as error:  # a plugin of any maker, which may raise anything
        raise ModelError(f"--llm: {name} gave no answer: {shown(str(error)) or type(error).__name__}") from error


def checked(answer: str, given: Mapping[str, Claim]) -> tuple[tuple[Sentence, ...], int]:
    """Return the sentences of an answer that cite claims as they should, and how many were removed."""
    kept: list[Sentence] = []
    removed = 0
    for text, cites in _sentences(answer):
        keys = list(dict.fromkeys(_KEY.findall(cites)))
        if not keys or any(key not in given for key in keys):
            removed += 1
            continue
        claims = tuple(given[key] for key in keys)
        if _numbers(text) <= set().union(*(_numbers(claim.text) for claim in claims)):
            kept.append(Sentence(text, claims))
        else:
            removed += 1
    return tuple(kept), removed


def _sentences(answer: str) -> list[tuple[str, str]]:
    """Return (sentence, citations) pairs; marks belong to what stands before them, with its full stop or without."""
    found: list[tuple[str, str]] = []
    for line in filter(str.strip, answer.splitlines()):
        last = 0
        text = _BULLET.sub("", line)
        for match in _CITED.finditer(text):
            *bare, own = [part.strip() for part in _ENDS.split(match["text"]) if part.strip()] or [""]
            found += [(part, "") for part in bare]
            if own:
                stop = "" if own[-1] in "。.!?！？" else "." if own[-1].isascii() else "。"
                found.append((own + stop, match["cites"]))
            last = match.end()
        found += [(part.strip(), "") for part in _ENDS.split(text[last:]) if part.strip()]
    return found


def _numbers(text: str) -> set[str]:
    """Return the numbers of a text, however they are written: 1,500 and １５００ are one."""
    return set(_NUMBER.findall(_GROUPED.sub("", unicodedata.normalize("NFKC", text))))
