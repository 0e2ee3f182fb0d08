"""What a Notebook is made of, and what its status says."""

from __future__ import annotations

import kopf
import pytest
from platform_manifests import notebook

from controllers.notebook import build as builders
from controllers.notebook import reconcile as handlers
from controllers.notebook.status import build_status
from lab_ground.kubernetes.errors import ApiError

LOGIN = {builders.INJECT_OAUTH: "true"}
REGISTRY = "image-registry.openshift-image-registry.svc:5000"


def pod_of(**status):
    return {"metadata": {"name": "notebook-0"}, "status": status}


def ready_of(status):
    return next(c for c in status["conditions"] if c["type"] == "Ready")


class TestStatefulSet:
    """The pod."""

    def spec(self, one=None, image="i:1"):
        return builders.build_stateful_set(one or notebook(annotations=LOGIN), image)["spec"]

    def test_labels_and_prefix(self):
        template = self.spec()["template"]
        labels = template["metadata"]["labels"]
        assert labels["statefulset"] == labels["notebook-name"] == "notebook"
        assert labels["opendatahub.io/workbenches"] == "true"
        environment = {v["name"]: v.get("value") for v in template["spec"]["containers"][0]["env"]}
        assert environment["NB_PREFIX"] == "/notebook/mnist/notebook"

    def test_stops_by_the_annotations_presence(self):
        stopped = notebook(annotations={builders.STOPPED: ""})
        assert self.spec(stopped)["replicas"] == 0
        assert self.spec()["replicas"] == 1

    def test_proxy_checks_this_notebook(self):
        proxy = next(
            c for c in self.spec()["template"]["spec"]["containers"] if c["name"] == "oauth-proxy"
        )
        environment = {v["name"]: v["value"] for v in proxy["env"]}
        assert '"name": "notebook"' in environment["AUTH_PROXY_REVIEW"]
        assert '"resource": "notebooks"' in environment["AUTH_PROXY_REVIEW"]
        assert proxy["ports"][0]["containerPort"] == 8443

    def test_without_login_there_is_no_proxy(self):
        containers = self.spec(notebook())["template"]["spec"]["containers"]
        assert [c["name"] for c in containers] == ["notebook"]

    def test_everything_is_allowed_under_restricted(self):
        spec = self.spec()["template"]["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"]:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}

    def test_what_the_user_chose_wins(self):
        one = notebook(annotations=LOGIN, securityContext={"fsGroup": 7})
        one["spec"]["template"]["spec"]["containers"][0]["env"] = [
            {"name": "PIP_CERT", "value": "/mine"}
        ]
        spec = self.spec(one)["template"]["spec"]
        assert spec["securityContext"]["fsGroup"] == 7
        values = [v["value"] for v in spec["containers"][0]["env"] if v["name"] == "PIP_CERT"]
        assert values == ["/mine"]

    def test_project_bundle_is_mounted_where_the_variables_point(self):
        spec = self.spec()["template"]["spec"]
        mounts = {m["name"]: m["mountPath"] for m in spec["containers"][0]["volumeMounts"]}
        assert builders.BUNDLE_FILE.startswith(mounts[builders.BUNDLE_VOLUME])
        volume = next(v for v in spec["volumes"] if v["name"] == builders.BUNDLE_VOLUME)
        assert volume["configMap"]["optional"] is True

    def test_building_twice_is_the_same_and_leaves_the_notebook_alone(self):
        one = notebook(annotations=LOGIN)
        before = repr(one)
        assert builders.build_stateful_set(one, "i") == builders.build_stateful_set(one, "i")
        assert repr(one) == before


@pytest.mark.parametrize(
    ("image", "selection", "chosen"),
    [
        (f"{REGISTRY}/x/workbench:old", "workbench:1.0", "the-real-one"),
        (f"{REGISTRY}/x/workbench:old", "workbench:9.9", f"{REGISTRY}/x/workbench:old"),
        (f"{REGISTRY}/x/workbench:old", None, f"{REGISTRY}/x/workbench:old"),
        ("registry.example/other:1", "workbench:1.0", "registry.example/other:1"),
    ],
)
def test_image_of_the_selected_tag(image, selection, chosen):
    stream = {
        "status": {"tags": [{"tag": "1.0", "items": [{"dockerImageReference": "the-real-one"}]}]}
    }
    assert builders.choose_image(image, selection, REGISTRY, stream) == chosen


