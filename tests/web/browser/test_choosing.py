"""Boxes to tick with a search: what is hidden stays chosen, and is sent."""

from live_console import Live
from playwright.sync_api import expect

from organisation import Role, Unit


def test_units_that_take_part_are_found_by_words_and_ticked_ones_stay(live: Live) -> None:
    live.house.newsroom.person("own", Role.OWNER, None)
    region = live.house.newsroom.units["NM"]
    with live.house.database.write() as session:
        for number in range(12):
            path = f"{region.path}{9000 + number}/"
            name = f"第 {number} 青年中心"
            session.add(
                Unit(code=f"C{number}", kind="department", name_zh=name, path=path, parent_id=region.id)
            )
    page = live.signed_in("own")
    page.goto("/campaigns/new")
    boxes = page.locator("[data-choices] .form-check")
    expect(boxes).to_have_count(17)
    page.get_by_label("第 7 青年中心").check()
    page.get_by_placeholder("找单位").fill("c11")
    expect(page.locator("[data-choices] .form-check:visible")).to_have_count(1)
    page.get_by_label("第 11 青年中心").check()
    page.get_by_label("发起单位").fill("NM")
    page.get_by_label("名称", exact=True).fill("学雷锋")
    page.get_by_role("button", name="发起", exact=True).click()
    page.wait_for_url("**/campaigns/1")
    expect(page.locator(".mz-matrix, .mz-empty").first).to_be_visible()
    page.goto("/campaigns/1/edit")
    chosen = page.locator("[data-choices] input:checked")
    assert chosen.evaluate_all("all => all.map((one) => one.value)") == ["C7", "C11"]
