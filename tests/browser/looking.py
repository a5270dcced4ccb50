"""A page that is watched: what its console says, what its policy refuses, what axe finds."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Route

from tests.browser.conftest import POLICY

#: Words that are still fading in have the colours of no design.
_STANDSTILL = """Promise.allSettled(
    document.getAnimations()
        .filter((each) => each.effect.getComputedTiming().endTime !== Infinity)
        .map((each) => each.finished)
)"""


class WatchedPage:
    """A page whose documents carry a strict policy; ``faults`` gathers all that is wrong."""

    def __init__(self, context: BrowserContext) -> None:
        self.page: Page = context.new_page()
        self.faults: list[str] = []
        self._is_axe_at_work = False
        self.page.on("console", self._note_console)
        self.page.on("pageerror", lambda error: self.faults.append(f"script error: {error}"))
        self.page.route("**/*", _with_policy)

    def look(self) -> None:
        """This will run axe over the page as it is now, and see whether it fits the window."""
        self.page.wait_for_load_state()
        self.page.evaluate(_STANDSTILL)
        where = self.page.url.split("/", 3)[-1]
        # Axe styles elements of its own, which the policy refuses; that is no fault of the page.
        self._is_axe_at_work = True
        violations = Axe().run(self.page).response["violations"]
        self.page.evaluate("new Promise(requestAnimationFrame)")
        self._is_axe_at_work = False
        for rule in violations:
            seen = ", ".join(str(node["target"]) for node in rule["nodes"][:3])
            self.faults.append(f"/{where}: axe {rule['id']} at {seen}")
        if self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            self.faults.append(f"/{where}: wider than the window")

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not self._is_axe_at_work:
            where = f"{message.location['url']}:{message.location['lineNumber']}"
            self.faults.append(f"console {message.type}: {message.text[:300]} ({where})")


def _with_policy(route: Route) -> None:
    if route.request.resource_type != "document":
        route.continue_()
        return
    answer = route.fetch(max_redirects=0)
    headers = {"content-security-policy": POLICY, **answer.headers}
    route.fulfill(response=answer, headers=headers)
