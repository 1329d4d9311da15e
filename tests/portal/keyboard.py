"""Getting about without a mouse."""

from __future__ import annotations

from typing import Any


class Keyboard:
    """Somebody without a mouse: gets about by the tabulator, and sees where they are."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def to(self, selector: str) -> Keyboard:
        """Press the tabulator until the element has the focus."""
        wanted = self.page.locator(selector).first.element_handle()
        for _ in range(250):
            outline = wanted.evaluate(
                "e => document.activeElement === e && getComputedStyle(e).outlineStyle"
            )
            if outline:
                assert outline != "none", f"{selector}: the focus cannot be seen"
                return self
            self.page.keyboard.press("Tab")
        message = f"the keyboard does not lead to {selector}"
        raise AssertionError(message)

    def press(self, key: str) -> Keyboard:
        """Press one key where the focus is."""
        self.page.keyboard.press(key)
        return self

    def type(self, text: str) -> Keyboard:
        """Type where the focus is."""
        self.page.keyboard.type(text)
        return self
