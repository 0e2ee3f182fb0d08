"""Page objects: locators and waits of every page of the lab; the assertions are the tests'."""
