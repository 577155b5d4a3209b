"""What has to be there before a page's commands: one preparation a page, by its path."""

from datetime import date, timedelta
from pathlib import Path
from shutil import copy

import pyotp
from archiving import three_months
from award_sheets import fill
from award_world import small_rule
from example_connector import installed_connector
from films import film
from page_houses import STORY, WECOM, PageHouse, house_of, newest
from people import PASSWORD

from analytics.imports.records import FigureImport
from analytics.indices import load_definition
from meizhen.upkeep import first_way_in
from organisation import Role
from sandbox.platforms import _wechat_component
from sandbox.platforms._wechat_events import EventPost
from sandbox.world import Fault, SandboxAccount

EXPORT = Path(__file__).parents[1] / "analytics" / "data" / "wechat-export-sample.csv"
_JURY = (
    'data = { weight = "1", scale = "fixed_anchor", anchor = 1000 }',
    'data = { weight = "0.7", scale = "fixed_anchor", anchor = 1000 }\n'
    'jury = { weight = "0.3", min_judges = 3, trim = 1, recuse_same_org = true }',
)
_NOTICE = "\n[notice]\npublic_days = 5\nobjection = { named = true, answer_days = 3 }\n"
NOVEMBER = [(date(2026, 11, day), 900 + day) for day in range(2, 16)]


# --- figures ----------------------------------------------------------------------------------------------


@house_of("docs/how-to/archive-figures.md")
def _months(house: PageHouse) -> None:
    house.at("2026-07-09 09:00")
    account = house.account("wechat", "our-account", "NM-HH")
    with house.opened() as opened:
        three_months(opened.database, account)


