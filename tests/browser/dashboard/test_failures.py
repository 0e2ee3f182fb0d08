"""What goes wrong: the session ends, a right is missing, the cluster is lost, hands are quick."""

from __future__ import annotations

from dashboard_pages import Dashboard, Levers
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

CONNECTIONS = "/projects/mnist?section=data-connections"
STORAGE = "/projects/mnist?section=cluster-storages"
WORKBENCHES = "/projects/mnist?section=workbenches"


def test_a_sign_in_leads_back_to_the_filled_form(page: Dashboard, levers: Levers) -> None:
    page.open(CONNECTIONS).click("Add data connection").fill("Name", "mine")
    page.fill("Access key", "key").fill("Secret key", "hidden").fill(
        "Endpoint", "http://minio:9000"
    )
    address = page.path
    levers.pull("signed_out", True)
    page.wait(lambda: page.all("//h1[.='Sign in']"), "the sign-in")
    assert "hidden" not in page.driver.execute_script("return JSON.stringify(sessionStorage)")
    page.click("Sign in").wait_for("Add data connection")
    assert page.path == address
    assert page.field("Access key").get_attribute("value") == "key"
    assert page.field("Secret key").get_attribute("value") == ""
    page.fill("Secret key", "hidden").click("Add data connection").wait_until_closed()
    page.wait_for("mine")
    assert len(levers.writes) == 1


def test_the_workbench_form_survives_a_sign_in(page: Dashboard, levers: Levers) -> None:
    page.open("/projects/mnist/spawner").fill("Name", "kept")
    page.choose("Image selection", "Custom Datascience Notebook")
    levers.pull("signed_out", True)
    page.click("Create workbench")
    page.wait(lambda: page.all("//h1[.='Sign in']"), "the sign-in")
    page.click("Sign in").wait_for("Use a data connection")
    assert page.field("Name").get_attribute("value") == "kept"
    page.wait_until_pressable("Create workbench").click("Create workbench")
    page.wait_for_path(WORKBENCHES)
    page.open("/projects/mnist/spawner").wait_for("Use a data connection")
    assert page.field("Name").get_attribute("value") == "", "a draft is used once"


def test_log_out(page: Dashboard) -> None:
    page.open("/projects").all("//button[starts-with(@aria-label, 'User menu')]")[0].click()
    page.click("Log out").wait_for("Signed out")


def test_the_login_command_is_in_the_users_menu(page: Dashboard) -> None:
    page.open("/projects").all("//button[starts-with(@aria-label, 'User menu')]")[0].click()
    found = page.wait(lambda: page.all("//a[contains(., 'Copy login command')]"), "the entry")
    assert found[0].get_attribute("href").endswith("/token")
    assert found[0].get_attribute("target") == "_blank"


def test_a_missing_right_is_named_and_the_form_stays(page: Dashboard, levers: Levers) -> None:
    page.open(STORAGE).click("Add cluster storage").fill("Name", "more")
    right = {
        "verb": "create",
        "group": "",
        "resource": "persistentvolumeclaims",
        "name": None,
        "namespace": "mnist",
    }
    told = "You may not make storage here."
    failure = {"status": 403, "reason": "Forbidden", "message": told, "right": right}
    levers.pull("fail", failure)
    page.click("Add storage").wait_for(told)
    page.wait_for("create persistentvolumeclaims in the project mnist")
    page.screenshot("missing-right")
    assert page.field("Name").get_attribute("value") == "more"
    assert page.can_press("Add storage")


def test_a_name_that_was_taken_meanwhile_is_said_at_its_field(
    page: Dashboard, levers: Levers
) -> None:
    page.open(STORAGE).click("Add cluster storage").fill("Name", "more")
    told = "There is a storage of this name already."
    failure = {"status": 409, "reason": "Exists", "message": told}
    levers.pull("fail", failure | {"field": "displayName", "fields": {"displayName": told}})
    page.click("Add storage")
    helped = "//*[contains(@class,'helper-text')][contains(., 'of this name already')]"
    page.wait(lambda: page.all(helped), "the sentence at the field")
    levers.pull("fail", None)
    page.fill("Name", "another").click("Add storage").wait_until_closed().wait_for("another")


def test_a_double_click_makes_one(page: Dashboard, levers: Levers) -> None:
    levers.pull("slow", 0.6)
    page.open(STORAGE).click("Add cluster storage").fill("Name", "once")
    page.wait_until_pressable("Add storage")
    button = page.button("Add storage")
    ActionChains(page.driver).double_click(button).perform()
    page.field("Name").send_keys(Keys.ENTER)
    page.wait_until_closed()
    assert len(levers.writes) == 1


