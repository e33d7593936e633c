"""The data files keep the rules written at their tops, and the sample posts keep their mess."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import pytest
import yaml

from kb.config import resource
from kb.text import is_japanese

TOPIC_KEYS = {"slug", "names", "aliases", "seeds", "exclude", "parent"}
KINDS = {"company", "country", "person", "place", "organisation", "product", "term"}


def load(name: str) -> Any:
    return yaml.safe_load(resource("data", name).read_text(encoding="utf-8"))


def key(surface: str) -> str:
    return unicodedata.normalize("NFKC", surface).casefold()


@pytest.fixture(scope="module")
def topics() -> list[dict[str, Any]]:
    return load("topics.yml")["topics"]


@pytest.fixture(scope="module")
def groups() -> list[dict[str, Any]]:
    return load("synonyms.yml")["groups"]


@pytest.fixture(scope="module")
def posts() -> dict[Path, str]:
    paths = sorted(resource("data", "posts").glob("*.md"))
    return {path: path.read_bytes().decode("utf-8") for path in paths}


def is_list_of_text(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, str) and v == v.strip() and v for v in value)


def test_topics_have_the_known_keys_and_no_others(topics: list[dict[str, Any]]) -> None:
    assert len(topics) >= 16
    for topic in topics:
        assert set(topic) <= TOPIC_KEYS, topic["slug"]
        assert set(topic["names"]) == {"ja", "en"}, topic["slug"]
        assert all(isinstance(name, str) and name for name in topic["names"].values()), topic["slug"]
        assert is_list_of_text(topic["aliases"]), topic["slug"]
        assert is_list_of_text(topic["seeds"]), topic["slug"]
        assert 2 <= len(topic["seeds"]) <= 4, topic["slug"]
        assert "exclude" not in topic or is_list_of_text(topic["exclude"]), topic["slug"]


def test_slugs_and_aliases_belong_to_one_topic(topics: list[dict[str, Any]]) -> None:
    slugs = [topic["slug"] for topic in topics]
    assert len(set(slugs)) == len(slugs)
    assert all(slug.isascii() and slug == slug.lower() and slug.replace("-", "").isalnum() for slug in slugs)
    aliases = [key(alias) for topic in topics for alias in topic["aliases"]]
    assert sorted(a for a in set(aliases) if aliases.count(a) > 1) == []
    assert "ai" not in aliases


def test_parents_exist_and_form_no_cycle(topics: list[dict[str, Any]]) -> None:
    parent = {topic["slug"]: topic.get("parent") for topic in topics}
    for slug in parent:
        seen, at = [slug], parent[slug]
        while at is not None:
            assert at in parent, f"{slug}: unknown parent {at}"
            assert at not in seen, f"{slug}: cycle {seen}"
            seen.append(at)
            at = parent[at]


def test_no_name_stands_in_two_groups(groups: list[dict[str, Any]]) -> None:
    assert len(groups) >= 120
    first: dict[str, str] = {}
    for group in groups:
        assert set(group) <= {"kind", "names"}, group
        assert group.get("kind", "term") in KINDS, group
        assert is_list_of_text(group["names"]), group
        assert len(group["names"]) >= 2, group
        for name in group["names"]:
            assert key(name) not in first, f"{name}: also in the group of {first[key(name)]}"
            first[key(name)] = group["names"][0]


def test_posts_hold_every_kind_of_file(posts: dict[Path, str]) -> None:
    texts = list(posts.values())
    assert len(texts) >= 15
    assert sum(not is_japanese(text) for text in texts) >= 2
    assert sum(text.startswith("+++\n") for text in texts) == 1
    assert sum(not text.startswith(("---", "+++")) for text in texts) == 1
    crlf = [text for text in texts if "\r\n" in text]
    assert len(crlf) == 1
    assert crlf[0].count("\n") == crlf[0].count("\r\n"), "all line ends of the CRLF sample, not some"


def test_posts_hold_the_cut_offs_the_reader_must_join(posts: dict[Path, str]) -> None:
    pages = {path.stem: text for path, text in posts.items()}
    assert "可能性を示\n\n---END---\n\nしている。" in pages["2025-09-24-1-korea-ai-hub"]
    assert "時間を与える\n\n---END---\n\n...社内で" in pages["2025-10-15-1-ai-talent-korea"]
    later = pages["2025-11-05-3-liquid-cooling"].split("---END---")
    assert later[0].rstrip().endswith("見落とされがち")
    assert later[2].lstrip().startswith("だ。")
    assert "---END---\n\n---END---" in pages["2025-09-24-1-korea-ai-hub"]
    assert pages["2025-12-18-4-data-centre-siting"].count("---END---") == 0


def test_posts_that_contradict_each_other_still_do(posts: dict[Path, str]) -> None:
    pages = {path.stem: text for path, text in posts.items()}
    hub, later = pages["2025-09-24-1-korea-ai-hub"], pages["2026-04-16-1-hub-half-a-year-on"]
    assert "今後5年間で3倍" in hub
    assert "今後5年間で2倍" in pages["2025-10-02-2-hub-renewable-power"]
    assert "総事業費は7兆ウォン" in hub
    assert "総事業費は9兆ウォン" in later
    assert "循環式を採用すると" in hub
    assert "循環式を採用しないと" in later
