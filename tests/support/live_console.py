"""The newsroom's console at an address, in windows of a real browser."""

from desk_house import DeskHouse
from playwright.sync_api import Browser, BrowserContext, Page

PATIENCE = 60_000  # milliseconds; the machine may have other things to do


class Live:
    """The newsroom's console at an address; every person has a browser window of their own."""

    def __init__(self, house: DeskHouse, address: str, browser: Browser) -> None:
        self.house = house
        self.address = address
        self.browser = browser
        self._open: list[BrowserContext] = []

    def window(
        self,
        width: int = 1440,
        height: int = 900,
        *,
        locale: str = "zh-CN",
        zone: str = "Asia/Shanghai",
        theme: str = "",
    ) -> Page:
        """An empty window of somebody who reads Chinese and is not signed in; `zone` is the device's."""
        context = self.browser.new_context(
            viewport={"width": width, "height": height},
            base_url=self.address,
            locale=locale,
            timezone_id=zone,
        )
        context.add_cookies([{"name": "meizhen-language", "value": "zh", "url": self.address}])
        if theme:
            context.add_cookies([{"name": "meizhen-theme", "value": theme, "url": self.address}])
        context.set_default_timeout(PATIENCE)
        self._open.append(context)
        return context.new_page()

    def signed_in(
        self,
        login: str,
        width: int = 1440,
        height: int = 900,
        *,
        zone: str = "Asia/Shanghai",
        theme: str = "",
    ) -> Page:
        """A window of somebody who is signed in already."""
        page = self.window(width, height, zone=zone, theme=theme)
        token = self.house.session(login)
        page.context.add_cookies([{"name": "meizhen-session", "value": token, "url": self.address}])
        return page

    def close(self) -> None:
        for context in self._open:
            context.close()
