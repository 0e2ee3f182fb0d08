"""The browser itself: what it is, what it complains of, what it asks for."""

from __future__ import annotations

from chromium import DrivenPage

DESK = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}


class Chromium(DrivenPage):
    """A browser on the page."""

    EXPECTED = ("the server responded with a status", "ERR_INTERNET_DISCONNECTED")

    def reset(self) -> None:
        """A desk, online, with scripts, in light colours, and nothing said or asked so far."""
        self.driver.get("about:blank")
        self.tell("Emulation.setDeviceMetricsOverride", **DESK)
        self.tell("Emulation.setTouchEmulationEnabled", enabled=False)
        self.tell("Emulation.setScriptExecutionDisabled", value=False)
        self.tell("Network.enable")
        self.tell("Network.clearBrowserCache")
        self.prefer("light")
        self.go_offline(False)
        self.driver.get_log("browser")
        self.driver.get_log("performance")

    def be_a_phone(self) -> None:
        """A small screen that is touched."""
        self.tell("Emulation.setDeviceMetricsOverride", **PHONE)
        self.tell("Emulation.setTouchEmulationEnabled", enabled=True, maxTouchPoints=5)

    def go_offline(self, offline: bool) -> None:
        """Take the network away, or give it back."""
        self.tell(
            "Network.emulateNetworkConditions",
            offline=offline, latency=0, downloadThroughput=-1, uploadThroughput=-1,
        )  # fmt: skip
