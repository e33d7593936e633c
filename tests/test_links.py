"""Links: what may merge, what never may, and why; on sentences written for these tests."""

from __future__ import annotations

import itertools
import pickle
import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.errors import DataFileError
from kb.links import candidates, judge, merge_key, prepare, relate
from kb.links import tables as tables_module
from kb.records import RELATIONS
from kb.text import fold, tokens

PAIRS = [
    tuple(line.split("\t"))
    for line in (Path(__file__).parent / "data" / "relations.tsv").read_text("utf-8").splitlines()
]
SENTENCES = sorted({s for _, a, b in PAIRS for s in (a, b)})

# Sentences with one number each; the number is replaced below.
COUNTED = [
    "港の冷凍倉庫は、一日に{n}トンの魚を受け入れる。",
    "町の診療所には、医師が{n}人いる。",
    "新しい水門の建設費は{n}億円だ。",
    "この路線は、1日に{n}本の列車が走る。",
    "苗木の値段は、一本{n}円である。",
    "工場の受電容量は{n}MWです。",
    "温室の面積は{n}ヘクタールになった。",
    "組合の加盟店は{n}店に達した。",
    "灯台の高さは{n}メートルだ。",
    "蔵書のうち{n}%が貸し出されている。",
    "改修の工事は{n}カ月で終わる。",
    "救助犬の訓練には{n}年かかる。",
    "市は除雪車を{n}台そろえた。",
    "来館者の{n}割は県外から来る。",
    "水力発電所の出力は{n}kWである。",
    "この合金は{n}度で溶ける。",
    "基金の残高は{n}万ドルに減った。",
    "住宅団地の入居は20{n}年に始まる。",
    "牧場の乳牛は{n}頭に増えた。",
    "塩の生産量は前の年の{n}倍だ。",
]
NUMBERS = ("12", "13", "21", "31", "42", "57", "98")

# Subjects and predicates, affirmed and denied, in several registers.
SUBJECTS = (
    "この水路は",
    "隣町の製材所は",
    "新しい検査の方法は",
    "県の養殖組合は",
    "古い石橋は",
    "市の循環バスは",
    "研究班は",
    "夜間の窓口は",
)
DENIALS = [
    ("来年も使われる", "来年は使われない"),
    ("国の補助を受けている", "国の補助を受けていません"),
    ("雪の日でも動く", "雪の日には動かない"),
    ("住民の同意を得た", "住民の同意を得なかった"),
    ("基準を満たしている", "基準を満たしていない"),
    ("地震に耐えられます", "地震に耐えられません"),
    ("予算を使い切った", "予算を使い切らなかった"),
    ("外国語に対応している", "外国語に対応していない"),
    ("安全だ", "安全ではない"),
    ("値上げをする必要がある", "値上げをする必要はない"),
    ("合併に応じた", "合併に応じなかった"),
    ("検査の対象です", "検査の対象ではありません"),
    ("廃止されるべきだ", "廃止されるべきではない"),
    ("雨の影響を受ける", "雨の影響を受けず"),
    ("すべての駅に止まる", "すべての駅に止まるわけではない"),
    ("市民に公開された", "市民に公開されなかった"),
    ("誤りを認めた", "誤りを認めなかった"),
    ("問題がある", "問題はない"),
    ("増える", "増えない"),
    ("黒字だった", "黒字ではなかった"),
    ("来月に終わる", "来月には終わらない"),
    ("特許を持つ", "特許を持たない"),
]


DENIALS += [
    tuple(line.split("\t")) for line in (Path(__file__).parent / "data" / "denials.tsv").read_text("utf-8").splitlines()
]


def apart(relation: str) -> str:
    return "apart" if relation in ("related", "unrelated") else relation


@pytest.fixture(scope="module")
def judged() -> list[tuple[str, str]]:
    return [(apart(gold), apart(relate(a, b).relation)) for gold, a, b in PAIRS]


def figures(judged: list[tuple[str, str]], label: str) -> tuple[float, float]:
    hit = sum(g == label == p for g, p in judged)
    return hit / max(1, sum(p == label for _, p in judged)), hit / max(1, sum(g == label for g, _ in judged))


def test_pairs_written_for_this_reach_the_bars(judged: list[tuple[str, str]]) -> None:
    merge_precision, merge_recall = figures(judged, "same")
    conflict_precision, conflict_recall = figures(judged, "conflict")
    assert len(judged) >= 400
    assert merge_precision >= 0.95
    assert merge_recall >= 0.60
    assert conflict_precision >= 0.85
    assert conflict_recall >= 0.65
    assert Counter(judged)[("conflict", "same")] == 0


