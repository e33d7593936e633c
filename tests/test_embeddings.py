"""The encoders: what the vectors are, what they cost to import, and what a bad model says."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kb import embeddings
from kb.config import resource
from kb.embeddings import default, fitting, ginza
from kb.embeddings.encoder import Encoder
from kb.embeddings.lexicon import Lexicon
from kb.embeddings.murmur import murmur64, word_key
from kb.embeddings.spelling import letters_vector, spelling_vector
from kb.embeddings.static import StaticEncoder, word_counts, word_parts
from kb.embeddings.weighting import frequencies, sif_weights
from kb.errors import DatabaseError, DataFileError, KbError, ModelError, UsageError

TEXTS = [
    "政府は再生可能エネルギーの発電所を三つ建てる。",
    "The data center needs 250 megawatts of power.",
    "AI人材の育成に取り組む大学が増えている。",
    "ノースヘロン社のクラグメントⅡは冷却に水を使わない。",
    "「はい」と「いいえ」、ABC、ABC、ABC。",
    "",
]


@pytest.fixture(scope="module")
def encoder() -> StaticEncoder:
    loaded = embeddings.load()
    assert isinstance(loaded, StaticEncoder)
    return loaded


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return embeddings.export(tmp_path_factory.mktemp("export") / "model")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a real sentence-transformers model, small and untrained, with a query prompt."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    words = ["[UNK]", "query", ":", "power", "chips", "cooling"]
    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    weights = torch.randn((len(words), 8), generator=torch.Generator().manual_seed(7))
    model = SentenceTransformer(
        modules=[StaticEmbedding(tokenizer, embedding_weights=weights)], prompts={"query": "query: "}, device="cpu"
    )
    path = tmp_path_factory.mktemp("tiny") / "model"
    model.save(str(path), create_model_card=False)
    return path


def cosine(encoder: Encoder, a: str, b: str) -> float:
    first, second = encoder.encode([a, b])
    return float(first @ second)


# ---- the default encoder


def test_vectors_are_unit_float32_rows(encoder: StaticEncoder) -> None:
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), encoder.dim) == (len(TEXTS), 300)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors[:-1], axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("text", ["", "  \n\u3000", "\x00", "\U000f0000"])
def test_a_text_without_words_is_a_zero_vector(encoder: StaticEncoder, text: str) -> None:
    assert not encoder.encode(text).any()


def test_one_string_is_a_batch_of_one_and_no_string_a_batch_of_none(encoder: StaticEncoder) -> None:
    assert np.array_equal(encoder.encode(TEXTS[0]), encoder.encode([TEXTS[0]]))
    assert encoder.encode([]).shape == (0, 300)
    assert np.array_equal(encoder.encode(TEXTS, kind="query"), encoder.encode(TEXTS, kind="document"))


def test_a_vector_does_not_depend_on_the_texts_beside_it(encoder: StaticEncoder) -> None:
    together = encoder.encode(TEXTS)
    fresh = embeddings.load()
    alone = np.vstack([fresh.encode(text) for text in reversed(TEXTS)])[::-1]
    assert np.allclose(together, alone, atol=1e-6)


def test_a_vector_does_not_depend_on_what_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    many = " ".join(f"語{i}" for i in range(40)) + TEXTS[0]
    expected = embeddings.load().encode([*TEXTS, many])
    monkeypatch.setattr("kb.embeddings.static.REMEMBERED", 16)
    assert np.allclose(embeddings.load().encode([*TEXTS, many]), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        ("発電所の電力", "電気を作る", "大学の授業"),
        ("人材を採用する", "社員を募集する", "川で魚を釣る"),
        ("犬が走る", "子犬が駆け回る", "株価が下がる"),
        ("データセンターの冷却", "サーバーを冷やす", "歌を歌う"),
        ("software company", "ソフトウェア 会社", "海の魚"),
    ],
)
def test_near_in_meaning_is_near(encoder: StaticEncoder, text: str, near: str, far: str) -> None:
    assert cosine(encoder, text, near) > cosine(encoder, text, far) + 0.15


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("サーバ", "サーバー"),
        ("サーバー", "ｻｰﾊﾞｰ"),
        ("２０２５年", "2025年"),
        ("Qelvanor", "QELVANOR"),
        ("ＡＩ", "AI"),
        ("打ち合わせ", "打合せ"),
        ("電力 人材", "電力\n人材"),
    ],
)
def test_spelling_variants_are_the_same(encoder: StaticEncoder, a: str, b: str) -> None:
    assert cosine(encoder, a, b) == pytest.approx(1, abs=1e-5)


def test_an_unknown_name_meets_itself_and_names_written_alike(encoder: StaticEncoder) -> None:
    assert encoder.model.lexicon.find("qelvanor") is None
    assert cosine(encoder, "Qelvanor", "Qelvanor社") > 0.5
    assert 0.2 < cosine(encoder, "Qelvanor", "Qelvanors") < 0.95
    assert abs(cosine(encoder, "Qelvanor", "Trimbuxy")) < 0.2


def test_a_compound_without_a_vector_is_read_by_its_units(encoder: StaticEncoder) -> None:
    find = encoder.model.lexicon.find
    for compound, units in (("生成AI", ("生成", "AI")), ("データセンター", ("データ", "センター"))):
        whole, halves = find(compound), [find(unit) for unit in units]
        assert whole is None or whole.shared
        found = word_parts(encoder.model, compound).rows
        assert [row for row, _ in found] == [half.row for half in halves if half]
        assert [factor for _, factor in found] == pytest.approx([half.weight / 2**0.5 for half in halves if half])


def test_a_word_said_again_counts_less(encoder: StaticEncoder) -> None:
    once, thrice, other = encoder.encode(["電力 人材", "電力 電力 電力 人材", "電力"])
    assert once @ other < thrice @ other < 0.95


def test_older_forms_are_known_and_needed(encoder: StaticEncoder) -> None:
    recipe = default.read_recipe()
    bare = default.build_model(ginza.read_vectors(ginza.find_vocab()), recipe._replace(older_forms={})).lexicon
    for new, old in recipe.older_forms.items():
        assert bare.find(new) is None, f"{new}: the vectors know it as it is"
        assert bare.find(old) is not None, f"{old}: the vectors do not know it"
        assert encoder.model.lexicon.find(new) == bare.find(old)


def test_any_text_can_be_encoded(encoder: StaticEncoder) -> None:
    wild = ["\ud800", "a" * 60_000, "あ" * 60_000, "\U0001f1f0\U0001f1f7", "' OR 1=1 --", "\u202e\u0000"]
    assert np.isfinite(encoder.encode(wild)).all()


@pytest.mark.parametrize("kind", ["passage", "", None])
def test_an_unknown_kind_is_bad_usage(encoder: StaticEncoder, kind: Any) -> None:
    with pytest.raises(UsageError, match="similarity, document, query"):
        encoder.encode("a", kind=kind)


def test_only_strings_can_be_encoded(encoder: StaticEncoder) -> None:
    with pytest.raises(UsageError, match="not NoneType"):
        encoder.encode(["a", None])  # type: ignore[list-item]


def test_threads_share_an_encoder(encoder: StaticEncoder) -> None:
    from concurrent.futures import ThreadPoolExecutor

    expected = encoder.encode(TEXTS)
    shared = embeddings.load()
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(shared.encode, [TEXTS] * 12):
            assert np.allclose(found, expected, atol=1e-6)


def test_loading_and_encoding_import_neither_torch_nor_spacy() -> None:
    script = """
