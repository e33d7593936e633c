"""Small folders of posts for the tests of storage and builds: untidy, and the same every time."""

from __future__ import annotations

from pathlib import Path

OPENINGS = (
    "釜山の新しい計算拠点は、二〇二六年の春に運転を始める。",
    "北海道の風力発電所は、年間で320ギガワット時の電力を送り出す。",
    "冷却水を使わない液浸方式は、消費電力を約三割減らした。",
    "半導体の試験ラインは、月に4万枚のウエハーを処理できる。",
    "人工知能の技術者は、国内で12万人が不足している。",
    "電力会社は、夜間の余剰電力を計算施設に回す契約を結んだ。",
)
MIDDLES = (
    "この拠点には、再生可能エネルギーだけで動くサーバーが8,000台並ぶ。",
    "自治体は土地を無償で貸し出し、送電線の工事費の半分を負担した。",
    "今後5年間で、電力需要は2倍に増えると予想される。",
    "担当者は「地域の雇用が千人分生まれる」と述べた。",
    "事業者は、稼働率と排熱の量を毎月公表すべきである。",
    "研究者を育てる講座には、初年度だけで640人が登録した。",
    "予定された送電網の増強は、資材の高騰で一年遅れた。",
    "排熱は隣の温室に送られ、いちごの栽培に使われている。",
    "政府は、計算施設の電力効率に下限を設ける法案をまとめた。",
)
CLOSINGS = (
    "この方式は、ほかの地域にも広がる可能性がある。",
    "費用をどう分け合うのかは、まだ決まっていない。",
    "読者の皆さんはどう考えるだろうか？",
)
SHARED = "データセンターの電力消費は、家庭の消費をすでに上回った。"


def text(number: int, *, extra: str = "", title: str = "") -> str:
    """Return post `number`: front matter and two or three drafts, each of which says the last one again."""
    head = [
        "---",
        f'title: "{title or f"計算施設の話題その{number}"}"',
        f"date: 2025-0{number % 9 + 1}-1{number % 10}",
        f"tags: [電力, その{number % 3}]",
        "---",
        "",
    ]
    sentences = [
        OPENINGS[number % len(OPENINGS)],
        *(MIDDLES[(number * 2 + k) % len(MIDDLES)] for k in range(3)),
        f"この地区の施設{number + 3}棟は、合わせて{number * 7 + 11}メガワットを使う。",
    ]
    if number % 3 == 0:
        sentences.append(SHARED)
    first = f"## 現状\n\n{''.join(sentences[:3])}\n"
    second = f"## 現状\n\n{''.join(sentences[:3])}\n\n## 見通し\n\n{''.join(sentences[3:])}{CLOSINGS[number % 3]}\n"
    drafts = [first, second]
    if number % 4 == 1:
        drafts.append("".join(sentences) + "\n\n- 送電線の容量は足りている。\n- 工期は18か月に延びた。\n")
    if extra:
        drafts[-1] += f"\n{extra}\n"
    return "\n".join(head) + "\n---END---\n\n".join(drafts)


def write(folder: Path, count: int) -> Path:
    """Write `count` posts to a new folder, some of them in a folder below it, and return it."""
    for number in range(count):
        file = folder / ("older" if number % 5 == 4 else ".") / f"2025-post-{number:02}.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text(number), "utf-8")
    return folder