def test_no_pair_that_differs_in_a_number_merges() -> None:
    pairs = [(frame.format(n=x), frame.format(n=y)) for frame in COUNTED for x, y in itertools.combinations(NUMBERS, 2)]
    assert len(pairs) >= 400
    merged = [p for p in pairs if relate(*p).relation == "same" or merge_key(p[0]) == merge_key(p[1])]
    assert merged == []


def test_pairs_that_differ_in_a_number_are_conflicts_with_the_numbers_as_evidence() -> None:
    found = relate("灯台の高さは31メートルだ。", "灯台の高さは42メートルだ。")
    assert found.relation == "conflict"
    assert any("31メートル" in e and "42メートル" in e for e in found.evidence)


def test_no_pair_that_differs_in_a_negation_merges() -> None:
    pairs = [(f"{s}{yes}。", f"{s}{no}。") for s in SUBJECTS for yes, no in DENIALS]
    assert len(pairs) >= 500
    merged = [p for p in pairs if relate(*p).relation == "same" or merge_key(p[0]) == merge_key(p[1])]
    assert merged == []


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("しかし、この堰は低い。", "この堰は低いです。"),
        ("また、井戸は深い。", "**井戸は深い。**"),
        ("橋は古いですね。", "橋は古いですよ。"),
        ("まさに、土が痩せているのです。", "土が痩せている。"),
        ("倉庫は ３つ ある。", "倉庫は3つあります。"),
        ("船は出なかった。", "船は出ませんでした。"),
        ("雨が降るだろう。", "雨が降るでしょう。"),
    ],
)
def test_merge_key_forgets_what_does_not_matter(a: str, b: str) -> None:
    assert merge_key(a) == merge_key(b)
    assert relate(a, b).relation == "same"


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("船は出た。", "船は出る。"),
        ("船は出る。", "船は出ない。"),
        ("船は出る。", "船は出るだろう。"),
        ("船は出る。", "船は出るか。"),
        ("船を出せ。", "船を出す。"),
        ("船は3隻出る。", "船は4隻出る。"),
        ("**北港:** 船は出る。", "**南港:** 船は出る。"),
    ],
)
def test_merge_key_keeps_what_matters(a: str, b: str) -> None:
    assert merge_key(a) != merge_key(b)
    assert relate(a, b).relation != "same"


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("祭りを支えるのは、町内会だけではありません。", "祭りを支えるのは、町内会です。"),  # denied: no more than
        ("この展示は、単なる商品の紹介ではない。", "この展示は、単なる商品の紹介以上の意味を持つ。"),
        ("漁が戻ったのは、疑いようのない事実だ。", "漁が戻ったのは、事実だ。"),  # denied in a set phrase
        ("そんな気がしてなりません。", "そんな気がします。"),
        ("これまでになかった薄い紙が、店で売られている。", "薄い紙が、店で売られている。"),
        ("客が来なければ、店は続かない。", "客が来れば、店は続く。"),  # a condition and its reverse
        ("質の悪い種では、よい米は育たない。", "質のよい種がなければ、よい米は育たない。"),
        ("村の医師が看護師を雇うと、患者の負担が減る。", "村の医師と看護師が増えると、患者の負担が減る。"),
        ("機械が選ぶ果物は、見た目で分けられる。", "果物を選ぶ機械は、見た目で分ける。"),
        ("成否は、選手の体調と天気にかかっている。", "成否は、天気と選手の体調にかかっている。"),
        ("昨日の勝者が、今日の敗者になる。", "今日の勝者が、明日の敗者になる。"),
        ("来館者は、2018年に4万人だった。", "来館者は、2024年に6万人になった。"),
    ],
)
def test_what_only_looks_like_a_contradiction_is_none(a: str, b: str) -> None:
    assert relate(a, b).relation != "conflict"


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("改修費は3億円で、工事は2027年5月に終わる予定だ。", "改修費は4億円で、工事は2028年2月に終わる予定だ。"),
        ("技師が図面を引き、職人が型を作る。", "職人が図面を引き、技師が型を作る。"),
        ("老舗の旅館は、隣のホテルを買収した。", "隣のホテルは、老舗の旅館を買収した。"),
        ("県は、伐採を認めない立場だ。", "県は、伐採を認める立場だ。"),
        ("検察は、元町長の起訴を見送った。", "検察は、元町長を起訴した。"),
        ("店は、毎月の売上を税務署に届けなければなりません。", "店は、毎月の売上を税務署に届ける必要はありません。"),
        ("窓口は、すべて機械に替わった。", "機械に替わった窓口は、一つもない。"),
    ],
)
def test_contradictions_are_found_beside_them(a: str, b: str) -> None:
    assert relate(a, b).relation == "conflict"


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("鉛ほど錫は重くない。", "錫ほど鉛は重くない。"),
        ("自前で漬けるほうが買うより安い。", "買うほうが自前で漬けるより安い。"),
        ("井戸は川より深い。", "川は井戸より深い。"),
        ("水位が下がれば漁獲が増える。", "漁獲が増えれば水位が下がる。"),
        ("農家の多くが賛成し、漁師の多くが反対した。", "漁師の多くが賛成し、農家の多くが反対した。"),
        ("甲社は乙社の子会社だ。", "乙社は甲社の子会社だ。"),
        ("東芝の窯と日立の船を見た。", "日立の窯と東芝の船を見た。"),
        ("堤防は石ではなく土で築かれた。", "堤防は土ではなく石で築かれた。"),
        ("牧草は増えなかった。", "牧草は減った。"),
        ("堰の工事は終わった。", "堰の工事は始まっていない。"),
        ("Rain spoiled the wheat.", "The wheat spoiled rain."),
        ("The ferry did not slow.", "The ferry is fast."),
        ("Wells are deeper than rivers.", "Rivers are deeper than wells."),
    ],
)
def test_what_has_changed_places_or_is_only_not_its_opposite_never_merges(a: str, b: str) -> None:
    assert relate(a, b).relation != "same"


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("鉄は銅より重い。", "銅は鉄より軽い。"),
        ("灯台は簡単には見つからない。", "灯台を見つけるのは簡単ではない。"),
        ("訓練は72時間続いた。", "訓練は3日間続いた。"),
        ("灯りを使っていない家はない。", "灯りはすべての家が使っている。"),
        ("港では、人手の代わりに機械が荷を運ぶ。", "港では、人手ではなく機械が荷を運ぶ。"),
        ("The dam was built by farmers.", "Farmers built the dam."),
        ("Sales fell by 20 percent last year.", "Last year sales dropped by 20%."),
    ],
)
def test_the_same_said_from_the_other_end_merges(a: str, b: str) -> None:
    assert relate(a, b).relation == "same", relate(a, b)