import sys
import kb.embeddings
assert "numpy" not in sys.modules and "sudachipy" not in sys.modules, "importing the package must be cheap"
kb.embeddings.load().encode("電力と人材", kind="query")
heavy = {"torch", "spacy", "ginza", "ja_ginza", "transformers", "sentence_transformers", "scipy"}
print(sorted(heavy & set(sys.modules)))
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


# ---- revisions, recipe and the fitted file


def test_the_revision_names_what_decides_the_vectors(
    encoder: StaticEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert encoder.name == "default"
    assert encoder.revision == embeddings.load().revision
    assert "ja_ginza-" in encoder.revision
    text = resource("data", "encoder.toml").read_text("utf-8").replace("share = 0.33", "share = 0.5")
    (tmp_path / "encoder.toml").write_text(text, "utf-8")
    changed = default.read_recipe(tmp_path / "encoder.toml")
    assert changed.spelling == 0.5
    monkeypatch.setattr(default, "read_recipe", lambda: changed)
    assert default.load_default().revision != encoder.revision


def test_the_fitted_file_fits_and_is_what_would_be_worked_out(encoder: StaticEncoder, tmp_path: Path) -> None:
    vocab, recipe = ginza.find_vocab(), default.read_recipe()
    found = ginza.read_vectors(vocab)
    stored = default.read_fitted(resource("data", "encoder.npz"), found, recipe)
    assert stored is not None, "run kb.embeddings.default.fit()"
    again = default.read_fitted(default.fit(tmp_path / "encoder.npz"), found, recipe)
    assert again is not None
    fresh = StaticEncoder(default.build_model(found, recipe, again), name="fresh", revision="")
    assert np.allclose(fresh.encode(TEXTS), encoder.encode(TEXTS), atol=1e-3)
    assert default.read_fitted(resource("data", "encoder.npz"), found, recipe._replace(a=0.01)) is None
    moved = recipe._replace(pulls=recipe.pulls._replace(apart=0.5))
    assert default.read_fitted(resource("data", "encoder.npz"), found, moved) is None


def test_a_damaged_fitted_file_gives_other_vectors_under_another_revision(
    encoder: StaticEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, recipe = ginza.read_vectors(ginza.find_vocab()), default.read_recipe()
    whole = resource("data", "encoder.npz").read_bytes()
    for name, content in (("text", b"PK\x03\x04 nonsense"), ("cut", whole[:9_000]), ("empty", b"")):
        (tmp_path / name).write_bytes(content)
        assert default.read_fitted(tmp_path / name, found, recipe) is None
    assert default.read_fitted(tmp_path / "missing.npz", found, recipe) is None
    monkeypatch.setattr(default, "read_fitted", lambda *_: None)
    plain = default.load_default()
    assert "-plain+" in plain.revision
    assert plain.revision != encoder.revision
    assert plain.encode(TEXTS).shape == (len(TEXTS), 300)


def test_whitened_words_are_alike_in_every_direction() -> None:
    found, recipe = ginza.read_vectors(ginza.find_vocab()), default.read_recipe()
    model = default.build_model(found, recipe)
    ready = model.ready()
    share = frequencies(len(found.keys), recipe.offset)
    mass = np.bincount(found.rows, weights=share * sif_weights(share, recipe.a).astype(float) ** 2)
    mass = mass / mass.sum()
    spread = (ready.table * mass[:, None]).T @ ready.table
    assert np.abs(mass @ ready.table).max() < 1e-3
    assert np.allclose(spread, np.eye(300) * spread[0, 0], atol=spread[0, 0] * 0.02)
    assert np.einsum("ij,ij->i", ready.table, ready.table).mean() == pytest.approx(1, abs=1e-3)
    assert np.allclose(ready.row(7), model.row(7), atol=1e-5)


# ---- synonyms, contrasts, letters and negation


def test_a_row_alone_is_what_it_is_in_the_whole_table(encoder: StaticEncoder) -> None:
    ready, mixtures = encoder.model.ready(), encoder.model.mixtures
    assert len(mixtures.rows) > 1000
    for row in (*mixtures.rows[::400].tolist(), 3, 19_999):
        assert np.allclose(ready.row(row), encoder.model.row(row), atol=1e-5)


def word_cosine(encoder: StaticEncoder, a: str, b: str) -> float:
    first, second = (encoder.word_vector(word) for word in (a, b))
    return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))


