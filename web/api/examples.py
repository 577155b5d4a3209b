"""Examples of requests and answers, by operation: the reference shows them, a test sends them."""

from typing import Any

_POST = {
    "title": "草原上的一天",
    "text": "早上六点,牧民把羊群赶上山坡。",
    "options": {},
    "media": [],
    "accounts": ["webhook:site"],
    "due": "2026-03-02T18:00:00+08:00",
}
_SHOWN = {
    "id": 12,
    "title": "草原上的一天",
    "text": "早上六点,牧民把羊群赶上山坡。",
    "options": {},
    "media": [],
    "important": False,
    "created_at": "2026-03-02T01:00:00Z",
    "created_by": "person:li (key:q3v8m1x0ab)",
    "copies": [
        {
            "account": "webhook:site",
            "due": "2026-03-02T10:00:00Z",
            "late_after": "2026-03-02T12:00:00Z",
            "title": None,
            "text": None,
            "options": None,
        }
    ],
}
_ROW = {
    "id": 12,
    "headline": "草原上的一天",
    "created_at": "2026-03-02T01:00:00Z",
    "created_by": "person:li (key:q3v8m1x0ab)",
    "going": [{"account": "webhook:site", "due": "2026-03-02T10:00:00Z", "state": "draft"}],
}

# Operation → an example of its request, and one of its answer.
_JOB = {
    "id": 5,
    "kind": "figures.import",
    "about": "draft:1f6b2c40d89a4b3e9f60c1d2e3a4b5c6",
    "state": "waiting",
    "step": "",
    "done": 0,
    "total": None,
    "asked_at": "2026-03-02T01:00:00Z",
    "asked_by": "person:li (key:q3v8m1x0ab)",
    "started_at": None,
    "ended_at": None,
    "cancelling": False,
    "imported": None,
    "run": None,
    "files": [],
    "refusal": None,
}
EXAMPLES: dict[str, tuple[Any, Any]] = {
    "posts_draft": (_POST, _SHOWN),
    "posts_show": (None, _SHOWN),
    "posts_list_posts": (None, {"items": [_ROW], "next": "1cVQ…"}),
    "posts_change": ({"title": "草原的一天"}, _SHOWN | {"title": "草原的一天"}),
    "posts_mark": ({"important": True}, _SHOWN | {"important": True}),
    "posts_change_copy": ({"title": "短标题"}, _SHOWN),
    "media_add": (
        {
            "unit": "NM",
            "file_name": "cover.png",
            "content": (
                "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
            ),
        },
        None,
    ),
    "media_cut": ({"unit": "NM-HH", "shape": "2.35x1", "left": 0, "top": 120, "width": 1080}, None),
    "media_change": ({"alt": "草原上的羊群"}, None),
    "webhooks_add": ({"name": "portal", "unit": "NM", "url": "https://portal.example.cn/hook"}, None),
    "posts_send": (None, {"post": 12, "deliveries": [31]}),
    "deliveries_queue": (_POST, {"post": 12, "deliveries": [31]}),
    "deliveries_reschedule": ({"due": "2026-03-02T20:00:00+08:00"}, None),
    "deliveries_resolve": ({"published_url": "https://example.cn/posts/12"}, None),
    "accounts_pause": ({"reason": "平台在维护"}, None),
    "accounts_add": (
        {
            "platform": "youth_voice",
            "handle": "nmg",
            "unit": "NM",
            "name": "青年之声内蒙古",
            "api_base": "https://voice.example.cn/api",
            "credentials": {"token": "abcd-efgh-ijkl-mnop"},
        },
        None,
    ),
    "accounts_change": ({"name": "青听", "credentials": {"token": "abcd-efgh-ijkl-mnop"}}, None),
    "units_add": ({"code": "XL", "parent": "NM", "kind": "league", "name_zh": "锡林郭勒盟"}, None),
    "units_set_words": ({"words": ["第一", "最佳"], "become": "forbidden"}, None),
    "people_invite": (
        None,
        {"login": "wang", "code": "mzi_XXXXXXXXXXXX", "expires_at": "2026-03-05T01:00:00Z"},
    ),
    "people_give_all": ({"to": "li", "roles": True}, None),
    "people_charge": ({"accounts": ["wechat:nm"], "deputy": False}, None),
    "roles_demand": ({"second_factor": True}, None),
    "keys_add": (
        {"login": "li", "name": "排稿程序", "scopes": ["post.read", "post.write"], "days": 180},
        None,
    ),
    "me_name": ({"login": "wang", "until": "2026-03-09"}, None),
    "campaigns_add": (
        {
            "unit": "NM",
            "title": "五四主题活动",
            "starts": "2026-04-20",
            "ends": "2026-05-10",
            "units": ["NM-HH"],
        },
        None,
    ),
    "campaigns_change": ({"ends": "2026-05-15"}, None),
    "campaigns_want": ({"title": "主题团日推送", "due": "2026-05-04", "wanted": 2, "kind": "推送"}, None),
    "campaigns_change_item": ({"due": "2026-05-06"}, None),
    "campaigns_attach": ({"item": 1}, {"post": 12, "campaign": 3, "item": 1}),
    "campaigns_done": (
        {"unit": "NM-HH", "item": 2, "note": "主题团日,120 人参加", "link": "https://example.cn/n/1"},
        None,
    ),
    "campaigns_report": (
        {"formats": ["xlsx", "pdf"]},
        _JOB | {"kind": "campaign.report", "about": "campaign:3"},
    ),
    "tasks_finish": ({"url": "https://www.example.cn/explore/65f0a1b2"}, None),
    "tasks_refuse": ({"reason": "平台要求先补充资质"}, None),
    "tasks_name_robot": ({"robot": "排稿群"}, {"unit": "NM", "robot": "排稿群"}),
    "robots_add": (
        {"name": "排稿群", "kind": "wecom", "key": "00000000-0000-0000-0000-000000000000"},
        {"name": "排稿群", "kind": "wecom", "created_at": "2026-03-02T01:00:00Z", "created_by": "person:li"},
    ),
    "reports_order": ({"unit": "NM", "week": "2026-W09"}, None),
    "reports_resolve": ({"outcome": "arrived"}, None),
    "awards_file_objection": ({"text": "阅读数与后台不符", "by": "某大学团委", "account": "wechat:nm"}, None),
    "awards_answer": ({"text": "已核对,一致", "by": "评审组", "upheld": False}, None),
    "people_add": ({"login": "wang", "name": "王小明", "unit": "NM"}, None),
    "people_grant": (
        {"role": "editor", "unit": "NM"},
        {"login": "wang", "roles": [{"role": "editor", "unit": "NM"}]},
    ),
    "units_change": ({"lateness_hours": 4, "review": ["first", "second", "final"]}, None),
    "reviews_submit": ({}, None),
    "reviews_send_back": ({"reason": "第二段的数字请核对"}, None),
    "reviews_comment": ({"start": 0, "end": 4, "told": "改成“清晨六点”"}, None),
    "queue_pause": ({"unit": "NM"}, {"accounts": ["webhook:site"], "stopped": False, "late": 0}),
    "queue_resume": (
        {"unit": "NM", "late": "hold"},
        {"accounts": ["webhook:site"], "stopped": False, "late": 0},
    ),
    "reports_schedule": ({"unit": "NM", "cron": "0 9 * * 1", "folder": "weekly"}, None),
    "imports_add": (None, _JOB),
    "imports_undo": (None, _JOB | {"kind": "figures.undo", "about": "import:7"}),
    "reports_prepare_week": (
        {"week": "2026-W09", "unit": "NM", "formats": ["xlsx", "pdf"]},
        _JOB | {"kind": "report.weekly", "about": ""},
    ),
    "awards_check": (
        {"rule": 'schema = 1\n[award]\nid = "2026"\n'},
        _JOB | {"kind": "award.check", "about": ""},
    ),
    "awards_start": (
        {"rule": None, "sign": "", "reason": ""},
        _JOB | {"kind": "award.run", "about": "award:2026"},
    ),
    "jobs_show": (
        None,
        _JOB
        | {
            "kind": "report.weekly",
            "about": "",
            "state": "done",
            "started_at": "2026-03-02T01:00:01Z",
            "ended_at": "2026-03-02T01:00:09Z",
            "files": ["meizhen-weekly-2026-W09-NM.xlsx"],
        },
    ),
    "jobs_cancel": (None, _JOB | {"state": "running", "cancelling": True}),
    "indices_compute": ({"variables": {"R": 1000, "Z": 10}}, None),
}
