"""Who sees what, and what is answered where nothing can be seen."""

from __future__ import annotations

import gzip

import httpx
import pytest

from .seat import ACCOUNTS, LISTED, bench_form, connection_form, namespace, role_binding


class TestProjects:
    """The list of projects is what the learner's own rights show."""

    def test_learner_sees_the_own_seat_and_no_other(self, page):
        (project,) = page.get("/projects")["items"]
        assert project["name"] == "mnist"
        assert project["displayName"] == "Seat mnist"
        assert project["owner"] == "ann"
        assert project["platform"] == "multi"
        # A namespace itself is not a project admin's to change on plain Kubernetes.
        assert project["can"] == {"edit": False, "delete": False, "share": True}

    def test_instructor_sees_every_project_and_no_system(self, instructor):
        names = [project["name"] for project in instructor.get("/projects")["items"]]
        assert names == ["mnist", "other"]
        assert instructor.get("/session")["instructor"]

    def test_what_is_asked_does_not_grow_with_the_others_seats(self, page, api, cluster):
        for number in range(30):
            cluster.add(namespace(f"seat-{number}"))
        (project,) = page.get("/projects")["items"]
        assert project["name"] == "mnist"
        assert len([verb for token, verb, _, _ in api.asked if token == "ann"]) < 10

    def test_a_binding_to_something_else_shows_no_project(self, page, cluster):
        cluster.add(role_binding("ann", "other", "nothing"))
        assert [project["name"] for project in page.get("/projects")["items"]] == ["mnist"]

    def test_instructor_asks_for_all_projects_at_once(self, instructor, api, cluster):
        for number in range(30):
            cluster.add(namespace(f"seat-{number}"))
        assert len(instructor.get("/projects")["items"]) == 32
        asked = [
            plural for token, verb, plural, _ in api.asked if token == "root" and verb == "list"
        ]
        assert sorted(asked) == ["notebooks", "pods", "routes"]

    def test_contributor_is_told_which_right_is_missing(self, contributor):
        project = contributor.get("/projects/mnist")
        assert not project["can"]["share"]
        assert not project["can"]["bind"]
        assert project["can"]["write"]
        told = (
            "You have no right to create rolebindings.rbac.authorization.k8s.io in project mnist."
        )
        assert project["reasons"]["share"] == told

    def test_project_counts_what_is_in_it(self, page):
        page.post("/projects/mnist/workbenches", bench_form())
        project = page.get("/projects/mnist")
        assert project["counts"] == {
            "workbenches": 1,
            "storages": 1,
            "connections": 1,
            "servers": 0,
            "models": 0,
        }
        assert project["workbenches"][0]["name"] == "my-bench"


@pytest.mark.parametrize(
    "path",
    ["", "/workbenches", "/storages", "/connections", "/models", "/pipelines", "/permissions",
     "/changes", "/workbenches/notebook", "/connections/aws-connection-s3-creds",
     "/tokens/model-mesh", "/runs", "/names?kind=workbench&displayName=x"],
)  # fmt: skip
def test_stranger_is_refused_in_another_seat(stranger, path):
    response = stranger.client.get(f"/api/projects/mnist{path}")
    assert response.status_code == 403
    body = response.json()
    assert body["reason"] == "Forbidden"
    assert body["right"]["namespace"] == "mnist"
    assert body["message"].startswith("You have no right to get namespaces in project mnist")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/workbenches", bench_form()),
        ("DELETE", "/workbenches/notebook", None),
        ("POST", "/storages", {"displayName": "a", "sizeGiB": 1}),
        ("DELETE", "/storages/notebook", None),
        ("POST", "/connections", connection_form()),
        ("POST", "/connections/try", connection_form()),
        ("DELETE", "/connections/aws-connection-s3-creds", None),
        ("POST", "/servers", {"replicas": 1, "size": "Small"}),
        ("POST", "/permissions", {"kind": "User", "subject": "bob", "role": "admin"}),
        ("DELETE", "/pipeline-server", None),
        ("DELETE", "", None),
    ],
)
def test_stranger_changes_nothing_in_another_seat(stranger, cluster, method, path, body):
    before = len(cluster.writes)
    response = stranger.write(method, f"/projects/mnist{path}", body)
    assert response.status_code == 403, response.text
    assert len(cluster.writes) == before


def test_every_question_of_a_learner_is_asked_with_the_learners_token(page, api):
    for path in ("workbenches", "storages", "connections", "models", "permissions"):
        page.get(f"/projects/mnist/{path}")
    page.get("/catalogue")
    own = {plural for token, _, plural, _ in api.asked if token == "own"}
    assert own <= LISTED
    assert {token for token, _, plural, _ in api.asked if plural == "secrets"} == {"ann"}