class TestStatus:
    """Why it does not start."""

    @pytest.mark.parametrize(
        ("pod", "reason", "message"),
        [
            (
                pod_of(
                    conditions=[
                        {
                            "type": "PodScheduled",
                            "status": "False",
                            "reason": "Unschedulable",
                            "message": "0/1 nodes: Insufficient memory",
                        }
                    ]
                ),
                "Unschedulable",
                "Insufficient memory",
            ),
            (
                pod_of(
                    containerStatuses=[
                        {
                            "name": "notebook",
                            "state": {
                                "waiting": {"reason": "ErrImagePull", "message": "no such image"}
                            },
                        }
                    ]
                ),
                "ErrImagePull",
                "no such image",
            ),
            (
                pod_of(
                    containerStatuses=[
                        {
                            "name": "notebook",
                            "state": {
                                "waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}
                            },
                            "lastState": {"terminated": {"exitCode": 3}},
                        }
                    ]
                ),
                "CrashLoopBackOff",
                "it ended with 3",
            ),
            (
                pod_of(
                    containerStatuses=[
                        {"name": "notebook", "state": {"waiting": {"reason": "ContainerCreating"}}}
                    ]
                ),
                "Starting",
                "",
            ),
        ],
    )
    def test_reason_is_passed_on(self, pod, reason, message):
        condition = ready_of(build_status(notebook(), {}, pod))
        assert condition["status"] == "False"
        assert condition["reason"] == reason
        assert message in condition["message"]

    def test_refusal_of_the_pod_is_passed_on(self):
        events = [{"type": "Warning", "reason": "FailedCreate", "message": "violates PodSecurity"}]
        condition = ready_of(build_status(notebook(), {}, None, events))
        assert condition["reason"] == "FailedCreate"
        assert "violates PodSecurity" in condition["message"]

    def test_running_and_stopped(self):
        running = build_status(notebook(), {"status": {"readyReplicas": 1}}, pod_of())
        assert ready_of(running)["status"] == "True"
        assert running["readyReplicas"] == 1
        stopped = notebook(annotations={builders.STOPPED: "x"})
        assert ready_of(build_status(stopped, {}, None))["reason"] == "Stopped"