def test_a_second_tab_sees_what_the_first_made(page: Dashboard) -> None:
    page.open(STORAGE).wait_for("ml-pipeline")
    first = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    try:
        page.open(STORAGE).click("Add cluster storage").fill("Name", "from the second")
        page.click("Add storage").wait_until_closed()
    finally:
        page.driver.close()
        page.driver.switch_to.window(first)
    page.wait_for("from the second")


def test_back_closes_a_window_and_forward_opens_it(page: Dashboard) -> None:
    page.open(STORAGE).click("Add cluster storage").wait_for("Persistent storage size")
    page.driver.back()
    page.wait_until_closed()
    page.driver.forward()
    page.wait(lambda: "Add cluster storage" in page.window, "the window again")
    page.driver.refresh()
    page.wait(lambda: "Add cluster storage" in page.window, "the window after a reload")


def test_a_lost_cluster_has_a_banner_and_comes_back(page: Dashboard, levers: Levers) -> None:
    page.open(STORAGE).click("Add cluster storage").fill("Name", "patient")
    levers.pull("away", True)
    page.wait_for("The cluster does not answer.")
    page.click("Add storage").wait_for("The cluster's API server does not answer.")
    page.screenshot("lost")
    levers.pull("away", False)
    page.wait(lambda: "What you see may be old" not in page.text, "the banner to go")
    page.click("Add storage").wait_until_closed().wait_for("patient")
    assert len(levers.writes) == 1


def test_a_page_that_begins_while_the_cluster_is_lost(page: Dashboard, levers: Levers) -> None:
    levers.pull("away", True)
    page.open("/projects").wait_for("The cluster's API server does not answer.")
    levers.pull("away", False)
    page.click("Try again").wait_for("Shared with me")


def test_what_a_contributor_may_not_do_is_grey_with_the_reason(
    page: Dashboard, levers: Levers
) -> None:
    page.open("/projects/shared?section=workbenches").wait_for("Start by creating a workbench")
    assert "Permissions" not in page.text
    assert not page.can_press("Create workbench")
    button = page.button("Create workbench")
    assert "you lack create notebooks" in str(button.get_attribute("aria-description"))
    ActionChains(page.driver).move_to_element(button).perform()
    page.wait(lambda: page.all("//*[@role='tooltip'][contains(., 'you lack')]"), "the reason")
    page.screenshot("contributor-reason")
    page.open("/projects/shared/spawner").wait_for("You may not make workbenches here")
    page.open("/projects").wait_for("Shared with me")
    kebabs = page.all("//button[@aria-label='Kebab toggle']")
    kebabs[-1].click()
    page.wait_for("Delete project")
    assert not page.can_press("Delete project")


def test_an_unknown_section_becomes_the_first(page: Dashboard) -> None:
    page.open("/projects/mnist?section=no-such").wait_for_path("/projects/mnist?section=overview")
    page.open("/nowhere").wait_for("There is no such page")


def test_all_of_a_form_by_keyboard(page: Dashboard, levers: Levers) -> None:
    page.open(STORAGE).wait_for("ml-pipeline")
    page.press(Keys.TAB)
    assert page.focused.text == "Skip to content"
    page.press(Keys.ENTER)
    assert page.focused.get_attribute("id") == "main"
    for _ in range(15):
        page.press(Keys.TAB)
        if page.focused.text == "Add cluster storage":
            break
    page.press(Keys.ENTER).wait_for("Persistent storage size")
    page.wait(lambda: page.focused.get_attribute("name") == "displayName", "the first field")
    page.press("by keys").press(Keys.ENTER).wait_until_closed().wait_for("by keys")
    assert len(levers.writes) == 1
    page.click("Add cluster storage").wait_for("Persistent storage size").press(Keys.ESCAPE)
    page.wait_until_closed()


def test_a_tab_that_nobody_looks_at_holds_no_stream(page: Dashboard) -> None:
    script = (
        "Object.defineProperty(document, 'hidden', {value: arguments[0], configurable: true});"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    page.open(STORAGE).wait_for("ml-pipeline")
    ended = "return performance.getEntriesByType('resource').filter("
    ended += "(each) => each.name.endsWith('/changes')).length"
    before = page.driver.execute_script(ended)
    page.driver.execute_script(script, True)
    page.wait(lambda: page.driver.execute_script(ended) > before, "the stream to be closed")
    page.driver.execute_script(script, False)
    page.wait_for("ml-pipeline")


def test_a_page_whose_script_has_gone_says_so(page: Dashboard) -> None:
    page.tell("Network.enable")
    page.tell("Network.setBlockedURLs", urls=["*/assets/Help-*"])
    try:
        page.open("/projects").click("Help").wait_for("This page could not be shown")
    finally:
        page.tell("Network.setBlockedURLs", urls=[])
    page.click("Load again").wait_for("In version 3")
    assert all("/assets/Help-" in told for told in page.complaints())
