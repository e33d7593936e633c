"""Stitching and repeats. Every sentence here was written for the test."""

from __future__ import annotations

import random
from itertools import combinations

import pytest

from kb.dedup import Deduped, near
from kb.reading import annotate
from kb.records import Annotation, Passage, Sentence

SEP = "\n\n---END---\n\n"


def kept(annotation: Annotation) -> list[str]:
    return [s.plain for s in annotation.sentences if not s.reason]


def actions(annotation: Annotation) -> list[str]:
    return [row.action for row in annotation.ledger if row.action != "separator"]


def test_a_word_cut_in_two_is_joined() -> None:
    found = annotate("港の整備が進む。新しい桟橋は町を変える力を秘" + SEP + "めている。船も増えた。")
    assert kept(found) == ["港の整備が進む。", "新しい桟橋は町を変える力を秘めている。", "船も増えた。"]
    joined = found.sentences[1]
    assert len(joined.spans) == 2
    assert [(d.continues, d.truncated) for d in found.drafts] == [(False, True), (True, False)]


def test_words_said_again_after_an_ellipsis_are_left_out_of_the_first() -> None:
    text = "町の備えは、段階的で" + SEP + "...段階的で息の長い計画が要る。次の話に移ろう。"
    found = annotate(text)
    assert kept(found)[0] == "町の備えは、段階的で息の長い計画が要る。"
    first = next(s for s in found.sentences if len(s.spans) == 2)
    assert first.text == "町の備えは、段階的で息の長い計画が要る。" == "".join(text[a:b] for a, b in first.spans)
    assert actions(found).count("overlap") == 2  # the words, and the ellipsis


def test_the_same_continuation_three_times_counts_once() -> None:
    rest = "めている。漁師は歓迎している。"
    found = annotate("桟橋は町を変える力を秘" + SEP + rest + SEP + rest + SEP + rest)
    assert kept(found) == ["桟橋は町を変える力を秘めている。", "漁師は歓迎している。"]


def test_a_continuation_may_come_two_drafts_later() -> None:
    one = "港の話をしよう。\n\n桟橋の工事は来年の春に始まり、費用は県と町が分け合うと"
    found = annotate(one + SEP + "港の話をしよう。別の角度から見る。" + SEP + "分け合うと決まった。漁協も賛成した。")
    assert "桟橋の工事は来年の春に始まり、費用は県と町が分け合うと決まった。" in kept(found)


def test_a_draft_that_restarts_is_not_glued_to_a_cut_one() -> None:
    text = "# 港の話\n\n港は古い。灯台は百年前に" + SEP + "# 港の話\n\n港は古い。でも、灯台は新しい。"
    found = annotate(text)
    assert all(len(s.spans) == 1 for s in found.sentences)
    assert "truncated" in actions(found)
    assert [s.label.kind for s in found.sentences if s.reason == "truncated"] == ["other"]


def test_digits_never_prove_a_continuation() -> None:
    found = annotate("費用はおよそ1" + SEP + "5億円の予算が別にある。")
    assert all(len(s.spans) == 1 for s in found.sentences)


def test_a_cut_copy_points_at_the_whole_sentence() -> None:
    found = annotate(
        "灯台は港の入口に立ち、夜の船を導く。" + SEP + "海は広い。灯台は港の入口に立ち、夜の" + SEP + "空は青い。"
    )
    copy = next(s for s in found.sentences if s.plain.endswith("夜の"))
    whole = found.sentences[0]
    assert copy.duplicate_of == (whole.start, whole.end)


@pytest.mark.parametrize(
    "again",
    [
        "港は 静かだ。\n朝は霧が出る。",
        "**港は静かだ。** 朝は霧が出る。",
        "港は静かだ。朝は\n霧が出る。",
        "> 港は静かだ。朝は霧が出る。",
    ],
)
def test_repeats_are_seen_through_mark_up_and_line_breaks(again: str) -> None:
    found = annotate("港は静かだ。朝は霧が出る。" + SEP + again)
    assert kept(found) == ["港は静かだ。", "朝は霧が出る。"]
    assert [s.duplicate_of is not None for s in found.sentences] == [False, False, True, True]