@pytest.mark.parametrize(
    ("more", "less"),
    [
        ("客は231人だった。", "客は200人を超えた。"),
        ("工費は298億円だ。", "工費は約300億円だ。"),
        ("工期は12年だ。", "工期は10〜15年だ。"),
    ],
)
def test_an_exact_number_says_more_than_the_bound_that_leaves_room_for_it(more: str, less: str) -> None:
    assert relate(more, less).relation == "subsumes"


def test_a_denial_that_affirms_is_no_reason_to_merge() -> None:
    plain, turned = "海の幸は、町の宝です。", "海の幸は、町の宝に他なりません。"
    assert relate(plain, turned).relation not in ("same", "conflict")


def test_merge_key_keeps_the_cases() -> None:
    assert merge_key("船で出る。") != merge_key("船が出る。")


def test_merge_key_and_prepare_are_the_same_with_words_given() -> None:
    for text in SENTENCES[:60]:
        words = tokens(text)
        assert merge_key(text, words) == merge_key(text)
        assert prepare(text, words) == prepare(text)


def test_merge_key_of_words_given_forgets_openers_and_widths() -> None:
    plain = merge_key("港の荷動きは前年の(2倍)に増えた。")
    for text in ("しかし、港の荷動きは前年の（２倍）に増えた。", "さらに、港の荷動きは前年の(2倍)に増えました。"):
        assert merge_key(text, tokens(text)) == merge_key(text) == plain


@pytest.mark.parametrize(
    ("plain", "potential"),
    [
        ("父はバスに乗る。", "父はバスに乗れる。"),
        ("娘は手紙を書きます。", "娘は手紙を書けます。"),
        ("船は湾の外で泳ぐ魚を追う。", "船は湾の外で泳ぐ魚を追える。"),
    ],
)
def test_who_can_do_something_need_not_do_it(plain: str, potential: str) -> None:
    assert relate(plain, potential).relation not in ("same", "conflict")
    assert relate(potential, potential.replace("。", "、と聞いた。")).relation != "conflict"


texts = st.one_of(st.sampled_from(SENTENCES), st.text(max_size=60))


@settings(max_examples=200, deadline=None)
@given(texts, texts)
def test_judging_is_symmetric_and_total(a: str, b: str) -> None:
    one, two = prepare(a), prepare(b)
    there, back = judge(one, two), judge(two, one)
    assert there.relation == back.relation
    assert there.relation in RELATIONS
    assert 0.0 <= there.score <= 1.0
    assert there.score == back.score


