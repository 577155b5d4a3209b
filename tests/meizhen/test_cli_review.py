"""`meizhen review` and drafts, as people call them: by name, in order, and every act told."""

from collections.abc import Callable
from pathlib import Path

import pytest
from command import Said, command
from newsroom import Newsroom, make_newsroom

from config import Database, ManualClock
from config.secrets import KeyRing

Run = Callable[..., Said]
FUTURE = "2099-06-01T09:00"
SAID = "五四青年节。我们在草原。"


@pytest.fixture
def room(database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path) -> Newsroom:
    return make_newsroom(database, keys, clock, tmp_path)


@pytest.fixture
def run(
    room: Newsroom,
    database_address: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    monkeypatch.setenv("MEIZHEN_HOME", str(tmp_path))
    monkeypatch.setenv("MEIZHEN_DATABASE_URL", database_address)
    (tmp_path / "media").mkdir()
    return command(monkeypatch, capsys)


def by(login: str, *arguments: object) -> tuple[object, ...]:
    return ("--as", login, *arguments)


def drafted(run: Run, said: str = SAID) -> int:
    words = ("--account", "webhook:hh", "--due", FUTURE, "--title", "预告", "--text", said)
    number: int = run(*by("wen", "post", "draft", *words, "--json")).json()["post"]
    return number


def test_a_post_goes_the_whole_way(run: Run, room: Newsroom) -> None:
    post = drafted(run)
    assert "cannot go out" in run(*by("fa", "post", "send", post), code=1).err
    said = run(*by("wen", "review", "submit", post))
    assert "first review → second review → final review" in said.out and "no cover" in said.err
    (row,) = run(*by("yi", "review", "list", "--mine", "--json")).json()
    assert (row["post"], row["stage"], row["by"]) == (post, "first", "wen")
    assert run(*by("er", "review", "list", "--mine", "--json")).json() == []
    run(*by("yi", "review", "comment", post, "--quote", "在草原", "--note", "哪片草原?"))
    assert "next is second review" in run(*by("yi", "review", "approve", post)).out
    assert "Returned" not in run(*by("er", "review", "show", post)).out
    run(*by("er", "review", "return", post, "--reason", "写明地点"))
    shown = run(*by("wen", "review", "show", post)).out
    assert "“在草原”: 哪片草原?" in shown and "Returned by er: 写明地点" in shown
    assert SAID in shown and "✓ first review: 姓名yi (yi)" in shown
    (comment,) = run("review", "show", post, "--json").json()["comments"]
    assert (comment["login"], comment["quoted"]) == ("yi", "在草原")
    run(*by("wen", "post", "edit", post, "--text", "五四青年节。我们在锡林郭勒草原。"))
    told = run(*by("wen", "review", "submit", post, "--json")).json()
    assert (told["number"], told["stages"]) == (2, "first,second,final") and told["warnings"]
    changed = run(*by("er", "review", "diff", post)).out
    assert "-我们在草原。" in changed and "+我们在锡林郭勒草原。" in changed
    assert "no earlier submission" in run(*by("san", "review", "diff", post)).out
    for login in ("yi", "er"):
        run(*by(login, "review", "approve", post))
    assert "all approved" in run(*by("san", "review", "approve", post)).out
    assert len(run(*by("fa", "post", "send", post, "--json")).json()["deliveries"]) == 1
    facts = run("review", "show", post, "--json").json()
    assert [one["login"] for one in facts["signed"]] == ["yi", "er", "san"]
    assert (facts["state"], facts["missing"], facts["content"]["title"]) == ("approved", [], "预告")
    acts = [one["act"] for one in run("ledger", "list", "--json").json() if one["subject"] == f"post:{post}"]
    assert acts.count("review.approve") == 4 and acts.count("review.return") == 1


def test_an_edit_after_approval_voids_it(run: Run) -> None:
    post = drafted(run)
    run(*by("wen", "review", "submit", post))
    for login in ("yi", "er", "san"):
        run(*by(login, "review", "approve", post))
    assert "void" in run(*by("wen", "post", "edit", post, "--account", "webhook:hh", "--title", "换")).out
    assert "cannot go out" in run(*by("fa", "post", "send", post), code=1).err
    assert "void" in run("review", "list").out
    assert "--due" in run(*by("wen", "post", "edit", post), code=1).err


def test_review_is_signed_by_name_and_role(run: Run) -> None:
    post = drafted(run)
    assert "--as" in run("review", "submit", post, code=1).err
    assert "may not" in run(*by("yi", "review", "submit", post), code=1).err
    run(*by("wen", "review", "submit", post, "--urgent", "防汛"))
    assert "own text" in run(*by("wen", "review", "approve", post), code=1).err
    assert "may not" in run(*by("fa", "review", "approve", post), code=1).err
    assert "urgent" in run("review", "list").out and "防汛" in run("review", "show", post).out
    plain = ("post", "add", "--account", "webhook:hh", "--due", FUTURE, "--text", "没有审过")
    assert "demands review" in run(*by("fa", *plain), code=1).err


def test_a_substitute_without_a_role_signs_where_they_were_named(run: Run, room: Newsroom) -> None:
    room.person("dai")
    post = drafted(run)
    run(*by("wen", "review", "submit", post))
    run(*by("dai", "review", "approve", post), code=1)
    for wrong in ([], ["dai"], ["--until", "2099-01-01"], ["dai", "--until", "2099-01-01", "--end"]):
        run(*by("yi", "review", "substitute", *wrong), code=1)
    assert (
        "cannot stand in"
        in run(*by("yi", "review", "substitute", "dai", "--until", "2020-01-01"), code=1).err
    )
    run(*by("yi", "review", "substitute", "dai", "--until", "2099-01-01"))
    run(*by("dai", "review", "approve", post))
    assert "in the place of yi" in run("review", "show", post).out
    run(*by("yi", "review", "substitute", "--end"))


def test_a_units_stages_and_words_are_set_and_inherited(run: Run) -> None:
    assert "first review → second review → final review (says NM)" in run("org", "show", "HH-1").out
    assert "none (says HH)" in run("org", "set", "HH", "--review", "none").out
    assert run("org", "show", "HH-1", "--json").json()["review"] == "none (says HH)"
    assert "in this order" in run("org", "set", "HH", "--review", "final,first", code=1).err
    assert "--review" in run("org", "set", "HH", code=1).err
    run("org", "set", "HH", "--review", "inherit", "--lateness-hours", "3")
    run("org", "word", "NM", "草原", "--forbid")
    assert run("org", "word", "HH", "最佳", "--json").json() == [
        {"word": "最佳", "forbidden": False, "unit": "HH"},
        {"word": "草原", "forbidden": True, "unit": "NM"},
    ]
    assert "forbids" in run(*by("wen", "review", "submit", drafted(run)), code=2).err
    run("org", "word", "NM", "草原", "--remove")
    run("org", "word", "NM", "x", "--forbid", "--remove", code=1)
    assert "watches" in run(*by("wen", "review", "submit", drafted(run, "最佳。"))).err
