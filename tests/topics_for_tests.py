"""Posts with subjects that nobody listed: each fills a few posts, and the rest is common talk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

SUBJECTS = ("海藻養殖", "灯台修復", "木造校舎", "Beacon Fleet")
_SAID = (
    "{s}には{n}人の職人が関わり、毎朝{m}時に仕事を始める。",
    "{s}の費用は{n}万円だったと町の帳簿が示している。",
    "昨年の嵐で{s}は{m}週間も止まり、{n}件の予約が消えた。",
    "{s}を学ぶ若者は{n}人に増え、宿舎が足りない。",
    "港の組合は{s}の道具を{n}点そろえて倉庫に置いた。",
    "{s}が始まって{m}年で、近くの店は{n}軒になった。",
    "県は{s}に{n}億円の補助を{m}回に分けて渡した。",
    "{s}の手引きは{n}ページあり、{m}つの章に分かれる。",
)
_COMMON = (
    "雨の日には{n}人ほどが図書館に集まり、静かに本を読む。",
    "駅前の時計は{m}分ほど遅れており、{n}年前から直っていない。",
    "坂の上の家では犬が{m}匹飼われ、庭に{n}本の柿がある。",
    "夕方の市場では魚が{n}円から売られ、{m}時には片づく。",
)


def post(subject: str, number: int, *, said: int = 16) -> str:
    """Return a post about a subject, the words of no two alike."""
    lines = []
    for place in range(said):
        n, m = 10 + number * 37 + place * 3, 2 + (number + place) % 9
        lines.append(_SAID[place % len(_SAID)].format(s=subject, n=n, m=m))
        if place % 2:
            lines.append(_COMMON[(number + place) % len(_COMMON)].format(n=n + 1, m=m))
    return (
        f"---\ntitle: {subject}の記録 {number}\ndate: 2025-{1 + number % 9:02d}-11\n---\n\n" + "\n\n".join(lines) + "\n"
    )


def write(folder: Path, subjects: Sequence[str] = SUBJECTS, each: int = 4) -> Path:
    """Write `each` posts a subject into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for place, subject in enumerate(subjects):
        for number in range(each):
            name = f"2025-{subject.replace(' ', '-')}-{number}.md"
            (folder / name).write_text(post(subject, place * each + number), "utf-8")
    return folder
