"""Promises about every text: offsets, coverage, idempotence."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kb.config import resource
from kb.posts import load
from kb.reading import annotate, uncovered

SAMPLES = sorted(resource("data", "posts").glob("*.md"))
PIECES = st.sampled_from(json.loads((Path(__file__).parent / "data" / "pieces.json").read_text("utf-8")))


def check(text: str) -> None:
    found = annotate(text)
    for sentence in found.sentences:
        assert "".join(text[a:b] for a, b in sentence.spans) == sentence.text
        assert (sentence.start, sentence.end) == (sentence.spans[0][0], sentence.spans[-1][1])
        assert all(a < b for a, b in sentence.spans)
        assert sentence.plain.strip() == sentence.plain != ""
        for cue in sentence.label.cues:
            assert sentence.plain[cue.start : cue.end] == cue.text
    assert uncovered(text, found) == []
    stay = {(s.start, s.end) for s in found.sentences if not s.duplicate_of}
    for row in found.ledger:
        assert found.body_start <= row.start < row.end <= len(text)
        assert row.target is None or row.action == "overlap" or row.target in stay
    assert all(s.duplicate_of is None or s.duplicate_of in stay for s in found.sentences)
    taken = sorted(span for s in found.sentences for span in s.spans)
    assert all(a[1] <= b[0] for a, b in pairwise(taken))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.stem)
def test_every_sentence_of_every_sample_post_is_its_quote(path: Path) -> None:
    check(load(path, "x.md").text)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(PIECES, max_size=30).map("".join))
def test_any_mixture_of_mark_up_keeps_the_promises(text: str) -> None:
    check(text)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300))
def test_any_text_keeps_the_promises(text: str) -> None:
    check(text)


@pytest.mark.parametrize("path", SAMPLES[:6], ids=lambda p: p.stem)
def test_an_article_holds_no_repeats(path: Path) -> None:
    first = annotate(load(path, "x.md").text)
    said = [s for s in first.sentences if not s.reason and first.passages[s.passage].kind == "paragraph"]
    article = "\n\n".join(s.plain for s in said)
    again = annotate(article)
    assert [s.plain for s in again.sentences if s.duplicate_of] == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "😀" * 1000,
        "「" * 5000 + "閉じない。",
        "あ" * 200_000 + "。",
        "---END---\n" * 10_000,
        "\x00" * 100 + "本文。",
        "\u202e右から。",
        "* " * 3000,
        "> " * 200 + "深い。",
        "[" * 3000,
        "<" * 3000 + "a",
    ],
    ids=["empty", "emoji", "quotes", "one-word", "separators", "nul", "bidi", "stars", "depth", "links", "tags"],
)
def test_hostile_texts_are_read(text: str) -> None:
    check(text)


def test_json_shape() -> None:
    found = annotate("---\ntitle: t\n---\n港は静かだ。\n\n港は静かだ。").to_dict()
    assert set(found["drafts"][0]) >= {"start", "end", "continues", "truncated"}
    assert set(found["sentences"][0]) >= {
        "start", "end", "spans", "text", "draft", "kind", "certainty", "holder", "duplicate_of", "reason",
    }  # fmt: skip
    assert found["sentences"][1]["duplicate_of"] == [found["sentences"][0]["start"], found["sentences"][0]["end"]]