@pytest.mark.parametrize(
    ("word", "same", "other"),
    [
        ("赤い", "赤", "青い"),
        ("男性", "男", "女性"),
        ("右", "右側", "左"),
        ("輸出", "輸出", "輸入"),
        ("夏", "夏", "冬"),
    ],
)
def test_words_that_exclude_each_other_are_apart(encoder: StaticEncoder, word: str, same: str, other: str) -> None:
    found, recipe = ginza.read_vectors(ginza.find_vocab()), default.read_recipe()
    plain = StaticEncoder(default.build_model(found, recipe), name="plain", revision="")
    assert word_cosine(encoder, word, other) < min(0.3, word_cosine(plain, word, other) - 0.1)
    assert word_cosine(encoder, word, same) > 0.7


def test_synonyms_are_nearer(encoder: StaticEncoder) -> None:
    found, recipe = ginza.read_vectors(ginza.find_vocab()), default.read_recipe()
    plain = StaticEncoder(default.build_model(found, recipe), name="plain", revision="")
    for a, b in (("書籍", "本"), ("値段", "価格"), ("米国", "アメリカ"), ("同一", "同じ")):
        assert word_cosine(encoder, a, b) > word_cosine(plain, a, b) + 0.1


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "'sets'"), ("sets = 1", "cannot be read"), ("sets = [1]", "cannot be read"), ("sets = [", "cannot be read")],
)
def test_a_broken_file_of_contrasts_is_named(encoder: StaticEncoder, tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "contrasts.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(DataFileError, match=message) as caught:
        fitting.read_contrasts(encoder.model.lexicon, path)
    assert str(path) in str(caught.value)


def test_most_contrasts_have_vectors_and_none_stands_on_two_sides(encoder: StaticEncoder) -> None:
    listed = tomllib.loads(resource("data", "contrasts.toml").read_text("utf-8"))["sets"]
    assert all(len(values) > 1 for values in listed)
    sets = fitting.read_contrasts(encoder.model.lexicon)
    assert len(sets) >= 0.95 * len(listed)
    for values in sets:
        rows = [row for value in values for row in value]
        assert len(rows) == len(set(rows)), f"one word on two sides: {values}"


def test_a_shared_kanji_is_some_meaning(encoder: StaticEncoder) -> None:
    alike, other = letters_vector("電車", 300), letters_vector("飛行", 300)
    assert float(letters_vector("列車", 300) @ alike) > 0.8
    assert abs(float(letters_vector("列車", 300) @ other)) < 0.4
    assert not letters_vector("ひらがな。", 300).any()
    assert np.allclose(letters_vector("AI", 300), letters_vector("ai", 300))


@pytest.mark.parametrize(
    ("text", "denied"),
    [
        ("工場は動いている。", False),
        ("工場は動いていない。", True),
        ("工場は動いていません。", True),
        ("設備がない。", True),
        ("動かないわけではない。", False),
        ("動くかもしれない。", False),
        ("動くかもしれません。", False),
        ("始まりに過ぎない。", False),
        ("水は欠かせない。", False),
        ("間違いなく動く。", False),
        ("急がなければならない。", False),
        ("電力だけでなく水も要る。", False),
        ("The plant is not running.", True),
        ("", False),
    ],
)
def test_denials_are_told(encoder: StaticEncoder, text: str, denied: bool) -> None:
    negation = encoder.model.negation
    assert negation is not None
    assert negation.denied(text, word_counts(text)) is denied


def test_a_denial_is_far_where_texts_are_compared_and_near_where_they_are_searched(encoder: StaticEncoder) -> None:
    texts = ["新しい発電所は動いている。", "新しい発電所は動いていない。", ""]
    compared, found = encoder.encode(texts), encoder.encode(texts, kind="document")
    assert compared[0] @ compared[1] < found[0] @ found[1] - 0.2
    assert np.allclose(np.linalg.norm(compared[:2], axis=1), 1, atol=1e-5)
    assert not compared[2].any()
    assert np.array_equal(found, encoder.encode(texts, kind="query"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'weights' is missing"),
        ("[weights]\na = 1", "'offset' is missing"),
        ("[weights\n", "cannot be read"),
        ("weights = 1", "cannot be read"),
    ],
)
def test_a_broken_recipe_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "encoder.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(DataFileError, match=message) as caught:
        default.read_recipe(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("a = 1e-3", "a = 0", "must be above 0"),
        ("a = 1e-3", "a = 'x'", "cannot be read"),
        ("share = 0.33", "share = 2", "between 0 and 1"),
        ("apart = ", "asunder = ", "'apart' is missing"),
        ("idioms = [", 'idioms = ["(", ', "cannot be read"),
        ("[negation]", "[denial]", "'negation' is missing"),
    ],
)
def test_a_garbled_recipe_is_named(tmp_path: Path, before: str, after: str, message: str) -> None:
    path = tmp_path / "encoder.toml"
    text = resource("data", "encoder.toml").read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), "utf-8")
    with pytest.raises(DataFileError, match=message) as caught:
        default.read_recipe(path)
    assert str(path) in str(caught.value)