@house_of("docs/how-to/ask-years.md")
def _years(house: PageHouse) -> None:
    """731 articles of 2025 whose reads are what the page shows."""
    house.at("2026-02-09 09:00")
    account = house.account("wechat", "nmqnzs", name="内蒙古青年")
    days = [date(2025, 1, 1) + timedelta(days=number // 3) for number in range(731)]
    house.reads(account, [(day, 11_260) for day in days[1:]] + [(days[0], 8_231_090 - 730 * 11_260)])


@house_of("docs/how-to/import-figures.md")
def _export(house: PageHouse) -> None:
    house.at("2026-11-16 09:00")
    house.account("wechat", "our-account", "NM-HH")
    copy(EXPORT, house.folder / "导出.csv")
    now = house.clock.now()
    house.before(
        FigureImport(
            id=11,
            file="早先.csv",
            digest="0" * 64,
            account="wechat:our-account",
            mapping="wechat",
            state="undone",
            at=now,
            actor="test",
            touched_at=now,
            undone_at=now,
            undone_by="test",
        )
    )


@house_of("docs/how-to/weekly-report.md")
def _week(house: PageHouse) -> None:
    house.at("2026-11-16 09:00")
    house.reads(house.account("wechat", "our-account", "NM-HH"), NOVEMBER)


@house_of("docs/how-to/write-an-index.md")
def _index(house: PageHouse) -> None:
    house.block("toml", "ours.toml")
    house.file("figures.csv", "unit,R,Z,Rmax,d\n呼和浩特,120000,800,30000,7\n")


# --- posts ------------------------------------------------------------------------------------------------


@house_of("docs/how-to/format-articles.md")
def _article(house: PageHouse) -> None:
    house.at("2026-05-03 09:00")
    house.account("wechat", "our-account")
    house.file("story.md", "# 志愿周\n\n**十二所**高校同日启动。\n\n![合影](media:2)\n")
    house.pictures("cover.png", "group.png")
    house.posts_are_from(12)


@house_of("docs/how-to/media.md")
def _library(house: PageHouse) -> None:
    house.at("2026-03-02 09:00")
    house.pictures("合影.jpg")
    (house.folder / "升旗.mp4").write_bytes(film())
    house.copied["3fa94c21"] = r"\b([0-9a-f]{8})[0-9a-f]*\b"


@house_of("docs/how-to/review-posts.md")
def _review(house: PageHouse) -> None:
    house.at("2026-05-03 09:00")
    house.account("wechat", "our-account", "NM-HH")
    for login, role in (
        ("wen", Role.EDITOR),
        ("er", Role.SECOND_REVIEWER),
        ("san", Role.FINAL_REVIEWER),
        ("fa", Role.PUBLISHER),
    ):
        house.person(login, role)
    house.person("yi")
    house.file("story.md", STORY)
    house.pictures("cover.png")
    house.posts_are_from(12)
    draft = ("--as", "wen", "post", "draft", "--account", "wechat:our-account", "--due", "2026-05-04T08:00")
    content = ("--title", "暴雨提醒", "--text", "请勿前往河边。", "--media", "cover.png")
    urgent = "meizhen --as wen review submit 13 --urgent"
    house.meanwhile[urgent] = lambda: house.run(*draft, *content)


@house_of("docs/how-to/when-a-post-is-uncertain.md")
def _uncertain(house: PageHouse) -> None:
    """Two answers are lost, and the platform cannot be asked until a person has to look."""
    house.at("2026-03-02 09:00")
    house.account("webhook", "our-site")
    house.posts_are_from(12)
    for title in ("志愿周", "招募"):
        post = ("--account", "webhook:our-site", "--due", "now", "--title", title, "--text", STORY)
        house.run("post", "add", *post)
        lost = Fault("cut_after", path="/publish", times=1)
        house.sandbox.world.set_faults(lost, Fault("status", path="/lookup", value="500"))
        house.service(timedelta(hours=12))


@house_of("docs/how-to/publish-by-hand.md")
def _by_hand(house: PageHouse) -> None:
    house.at("2026-03-02 09:00")
    house.person("li")
    house.person("wu")
    house.robot("值班群")

    def service() -> None:
        """Eight posts of the account come due and are handed over."""
        for number in range(1, 9):
            post = ("--account", "zhihu:our-account", "--due", "now", "--title", f"志愿周({number})")
            house.run("post", "add", *post, "--text", STORY)
        house.service()

    house.meanwhile["meizhen --as li task list"] = service


@house_of("docs/how-to/stop-everything.md")
def _stopped(house: PageHouse) -> None:
    """Twelve posts of five accounts come due while all stands still, and one that is stopped by itself."""
    house.at("2026-03-01 07:00")
    names = ("weibo:our", "webhook:one", "webhook:two", "webhook:three", "webhook:four")
    for name in names:
        platform, handle = name.split(":")
        house.account(platform, handle, "NM-BT")
    house.posts_are_from(109)
    for number in range(13):
        due = f"2026-03-01T{9 + number // 5:02}:00"
        house.run("post", "add", "--account", names[number % 5], "--due", due, "--title", "志愿周",
                  "--text", f"第 {number} 条 https://www.example.org/{number} ")  # fmt: skip
    house.meanwhile["meizhen queue resume"] = lambda: house.at("2026-03-01 15:00")
    house.typed.append("hold")


@house_of("docs/how-to/watch-the-queue.md")
def _watched(house: PageHouse) -> None:
    house.at("2026-03-02 09:00")
    house.places["127.0.0.1:8765"] = house.node().address.removeprefix("http://")


# --- campaigns and the desk -------------------------------------------------------------------------------


@house_of("docs/how-to/run-a-campaign.md")
def _campaign(house: PageHouse) -> None:
    house.at("2026-04-18 09:00")
    house.account("wechat", "nm-hh", "NM-HH")
    house.file("a.md", STORY)
    house.pictures("cover.png")
    house.campaign(2, date(2026, 3, 1), date(2026, 3, 20))
    house.meanwhile["meizhen campaign done"] = lambda: house.at("2026-05-03 09:00")
    house.meanwhile["meizhen campaign undone"] = lambda: house.renumber("campaign_work", 7)
    house.posts_are_from(17)
    house.run("post", "draft", "--account", "wechat:nm-hh", "--due", "2026-05-05T08:00", "--text", STORY)


@house_of("docs/how-to/run-the-desk.md")
def _desk(house: PageHouse) -> None:
    house.at("2026-11-26 09:00")
    house.mail()
    house.robot("团委群")
    for code in ("NM-HH", "NM-BT"):
        house.run("report", "schedule", code, "--folder", code)


@house_of("docs/how-to/send-reports.md")
def _reports(house: PageHouse) -> None:
    house.at("2026-11-26 09:00")
    house.block("toml", "home/settings.toml")
    house.mail(login=True)
    house.reads(house.account("wechat", "our-account", "NM-HH"), NOVEMBER)
    house.file("smtp-password", "right\n").chmod(0o600)
    house.places["/etc/meizhen"] = str(house.folder)
    house.site.post(WECOM, json={"errcode": 0, "errmsg": "ok"})
    house.typed += [WECOM, ""]


@house_of("docs/how-to/webhooks.md")
def _told(house: PageHouse) -> None:
    house.site.post("https://portal.example/hooks/meizhen", status=204)
    house.copied["msg_…"] = r"msg_[\w-]+"


# --- a tour -----------------------------------------------------------------------------------------------


@house_of("README.md")
def _tour(house: PageHouse) -> None:
    house.at("2026-11-26 10:00")
    house.mail()
    house.typed.append("https://portal.example/hooks/meizhen")
    house.person("li")
    _waits_for_a_signature(house, 12)
    house.campaign(3, date(2026, 11, 1), date(2026, 12, 5))
    house.file("units.csv", "code,parent,kind,name_zh\nNM-WH,NM,league,乌海\n")
    account = house.known_there("wechat", "our-account") | {"unit": "NM-HH", "track": "league"}
    house.file("accounts.csv", f"{','.join(account)}\n{','.join(account.values())}\n")
    house.file("story.md", STORY)
    house.pictures("cover.png", "group.jpg")
    post = "wechat:our-account,2026-12-02T09:00,志愿周,十二所高校同日启动。,cover.png"
    house.file("week.csv", f"account,due,title,text,media\n{post}\n")
    copy(EXPORT, house.folder / "export.csv")
    values = dict.fromkeys(load_definition("wci_v14_2b_share").variables, "100")
    house.file("figures.csv", f"{','.join(values)}\n{','.join(values.values())}\n")
    year = [(date(2025, 12, 1) + timedelta(days=7 * week), 900 + week) for week in range(48)]
    house.reads(house.account("wechat", "our-second", "NM-HH"), year)
    period = ("start = 2026-01-01, end = 2026-12-31", "start = 2025-11-01, end = 2026-10-31")
    small_rule(house.folder, period).rename(house.folder / "rule.toml")
    (house.folder / "mnt/backup").mkdir(parents=True)
    house.places |= {"/mnt": str(house.folder / "mnt"), "/var/lib/meizhen": str(house.folder / "lib")}


def _waits_for_a_signature(house: PageHouse, number: int) -> None:
    """A post of a unit that demands review, written by wen; yi may sign."""
    house.account("webhook", "bt", "NM-BT")
    house.person("wen", Role.EDITOR)
    house.person("yi", Role.FIRST_REVIEWER)
    house.run("org", "set", "NM-BT", "--review", "first,final")
    house.posts_are_from(number)
    post = ("--account", "webhook:bt", "--due", "2026-12-01T09:00", "--title", "预告", "--text", STORY)
    house.run("--as", "wen", "post", "draft", *post)
    house.run("--as", "wen", "review", "submit", number)


@house_of("docs/how-to/run-the-award.md")
def _award(house: PageHouse) -> None:
    """A year of two accounts; four judges, whose sheets come back; nobody objects but once."""
    house.at("2027-01-20 09:00")
    for number, handle in enumerate(("our-account", "our-second")):
        account = house.account("wechat", handle, ("NM-HH", "NM-BT")[number])
        days = [(date(2026, 1, 5) + timedelta(days=7 * week), 900 + 10 * week * number) for week in range(50)]
        house.reads(account, days, ("recommend_heart", "like", "share"))
    house.file("judges.csv", "judge,unit\n李敏,\n王强,\n赵岩,\n")

    def written() -> None:
        rule = small_rule(house.folder, _JURY)
        house.file("rule.toml", f"{rule.read_text('utf-8')}{_NOTICE}")

    def judged() -> None:
        for number, sheet in enumerate(sorted((house.folder / "评分表").glob("0*.xlsx"))):
            filled = fill(sheet, 70 + number).rename(sheet)
            if number > 0:
                house.run("award", "jury", "file", "award-2026/", filled)

    house.meanwhile["meizhen award check"] = written
    house.meanwhile["meizhen award jury file"] = judged
    house.meanwhile["meizhen award objection list"] = lambda: house.at("2027-01-27 09:00")


# --- platforms --------------------------------------------------------------------------------------------


@house_of("docs/how-to/wechat-third-party.md")
def _office(house: PageHouse) -> None:
    """The platform is its double; it pushes its ticket, and an administrator scans."""
    house.at("2026-03-02 09:00")
    office = {
        "component_appid": "wx00000000000000c0",
        "component_appsecret": "0123456789abcdef0123456789abcdef",
        "callback_token": "officeToken01",
        "encoding_aes_key": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq",
    }
    keys = {"token": office["callback_token"], "aes_key": office["encoding_aes_key"]}
    world = house.sandbox.world
    component = world.add_account(SandboxAccount("wechat", "office", dict(office), {"callback": keys}))
    one = world.add_account(SandboxAccount("wechat", "hh", {"appid": "wx1234567890abcdef"}))
    files = {"secret": "component_appsecret", "token": "callback_token", "key": "encoding_aes_key"}
    for name, key in files.items():
        house.file(f"{name}.txt", office[key])
    house.places |= {"wx…": office["component_appid"], "你的域名": "meizhen.example.cn"}
    node = house.node()

    def hear(post: EventPost) -> None:
        told = node.post("/callback/wechat_thirdparty/office", params=post.query, data=post.body)
        assert told.text == "success"

    def ticket() -> None:
        house.at_the_double("wechat_thirdparty:office", "wechat")
        hear(_wechat_component.push_ticket(world, component))

    def scan() -> None:
        code = newest("pre_auth_code=([^&]+)", house.screen).replace("%40", "@")
        hear(_wechat_component.authorise(world, component, one, code)[1])

    house.meanwhile["meizhen account check wechat_thirdparty:office"] = ticket
    house.meanwhile["meizhen account authorise wechat_thirdparty:office --heard"] = scan


@house_of("docs/tutorials/write-a-connector.md")
def _connector(house: PageHouse) -> None:
    """Its real platform is another sandbox, which knows of it."""
    house.at("2026-03-02 09:00")
    house.stack.enter_context(installed_connector(house.folder / "site", house.patch))
    house.sandbox = type(house.sandbox)()
    house.stack.callback(house.sandbox.stop)
    house.at("2026-03-02 09:00")
    house.account("campus_bulletin", "main")


# --- people and the house ---------------------------------------------------------------------------------


@house_of("docs/how-to/people-and-roles.md")
def _people(house: PageHouse) -> None:
    house.at("2026-03-02 09:00")
    with house.opened() as opened:
        way = first_way_in(opened)  # what `meizhen serve` shows
    assert way is not None

    def factor(screen: str) -> str:
        return pyotp.TOTP(newest("secret=([A-Z2-7]+)", screen)).at(house.clock.now())

    house.typed += [way[0], PASSWORD, lambda screen: newest(r"(?:\w{5}-){4}\w{5}", screen), PASSWORD, factor]


@house_of("docs/how-to/sign-on.md")
def _sign_on(house: PageHouse) -> None:
    house.file("oidc-secret", "a long one\n").chmod(0o600)
    house.places["/etc/meizhen"] = str(house.folder)


@house_of("docs/how-to/use-the-api.md")
def _api(house: PageHouse) -> None:
    house.at("2026-03-02 09:00")
    house.account("wechat", "nm")
    house.person("li", Role.OWNER, unit=None)
    copy(EXPORT, house.folder / "export.csv")
    old = house.run("key", "add", "li", "--name", "旧的", "--scope", "read", "--json").json()
    house.places |= {"q3v8m1x0ab": old["prefix"], "http://127.0.0.1:8765": house.node().address}
    house.copied |= {"mz_…": r"mz_\S+", "jobs/5": r"jobs/\d+"}


@house_of("docs/how-to/check-the-ledger.md")
def _ledger(house: PageHouse) -> None:
    house.at("2026-03-02 09:00")
    house.person("li", Role.EDITOR)
    house.run("--as", "li", "person", "add", "wu", "--name", "吴", code=1)
    house.places["/mnt/witness"] = str(house.home)  # it is copied there


@house_of("docs/how-to/back-up-and-restore.md")
def _backup(house: PageHouse) -> None:
    """When the backup is put back one post is due, one is to come."""
    house.at("2026-11-26 02:30")
    house.account("webhook", "site")
    for due in ("2026-11-26T02:40", "2026-11-27T09:00"):
        post = ("--account", "webhook:site", "--due", due, "--title", "志愿周", "--text", STORY)
        house.run("post", "add", *post)
    house.meanwhile["export MEIZHEN_HOME"] = lambda: house.at("2026-11-26 10:00")
    (house.folder / "mnt/backup").mkdir(parents=True)
    house.places |= {"/mnt": str(house.folder / "mnt"), "/secure": str(house.home)}
    house.places["/var/lib/meizhen"] = str(house.folder / "lib")


@house_of("docs/how-to/install-and-run.md")
def _installed(house: PageHouse) -> None:
    house.places["/var/lib/meizhen"] = str(house.folder / "lib")
