"""A lead in a language model's words: every sentence cites, or goes."""

from __future__ import annotations

import builtins
import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import llm
import pytest
from export_data import connect, database, enrich
from llm.plugins import pm

from kb import export, verify
from kb.errors import ExtraMissingError, ModelError
from kb.export import abstract, records

Answer = Callable[[str], str]


class Written(llm.Model):  # type: ignore[misc]
    """A model whose answer a test decides."""

    model_id = "test-writer"
    can_stream = False
    answer: Answer = staticmethod(lambda prompt: "")
    prompts: list[Any] = []  # noqa: RUF012 - a class that lasts as long as its test

    def execute(self, prompt: Any, stream: bool, response: Any, conversation: Any) -> Iterator[str]:
        self.prompts.append(prompt)
        yield self.answer(prompt.prompt)


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Written]]:
    """Register the model as a plugin of llm does."""
    monkeypatch.setenv("LLM_USER_PATH", str(tmp_path / "llm"))
    made: type[Written] = type("Made", (Written,), {"prompts": []})

    class Plugin:
        __name__ = "test-writer-plugin"

        @llm.hookimpl  # type: ignore[untyped-decorator]
        def register_models(self, register: Callable[..., None]) -> None:
            register(made(), aliases=("tw",))

    plugin = Plugin()
    pm.register(plugin, name="test-writer-plugin")
    yield made
    pm.unregister(name="test-writer-plugin")


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return enrich(database(tmp_path / "kb.db"))


def summary(db: Path) -> export.Summary:
    with closing(connect(db)) as conn:
        return export.read(conn, ["power"])[0]


def keys(prompt: str) -> list[str]:
    return re.findall(r"^\[([0-9a-z]+)\]", prompt, re.MULTILINE)


def test_sentences_without_a_sound_citation_are_removed_and_counted(db: Path, model: type[Written]) -> None:
    def answer(prompt: str) -> str:
        first, second, *_ = keys(prompt)
        return (
            f"電力の設備は増える[{first}]。根拠のない文。よそを引く文[nosuchclaim0]。\n"
            f"- 二つを引く文。[{first}][{second}]\n数字を足した文は99基という[{first}]。"
        )

    model.answer = staticmethod(answer)
    made = abstract.written(summary(db), "test-writer")
    assert made.abstract is not None
    assert [s.text for s in made.abstract.sentences] == ["電力の設備は増える。", "二つを引く文。"]
    assert [len(s.claims) for s in made.abstract.sentences] == [1, 2]
    assert made.abstract.removed == 3


def test_the_prompt_has_the_claims_and_nothing_else_is_asked_of(db: Path, model: type[Written]) -> None:
    abstract.written(summary(db), "tw", "en")
    (prompt,) = model.prompts
    assert prompt.prompt.startswith("Write 4 to 6 sentences on “Power / 電力”")
    assert "電力大手の東海電力は" in prompt.prompt
    assert "editor" in prompt.system
    assert len(keys(prompt.prompt)) == len(abstract.selected(summary(db))) <= abstract.MOST_CLAIMS


@pytest.mark.parametrize("form", ["md", "html", "json"])
def test_what_a_model_wrote_is_marked_and_can_be_checked(
    db: Path, model: type[Written], tmp_path: Path, form: str
) -> None:
    model.answer = staticmethod(lambda prompt: f"<b>設備</b>は増える | と言う [{keys(prompt)[0]}]。")
    made = abstract.written(summary(db), "test-writer")
    text = export.render([made], form)
    assert "<b>" not in text or form == "json"
    assert {"md": "## AIによる要約", "html": "AIによる要約</h2>", "json": '"model": "test-writer"'}[form] in text
    path = tmp_path / f"x.{form}"
    path.write_bytes(text.encode())
    assert verify.exported(db, [path])[0] == []


def test_without_a_model_the_lead_is_the_extractive_one(db: Path) -> None:
    (topic,) = json.loads(export.render([summary(db)], "json"))["topics"]
    assert topic["abstract"] is None
    assert topic["lead"]


def test_a_subject_without_claims_asks_no_model(model: type[Written]) -> None:
    empty = records.Summary(export.Subject("x", {"ja": "x", "en": "x"}), 0, None)
    assert abstract.written(empty, "test-writer") == empty
    assert model.prompts == []


def test_an_unknown_model_is_told_with_near_names(db: Path, model: type[Written]) -> None:
    with pytest.raises(ModelError, match="--llm: no model 'test-writr' is known to llm; near names: test-writer"):
        abstract.written(summary(db), "test-writr")


def test_a_model_that_fails_is_one_line(db: Path, model: type[Written]) -> None:
    def answer(prompt: str) -> str:
        raise RuntimeError("quota\nexceeded")

    model.answer = staticmethod(answer)
    with pytest.raises(ModelError, match=r"^--llm: test-writer gave no answer: quota exceeded$"):
        abstract.written(summary(db), "test-writer")


def test_without_the_extra_it_is_named(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load = builtins.__import__

    def missing(name: str, *rest: Any, **more: Any) -> Any:
        if name == "llm":
            raise ImportError(name)
        return load(name, *rest, **more)

    told = summary(db)
    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ExtraMissingError, match=r"llm is not installed; run: pip install 'kb\[llm\]'"):
        abstract.written(told, "test-writer")


@pytest.mark.parametrize(
    ("answer", "kept", "removed"),
    [
        ("", [], 0),
        ("A grows. [k1] B shrinks [k2].", ["A grows.", "B shrinks."], 0),
        ("設備は1,500基【k1】。", ["設備は1,500基。"], 0),
        ("設備は１５００基［k1］。", ["設備は１５００基。"], 0),
        ("設備は1600基[k1]。", [], 1),
        ("一つ目。二つ目[k1]。", ["二つ目。"], 1),
        ("両方 [k1, k2]。", ["両方。"], 0),
        ("片方はない [k1, k9]。", [], 1),
        ("[k1]", [], 0),
        ("1. 番号の行[k1]。\n・点の行[k2]。", ["番号の行。", "点の行。"], 0),
    ],
)
def test_answers_of_all_shapes(answer: str, kept: list[str], removed: int) -> None:
    given = {key: records.Claim(1, key, text, "fact") for key, text in (("k1", "設備は1500基。"), ("k2", "B"))}
    sentences, out = abstract.checked(answer, given)
    assert ([s.text for s in sentences], out) == (kept, removed)
