"""A pipeline open in Elyra's editor."""

from __future__ import annotations

from typing import Any

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from lab_driver.pages.workbench import WorkbenchPage


class PipelineEditorPage(WorkbenchPage):
    """The canvas with its nodes, a node's properties, and the dialog that submits."""

    _nodes = (By.CSS_SELECTOR, ".d3-node-group")
    _links = (By.CSS_SELECTOR, ".d3-link-group")
    _menu = (By.CSS_SELECTOR, ".react-contextmenu-item")
    _volumes = "#root_component_parameters_mounted_volumes"
    _save = (By.CSS_SELECTOR, "button[aria-label='Save Pipeline']")
    _run = (By.CSS_SELECTOR, "button[aria-label='Run Pipeline']")
    _dialog = (By.CSS_SELECTOR, ".jp-Dialog")
    _accept = (By.CSS_SELECTOR, ".jp-Dialog .jp-mod-accept")

    @property
    def there(self) -> bool:
        """The nodes are drawn."""
        return super().there and len(self.find_all(self._nodes)) >= 3

    def add_file(self, name: str) -> PipelineEditorPage:
        """Add a notebook of the file browser as a node."""
        self.choose_for_file(name, "pipeline-editor:add-node")
        self.wait(lambda: self._node(name), f"the node {name}")
        return self

    def move(self, label: str, right: int, down: int) -> PipelineEditorPage:
        """Drag a node by so many pixels."""
        drag = ActionChains(self.browser).move_to_element(self._node(label)).click_and_hold()
        drag.move_by_offset(right, down).release().perform()
        return self

    def connect(self, source: str, target: str) -> PipelineEditorPage:
        """Draw a link from a node's output port to another's input port."""
        links = len(self.find_all(self._links))
        output = self._node(source).find_element(By.CSS_SELECTOR, ".d3-node-port-output-main")
        entry = self._node(target).find_element(By.CSS_SELECTOR, ".d3-node-port-input-main")
        drag = ActionChains(self.browser).move_to_element(output).click_and_hold()
        drag.move_by_offset(10, 5).move_to_element(entry).release().perform()
        self.wait(
            lambda: len(self.find_all(self._links)) > links, f"the link from {source} to {target}"
        )
        return self

    def mount(self, label: str, path: str, claim: str) -> PipelineEditorPage:
        """Add a data volume in a node's properties."""
        ActionChains(self.browser).context_click(self._node(label)).perform()
        opened = self.wait(
            lambda: next(
                (e for e in self.find_all(self._menu) if e.text == "Open Properties"), None
            ),
            "the node's menu",
        )
        opened.click()
        add = (By.CSS_SELECTOR, f"{self._volumes} button.jp-mod-styled")
        self.wait(lambda: self.find_all(add), "the node's data volumes")
        button = self.find_all(add)[-1]
        self.browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
        button.click()
        for field, text in (("path", path), ("pvc_name", claim)):
            # The form gives the id to the field's box, too.
            self._fill(f"input{self._volumes}_0_{field}", text)
        return self

    def _fill(self, selector: str, text: str) -> None:
        where = (By.CSS_SELECTOR, selector)
        self.wait(lambda: self.shown(where), f"the field {selector}")
        field = self.find(where)
        self.browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", field)
        self.wait(lambda: field.is_enabled(), f"the field {selector} to be enabled")
        field.send_keys(text)
        self.wait(lambda: field.get_attribute("value") == text, f"{text} in {selector}")

    def save(self) -> PipelineEditorPage:
        """Save the pipeline by the editor's button."""
        self.find(self._save).click()
        return self

    def submit(self, platform: str, timeout: float = 120) -> str:
        """Run the pipeline on a platform by the dialog; return what Elyra says then."""
        self.find(self._run).click()
        self.wait(lambda: self.find_all((By.ID, "runtime_platform")), "the dialog to run")
        Select(self.find((By.ID, "runtime_platform"))).select_by_visible_text(platform)
        self.find(self._accept).click()
        return str(self.wait(self._told, "Elyra's word on the run", timeout))

    def _told(self) -> str:
        """What a dialog says that is not the one with the form, and not a spinner."""
        texts = [dialog.text for dialog in self.find_all(self._dialog) if dialog.is_displayed()]
        return next((text for text in texts if "Run Details" in text or "rror" in text), "")

    def _node(self, label: str) -> Any:
        # By the text that the canvas holds, not the one that is cut to fit.
        return next((node for node in self.find_all(self._nodes) if node.text == label), None)