# Pieces of both languages, whole and cut off, in any order: what stands in posts is no better than that.
PIECES = (
    *(
        "港は",
        "来年",
        "第2四半期に",
        "約3割が",
        "増えた。",
        "ではない",
        "より",
        "のほうが",
        "ほど",
        "に",
        "**要点:**",
        "「",
        "」",
        "…",
        "🚢",
        "\u200b",
    ),
    *(
        "plans",
        "to open",
        "the next few weeks",
        "a hundred of",
        "not only",
        "didn't",
        "by May",
        "in 2031",
        "3 million",
        "$4.5 billion",
        "Q3",
    ),
    *(
        "10〜15年",
        "1時間半",
        "数十億ドル",
        "①",
        "㎡",
        "½",
        "IV",
        "\r\n",
        "\t",
        "-",
        "%",
        "２０２６年度",
        "ﾊﾟ",
        "İ",
        "ß",
        "0",
        "〇",
        "兆",
        "万",
        "半",
    ),
    *(
        "社長は",
        "甲社が",
        "乙社を",
        "買収した",
        "と発表した。",
        "していない部署はない",
        "簡単には",
        "見つからない",
        "の代わりに",
        "を使って",
    ),
)
mixtures = st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join) | st.lists(
    st.sampled_from(PIECES), max_size=12
).map("".join)


@settings(max_examples=400, deadline=None)
@given(mixtures, mixtures)
def test_any_mixture_of_languages_is_judged(a: str, b: str) -> None:
    there, back = relate(a, b), relate(b, a)
    assert there == back
    assert there.relation in RELATIONS
    assert relate(a, a).relation == "same"


@settings(max_examples=100, deadline=None)
@given(texts)
def test_a_sentence_is_the_same_as_itself(text: str) -> None:
    assert relate(text, text).relation == "same"


@pytest.mark.parametrize(
    "text", ["", " ", "。", "…", "\x00", "\ud800", "😀😀", "**", "-", "1", "１２３", "a" * 3000, "数" * 500, "一" * 500]
)
def test_odd_sentences_are_judged(text: str) -> None:
    assert relate(text, "港は深い。").relation in ("related", "unrelated")


def test_a_whole_stem_is_not_mistaken_for_a_name() -> None:
    assert not {"@meta"} & prepare("メタンの回収が進む。").entities


def test_every_relation_but_the_plain_ones_shows_its_words() -> None:
    for gold, a, b in PAIRS:
        found = relate(a, b)
        if gold == found.relation and gold in ("conflict", "subsumes"):
            assert found.evidence, (a, b)


def test_candidates_find_near_duplicates_and_nothing_twice() -> None:
    base = [f"{s}{yes}。" for s in SUBJECTS for yes, _ in DENIALS]
    near = [t.replace("。", "のです。") for t in base]
    both = [*base, *near]
    folded = [fold(t) for t in both]
    keys = [str(i) for i in range(len(both))]
    pairs = candidates(keys, folded, 0.5)
    assert pairs == sorted(set(pairs))
    assert all(i < j for i, j in pairs)
    wanted = {(i, i + len(base)) for i in range(len(base)) if len(folded[i]) >= 12}
    assert len(wanted & set(pairs)) >= 0.95 * len(wanted)
    assert candidates(keys, folded, 0.5) == pairs


def test_candidates_leave_texts_of_one_key_to_the_key() -> None:
    texts = ["港の水深は十二メートルある。"] * 3
    assert candidates(["k"] * 3, texts) == []
    assert candidates([], []) == []
    assert candidates(["a", "b"], texts[:2]) == [(0, 1)]


def test_word_lists_are_broad() -> None:
    data = tables_module.load("antonyms.toml")
    assert len(data["axes"]) >= 150
    assert len(tables_module.load("cues.toml")["openers"]) >= 60


def test_no_axis_has_a_word_on_both_sides() -> None:
    for left, right in tables_module.load("antonyms.toml")["axes"]:
        assert not set(left.split()) & set(right.split()), (left, right)


def test_a_broken_list_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "cues.toml"
    broken.write_text("openers = [", "utf-8")
    monkeypatch.setattr(tables_module, "resource", lambda *parts: tmp_path / parts[-1])
    with pytest.raises(DataFileError, match=re.escape(str(broken))):
        tables_module.load("cues.toml")
    with pytest.raises(DataFileError, match=r"missing\.toml"):
        tables_module.load("missing.toml")
    with pytest.raises(DataFileError, match="openers"):
        tables_module.pattern("cues.toml", "openers", ["("])


def test_what_is_prepared_travels_between_processes() -> None:
    one = prepare("灯台の高さは31メートルだ。")
    assert pickle.loads(pickle.dumps(one)) == one