def test_near_repeats_merge_but_numbers_veto() -> None:
    same = annotate(
        "桟橋の延長工事は町の観光と漁業の両方を支える大切な一歩です。\n\nまた、桟橋の延長工事は町の観光と漁業の両方を支える大切な一歩です。"
    )
    assert len(kept(same)) == 1
    apart = annotate("桟橋の延長に合わせて12億円がかかると町は見る。\n\n桟橋の延長に合わせて15億円がかかると町は見る。")
    assert len(kept(apart)) == 2


@pytest.mark.parametrize(
    "body",
    [
        "港の題名\n\n海は青い。魚が多い。舟も出る。波は高い。\n\n港の題名\n\n海は青い。風が強い。",  # the title again
        "海は青く広がっている。魚が多い。\n\n海は青く広がっている。風が強い。",  # the last sentences again
        # words cut off, said again
        "海は青い。次に述べるのは新しい市場の入口となる\n\n新しい市場の入口となるでしょう。風が強い。",
    ],
)
def test_edges_without_a_separator_are_found(body: str) -> None:
    assert len(annotate(body, title="港の題名").drafts) == 2


def test_a_label_that_recurs_over_new_text_stays() -> None:
    body = "**要点**\n\n海は青い。\n\n**要点**\n\n山は高い。"
    assert kept(annotate(body)) == ["要点", "海は青い。", "要点", "山は高い。"]


@pytest.mark.parametrize(
    "body",
    [
        "# 港は年内に開く\n\n海は青い。",
        "港は年内に開く\n\n海は青い。",
        "**港は年内に開く**\n\n海は青い。",
        "港は年内に開く 海は青い。",
    ],
)
def test_the_title_again_is_no_claim_and_not_in_the_article(body: str) -> None:
    found = annotate(body + SEP + body, title="港は年内に開く")
    assert kept(found) == ["海は青い。"]
    assert actions(found).count("title") == 1
    assert [s.label.kind for s in found.sentences if s.plain == "港は年内に開く"] == ["other", "other"]


def test_a_title_that_was_cut_short_is_known_by_its_beginning() -> None:
    found = annotate("港の新しい桟橋計画、その費用は誰が払うのか？\n\n海は青い。", title="港の新しい桟橋計画、その")
    assert kept(found) == ["海は青い。"]


def test_the_judge_is_asked_of_all_that_is_alike_and_of_nothing_else() -> None:
    pick = random.Random(7)
    letters = [chr(code) for code in range(0x3042, 0x3094)]
    keys = ["".join(pick.choices(letters, k=pick.randrange(12, 80))) for _ in range(40)]
    for key in keys[:20]:
        at = pick.randrange(len(key))
        changed = key[:at] + pick.choice(letters) + key[at + pick.randrange(2) :]
        keys += [changed, key + "".join(pick.choices(letters, k=pick.randrange(1, 30)))]

    def alike(a: str, b: str) -> bool:
        x, y = ({key[i : i + 3] for i in range(len(key) - 2)} for key in (a, b))
        return a in b or b in a or len(x & y) >= 0.9 * len(x | y)

    asked: list[list[str]] = []

    def same(a: str, b: str) -> bool:
        asked.append(sorted((a, b)))
        return False

    sentences = tuple(Sentence(i, i + 1, ((i, i + 1),), key, key, key, 0, 0) for i, key in enumerate(keys))
    near(Deduped(sentences, ()), [Passage(0, len(keys), "paragraph", 0)], same)
    wanted = [sorted((a, b)) for a, b in combinations(keys, 2) if alike(a, b)]
    assert len(wanted) > 25
    assert sorted(asked) == sorted(wanted)