class TestController:
    """The pass over one Notebook."""

    @pytest.fixture
    def one(self, cluster):
        return cluster.add(notebook(annotations=LOGIN))

    def test_makes_everything_and_then_nothing_more(self, cluster, one):
        handlers.reconcile_notebook("mnist", "notebook")
        made = {(kind, name) for kind, _, name in cluster.objects}
        assert made >= {
            ("StatefulSet", "notebook"),
            ("Service", "notebook"),
            ("Service", "notebook-tls"),
            ("ServiceAccount", "notebook"),
            ("Secret", "notebook-oauth-config"),
            ("Route", "notebook"),
            ("NetworkPolicy", "notebook-ctrl-np"),
            ("NetworkPolicy", "notebook-oauth-np"),
            ("Role", "notebook-mounted"),
            ("RoleBinding", "notebook-mounted"),
        }
        cluster.writes.clear()
        handlers.reconcile_notebook("mnist", "notebook")
        assert cluster.writes == []

    def test_session_secret_is_never_exchanged(self, cluster, one):
        handlers.reconcile_notebook("mnist", "notebook")
        first = cluster.get("v1", "Secret", "notebook-oauth-config", "mnist")["data"]
        handlers.reconcile_notebook("mnist", "notebook")
        assert cluster.get("v1", "Secret", "notebook-oauth-config", "mnist")["data"] == first

    def test_nothing_of_it_is_outside_of_its_project(self, cluster, one):
        """Whatever account it runs as: the proxy asks as its callers, and needs no rights."""
        handlers.reconcile_notebook("mnist", "notebook")
        made = {key[:2] for key in cluster.objects}
        assert {namespace for _, namespace in made} == {"mnist"}

    def test_login_can_be_taken_away(self, cluster, one):
        handlers.reconcile_notebook("mnist", "notebook")
        del cluster.objects["Notebook", "mnist", "notebook"]["metadata"]["annotations"]
        handlers.reconcile_notebook("mnist", "notebook")
        assert cluster.get("route.openshift.io/v1", "Route", "notebook", "mnist") is None
        assert cluster.get("v1", "Service", "notebook", "mnist") is not None

    @pytest.mark.parametrize("server", ["dspa", "ds-pipeline"])
    def test_binds_to_a_pipeline_server_called_dspa_only(self, cluster, one, server):
        """odh-notebook-controller's notebook_rbac.go names the role."""
        name = f"ds-pipeline-user-access-{server}"
        cluster.add(
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "Role",
                "metadata": {"name": name},
            }
        )
        handlers.reconcile_notebook("mnist", "notebook")
        binding = cluster.objects.get(("RoleBinding", "mnist", "elyra-pipelines-notebook"))
        assert (binding is not None) == (server == "dspa")
        if binding:
            assert binding["roleRef"]["name"] == name
            assert binding["subjects"][0]["name"] == "notebook"

    @pytest.mark.parametrize(
        ("spec", "name", "namespace", "message"),
        [
            ({}, "notebook", "mnist", "containers is empty"),
            (
                {"template": {"spec": {"containers": []}}},
                "notebook",
                "mnist",
                "containers is empty",
            ),
            (None, "n" * 53, "mnist", "has 53 characters"),
            (None, "n" * 40, "m" * 30, "71 characters"),
        ],
    )
    def test_what_cannot_be_made_is_refused_before_anything_is(
        self, cluster, spec, name, namespace, message
    ):
        wrong = notebook(name, namespace=namespace, annotations=LOGIN)
        if spec is not None:
            wrong["spec"] = spec
        cluster.add(wrong)
        with pytest.raises(kopf.PermanentError, match=message):
            handlers.reconcile_notebook(namespace, name)
        made = {kind for kind, _, _ in cluster.objects}
        assert made == {"Notebook", "Event"}
        (event,) = cluster.list_objects("v1", "Event", namespace)
        assert message in event["message"]
        told = ready_of(cluster.objects["Notebook", namespace, name]["status"])
        assert (told["reason"], message in told["message"]) == ("InvalidSpec", True)

    @pytest.mark.parametrize(
        ("status", "reason", "message"),
        [
            (403, "Forbidden", "exceeded quota: seat, requested: pods=1, used: 12, limited: 12"),
            (500, "InternalError", "something that nobody here knows"),
        ],
    )
    def test_a_child_that_is_refused_is_told_in_the_api_server_s_words(
        self, cluster, one, monkeypatch, status, reason, message
    ):
        apply = cluster.apply

        def refuse(manifest, *words, **more):
            if manifest["kind"] == "StatefulSet":
                raise ApiError(status, reason, message)
            return apply(manifest, *words, **more)

        monkeypatch.setattr(cluster, "apply", refuse)
        with pytest.raises(kopf.TemporaryError):
            handlers.reconcile_notebook("mnist", "notebook")
        told = ready_of(cluster.objects["Notebook", "mnist", "notebook"]["status"])
        assert (told["status"], told["reason"], told["message"]) == ("False", reason, message)

    def test_a_workbench_whose_route_is_refused_is_not_ready(self, cluster, one):
        handlers.reconcile_notebook("mnist", "notebook")
        cluster.objects["StatefulSet", "mnist", "notebook"]["status"] = {"readyReplicas": 1}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "notebook-0"}}
        cluster.add({**pod, "status": {}})
        handlers.reconcile_notebook("mnist", "notebook")
        told = ready_of(cluster.objects["Notebook", "mnist", "notebook"]["status"])
        assert told["status"] == "True"
        condition = {"type": "Admitted", "status": "False", "message": "the host is another's"}
        cluster.objects["Route", "mnist", "notebook"]["status"] = {
            "ingress": [{"conditions": [condition]}]
        }
        handlers.reconcile_notebook("mnist", "notebook")
        told = ready_of(cluster.objects["Notebook", "mnist", "notebook"]["status"])
        assert (told["status"], told["reason"]) == ("False", "RouteNotAdmitted")
        assert told["message"] == "the host is another's"

    def test_foreign_stateful_set_is_left_alone(self, cluster, one):
        cluster.add(
            {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "notebook"}}
        )
        with pytest.raises(kopf.TemporaryError, match="exists already and is made by somebody"):
            handlers.reconcile_notebook("mnist", "notebook")
        status = cluster.objects["Notebook", "mnist", "notebook"]["status"]
        assert ready_of(status)["reason"] == "BelongsToAnother"
        assert "spec" not in cluster.objects["StatefulSet", "mnist", "notebook"]

    def test_its_account_may_read_what_its_pod_has_and_nothing_else(self, cluster, one):
        pod = cluster.objects["Notebook", "mnist", "notebook"]["spec"]["template"]["spec"]
        pod["containers"][0] |= {
            "envFrom": [{"secretRef": {"name": "connection"}}, {"configMapRef": {"name": "kept"}}],
            "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "key", "key": "k"}}}],
        }
        pod["volumes"] = [
            {"name": "a", "secret": {"secretName": "mounted"}},
            {"name": "b", "projected": {"sources": [{"configMap": {"name": "part"}}]}},
        ]
        handlers.reconcile_notebook("mnist", "notebook")
        rules = cluster.objects["Role", "mnist", "notebook-mounted"]["rules"]
        assert {(*rule["resources"], *rule["verbs"]): rule["resourceNames"] for rule in rules} == {
            ("secrets", "get"): ["connection", "key", "mounted"],
            ("configmaps", "get"): ["kept", "part"],
        }