# ---- the files of ja-ginza


def test_murmur64_is_the_hash_of_the_table() -> None:
    # SMHasher's verification of MurmurHash64A: the hash of the hashes of 0, 01, 0102 … must be 1F0D3804.
    hashes = b"".join(murmur64(bytes(range(n)), 256 - n).to_bytes(8, "little") for n in range(256))
    assert murmur64(hashes, 0) & 0xFFFFFFFF == 0x1F0D3804


def test_common_words_stand_first(encoder: StaticEncoder) -> None:
    found = ginza.read_vectors(ginza.find_vocab())
    ranks = {int(key): rank for rank, key in enumerate(found.keys[:2000])}
    assert ranks[word_key("の")] < ranks[word_key("人")] < ranks[word_key("経済")]
    weights = [entry.weight for word in ("の", "人", "経済") if (entry := encoder.model.lexicon.find(word))]
    assert weights == sorted(weights)
    assert weights[0] < 0.1 < 0.9 < weights[-1]


def pack(pairs: list[tuple[int, int]]) -> bytes:
    """Return `pairs` as a MessagePack map, each number in its shortest form."""

    def number(value: int) -> bytes:
        if value < 0x80:
            return bytes([value])
        width, mark = next((w, m) for w, m in ((1, 0xCC), (2, 0xCD), (4, 0xCE), (8, 0xCF)) if value < 1 << 8 * w)
        return bytes([mark]) + value.to_bytes(width, "big")

    return b"\xdf" + len(pairs).to_bytes(4, "big") + b"".join(number(k) + number(r) for k, r in pairs)


