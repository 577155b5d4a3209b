"""A small run with a jury, votes, a notice and answered objections: what the papers of an award say."""

from datetime import date, timedelta
from pathlib import Path

from award_world import JURIED, World, judged, small_rule, wechat

from analytics.awards import run_award
from analytics.awards.folder import RunFolder
from analytics.awards.notice import put_up
from analytics.awards.objections import answer_objection, file_objection
from analytics.awards.run import rule_of
from config.database import Database

# Were any of it read as markup, typst would stop: unknown labels, unclosed code, `panic`.
HOSTILE = '#panic("读作代码") *粗 $x `raw /* [链接](x) ] } <标签> @引用 \\ "引号'
LONG = "很长很长的账号名称" * 30
FORMULA = '=HYPERLINK("x")'
TITLE = "小评选 #panic(1) $ @甲"
UP = date(2027, 1, 20)
_NOTICE = "\n[notice]\npublic_days = 5\nobjection = { named = true, answer_days = 3 }\n"
_NAMES = {"league": (HOSTILE, LONG, FORMULA, "青年四"), "university": ("青年五", "青年六")}
ACCOUNTS = sum(len(names) for names in _NAMES.values())


def world() -> tuple[World, dict[str, str]]:
    """Accounts whose reads fall from one to the next, and one that posted nothing; handle → track."""
    made, tracks = World(), {}
    for track, names in _NAMES.items():
        for number, name in enumerate(names):
            handle = f"{track}-{number}"
            key = made.account("wechat", handle, track, name=name, unit=f"U-{handle}")
            for week in range(4):
                made.article(key, date(2026, 3, 2) + timedelta(days=7 * week), wechat(6000 - 1000 * number))
            tracks[handle] = track
    made.account("wechat", "silent", "league", unit="U-silent")
    return made, tracks


def a_run(database: Database, folder: Path, *, until: str = "final") -> Path:
    """Runs the award over `world`, already stored in the database, up to a stage; gives the run's folder."""
    judges = (("甲", 90), ("乙", 70), ("丙", 80), ("丁", 60))
    handles = world()[1]
    scores = [f"{handle},{judge},{score}," for handle in handles for judge, score in judges]
    given = judged(folder, scores, [f"{handle},10" for handle in handles])
    two = ("places = 1 }, {", "places = 2 }, {")
    rule = small_rule(folder, JURIED, two, ('title = "小评选"', f"title = '{TITLE}'"))
    rule.write_text(rule.read_text("utf-8") + _NOTICE, "utf-8")
    out = folder / "run"
    run_award(database, rule, out, **given, today=UP, until="notice" if until == "final" else until)
    if until == "final":
        _object(RunFolder(out))
        assert run_award(database, rule, out, today=UP + timedelta(days=7)).waiting is None
    return out


def _object(folder: RunFolder) -> None:
    rule = rule_of(folder)
    put_up(folder, rule, UP)
    for number, told in enumerate((f"阅读数有误\n第二行 {HOSTILE}", "请公布权重"), start=1):
        by, account = ("某大学团委", "wechat:league-3") if number == 1 else ("张三", "")
        file_objection(folder, rule, by=by, account=account, text=told, today=UP)
        day = UP + timedelta(days=number)
        answer_objection(folder, number, by="评审组", text="已核对", upheld=False, today=day)
