"""What a claim leans on."""

from __future__ import annotations

import pytest

from kb.context import antecedents, points_back
from kb.reading import annotate


@pytest.mark.parametrize(
    "plain",
    [
        "これは大きい。",
        "しかし、それだけでは足りない。",
        "同社は否定した。",
        "彼らは急いだ。",
        "その結果、値は上がった。",
        "They agreed.",
        "But this is new.",
        "The company said no.",
    ],
)
def test_words_that_point_back(plain: str) -> None:
    assert points_back(plain)


@pytest.mark.parametrize(
    "plain", ["そのため、値は上がった。", "港は古い。", "Itinerary plans changed.", "Thistles grow."]
)
def test_words_that_do_not(plain: str) -> None:
    assert not points_back(plain)


def leans(text: str) -> dict[str, str]:
    found = annotate(text)
    made = antecedents(found.article, found.sentences, found.passages)
    return {found.sentences[a].plain: found.sentences[b].plain for a, b in made.items()}


def test_the_nearest_sentence_that_names_it() -> None:
    assert leans("県は桟橋を延ばす。これは十年ぶりだ。それでも足りない。\n\n両社は次も考える。") == {
        "これは十年ぶりだ。": "県は桟橋を延ばす。",
        "それでも足りない。": "県は桟橋を延ばす。",
        "両社は次も考える。": "それでも足りない。",
    }


def test_headings_are_no_antecedents() -> None:
    assert leans("港は古い。\n\n## 見出し\n\nこれは困る。") == {"これは困る。": "港は古い。"}


def test_the_first_sentence_leans_on_nothing() -> None:
    assert leans("これは困る。") == {}