def test_key2row_of_all_widths_is_unpacked() -> None:
    big = 1 << 60
    pairs = [(big + i, 300 + i) for i in range(500)]
    for place, odd in (
        (0, (5, 0)),
        (3, (200, 130)),
        (400, (70_000, 70_000)),
        (502, (big + 9999, 1)),
        (503, (40_000, 2)),
    ):
        pairs.insert(place, odd)
    keys, rows = ginza.unpack_key2row(pack(pairs))
    assert list(zip(keys.tolist(), rows.tolist(), strict=True)) == pairs


@pytest.mark.parametrize("cut", [0, 3, 5, 11, 16, 17, -1, -2])
def test_a_cut_off_key2row_is_refused(cut: int) -> None:
    whole = pack([(1 << 60, 300), (7, 3), ((1 << 60) + 1, 301), (200, 70_000)])
    with pytest.raises(ValueError, match="key2row"):
        ginza.unpack_key2row(whole[:cut])


def test_key2row_of_another_kind_is_refused() -> None:
    for wrong in (pack([(1, 2)]) + b"\x00", b"\xdf\x00\x00\x00\x01\xa1a\x01", b"\x93\x01\x02\x03\x04"):
        with pytest.raises(ValueError, match="key2row"):
            ginza.unpack_key2row(wrong)


def copied_vocab(to: Path) -> Path:
    shutil.copytree(ginza.find_vocab(), to, ignore=shutil.ignore_patterns("strings.json"))
    return to


@pytest.mark.parametrize("name", ["vectors", "key2row"])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut"])
def test_damaged_vectors_are_named(tmp_path: Path, name: str, damage: str) -> None:
    path = copied_vocab(tmp_path / "vocab") / name
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: 0 if damage == "empty" else 50_000])
    with pytest.raises(ModelError, match="reinstall ja-ginza") as caught:
        ginza.read_vectors(tmp_path / "vocab")
    assert "\n" not in str(caught.value)


def test_vectors_that_are_not_installed_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ginza, "_PACKAGE", "no_such_package_of_vectors")
    with pytest.raises(ModelError, match="pip install ja-ginza"):
        embeddings.load()


def test_a_lexicon_finds_words_in_any_case() -> None:
    words = ["alpha", "Beta", "漢字"]
    columns = np.array([word_key(w) for w in words], np.uint64), np.arange(3, dtype=np.int32)
    lexicon = Lexicon.of(*columns, np.ones(3, np.float32), np.zeros(3, np.bool_))
    assert [entry and entry.row for entry in map(lexicon.find, ["ALPHA", "Beta", "beta", "漢字", "仮名"])] == [
        0,
        1,
        None,
        2,
        None,
    ]