class TestErrors:
    """Every failure has the one shape, and a status that the page knows what to do with."""

    def test_nobody_signed_in(self, address):
        response = httpx.get(f"{address}/api/projects")
        assert response.status_code == 401
        assert response.json()["reason"] == "SignIn"

    def test_token_that_has_ended(self, address):
        headers = {"x-forwarded-access-token": "old"}
        assert httpx.get(f"{address}/api/projects", headers=headers).status_code == 401

    def test_api_server_that_is_away_and_comes_back(self, page, api):
        api.away = True
        response = page.client.get("/api/projects/mnist/workbenches")
        assert response.status_code == 503
        assert response.json()["reason"] == "Unavailable"
        assert response.headers["retry-after"]
        api.away = False
        assert page.get("/projects/mnist/workbenches") == {"items": []}

    def test_own_account_without_its_rights_sends_nobody_to_sign_in(self, page, api):
        api.accounts["own"] = ACCOUNTS["bob"]
        response = page.client.get("/api/projects")
        assert response.status_code == 503
        assert "may not list" in response.json()["message"]

    def test_body_without_a_length(self, page, cluster):
        before = len(cluster.writes)
        response = page.client.post(
            "/api/projects/mnist/storages",
            content=iter([b'{"displayName": "x", "sizeGiB": 1}']),
            headers={"content-type": "application/json"},
        )
        assert response.status_code == 411
        assert len(cluster.writes) == before

    def test_unknown_project_address_and_field(self, instructor):
        assert instructor.client.get("/api/projects/nowhere").status_code == 404
        assert instructor.client.get("/api/nowhere").json()["reason"] == "NotFound"
        response = instructor.write("POST", "/projects/mnist/storages", {"sizeGiB": "many"})
        assert response.status_code == 422
        assert {"sizeGiB", "displayName"} <= response.json()["fields"].keys()


class TestOrigin:
    """A write comes from this page only, and is JSON."""

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({"sec-fetch-site": "cross-site"}, 403),
            ({"sec-fetch-site": "same-site"}, 403),
            ({"origin": "https://evil.example"}, 403),
            ({}, 403),
            ({"sec-fetch-site": "same-origin", "content-type": "text/plain"}, 415),
            ({"sec-fetch-site": "same-origin", "content-type": "application/json"}, 200),
        ],
    )
    def test_write(self, address, headers, status):
        given = {"content-type": "application/json", **headers}
        given |= {"x-forwarded-access-token": "ann", "x-forwarded-user": "ann"}
        answer = httpx.post(
            f"{address}/api/projects/mnist/connections/try",
            headers=given,
            content=b'{"displayName": "x"}',
        )
        assert answer.status_code == status, answer.text

    def test_pages_cannot_be_framed_and_load_nothing_from_elsewhere(self, address):
        for path in ("/", "/projects/mnist", "/api/session"):
            headers = httpx.get(f"{address}{path}").headers
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert "script-src 'self'" in headers["content-security-policy"]
            assert headers["x-frame-options"] == "DENY"
            assert headers["x-content-type-options"] == "nosniff"


class TestPage:
    """The bundle's files, and its one document for every address of the page's own."""

    def test_bundle(self, address, dashboard):
        static = dashboard.static
        (static / "assets").mkdir()
        (static / "assets" / "page-1.js").write_text("1")
        (static / "index.html").write_text("<html>the page</html>")
        for path in ("/", "/projects/mnist?section=models", "/nowhere"):
            assert "the page" in httpx.get(f"{address}{path}").text
        script = httpx.get(f"{address}/assets/page-1.js")
        assert script.text == "1"
        assert "immutable" in script.headers["cache-control"]
        assert script.headers["content-type"].startswith("text/javascript")

    def test_compressed_by_the_build(self, address, dashboard):
        (dashboard.static / "style.css").write_text("a {}")
        (dashboard.static / "style.css.gz").write_bytes(gzip.compress(b"b {}"))
        found = httpx.get(f"{address}/style.css")
        assert found.headers["content-encoding"] == "gzip"
        assert found.text == "b {}"
        assert found.headers["content-type"].startswith("text/css")
        plain = httpx.get(f"{address}/style.css", headers={"accept-encoding": "identity"})
        assert plain.text == "a {}"

    @pytest.mark.parametrize("path", ["/../secret", "/%2e%2e/secret", "/assets/..%2f..%2fsecret"])
    def test_nothing_outside_of_it(self, address, dashboard, path):
        (dashboard.static.parent / "secret").write_text("the secret")
        assert "the secret" not in httpx.get(f"{address}{path}").text

    def test_without_a_bundle_the_page_says_so(self, address, dashboard):
        (dashboard.static / "index.html").unlink(missing_ok=True)
        assert "no page in it" in httpx.get(f"{address}/").text


def test_catalogue(page):
    catalogue = page.get("/catalogue")
    (image,) = catalogue["images"]
    assert [version["tag"] for version in image["versions"]] == ["1.10", "1.0"]
    assert image["versions"][1]["image"].endswith("/mnist-workbench:1.0")
    assert image["versions"][0]["software"] == [{"name": "TensorFlow", "version": "2.21"}]
    assert [runtime["platforms"] for runtime in catalogue["runtimes"]] == [["multi"], ["single"]]
    assert catalogue["runtimes"][0]["formats"] == [{"name": "onnx", "version": "1"}]
    assert catalogue["storageClasses"][0]["canGrow"]
    assert [size["name"] for size in catalogue["sizes"]] == ["Small", "Medium"]
    assert ACCOUNTS["own"].cluster is False
