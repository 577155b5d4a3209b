"""What every answer carries, whoever asks for whatever: and which forwarding headers are believed."""

from itertools import product
from pathlib import Path

import pytest
from console import consoles
from desk_house import DeskHouse
from people import PASSWORD
from sqlalchemy.exc import OperationalError
from sqlmodel import select
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from config.errors import InputError
from config.settings import load_settings
from organisation.sessions import SignedIn
from organisation.throttle import PAIR
from web.assets import FOLDER, BuiltFiles, built_assets

ANSWERS = [
    "/", "/me", "/login", "/join", "/posts", "/nowhere", "/search?words=x", "/unit", "/notices",
    "/healthz", "/metrics", "/callback/wechat/nobody", "/static/nothing.js",
    "/static/manifest.json", "/queue/stop",
]  # fmt: skip


def test_every_kind_of_answer_carries_the_headers(house: DeskHouse) -> None:
    browsers = (house.browser("fa"), house.there.browser())
    for path, browser in product(ANSWERS, browsers):
        browser.client.follow_redirects = False
        answer = browser.client.get(path)
        headers = answer.headers
        policy = headers["content-security-policy"]
        assert "unsafe" not in policy and "*" not in policy and "http" not in policy
        assert policy.startswith(("default-src 'none'", "default-src 'self'"))
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers and "x-powered-by" not in headers
        assert "strict-transport-security" not in headers  # there is no TLS here


def test_a_page_that_fails_says_nothing_of_the_fault_but_the_log_does(
    house: DeskHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object, **_more: object) -> None:
        raise ZeroDivisionError("the secret formula at /srv/meizhen")

    browser = house.browser("fa")
    monkeypatch.setattr("web.pages.today.count_agenda", broken)
    with capture_logs() as logged:
        answer = browser.get("/")
    assert answer.status == 500
    assert [(entry["event"], entry["reason"]) for entry in logged] == [("page_failed", "ZeroDivisionError")]
    assert "web.fault" in answer.words
    for word in ("ZeroDivision", "secret formula", "/srv", "Traceback", "today.py"):
        assert word not in answer.html
    assert answer.response.headers["content-security-policy"].startswith("default-src 'self'")
    with capture_logs():
        part = browser.get("/", **{"hx-request": "true"})
    assert part.status == 500 and "<html" not in part.html and "secret formula" not in part.html


def test_a_database_that_is_away_is_told_in_words(house: DeskHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_args: object, **_more: object) -> None:
        raise OperationalError("SELECT password FROM x", {}, Exception("no route to 10.0.0.9"))

    browser = house.browser("fa")
    monkeypatch.setattr("web.pages.today.count_agenda", away)
    with capture_logs():
        answer = browser.get("/")
    assert answer.status == 503
    assert "web.database_away" in answer.words
    assert "SELECT" not in answer.html and "10.0.0.9" not in answer.html


# --- static files -----------------------------------------------------------------------------------------


def test_nothing_but_the_built_files_is_served(house: DeskHouse) -> None:
    browser = house.there.browser()
    for path in (
        "/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py",
        "/static/%2e%2e%2f%2e%2e%2fpyproject.toml",
        "/static//etc/passwd", "/static/%2fetc%2fpasswd", "/static/..%5capp.py",
        "/static/assets/../../app.py",
        "/static/", "/static", "/static/assets", "/static/assets/", "/static/%00",
    ):  # fmt: skip
        answer = browser.client.get(path)
        assert answer.status_code in (404, 405), path
        assert "import" not in answer.text


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "static"
    folder.mkdir()
    (folder / "ours.js").write_text("ours")
    (tmp_path / "outside.js").write_text("secret")
    (folder / "link.js").symlink_to(tmp_path / "outside.js")
    client = TestClient(Starlette(routes=[Mount("/", BuiltFiles(folder))]))
    assert client.get("/ours.js").text == "ours"
    assert client.get("/link.js").status_code == 404