def test_spelling_vectors_do_not_change() -> None:
    vector = spelling_vector("Ab", 16)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
    assert np.array_equal(vector, spelling_vector("aB", 16))
    assert np.sign(spelling_vector("", 16)).any()
    # Stored vectors rest on these numbers: they must be the same in every release and on every machine.
    assert np.allclose(vector[:4], FIRST_FOUR, atol=1e-6)


FIRST_FOUR = [-0.237192, -0.237192, 0.237192, 0.237192]

# ---- storage


def test_blobs_are_little_endian_and_come_back() -> None:
    vectors = np.array([[1.0, -2.5], [0.0, 3.0]], np.float32)
    blobs = embeddings.to_blob(vectors)
    assert blobs[0] == b"\x00\x00\x80\x3f\x00\x00\x20\xc0"
    assert np.array_equal(embeddings.from_blobs(blobs, 2), vectors)
    assert embeddings.from_blobs(blobs, 2).flags.writeable
    assert embeddings.to_blob(vectors.astype(">f4")) == blobs
    assert embeddings.from_blobs([], 7).shape == (0, 7)
    assert embeddings.to_blob(np.zeros((0, 7), np.float32)) == []


def test_a_blob_of_another_size_is_refused() -> None:
    with pytest.raises(DatabaseError, match="stored vector 1 has 4 bytes instead of 8"):
        embeddings.from_blobs([bytes(8), bytes(4)], 2)


# ---- the default encoder as a sentence-transformers model


def test_sentence_transformers_gives_the_same_vectors(encoder: StaticEncoder, folder: Path, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), trust_remote_code=True, device="cpu")
    expected = encoder.encode(TEXTS)
    assert model.get_embedding_dimension() == 300
    assert np.allclose(model.encode(TEXTS), expected, atol=1e-5)
    assert np.allclose(model.encode_query(TEXTS), encoder.encode(TEXTS, kind="query"), atol=1e-5)
    assert np.allclose(model.encode_document(TEXTS), encoder.encode(TEXTS, kind="document"), atol=1e-5)
    assert np.allclose(model.encode(TEXTS, batch_size=2, normalize_embeddings=True), expected, atol=1e-5)
    model.save(str(tmp_path / "again"), create_model_card=False)
    again = SentenceTransformer(str(tmp_path / "again"), trust_remote_code=True, device="cpu")
    assert np.allclose(again.encode(TEXTS), expected, atol=1e-5)


def test_an_exported_model_can_be_trained_on(folder: Path, tmp_path: Path) -> None:
    import torch
    from sentence_transformers import SentenceTransformer

    model: Any = SentenceTransformer(str(folder), trust_remote_code=True, device="cpu")
    before = embeddings.load(str(folder)).encode(TEXTS[:2])
    out = model(model.preprocess(TEXTS[:2]))["sentence_embedding"]
    likeness: Any = torch.dot(out[0], out[1])
    likeness.backward()
    with torch.no_grad():
        weight = model[0].embedding.weight
        weight -= 0.5 * weight.grad
    model.save(str(tmp_path / "trained"), create_model_card=False)
    trained = embeddings.load(str(tmp_path / "trained"))
    after = trained.encode(TEXTS[:2])
    assert after[0] @ after[1] < before[0] @ before[1] - 0.01
    assert trained.revision != embeddings.load(str(folder)).revision


def test_an_exported_folder_loads_without_torch(encoder: StaticEncoder, folder: Path) -> None:
    loaded = embeddings.load(str(folder))
    assert np.allclose(loaded.encode(TEXTS), encoder.encode(TEXTS), atol=1e-5)
    assert loaded.name == str(folder)
    script = "import sys, kb.embeddings as e; e.load(sys.argv[1]).encode('電力'); print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", script, str(folder)], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_an_export_may_be_repeated_but_spares_other_folders(folder: Path, tmp_path: Path) -> None:
    assert embeddings.export(folder) == folder
    (tmp_path / "notes.txt").write_text("mine", "utf-8")
    for taken in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(ModelError, match="name a new folder"):
            embeddings.export(taken)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["notes.txt"]


