"""Score sheets: without own accounts, sealed until all are in, opened together into the run's scores."""

import json
from base64 import b64decode
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from award_sheets import fill
from award_world import Store, World, rows_of, small_rule, wechat

from analytics.awards import run_award
from analytics.awards.folder import RunFolder
from analytics.awards.sheets import COLUMNS, file_sheet, open_sheets, read_sheet, sheets, write_sheets
from analytics.awards.verification import verify
from config.database import Database
from config.errors import InputError, MeizhenError
from config.secrets import KeyRing

JURY = (
    'data = { weight = "1", scale = "fixed_anchor", anchor = 1000 }',
    'data = { weight = "0.5", scale = "fixed_anchor", anchor = 1000 }\n'
    'jury = { weight = "0.5", min_judges = 3, trim = 1, recuse_same_org = true }',
)
JUDGES = "judge,unit\n李敏,\n王强,U-1\nAda,\n赵岩,\n"


@pytest.fixture
def database(store: Store) -> Database:
    world = World()
    for number in range(3):
        key = world.account("wechat", f"demo-{number}", "league", unit=f"U-{number}", name=f"=青年{number}")
        for week in range(3):
            world.article(key, date(2026, 1, 5) + timedelta(days=7 * week), wechat(500 + 100 * number))
    return store(world)


@pytest.fixture
def run(database: Database, tmp_path: Path) -> RunFolder:
    """A run that waits for its jury; the sheets are in the folder `sheets`."""
    run_award(database, small_rule(tmp_path, JURY), tmp_path / "run", until="index")
    (tmp_path / "judges.csv").write_text(JUDGES, "utf-8")
    folder = RunFolder(tmp_path / "run")
    write_sheets(folder, tmp_path / "judges.csv", tmp_path / "sheets")
    return folder


def written(tmp_path: Path) -> dict[str, Path]:
    return {read_sheet(path).rows[0]["judge"]: path for path in sorted((tmp_path / "sheets").glob("0*.xlsx"))}


def test_each_judge_gets_the_eligible_accounts_but_those_of_the_own_unit(
    run: RunFolder, tmp_path: Path
) -> None:
    found = {judge: read_sheet(path) for judge, path in written(tmp_path).items()}
    assert set(found) == {"李敏", "王强", "Ada", "赵岩"}
    assert [row["handle"] for row in found["李敏"].rows] == ["demo-0", "demo-1", "demo-2"]
    assert [row["handle"] for row in found["王强"].rows] == ["demo-0", "demo-2"]
    assert found["李敏"].rows[0]["name"] == "=青年0"  # text, whatever it begins with
    assert found["李敏"].columns == COLUMNS


def test_sheets_are_sealed_until_all_are_in_and_then_make_the_scores(
    run: RunFolder, database: Database, keys: KeyRing, tmp_path: Path
) -> None:
    for number, (judge, path) in enumerate(written(tmp_path).items()):
        assert judge not in sheets(run).filed
        with pytest.raises(MeizhenError) as refused:
            open_sheets(run, keys)
        assert refused.value.code == "award.sheets_missing"
        who, name = file_sheet(run, keys, fill(path, 61 + number))
        assert who == judge
        sealed = json.loads((run.path / name).read_text("utf-8"))
        assert sealed.keys() == {"judge", "key_version", "wrapped_key", "ciphertext"}
        assert b"demo-" not in b64decode(sealed["ciphertext"])  # a row tells whom its score is for
        assert not run.has("inputs/jury.csv")
    open_sheets(run, keys)
    rule = tmp_path / "small.toml"
    result = run_award(database, rule, run.path)
    placed = {one.handle: one.jury for one in result.categories[0].tracks[0].places}
    # Ada 61, 李敏 62, 王强 63 (not for demo-1), 赵岩 64; the highest and the lowest are dropped.
    assert placed == {"demo-0": Decimal("62.5"), "demo-1": 62, "demo-2": Decimal("62.5")}
    assert len(rows_of(run.path / "inputs/jury.csv")) == 11
    assert verify(run.path).differences == ()


def test_a_sheet_is_taken_once(run: RunFolder, keys: KeyRing, tmp_path: Path) -> None:
    sheet = fill(written(tmp_path)["Ada"], 70)
    file_sheet(run, keys, sheet)
    with pytest.raises(MeizhenError) as refused:
        file_sheet(run, keys, sheet)
    assert refused.value.code == "award.sheet_is_in"


@pytest.mark.parametrize(
    ("score", "drop", "code"),
    [
        ("", 0, "input.not_a_number"),
        ("101", 0, "index.key_out_of_range"),
        ("七十", 0, "input.not_a_number"),
        ("70", 1, "award.not_scored"),
    ],
)
def test_a_sheet_that_is_not_in_order_is_not_taken(
    run: RunFolder, keys: KeyRing, tmp_path: Path, score: str, drop: int, code: str
) -> None:
    with pytest.raises(InputError) as refused:
        file_sheet(run, keys, fill(written(tmp_path)["Ada"], score, drop=drop))
    assert {problem.code for problem in refused.value.problems} == {code}
    assert sheets(run).filed == ()


def test_a_judge_cannot_add_an_own_account_or_be_somebody_else(
    run: RunFolder, keys: KeyRing, tmp_path: Path
) -> None:
    path = tmp_path / "typed.csv"
    path.write_text(
        "category,handle,judge,score\nwechat,demo-0,王强,60\nwechat,demo-1,王强,99\nwechat,demo-2,王强,60\n",
        "utf-8",
    )
    with pytest.raises(InputError) as refused:
        file_sheet(run, keys, path)
    assert [(one.code, one.row) for one in refused.value.problems] == [("award.own_account", 3)]
    path.write_text("category,handle,judge,score\nwechat,demo-0,无名,60\n", "utf-8")
    with pytest.raises(InputError) as refused:
        file_sheet(run, keys, path)
    assert [one.code for one in refused.value.problems] == ["award.not_one_judge"]


def test_a_sealed_sheet_that_was_changed_or_swapped_does_not_open(
    run: RunFolder, keys: KeyRing, tmp_path: Path
) -> None:
    names = [file_sheet(run, keys, fill(path, 70))[1] for path in written(tmp_path).values()]
    first, second = (run.path / name for name in names[:2])
    content = first.read_bytes(), second.read_bytes()
    first.write_bytes(content[1])
    second.write_bytes(content[0])
    with pytest.raises(MeizhenError) as refused:
        open_sheets(run, keys)
    assert refused.value.code == "secrets.wrong_key"


def test_too_few_judges_are_told_before_a_sheet_goes_out(run: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "few.csv").write_text("judge,unit\n李敏,\n王强,U-1\nAda,\n", "utf-8")
    with pytest.raises(InputError) as refused:
        write_sheets(run, tmp_path / "few.csv", tmp_path / "few")
    assert [one.params["handle"] for one in refused.value.problems] == ["demo-1"]
    (tmp_path / "others.csv").write_text(JUDGES + "钱多,\n", "utf-8")
    with pytest.raises(MeizhenError) as other:
        write_sheets(run, tmp_path / "others.csv", tmp_path / "few")
    assert other.value.code == "award.other_judges"
    assert not (tmp_path / "few").exists()