@pytest.mark.skipif(not built_assets().built, reason="the console's files are not built: make web")
def test_built_files_are_kept_for_a_year_and_sent_zipped(house: DeskHouse) -> None:
    browser = house.there.browser()
    assets = built_assets()
    for address in (assets.script, *assets.styles, assets.icons):
        answer = browser.client.get(address)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-encoding"] == "gzip"
        assert "accept-encoding" in answer.headers["vary"].lower()
        plain = browser.client.get(address, headers={"accept-encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert plain.content == answer.content == (FOLDER / address.removeprefix("/static/")).read_bytes()
        again = browser.client.get(address, headers={"if-none-match": answer.headers["etag"]})
        assert again.status_code == 304


def test_without_built_files_pages_work_and_say_so(
    house: DeskHouse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("web.rendering.built_assets", lambda: built_assets(tmp_path / "none"))
    browser = house.browser("fa")
    answer = browser.get("/")
    assert answer.status == 200
    assert "MEIZHEN_SKIP_WEB" in answer.words or "make web" in answer.words
    assert browser.post("/language", {"language": "en"}).status == 200


# --- reverse proxies --------------------------------------------------------------------------------------

FORGED = {
    "x-forwarded-for": "203.0.113.7",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "evil.example",
    "x-forwarded-port": "443",
    "forwarded": "for=203.0.113.7;proto=https;host=evil.example",
    "x-real-ip": "203.0.113.7",
}


def addresses(house: DeskHouse) -> set[str]:
    with house.database.read() as session:
        return set(session.exec(select(SignedIn.address)))


def test_forged_forwarding_headers_change_nothing(house: DeskHouse) -> None:
    browser = house.there.browser(seen_as="198.51.100.4")
    page = browser.get("/login", **FORGED)
    assert "strict-transport-security" not in page.response.headers
    assert "evil.example" not in page.html
    assert "__Host-" not in page.response.headers["set-cookie"]
    signed = browser.post("/login", {"login": "fa", "password": PASSWORD}, **FORGED)
    assert signed.path == "/"
    assert addresses(house) == {"198.51.100.4"}


def test_forged_addresses_do_not_escape_the_throttle(house: DeskHouse) -> None:
    browser = house.there.browser(seen_as="198.51.100.4")
    for number in range(PAIR.tries):
        forged = {"x-forwarded-for": f"203.0.113.{number}"}
        assert browser.post("/login", {"login": "fa", "password": "x"}, **forged).status == 422
    assert browser.post("/login", {"login": "fa", "password": "x"}, **FORGED).status == 429


def test_a_proxy_that_the_settings_name_is_believed_and_no_other(house: DeskHouse, tmp_path: Path) -> None:
    believed = {"x-forwarded-for": "203.0.113.9, 198.51.100.77", "x-forwarded-proto": "https"}
    given = (house.database, house.newsroom.keys, house.clock, tmp_path)
    with consoles(*given, proxies="10.1.0.0/16, 127.0.0.1") as there:
        for peer, proxied in (("10.1.2.3", True), ("127.0.0.1", True), ("10.2.0.1", False)):
            browser = there.browser("https://media.example" if proxied else "http://media.example", peer)
            page = browser.get("/login", **believed)
            assert ("strict-transport-security" in page.response.headers) is proxied
            assert browser.post("/login", {"login": "fa", "password": PASSWORD}, **believed).path == "/"
            # The last address is the one that the proxy itself saw; what stands before it anybody may write.
            assert addresses(house) == {"198.51.100.77" if proxied else peer}
            browser.post("/logout", **believed)


@pytest.mark.parametrize("told", ["*", "0.0.0.0/0", "::/0", "proxy.example", "10.0.0.1/8", "10.0.0.1,,x"])
def test_only_addresses_of_proxies_can_be_named(tmp_path: Path, told: str) -> None:
    with pytest.raises(InputError) as refused:
        load_settings({"MEIZHEN_HOME": str(tmp_path), "MEIZHEN_TRUSTED_PROXIES": told})
    assert refused.value.problems[0].column == "MEIZHEN_TRUSTED_PROXIES"
