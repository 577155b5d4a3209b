"""Somebody with a keyboard and no mouse: what they reach they reach by keys, and they see where they are."""

from playwright.sync_api import Locator, Page

_MOST_TABS = 150
# Is the focus here, and can it be seen once the page has scrolled there? Frames and videos draw their own;
# the skip link leads to all of the content.
_AT = """async (one) => {
  const at = document.activeElement;
  const seen = () => {
    if (at.matches("iframe, video, body, main")) return true;
    const box = at.getBoundingClientRect();
    const style = getComputedStyle(at);
    const shown = style.outlineStyle !== "none" || style.boxShadow !== "none";
    return shown && box.bottom > 0 && box.top < innerHeight && box.width > 0;
  };
  for (let frames = 60; frames > 0 && !seen(); frames -= 1) await new Promise(requestAnimationFrame);
  return [at === one, seen(), at.outerHTML.slice(0, 160)];
}"""


class Keyboard:
    """Drives a page by keys alone."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def type(self, words: str) -> None:
        self.page.keyboard.type(words)

    def reach(self, wanted: Locator, key: str = "Tab") -> None:
        """Presses Tab (or another key) until the focus is there; at every step it is seen where it is."""
        wanted.wait_for()
        target = wanted.element_handle()
        assert target is not None
        for _ in range(_MOST_TABS):
            there, seen, what = self.page.evaluate(_AT, target)
            assert seen, f"the focus is not seen at {what}"
            if there:
                return
            self.page.keyboard.press(key)
        raise AssertionError(f"{wanted} is not reached by {key}; the focus is at {what}")

    def enter(self, wanted: Locator) -> None:
        """Goes there and presses Enter."""
        self.reach(wanted)
        self.press("Enter")

    def room(self, name: str) -> None:
        """Opens a room of the rail, from wherever one is."""
        self.enter(self.page.locator(".mz-rail a.mz-room", has_text=name))

    def content(self) -> None:
        """Skips the rail of a page that was just opened."""
        self.reach(self.page.locator(".mz-skip"))
        self.press("Enter")

    def moment(self, day: str, time: str) -> None:
        """Types into the datetime field that has the focus; its order is the browser's language's."""
        year, month, of_month = day.split("-")
        hour, minute = time.split(":")
        english = [month, of_month, year, "ArrowRight", f"{(int(hour) - 1) % 12 + 1:02}", minute]
        parts = {
            "zh": [year, "ArrowRight", month, of_month, hour, minute],
            "en": [*english, "P" if int(hour) >= 12 else "A"],
        }
        for typed in parts.values():
            for part in typed:
                self.press(part) if part.startswith("Arrow") else self.type(part)
            if self.page.evaluate("() => document.activeElement.value") == f"{day}T{time}":
                return
            self.press(*["ArrowLeft"] * 6, *["Delete", "ArrowRight"] * 6, *["ArrowLeft"] * 6)
        raise AssertionError("neither in Chinese nor in English order does the field take the time")
