"""Kinds, certainty and holders of sentences written for these tests, and the rules of the tables themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.claims import classify, rules
from kb.claims.engine import lexicon
from kb.claims.patterns import Conditions, compile_pattern, match_at
from kb.claims.predicate import view
from kb.claims.table import read_table
from kb.errors import DataFileError
from kb.records import KINDS, Label
from kb.text import is_japanese, tokens

JAPANESE = [
    # facts
    ("市は去年、駅前に新しい図書館を開いた。", "fact", "asserted"),
    ("この橋は1932年に完成しました。", "fact", "asserted"),
    ("同社の従業員は約400人です。", "fact", "asserted"),
    ("部品の七割は国内で作られています。", "fact", "asserted"),
    ("売上高は前年より12％増えた。", "fact", "asserted"),
    ("青葉電機は先月、小型の蓄電池を発表しました。", "fact", "asserted"),
    ("新しい装置は熱を水で運び出す仕組みだ。", "fact", "asserted"),
    ("港には古い倉庫が三棟ある。", "fact", "asserted"),
    ("雨で試合は中止になりました。", "fact", "asserted"),
    ("両社は2021年から共同で研究を進めている。", "fact", "asserted"),
    ("当時の通信速度は毎秒64キロビットでした。", "fact", "asserted"),
    ("これまで検査は人の手で行われてきた。", "fact", "asserted"),
    ("工場は既に止まっている可能性があります。", "fact", "hedged"),
    ("彼らは別の方式を試しているのかもしれません。", "fact", "hedged"),
    ("事故の前から異常は出ていたようです。", "fact", "hedged"),
    ("この蔵は江戸時代に建てられたと言われている。", "fact", "hedged"),
    ("工事は三か月で終わったというから驚きです。", "fact", "asserted"),
    ("担当者は先月に説明会を開いたとのこと。", "fact", "asserted"),
    ("山の駅には終電が届かない。", "fact", "asserted"),
    ("倉庫の裏口は使われていない。", "fact", "asserted"),
    ("面白いのは、客の半分が隣の県から来ることです。", "fact", "asserted"),
    ("さらに驚くべきは、屋根だけで町の電気を賄える点です。", "fact", "asserted"),
    ("どの店でも札が使えるわけではない。", "fact", "asserted"),
    ("晴れた日の割合は全体の二割にすぎない。", "fact", "asserted"),
    ("今年の収穫は去年より3割低い。", "fact", "asserted"),
    ("工期は結局、五か月延びたことになる。", "fact", "asserted"),
    ("道具の修理には3年から5年かかる。", "fact", "asserted"),
    # forecasts
    ("来年には電気料金が上がるでしょう。", "forecast", "hedged"),
    ("この方式は数年で廃れるかもしれない。", "forecast", "hedged"),
    ("市場規模は2030年に二倍になると予測されています。", "forecast", "hedged"),
    ("工場は来春に動き出す見込みだ。", "forecast", "hedged"),
    ("新型機は秋に発売される予定です。", "forecast", "asserted"),
    ("小型の電池は農業の形を変える可能性を秘めています。", "forecast", "hedged"),
    ("人の流れは地方へと移っていく。", "forecast", "asserted"),
    ("誰でも自分の声で家電を動かせるようになります。", "forecast", "asserted"),
    ("供給が滞る恐れがあります。", "forecast", "hedged"),
    ("対応を誤れば信用を失いかねない。", "forecast", "hedged"),
    ("この合意は長い交渉の出発点になるはずです。", "forecast", "hedged"),
    ("部品の値段が下がれば普及は早まります。", "forecast", "asserted"),
    ("今後は中小の工場でも導入が進みます。", "forecast", "asserted"),
    ("需要の伸びは来年も続くと見ています。", "forecast", "hedged"),
    ("人手不足はさらに深刻になるのではないでしょうか。", "forecast", "hedged"),
    ("夜間の便は減りそうだ。", "forecast", "hedged"),
    ("二つの規格はいずれ一つにまとまるに違いない。", "forecast", "asserted"),
    ("来年度から全校で端末を配る計画だ。", "forecast", "asserted"),
    ("小さな誤差が大きな損失につながる可能性もある。", "forecast", "hedged"),
    ("蓄電池は電力網の要になり得る。", "forecast", "hedged"),
    ("米の値段は秋に下がるとみる向きが多い。", "forecast", None),
    ("町の店は減るという見方がある。", "forecast", None),
    ("計画では、川の西側に水門を二つ置く。", "forecast", "asserted"),
    ("同社は料金を三割引き下げるとしている。", "forecast", "asserted"),
    ("町は2031年春から、使われない校舎を宿に貸し出します。", "forecast", "asserted"),
    ("年内には二つ目の店を開きます。", "forecast", "asserted"),
    ("電動化の流れはもう止まりません。", "forecast", "asserted"),
    ("気がかりなのは、雪で道が閉ざされる可能性です。", "forecast", "hedged"),
    ("鍵を換えずに貸すと問題があるかもしれません。", "forecast", "hedged"),
    ("米の値段は秋に下がると、業界団体の推計は示しています。", "forecast", None),
    ("鍵がなければ、この扉は開けられません。", "forecast", "asserted"),
    # opinions
    ("この一手は見逃せない。", "opinion", "asserted"),
    ("この判断は実に賢明だ。", "opinion", "asserted"),
    ("水の確保が何よりも重要です。", "opinion", "asserted"),
    ("成功の鍵は人にある。", "opinion", "asserted"),
    ("この数字は大きい。", "opinion", "asserted"),
    ("両者の競争は熾烈です。", "opinion", "asserted"),
    ("彼らの挑戦は業界の転換点と言えるでしょう。", "opinion", "hedged"),
    ("これは努力の結果に他なりません。", "opinion", "asserted"),
    ("この提携は主役の交代を示唆しています。", "opinion", "asserted"),
    ("今回の決断には驚かされるばかりで、非常に興味深い。", "opinion", "asserted"),
    ("これは単なる値下げではありません。", "opinion", "asserted"),
    ("個人的には、この試みに大いに期待しています。", "opinion", "asserted"),
    ("問題の本質は別のところにあると私は考えています。", "opinion", "hedged"),
    ("値段よりも使いやすさが魅力だと感じる。", "opinion", "hedged"),
    ("安さこそが最大の武器である。", "opinion", "asserted"),
    ("正直に言って、この説明は分かりにくい。", "opinion", "asserted"),
    ("地方にとってはまさに朗報でしょう。", "opinion", "hedged"),
    ("その影響は無視できない。", "opinion", "asserted"),
    ("あの失敗は多くの教訓を与えてくれた好例だ。", "opinion", "asserted"),
    ("よく似ていると思いませんか？", "opinion", "hedged"),
    ("今が投資の好機ではないでしょうか。", "opinion", "hedged"),
    ("彼の功績は決して小さくない。", "opinion", "asserted"),
    ("彼らが守りに入っているのが見て取れます。", "opinion", "asserted"),
    ("村の経験は示唆に富んでいます。", "opinion", "asserted"),
    ("わざわざ新しい道具を買う必要はありません。", "opinion", "asserted"),
    ("これは確かに大きな数字だ。", "opinion", "asserted"),
    ("手入れが簡単なのでとても便利。", "opinion", "asserted"),
    ("急ぐことと慌てることは違う。", "opinion", "asserted"),
    ("よその人には、ただの古い蔵に見えるかもしれない。", "opinion", "hedged"),
    ("この町の静けさには、いつも驚かされます。", "opinion", "asserted"),
    ("屋根の傷みは、もはや無視できない水準に達している。", "opinion", "asserted"),
    ("検査員は部品の破損の可能性を一つずつ調べる。", "fact", "asserted"),
    ("これからの職人に求められるのは、手の早さだけではない。", "opinion", "asserted"),
    ("この橋の補修は、村にとって大きな意味を持つはずです。", "opinion", "hedged"),
    ("新しい港は、静かな町には騒がしいものとして映るかもしれません。", "opinion", "hedged"),
    ("この鐘の音は、新しい時代の到来を告げています。", "opinion", "asserted"),
    ("朝の市場は、まさに祭りの様相を呈している。", "opinion", "asserted"),
    ("夜の騒音は無視できない問題となっています。", "opinion", "asserted"),
    ("水車の音は、まるで古い歌のように響いている。", "opinion", "asserted"),
    # advice
    ("企業は早めに備えるべきです。", "advice", "asserted"),
    ("国は水源を守る必要がある。", "advice", "asserted"),
    ("私たちは声を上げなければならない。", "advice", "asserted"),
    ("まずは小さな範囲で試しましょう。", "advice", "asserted"),
    ("次の発表から目が離せません。", "advice", "asserted"),
    ("設定の画面を一度確かめてください。", "advice", "asserted"),
    ("投資家には長い目で見てほしい。", "advice", "asserted"),
    ("近所の大工に頼んでみてはいかがでしょうか。", "advice", "asserted"),
    ("あなたも地域の活動に加わってみませんか？", "advice", "asserted"),
    ("早めの点検をお勧めします。", "advice", "asserted"),
    ("予備の電源を用意しておくとよいでしょう。", "advice", "hedged"),
    ("契約の前に条件をよく読むこと。", "advice", "asserted"),
    ("看護師には落ち着いた判断が求められます。", "advice", "asserted"),
    ("利用者の声に耳を傾けることが大切です。", "advice", "asserted"),
    ("今後の交渉の行方に注目したい。", "advice", "asserted"),
    ("慌てて買い替えてはいけません。", "advice", "asserted"),
    ("控えの鍵は別の場所に置いておきたい。", "advice", "asserted"),
    ("買う前の試乗を勧めたい。", "advice", "asserted"),
    ("庭木は冬に切るのがよいでしょう。", "advice", "hedged"),
    ("技術者であれば、古い部品の動きを毎年調べる。", "advice", "asserted"),
    ("水路の利用には明確なルールが必要です。", "advice", "asserted"),
    ("技術者の方々には、古い道具を捨てないでほしいと願っています。", "advice", "asserted"),
    ("経営者の皆さんは、長く待つ覚悟が求められます。", "advice", "asserted"),
    ("初めての方には、朝の船をお勧めしたい。", "advice", "asserted"),
    # questions
    ("この費用は誰が払うのか。", "question", None),
    ("では、地方はどうだろうか。", "question", None),
    ("なぜ今なのでしょうか？", "question", None),
    ("残された時間で何ができるのか？", "question", None),
    ("その決断は正しかったのでしょうか。", "question", None),
    ("もう一つの道はないのだろうか。", "question", None),
    # nothing worth keeping
    ("皆さん、こんにちは。", "other", None),
    ("さて。", "other", None),
    ("次に、費用です。", "other", None),
    ("まず「安全」について。", "other", None),
    ("それでは、順に見ていきましょう。", "other", None),
    ("少し想像してみてください。", "other", None),
    ("続きはこちらをご覧ください。", "other", None),
    ("続報を楽しみにしています。", "other", None),
    ("私も若い頃、同じ失敗に頭を抱えたことがあります。", "other", None),
    ("農家、漁師、そして町工場の職人。", "other", None),
    ("新しい駅の", "other", None),
    ("をさらに広げています。", "other", None),
    ("もう一点、忘れてはならないのが、井戸の水です。", "other", None),
    ("次に、熱を逃がす工夫です。", "other", None),
    ("駅の貼り紙を見かけた方も多いのではないでしょうか。", "other", None),
    ("ここでは、三つの炉を比べてみたい。", "other", None),
    ("さて、ここからが本題です。", "other", None),
    ("正直、もう遅いというのが私の最初の感想でした。", "other", None),
    ("冬の港の朝を思い浮かべてみてくれ。", "other", None),
    ("それでは、水車の謎に迫ってみましょう。", "other", None),
    ("次に、費用についてです。", "other", None),
    ("そして、小さな町にとって。", "other", None),
    ("水車の歴史と工夫を探る", "other", None),
    ("---", "other", None),
    ("", "other", None),
]

HOLDERS = [
    ("青葉総研によると、需要は二倍になる。", "青葉総研"),
    ("みどり銀行の調査では、三割の店が赤字だった。", "みどり銀行"),
    ("森下氏は、需要は二倍になると述べた。", "森下氏"),
    ("青葉電機は、来年に工場を建てるとしている。", "青葉電機"),
    ("協会は、被害は小さいと説明している。", "協会"),
    ("アナリストは、需要が倍増すると予測している。", "アナリスト"),
    ("みどり園は、来月から料金を下げると約束した。", "みどり園"),
    ("米の値段は秋に下がる、とみどり園は予測している。", "みどり園"),
    ("みどり園は、温室を二棟建てる構想を明らかにした。", "みどり園"),
    ("協会は、値下げを受け入れない方針を示した。", "協会"),
    ("市長は、橋が傷んでいることを認めた。", "市長"),
    ("同社は来春に店を閉じるとしている。", "同社"),
    ("青葉市の森下代表は会見で、「橋は直す。私たちは逃げない。」と述べた。", "青葉市の森下代表"),
    ("商工会は客が増えると期待する一方、漁業組合は海が濁るのではないかと心配している。", "漁業組合"),
    ("米の値段は下がると、青葉総研の推計は示している。", "青葉総研"),
    ("米の値段は下がる、と青葉総研は最新の報告で述べた。", "青葉総研"),
    ("この水車は、川が細くても回るとみどり園は主張しています。", "みどり園"),
    ("青葉データ園は、来月から料金を下げると約束した。", "青葉データ園"),
    ("青葉総研調査によると、三割の店が赤字だった。", "青葉総研調査"),
    ("調査によると、三割の店が赤字だった。", "author"),
    ("港の記録によると、船は去年より減った。", "author"),
    ("この提携は、強い対抗姿勢を示している。", "author"),
    ("需要は下がると発表された。", "author"),
    ("同社は新型の電池を発表した。", "author"),
    ("私は価格が下がると見ている。", "author"),
    ("彼らは市場を変えようとしている。", "author"),
    ("According to Alder Research, demand doubled.", "Alder Research"),
    ("Dana Alder said that demand doubled.", "Dana Alder"),
    ("Dana Alder, a carpenter from Leeds, said the roof was dry.", "Dana Alder"),
    ("“The roof is dry,” said Dana Alder, a carpenter.", "Dana Alder"),
    ('"The roof is dry," Dana Alder, the head of Alder Works, said in an interview.', "Dana Alder"),
    ("According to research from the Alder Institute, demand doubled.", "Alder Institute"),
    ("The Ferry Company, the owner of both boats, has promised to keep the night line.", "Ferry Company"),
    ("The roof is dry, said several of them.", "author"),
    ("The report comes from the United States, a large market.", "author"),
    ("But let’s say that the roof is dry.", "author"),
    ("We said that demand doubled.", "author"),
    ("Growers say the price is too low.", "Growers"),
    ("Alder Works expects the price to fall.", "Alder Works"),
    ("The court heard that the roof was dry.", "author"),
    ("The policy acknowledges that boats will sink.", "author"),
    ("The company launched a new battery.", "author"),
]


def label(text: str, japanese: bool = True) -> Label:
    """Return the label of a sentence."""
    return classify(text, tokens(text), japanese=japanese)


@pytest.mark.parametrize(("text", "kind", "certainty"), JAPANESE)
def test_japanese_sentence(text: str, kind: str, certainty: str | None) -> None:
    found = label(text)
    assert (found.kind, found.certainty if certainty else None) == (kind, certainty), found.cues


@pytest.mark.parametrize(("text", "holder"), HOLDERS)
def test_holder(text: str, holder: str) -> None:
    found = label(text, japanese=is_japanese(text))
    assert found.holder == holder
    assert any(cue.label == "holder" for cue in found.cues) is (holder != "author")


@pytest.mark.parametrize("passage", ["heading", "label", "cell"])
def test_a_heading_that_is_a_statement_is_still_other(passage: str) -> None:
    text = "需要は二倍になった。"
    assert classify(text, tokens(text), passage=passage).kind == "other"  # type: ignore[arg-type]
    assert classify(text, tokens(text), passage="item").kind == "fact"


def test_cues_name_the_words_that_decided() -> None:
    text = "来年には電気料金が上がるでしょう。"
    cues = {cue.label: cue for cue in label(text).cues}
    assert cues["forecast"].text == "上がる"
    assert cues["hedged"].text == "でしょう"


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="私たちはが来年電力を必要とするかもしれない。？（）「」、 \x00\ud800AbI5😀", max_size=40))
def test_any_text_gets_a_label_whose_cues_lie_in_it(text: str) -> None:
    words = tokens(text.replace("\ud800", "?"))
    found = classify(text, words)
    assert found.kind in KINDS
    assert found.cues
    for cue in found.cues:
        assert cue.text == text[cue.start : cue.end]


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_rule_is_triggered_by_its_examples(language: str) -> None:
    idle = [
        (rule.id, example)
        for rule in rules(language)
        for example in rule.examples
        if rule.id not in {cue.rule for cue in label(example, language == "ja").cues}
    ]
    assert idle == []


def test_every_frame_is_taken_off_its_examples() -> None:
    words = lexicon("ja")
    idle = [
        (frame.id, example)
        for frame in words.table.frames
        for example in frame.examples
        if frame.id not in {taken.frame.id for taken in view(tokens(example), words).taken}
    ]
    assert idle == []


def test_rule_ids_are_unique_across_the_tables() -> None:
    for language in ("ja", "en"):
        ids = [rule.id for rule in rules(language)]
        assert len(ids) == len(set(ids))
    assert len(rules()) == len(rules("ja")) + len(rules("en"))


def test_every_listed_word_is_one_word_to_the_tokeniser() -> None:
    """A word that Sudachi never yields can match nothing."""
    listed = {w for words in lexicon("ja").table.words.values() for w in words if w[0] not in "#="}
    assert [word for word in sorted(listed) if len(tokens(word)) != 1] == []


RULE = '[[rule]]\nid = "a.rule"\nlabel = "fact"\npriority = 1\nexamples = ["雨だ。"]\n'


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("[[rule]\n", "cannot be read as TOML"),
        ("[sundry]\n", "unknown part 'sundry'"),
        ('[[rule]]\nlabel = "fact"\n', "rule '?': give it an id"),
        (RULE + 'patterns = ["雨 $"]\n' + RULE, "rule 'a.rule': the id is used twice"),
        (RULE + 'pattern = ["雨 $"]\n', "rule 'a.rule': unknown field 'pattern'"),
        (RULE.replace("fact", "rumour"), "rule 'a.rule': label 'rumour'"),
        (RULE + "weight = 1.0\n", "rule 'a.rule': give it either a priority"),
        (RULE.replace('"雨だ。"', ""), "rule 'a.rule': give it at least one example"),
        (RULE, "rule 'a.rule': it has no patterns"),
        (RULE + 'patterns = "雨"\n', "rule 'a.rule': patterns must be a list of strings"),
        (RULE + 'patterns = ["@nothing $"]\n', "rule 'a.rule': patterns: no list of words is called 'nothing'"),
        (RULE + 'patterns = ["雨||雪"]\n', "rule 'a.rule': patterns: an empty word"),
        (RULE + 'patterns = ["雨 ~ $"]\n', "rule 'a.rule': patterns: a gap needs a width"),
        (RULE + 'patterns = ["$"]\n', "rule 'a.rule': patterns: the pattern '$' has no word"),
        (RULE.replace("fact", "holder") + 'patterns = ["雨"]\n', "rule 'a.rule': take ''"),
        ('[[frame]]\nid = "a.frame"\npatterns = ["だ"]\n', "rule 'a.frame': give it patterns and at least one example"),
    ],
)
def test_a_table_that_breaks_its_rules_is_refused(tmp_path: Path, source: str, complaint: str) -> None:
    path = tmp_path / "cues.toml"
    path.write_text(source, "utf-8")
    with pytest.raises(DataFileError) as caught:
        read_table(path)
    assert complaint in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match=r"none\.toml"):
        read_table(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("雨 が 降る $", "雨が降ります。", True),
        ("雨 が 止む $", "雨が降ります。", False),
        ("雨 ~1 降る", "雨が降った日。", True),
        ("雪|雨 が", "雨が降る。", True),
        ("^ 雨", "大きな雨が降る。", False),
        ("^ 大きな 雨", "大きな雨が降る。", True),
        ("#動詞&!止む $", "雨が止む。", False),
        ("#動詞&!止む $", "雨が降る。", True),
        ("が 激しい? 降る", "雨が降る。", True),
        ("@sky が", "雨が降る。", True),
        ("雨 は|が @sky* 降る", "雨が雪雨降る。", True),
        ("大きな < 雨", "大きな雨が降る。", True),
        ("小さな < 雨", "大きな雨が降る。", False),
        ("降る $$", "雨が降るだろう。", False),
    ],
)
def test_pattern_language(pattern: str, text: str, found: bool) -> None:
    conditions = Conditions()
    compiled = compile_pattern(pattern, {"sky": ["雨", "雪"]}, conditions)
    seen = view(tokens(text), lexicon("ja"))
    met = [conditions.met(word.forms) for word in seen.words]
    hits = [match_at(compiled, i, met, seen.bounds) for i in range(len(met))]
    assert any(hits) is found
