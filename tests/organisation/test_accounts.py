"""Official accounts: imports are all or nothing, secrets are sealed and never told, states move once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import select

from config import Database, InputError, ManualClock, MeizhenError
from config.secrets import KeyRing, add_master_key, create_key_file, load_key_file
from config.settings import load_settings
from config.table_files import Row, Table, read_table
from connectors import Http, connector_for, platforms
from organisation import (
    Account,
    AccountImport,
    AccountState,
    LedgerEntry,
    Unit,
    access_for,
    accounts_of,
    add_account,
    check_account,
    check_keys,
    find_account,
    find_unit,
    http_for,
    import_accounts,
    import_units,
    known_columns,
    open_credentials,
    pause_account,
    resume_account,
    retire_account,
    rotate_credentials,
    verify,
)
from organisation.account_import import COLUMNS
from organisation.credentials import Credential

AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
CANARY = "canary-7f3a91d2"
SITE = "http://127.0.0.1:9/api"


@pytest.fixture(autouse=True)
def units(database: Database, keys: KeyRing) -> None:
    lines = [("NM", "", "region"), ("HH", "NM", "league"), ("IMU", "NM", "university")]
    rows = [
        Row(number, {"code": code, "parent": parent, "kind": kind, "name_zh": code})
        for number, (code, parent, kind) in enumerate(lines, start=2)
    ]
    with database.write() as session:
        table = Table("units.csv", ("code", "parent", "kind", "name_zh"), tuple(rows))
        import_units(session, keys, table, at=AT, actor="test")


def table(*rows: dict[str, str], source: str = "accounts.csv") -> Table:
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    numbered = tuple(Row(number, row) for number, row in enumerate(rows, start=2))
    return Table(source, columns, numbered)


def site(handle: str, **more: str) -> dict[str, str]:
    return {"handle": handle, "platform": "webhook", "unit": "HH", "api_base": SITE} | more


def weibo(handle: str, **more: str) -> dict[str, str]:
    return {
        "handle": handle,
        "platform": "weibo",
        "unit": "IMU",
        "access_token": CANARY,
        "uid": "12345",
        "app_key": "67890",
        "safe_domain": "example.org",
        "rip": "203.0.113.7",
    } | more


def take(database: Database, keys: KeyRing, *rows: dict[str, str], overwrite: bool = False) -> AccountImport:
    with database.write() as session:
        return import_accounts(session, keys, table(*rows), at=AT, actor="cli:test", overwrite=overwrite)


def kept(database: Database, keys: KeyRing, name: str) -> tuple[Account, dict[str, str]]:
    with database.read() as session:
        account = find_account(session, name)
        return account, open_credentials(session, keys, account)


def test_a_file_of_two_platforms_is_taken_with_its_credentials(
    database: Database, keys: KeyRing, tmp_path: Path
) -> None:
    file = tmp_path / "accounts.csv"
    file.write_text(
        "handle,platform,unit,name,track,filed,verified,api_base,token,access_token,uid,app_key,safe_domain,rip\n"
        f"青春呼和浩特,webhook,HH,,league,2024/3/2,是,{SITE}/,{CANARY},,,,,\n"
        f"imu,weibo,IMU,内蒙古大学,university,2023年11月2日,no,,,{CANARY}2,12345,67890,example.org,203.0.113.7\n",
        "gb18030",
    )
    with database.write() as session:
        done = import_accounts(session, keys, read_table(file), at=AT, actor="cli:test")
    assert done == AccountImport(("webhook:青春呼和浩特", "weibo:imu"), ())
    account, credentials = kept(database, keys, "青春呼和浩特")
    assert (account.name, account.track, account.filed) == ("青春呼和浩特", "league", date(2024, 3, 2))
    assert (account.verified, account.api_base, account.state) == (True, SITE, "active")
    assert credentials == {"token": CANARY}
    account, credentials = kept(database, keys, "weibo:imu")
    assert (account.name, account.filed, account.verified, account.api_base) == (
        "内蒙古大学",
        date(2023, 11, 2),
        False,
        "",
    )
    assert credentials["access_token"] == f"{CANARY}2" and len(credentials) == 5
    with database.read() as session:
        entry = session.exec(select(LedgerEntry).where(LedgerEntry.act == "account.import")).one()
        assert verify(session, keys).sound
    assert entry.details == {"added": ["webhook:青春呼和浩特", "weibo:imu"], "updated": []}


@pytest.mark.parametrize(
    ("row", "column", "told"),
    [
        (site("a", platform="webhok"), "platform", "webhook"),
        (site("a", platform=""), "platform", "Must not be empty"),
        (site(""), "handle", "Must not be empty"),
        (site("a", unit="HO"), "unit", "no unit “HO”"),
        (site("a", unit=""), "unit", "Must not be empty"),
        (site("a", filed="2026-02-30"), "filed", "2026-02-30"),
        (site("a", filed="yesterday"), "filed", "yesterday"),
        (site("a", verified="maybe"), "verified", "maybe"),
        (site("a", api_base=""), "api_base", "no address of its own"),
        (site("a", api_base="ftp://x/"), "api_base", "beginning with http"),
        (site("a", api_base="http://user:pw@x/"), "api_base", "without user"),
        (site("a", api_base="http://x/?key=1"), "api_base", "query"),
        (site("a", api_base="http://[x/"), "api_base", "http://"),
        (site("a", api_base="http://x:99999/"), "api_base", "http://"),
        (site("a\u202eb"), "handle", "invisible"),
        (site("x" * 121), "handle", "121"),
        (site("a", name="n" * 201), "name", "201"),
        (site("a", access_token=CANARY), "access_token", "webhook has no such credential"),
        (weibo("a", access_token=""), "access_token", "An account of weibo needs this: Access token"),
        (weibo("a", access_token=f"{CANARY} \x07"), "access_token", "not shown"),
        (weibo("a", uid="0x12"), "uid", "not shown"),
        (weibo("a", access_token=CANARY * 1000), "access_token", "15000 characters"),
    ],
)
def test_a_mistake_names_row_and_column_and_adds_nothing(
    database: Database, keys: KeyRing, row: dict[str, str], column: str, told: str
) -> None:
    with pytest.raises(InputError) as caught:
        take(database, keys, site("fine"), row)
    problems = [problem for problem in caught.value.problems if problem.column == column]
    assert [problem.row for problem in problems] == [3]
    assert told in problems[0].told("en")
    assert problems[0].told("zh")
    everything = f"{caught.value} {caught.value!r} {caught.value.as_json()}"
    assert CANARY not in everything
    with database.read() as session:
        assert accounts_of(session) == []


def test_the_same_account_twice_in_a_file_is_refused(database: Database, keys: KeyRing) -> None:
    with pytest.raises(InputError, match=r"row 4 .*webhook:a stands in row 2 already"):
        take(database, keys, site("a"), weibo("a"), site("a"))


def test_an_account_that_is_there_is_refused_with_the_way_out(database: Database, keys: KeyRing) -> None:
    take(database, keys, site("a"))
    with pytest.raises(InputError, match=r"row 3 .*webhook:a is registered already.*--update"):
        take(database, keys, site("b"), site("a"))
    with database.read() as session:
        assert len(accounts_of(session)) == 1


def test_of_two_imports_at_once_one_is_told_that_the_account_is_there(
    database: Database, keys: KeyRing
) -> None:
    def attempt(_: int) -> bool:
        try:
            take(database, keys, site("a"), site("b"))
        except InputError as error:
            assert {problem.code for problem in error.problems} == {"account.exists"}
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(attempt, range(4))) == 1


def test_an_update_takes_what_the_columns_say_and_keeps_empty_credentials(
    database: Database, keys: KeyRing
) -> None:
    take(database, keys, weibo("a", name="旧", track="university", filed="2024-01-01"))
    done = take(
        database,
        keys,
        {"handle": "a", "platform": "weibo", "unit": "HH", "name": "新", "access_token": "", "uid": "999"},
        overwrite=True,
    )
    assert done == AccountImport((), ("weibo:a",))
    account, credentials = kept(database, keys, "a")
    assert (account.name, account.track, account.filed) == ("新", "university", date(2024, 1, 1))
    assert (credentials["access_token"], credentials["uid"]) == (CANARY, "999")
    with database.read() as session:
        assert account.unit_id == find_unit(session, "HH").id


def test_an_update_that_changes_nothing_is_no_act(database: Database, keys: KeyRing) -> None:
    take(database, keys, weibo("a"))
    assert take(database, keys, weibo("a"), overwrite=True) == AccountImport((), ())
    with database.read() as session:
        acts = session.exec(select(LedgerEntry.act)).all()
    assert acts == ["unit.import", "account.import"]


def test_unknown_columns_are_refused_with_those_there_are(database: Database, keys: KeyRing) -> None:
    with pytest.raises(InputError, match="Unknown column “tokn”"):
        take(database, keys, site("a", tokn="x"))


def test_no_credential_is_called_like_a_column_of_ours() -> None:
    names = [field.name for platform in platforms() for field in connector_for(platform).credential_fields]
    assert not set(names) & set(COLUMNS)
    assert set(known_columns()) == {*COLUMNS, *names}


def test_one_account_is_added_by_the_same_rules(database: Database, keys: KeyRing) -> None:
    with database.write() as session:
        account = add_account(session, keys, site("a", token=CANARY), at=AT, actor="cli:test")
    assert account.stable_id == "webhook:a"
    with database.read() as session:
        entry = session.exec(select(LedgerEntry).where(LedgerEntry.act == "account.add")).one()
    assert (entry.subject, entry.details) == ("webhook:a", {})
    with pytest.raises(InputError) as caught, database.write() as session:
        add_account(session, keys, site("a"), at=AT, actor="cli:test")
    assert [problem.row for problem in caught.value.problems] == [None]


# -- finding and listing --------------------------------------------------------------------------------


def test_an_account_is_found_by_its_name_or_unique_handle(database: Database, keys: KeyRing) -> None:
    take(database, keys, site("a"), weibo("a"), site("only"), site("with:colon"))
    with database.read() as session:
        assert find_account(session, "weibo:a").platform == "weibo"
        assert find_account(session, "only").handle == "only"
        assert find_account(session, "with:colon").handle == "with:colon"
        assert find_account(session, "webhook:with:colon").handle == "with:colon"
        with pytest.raises(MeizhenError, match="webhook:a, weibo:a"):
            find_account(session, "a")
        with pytest.raises(MeizhenError, match="Near names: webhook:only"):
            find_account(session, "onli")


def test_accounts_are_chosen_by_subtree_platform_and_state(database: Database, keys: KeyRing) -> None:
    take(database, keys, site("a"), site("b", unit="NM"), weibo("c"))
    with database.write() as session:
        pause_account(session, keys, find_account(session, "b"), at=AT, actor="test")
    with database.read() as session:

        def chosen(**wanted: str) -> list[str]:
            unit = wanted.pop("unit", None)
            under = None if unit is None else find_unit(session, unit)
            return [account.handle for account in accounts_of(session, unit=under, **wanted)]

        assert chosen() == ["a", "b", "c"]
        assert chosen(unit="NM") == ["a", "b", "c"]
        assert chosen(unit="HH") == ["a"]
        assert chosen(platform="weibo") == ["c"]
        assert chosen(state="paused") == ["b"]
        assert chosen(unit="NM", platform="webhook", state="active") == ["a"]


def test_states_move_once_and_are_recorded(database: Database, keys: KeyRing) -> None:
    take(database, keys, site("a"))

    def moved(move, reason: str = "") -> bool:  # type: ignore[no-untyped-def]
        with database.write() as session:
            account = find_account(session, "a")
            done: bool = move(session, keys, account, at=AT, actor="cli:test", reason=reason)
            return done

    assert moved(pause_account, "核查")
    assert not moved(pause_account)
    assert moved(resume_account)
    assert not moved(resume_account)
    assert moved(retire_account)
    assert not moved(resume_account) and not moved(pause_account) and not moved(retire_account)
    with database.read() as session:
        assert find_account(session, "a").state == AccountState.RETIRED
        acts = session.exec(
            select(LedgerEntry.act, LedgerEntry.details).where(LedgerEntry.subject == "webhook:a")
        )
        assert acts.all() == [
            ("account.pause", {"reason": "核查"}),
            ("account.resume", {}),
            ("account.retire", {}),
        ]


# -- credentials ----------------------------------------------------------------------------------------


def test_fifty_canaries_are_nowhere_in_the_database_files(
    database: Database, database_address: str, keys: KeyRing
) -> None:
    canaries = [f"canary-{number:02}-6e1f" for number in range(50)]
    take(database, keys, *[site(f"h{number}", token=canary) for number, canary in enumerate(canaries)])
    with database.read() as session:
        accounts = accounts_of(session)
        opened = {open_credentials(session, keys, account)["token"] for account in accounts}
        assert opened == set(canaries)
        if database.is_sqlite:
            path = Path(database_address.removeprefix("sqlite:///"))
            stored = path.read_bytes() + path.with_name(path.name + "-wal").read_bytes()
        else:
            rows = session.execute(text("SELECT ciphertext || wrapped_key FROM credential")).scalars()
            stored = b"".join(bytes(row) for row in rows)
            tables = session.execute(text("SELECT row_to_json(l)::text FROM ledger_entry l")).scalars()
            stored += "".join(tables).encode()
    assert b"h49" in stored or not database.is_sqlite
    assert not [canary for canary in canaries if canary.encode() in stored]


def test_credentials_moved_to_another_account_do_not_open(database: Database, keys: KeyRing) -> None:
    take(database, keys, site("a", token="1"), site("b", token="2"))
    with database.write() as session:
        first, second = find_account(session, "a"), find_account(session, "b")
        stolen = session.get_one(Credential, first.known_id)
        facts = (stolen.key_version, stolen.wrapped_key, stolen.ciphertext)
        mine = session.get_one(Credential, second.known_id)
        mine.key_version, mine.wrapped_key, mine.ciphertext = facts
    with pytest.raises(MeizhenError, match="“webhook:b” do not open"):
        kept(database, keys, "b")


def test_another_master_key_is_refused_once_and_clearly(database: Database, keys: KeyRing) -> None:
    other = KeyRing({1: b"\1" * 32}, b"\2" * 32)
    with database.read() as session:
        check_keys(session, other)  # nothing sealed yet: any key will do
    take(database, keys, site("a", token=CANARY))
    with database.read() as session:
        check_keys(session, keys)
        with pytest.raises(MeizhenError, match="do not open with the keys at hand") as caught:
            check_keys(session, other)
    assert caught.value.code == "secrets.wrong_key"


def test_a_rotation_seals_everything_anew_and_can_be_repeated(
    database: Database, keys: KeyRing, tmp_path: Path
) -> None:
    path = tmp_path / "other.json"
    create_key_file(path)
    old = load_key_file(path)
    take(database, old, site("a", token=CANARY), site("b", token="2"))
    assert add_master_key(path) == 2
    newer = load_key_file(path)
    # Killed here, everything still opens: the file keeps the older key.
    assert kept(database, newer, "a")[1] == {"token": CANARY}
    with database.write() as session:
        assert rotate_credentials(session, newer) == 2
    with database.write() as session:
        assert rotate_credentials(session, newer) == 0
    assert kept(database, newer, "a")[1] == {"token": CANARY}
    with pytest.raises(MeizhenError, match="do not open"):
        kept(database, old, "a")
    assert path.stat().st_mode & 0o777 == 0o600
    assert [left.name for left in tmp_path.glob(".other.json*")] == []


# -- what a connector gets ------------------------------------------------------------------------------


def test_access_holds_what_the_connector_needs(database: Database, keys: KeyRing, clock: ManualClock) -> None:
    take(database, keys, site("a", token=CANARY, verified="true"))
    account, _ = kept(database, keys, "a")
    http = Http("webhook")
    access = access_for(database, keys, account, clock=clock, http=http)
    assert (access.account, access.handle, access.api_base) == ("webhook:a", "a", SITE)
    assert (access.verified, access.http, dict(access.credentials)) == (True, http, {"token": CANARY})
    assert access.now() == clock.now()
    assert CANARY not in repr(access)
    access.memory.put("x", "y", until=clock.now() + timedelta(seconds=1))
    assert access.memory.get("x") == "y"


def test_the_way_out_is_one_a_platform() -> None:
    settings = load_settings({"MEIZHEN_HOME": "/nowhere", "MEIZHEN_CALL_SECONDS": "7"})
    assert http_for("webhook", settings) is http_for("webhook", settings)
    assert http_for("webhook", settings) is not http_for("weibo", settings)
    assert http_for("webhook", settings).seconds == 7


def test_a_check_that_cannot_reach_the_platform_is_a_finding(
    database: Database, keys: KeyRing, clock: ManualClock
) -> None:
    take(database, keys, site("a", token=CANARY))
    account, _ = kept(database, keys, "a")
    access = access_for(database, keys, account, clock=clock, http=Http("webhook", seconds=2))
    checked = check_account(access, "webhook")
    (finding,) = checked.findings
    assert not finding.fine and not checked.fine and not checked.reached
    assert "not-sent" in finding.told.en and CANARY not in repr(finding)


def test_a_table_class_of_a_unit_knows_its_depth() -> None:
    unit = Unit(id=27, code="x", kind="league", name_zh="x", path="1/4/27/")
    assert (unit.ids, unit.depth) == ((1, 4, 27), 2)
