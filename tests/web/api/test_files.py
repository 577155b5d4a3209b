"""Files by the API: figures checked, applied and taken back; what is downloaded stands in the ledger."""

import json
from collections.abc import Mapping

import pytest
from api_caller import Answered, Caller, form
from api_house import ApiHouse

from organisation import Role, entries_of
from web.api.files import MOST_BYTES

TABLE = "账号,数据日期,标题,发表日期,阅读次数\n{account},2026-03-01,草原,2026-02-28,1200\n"
CONTENT = TABLE.format(account="webhook:HH").encode()


def send(caller: Caller, content: bytes, query: Mapping[str, object], boundary: str, key: str) -> Answered:
    kind, raw = form("周.csv", content, boundary)
    headers = {"Content-Type": kind, "Idempotency-Key": key}
    return caller.call("POST", "/imports", raw=raw, query=query, headers=headers)


def test_figures_are_looked_at_applied_and_taken_back(house: ApiHouse) -> None:
    owner = house.owner()
    looked = owner.send("/imports", "周.csv", CONTENT, dry_run="true")
    assert looked.status == 200, looked.body
    assert (looked.body["rows"], looked.body["number"], looked.body["dry_run"]) == (1, None, True)
    assert looked.body["first_rows"][0]["figures"] == {"read_events": "1200"}
    assert owner.get("/imports").body["items"] == []
    first = send(owner, CONTENT, {}, "aaaa", "k")
    again = send(owner, CONTENT, {}, "bbbb", "k")  # whoever sends it again draws another boundary
    assert (again.body, again.headers["idempotency-replayed"]) == (first.body, "true")
    assert send(owner, CONTENT + b"\n", {}, "cccc", "k").body["code"] == "api.key_used_otherwise"
    number = first.body["number"]
    assert first.headers["location"] == f"/api/v1/imports/{number}"
    assert owner.send("/imports", "other.csv", CONTENT).body["already"] is not None
    assert owner.get(f"/imports/{number}").body["file"] == "周.csv"
    assert owner.post(f"/imports/{number}/undo").body["state"] == "undone"


def test_a_file_reaches_only_accounts_of_its_sender(house: ApiHouse) -> None:
    caller = house.caller(house.key(house.person("li", Role.ANALYST, "HH")))
    for account, status in (("BT", 422), ("HH", 200)):
        content = TABLE.format(account=f"webhook:{account}").encode()
        answer = caller.send("/imports", "a.csv", content)
        assert answer.status == status, answer.body
    assert caller.send("/imports", "a.csv", CONTENT, account="webhook:BT").status == 404


@pytest.mark.parametrize(
    ("name", "content", "status", "code"),
    [
        ("", b"x", 422, "api.no_file"),
        ("a.csv", b"", 422, "input.refused"),
        ("../../etc/passwd", b"\x00\x01", 422, "input.refused"),
        ("a.csv", b"x" * (MOST_BYTES + 1), 422, "figures_page.too_large"),
        ("a.csv", b"x" * (MOST_BYTES + 2 * 1024**2), 413, "api.too_large"),
    ],
    ids=["no name", "empty", "no table", "large", "very large"],
)
def test_what_is_no_table_is_refused(
    house: ApiHouse, name: str, content: bytes, status: int, code: str
) -> None:
    answer = house.owner().send("/imports", name, content)
    assert (answer.status, answer.body["code"]) == (status, code)


def test_what_is_no_form_is_refused(house: ApiHouse) -> None:
    owner = house.owner()
    assert owner.post("/imports", {"file": "x"}).body["code"] == "api.no_file"
    broken = owner.call("POST", "/imports", raw=b"x", headers={"Content-Type": "multipart/form-data"})
    assert (broken.status, broken.body["code"]) == (400, "api.bad_request")


def test_downloads_are_files_and_the_ledger_tells_of_them(house: ApiHouse) -> None:
    owner = house.owner()
    week = owner.get("/reports/weekly", unit="HH", format="csv")
    assert week.status == 200 and week.raw.startswith(b"\xef\xbb\xbf")
    template = owner.get("/figures/template", unit="HH")
    assert template.raw.startswith(b"PK") and "attachment" in template.headers["content-disposition"]
    ledger = owner.get("/ledger/export")
    assert json.loads(ledger.raw.splitlines()[-1])["act"] == "report.weekly"
    with house.database.read() as session:
        told = {entry.act: entry for entry in entries_of(session)}
    assert told["report.weekly"].details == {"week": "2026-W09", "unit": "HH", "format": "csv"}
    assert told["ledger.export"].actor.startswith("person:owner")
    assert owner.post("/ledger/heads").status == 201 and owner.get("/ledger/verification").body["sound"]