@pytest.mark.parametrize("name", ["vectors.npy", "words.npz"])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut"])
def test_a_damaged_export_is_named(folder: Path, tmp_path: Path, name: str, damage: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    if damage == "missing":
        (copy / name).unlink()
    else:
        (copy / name).write_bytes((copy / name).read_bytes()[: 0 if damage == "empty" else 5000])
    one_line_about(copy)


@pytest.mark.parametrize(
    "marker",
    ["", "[]", "{", '{"format": 1}', '{"format": 99}', '{"format": 1, "dim": 5, "words": 3, "spelling": 0.3}'],
)
def test_a_damaged_marker_is_named(folder: Path, tmp_path: Path, marker: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "kb_encoder.json").write_text(marker, "utf-8")
    one_line_about(copy)


def one_line_about(path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        embeddings.load(str(path))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


# ---- any sentence-transformers model


def test_a_sentence_transformers_folder_is_wrapped(tiny: Path) -> None:
    from sentence_transformers import SentenceTransformer

    loaded = embeddings.load(str(tiny), device="cpu")
    vectors = loaded.encode(["power chips", "cooling"])
    assert (loaded.name, loaded.dim, vectors.shape) == (str(tiny), 8, (2, 8))
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    plain = SentenceTransformer(str(tiny), device="cpu")
    assert np.allclose(vectors, plain.encode(["power chips", "cooling"], normalize_embeddings=True), atol=1e-6)
    query = plain.encode(["query: power"], normalize_embeddings=True)
    assert np.allclose(loaded.encode("power", kind="query"), query, atol=1e-6)
    assert not np.allclose(loaded.encode("power"), query, atol=1e-3)
    assert loaded.encode([]).shape == (0, 8)


def test_the_revision_of_a_folder_is_its_content(tiny: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny, copy)
    first = embeddings.load(str(tiny)).revision
    assert embeddings.load(str(copy)).revision == first
    settings = json.loads((copy / "config_sentence_transformers.json").read_text("utf-8"))
    settings["prompts"]["query"] = "search: "
    (copy / "config_sentence_transformers.json").write_text(json.dumps(settings), "utf-8")
    assert embeddings.load(str(copy)).revision != first


def test_a_wrapped_model_cannot_be_exported(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="already"):
        embeddings.export(tmp_path / "out", name=str(tiny))


@pytest.mark.parametrize("name", ["modules.json", "model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("damage", ["missing", "empty", "garbage"])
def test_a_damaged_folder_is_named(tiny: Path, tmp_path: Path, name: str, damage: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny, copy)
    if damage == "missing":
        (copy / name).unlink()
    else:
        (copy / name).write_bytes(b"" if damage == "empty" else b"{\x00garbage" * 50)
    one_line_about(copy)


def test_an_empty_folder_is_no_model(tmp_path: Path) -> None:
    one_line_about(tmp_path)


def test_code_of_a_model_is_not_run(tiny: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny, copy)
    modules = json.loads((copy / "modules.json").read_text("utf-8"))
    modules[0]["type"] = "strange.Module"
    (copy / "modules.json").write_text(json.dumps(modules), "utf-8")
    (copy / "strange.py").write_text("raise SystemExit('was run')", "utf-8")
    one_line_about(copy)


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all", "a/b/c", "", " ", "two words", "..-", "a\\b"])
def test_what_can_be_no_model_is_said_at_once(name: str) -> None:
    with pytest.raises(ModelError, match="is no folder of a model"):
        embeddings.load(name)


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SENTENCE_TRANSFORMERS_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_offline_without_the_model_is_one_line(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="nobody/nothing: is not on the disk, and HF_HUB_OFFLINE") as caught:
        embeddings.load("nobody/nothing")
    assert "\n" not in str(caught.value)


def test_an_unreachable_hub_is_one_line(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ModelError, match="cannot be reached") as caught:
        embeddings.load("nobody/nothing")
    assert "\n" not in str(caught.value)


def test_a_model_in_the_cache_is_loaded_without_a_network(
    tiny: Path, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = empty_cache / "models--someone--tiny"
    shutil.copytree(tiny, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit, "utf-8")
    for name in ("someone/tiny", f"someone/tiny@{commit}"):
        loaded = embeddings.load(name, device="cpu")
        assert (loaded.name, loaded.revision, loaded.dim) == (name, commit, 8)
    (repository / "snapshots" / commit / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="someone/tiny"):
        embeddings.load("someone/tiny")


def test_an_unknown_device_is_one_line(tiny: Path) -> None:
    with pytest.raises(KbError) as caught:
        embeddings.load(str(tiny), device="toaster")
    assert "\n" not in str(caught.value)
