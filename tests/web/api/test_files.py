"""Files by the API: figures checked, applied and taken back; what is downloaded stands in the ledger."""

import json
from collections.abc import Mapping

import pytest
from api_caller import Answered, Caller, form
from api_house import ApiHouse

from organisation import entries_of
from web.api.files import MOST_BYTES

TABLE = "账号,数据日期,标题,发表日期,阅读次数\n{account},2026-03-01,草原,2026-02-28,1200\n"
CONTENT = TABLE.format(account="webhook:HH").encode()


def send(caller: Caller, content: bytes, query: Mapping[str, object], boundary: str, key: str) -> Answered:
    kind, raw = form("周.csv", content, boundary)
    headers = {"Content-Type": kind, "Idempotency-Key": key}
    return caller.call("POST", "/imports", raw=raw, query=query, headers=headers)


def test_a_form_that_is_sent_again_is_the_same_request_whatever_its_boundary(house: ApiHouse) -> None:
    owner = house.owner()
    first = send(owner, CONTENT, {}, "aaaa", "k")
    again = send(owner, CONTENT, {}, "bbbb", "k")  # whoever sends it again draws another boundary
    assert first.status == 202
    assert (again.body, again.headers["idempotency-replayed"]) == (first.body, "true")
    assert send(owner, CONTENT + b"\n", {}, "cccc", "k").body["code"] == "api.key_used_otherwise"


@pytest.mark.parametrize(
    ("name", "content", "status", "code"),
    [
        ("", b"x", 422, "api.no_file"),
        ("a.csv", b"x" * (MOST_BYTES + 1), 422, "figures_page.too_large"),
        ("a.csv", b"x" * (MOST_BYTES + 2 * 1024**2), 413, "api.too_large"),
    ],
    ids=["no name", "large", "very large"],
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
