"""English sentences: what its words are, which verb is the main one, and what that makes of the sentence."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.claims import classify
from kb.claims.clauses import parse
from kb.claims.english import EnglishWords
from kb.errors import DataFileError
from kb.records import KINDS

ENGLISH = [
    ("The city opened a new library last year.", "fact", "asserted"),
    ("The plant employs 400 people.", "fact", "asserted"),
    ("Two teams have shared the building since 2019.", "fact", "asserted"),
    ("The old bridge was built by hand.", "fact", "asserted"),
    ("The outage may have started on Monday.", "fact", "hedged"),
    ("The factory reportedly closed in May.", "fact", "hedged"),
    ("The agency will open a second office.", "forecast", "asserted"),
    ("Prices could fall by half.", "forecast", "hedged"),
    ("Demand is expected to double by 2030.", "forecast", "hedged"),
    ("The museum plans to move next spring.", "forecast", "asserted"),
    ("Smaller shops might not survive the winter.", "forecast", "hedged"),
    ("We're going to publish the results.", "forecast", "asserted"),
    ("Clear writing is essential.", "opinion", "asserted"),
    ("I think the old process was slower.", "opinion", "hedged"),
    ("It's hard to find good carpenters.", "opinion", "asserted"),
    ("This underscores the value of patience.", "opinion", "asserted"),
    ("Water is one of the most precious goods.", "opinion", "asserted"),
    ("Agencies should publish their data.", "advice", "asserted"),
    ("Buyers need to test early.", "advice", "asserted"),
    ("You must keep the valve closed.", "advice", "asserted"),
    ("Keep the first release small.", "advice", "asserted"),
    ("If the pump fails, check the fuse.", "advice", "asserted"),
    ("We recommend that teams start with interviews.", "advice", "asserted"),
    ("Don’t open the valve by hand.", "advice", "asserted"),
    ("If the seal is old, don't turn the wheel.", "advice", "asserted"),
    ("You need a dry room for the paper.", "advice", "asserted"),
    ("A good first step is to read the old map.", "opinion", "asserted"),
    ("Old maps foster trust.", "opinion", "asserted"),
    ("We talked through what they have to do.", "fact", "asserted"),
    ("That’s right.", "other", None),
    ("Let us imagine that the river is dry.", "other", None),
    ("We’d love your help with the archive.", "other", None),
    ("Harbour.", "other", None),
    ("I’m thankful for the quiet roads.", "other", None),
    ("Will the new plant be enough?", "question", None),
    ("How do you measure trust?", "question", None),
    ("Hello everyone, and welcome back.", "other", None),
    ("Sign up for our newsletter.", "other", None),
    ("Let's take a look at three examples.", "other", None),
    ("Bridges of the old town", "other", None),
    ("We are thrilled to share the news.", "other", None),
    # what leads elsewhere is told from what says something
    ("Contact lenses were sold to 400 people.", "fact", "asserted"),
    ("Questions about the budget were raised in May.", "fact", "asserted"),
    ("Figure skating by children grew in 2019.", "fact", "asserted"),
    ("The team will email us the results in June.", "forecast", "asserted"),
    ("Contact the press office at the port.", "other", None),
    ("Photo by the harbour office.", "other", None),
    # a subordinate clause does not decide
    ("The plant that will close next year employs 90 people.", "fact", "asserted"),
    ("The bakers know what they have to do.", "fact", "asserted"),
    ("Because the bridge may fall, the road was closed.", "fact", "asserted"),
    ("The boats, which could carry forty people, were sold in 1998.", "fact", "asserted"),
    ("The rope that the sailors used was made of hemp.", "fact", "asserted"),
    ("Built by monks, the mill grinds rye.", "fact", "asserted"),
    ("Use cases are listed on the last page.", "fact", "asserted"),
    ("Added a bell for the night boat.", "fact", "asserted"),
    ("Nets hang in the yard.", "fact", "asserted"),
    ("The tour starts on 3 May at the mill.", "fact", "asserted"),
    ("The clerk told the court that the ledger was wrong.", "fact", "asserted"),
    # what is said is told by its own verb
    ("The ferry company said it will buy two boats.", "forecast", "asserted"),
    ("Growers expect the harvest to shrink.", "forecast", "hedged"),
    ("The danger is that the wall will give way.", "forecast", "hedged"),
    ("The boat should arrive before noon.", "forecast", "hedged"),
    ("Those who keep bees will need more land.", "forecast", "asserted"),
    ("Good rope is worth more than a new mast.", "opinion", "asserted"),
    ("Keeping bees is harder than it looks.", "opinion", "asserted"),
    ("What counts is the water.", "opinion", "asserted"),
    ("The cider tastes good, but the label is ugly.", "opinion", "asserted"),
    ("The worry may be exaggerated.", "opinion", "hedged"),
    ("When in doubt, ask the miller.", "advice", "asserted"),
    ("To open the lid, turn the key twice.", "advice", "asserted"),
    ("Make sure the oven is cold.", "advice", "asserted"),
    ("You can wait, but you should keep the receipt.", "advice", "asserted"),
    ("It pays to read the label.", "advice", "asserted"),
    ("We needed to mend the roof.", "fact", "asserted"),
    ("DO NOT open the valve.", "advice", "asserted"),
    ("See the map for details.", "other", None),
    ("is a shared boat for all villages.", "other", None),
    ("Pumps, ropes, and nets.", "other", None),
    ("Here is how the mill works.", "other", None),
]


@pytest.mark.parametrize(("text", "kind", "certainty"), ENGLISH)
def test_english_sentence(text: str, kind: str, certainty: str | None) -> None:
    found = classify(text, (), japanese=False)
    assert (found.kind, found.certainty if certainty else None) == (kind, certainty), found.cues


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="the of Is was, that WILL n't's’(x)[a](b)-;:. 3é\x00\ud800?", max_size=60))
def test_any_english_text_gets_a_label_whose_cues_lie_in_it(text: str) -> None:
    found = classify(text, (), japanese=False)
    assert found.kind in KINDS
    assert found.cues
    for cue in found.cues:
        assert cue.text == text[cue.start : cue.end]


ROLES = [
    ("The tool we built is used by miners.", "is used"),
    ("If it rains and the wall gives way, the road will close.", "will close"),
    ("In 2019 the town banned cars.", "banned"),
    ("The plan announced in May failed.", "failed"),
    ("The farms in the valley grow barley.", "grow"),
    ("Sweden and Norway share the cost.", "share"),
    ("They haven't been paid.", "have n't been paid"),
    ("The parser reads one line and stops.", "reads"),
    ("Don't touch the wheel.", ""),
    ("Five ways to save water", ""),
]


@pytest.mark.parametrize(("text", "verb"), ROLES)
def test_main_verb_of_an_english_sentence(text: str, verb: str) -> None:
    words, _ = parse(text)
    assert " ".join(word.surface for word in words if "main" in word.pos) == verb


def test_english_words_lie_where_they_stand_in_the_text() -> None:
    text = "It’s the well-known [guide](https://a.example/b) (1st ed.) of Alder & Co., isn't it?"
    words, flags = parse(text)
    assert all(text[word.start : word.end] == word.surface for word in words)
    assert [word.lemma for word in words if word.pos[0] == "動詞"] == ["be", "be"]
    assert "main" in flags


def test_a_lexicon_without_its_parts_is_refused() -> None:
    with pytest.raises(DataFileError, match=r"en_words\.toml: the part 'class'"):
        EnglishWords({}, "en_words.toml")
