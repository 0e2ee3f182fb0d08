"""Functions: what they are made of, how they scale, and that no request is lost."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import kopf
import pytest
from aiohttp import web
from platform_manifests import function

from activator import scaling
from activator.function import Function, TooLongError, TooManyWaitingError
from activator.proxy import Activator, parse_host
from activator.registry import Registry
from activator.scaling import Scaling
from controllers.serverless import reconcile as handlers
from controllers.serverless.build import objects
from controllers.serverless.status import build_status
from lab_ground.kubernetes.errors import ApiError

PREFIX = "autoscaling.knative.dev/"
KEY = ("mnist", "fn")


class TestBuilders:
    """The Deployment, the Services and the status."""

    def test_deployment_leaves_the_number_of_pods_to_the_activator(self):
        spec = objects.build_deployment(function())["spec"]
        assert "replicas" not in spec

    def test_container_gets_its_port_probe_and_drain(self):
        container = objects.build_deployment(function())["spec"]["template"]["spec"]["containers"][
            0
        ]
        assert container["name"] == "user-container"
        assert container["ports"][0]["containerPort"] == 8080
        assert {"name": "PORT", "value": "8080"} in container["env"]
        assert container["readinessProbe"]["tcpSocket"] == {"port": 8080}
        assert container["lifecycle"]["preStop"] == {"sleep": {"seconds": 2}}

    def test_probe_without_a_port_gets_the_functions(self):
        one = function()
        container = one["spec"]["template"]["spec"]["containers"][0]
        container["ports"] = [{"containerPort": 9000}]
        container["readinessProbe"] = {"httpGet": {"path": "/ready"}}
        built = objects.build_deployment(one)["spec"]["template"]["spec"]["containers"][0]
        assert built["readinessProbe"]["httpGet"] == {"path": "/ready", "port": 9000}

    def test_callers_reach_the_activator(self):
        spec = objects.build_service(function(), "lab-platform", "cluster.local")["spec"]
        assert spec["externalName"] == "lab-activator.lab-platform.svc.cluster.local"

    @pytest.mark.parametrize(
        ("annotations", "expected"),
        [
            ({}, Scaling()),
            (
                {"min-scale": "1", "max-scale": "3", "window": "30s"},
                Scaling(minimum=1, maximum=3, window=30.0),
            ),
            ({"target": "5"}, Scaling(target=5.0)),
            ({"window": "6s", "scale-to-zero-pod-retention-period": "1m"}, Scaling(window=66.0)),
        ],
    )
    def test_scaling(self, annotations, expected):
        one = function(annotations={PREFIX + k: v for k, v in annotations.items()})
        assert scaling.read_scaling(one) == expected

    @pytest.mark.parametrize(
        "annotations",
        [
            {"min-scale": "many"},
            {"max-scale": "-1"},
            {"min-scale": "3", "max-scale": "2"},
            {"window": "soon"},
        ],
    )
    def test_wrong_scaling_is_refused_with_its_name(self, annotations):
        one = function(annotations={PREFIX + k: v for k, v in annotations.items()})
        with pytest.raises(scaling.InvalidFunctionError, match=next(iter(annotations))):
            scaling.read_scaling(one)

    @pytest.mark.parametrize(
        ("scaling", "concurrency", "pods"),
        [
            (Scaling(), 0, 0),
            (Scaling(), 1, 1),
            (Scaling(target=10), 25, 3),
            (Scaling(target=1, maximum=2), 50, 2),
            (Scaling(minimum=2), 0, 2),
        ],
    )
    def test_how_many_pods(self, scaling, concurrency, pods):
        assert scaling.wanted(concurrency) == pods

    def status(self, one, state, pods=()):
        deployment = {"metadata": {"generation": 1}, "status": {"observedGeneration": 1, **state}}
        return build_status(one, deployment, list(pods), "cluster.local")

    def ready(self, status):
        return next(c["status"] for c in status["conditions"] if c["type"] == "Ready")

    def test_ready_stays_while_there_is_no_pod(self):
        one = function()
        up = {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
        one["status"] = self.status(one, up)
        assert self.ready(one["status"]) == "True"
        assert one["status"]["address"]["url"] == "http://fn.mnist.svc.cluster.local"
        assert self.ready(self.status(one, {})) == "True"

    def test_new_revision_has_to_prove_itself(self):
        one = function()
        up = {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
        one["status"] = self.status(one, up)
        one["metadata"]["generation"] = 2
        assert self.ready(self.status(one, {})) == "Unknown"

    def test_trouble_of_a_pod_is_told(self):
        waiting = {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}
        pod = {"status": {"containerStatuses": [{"name": "user-container", "state": waiting}]}}
        status = self.status(function(), {"replicas": 1}, [pod])
        assert self.ready(status) == "False"
        assert "no such image" in status["conditions"][0]["message"]

    def test_controller_makes_everything_once(self, cluster):
        cluster.add(function())
        # One kind of name for two kinds of Service: the store in memory must tell them apart.
        cluster.objects["KnativeService", "mnist", "fn"] = cluster.objects.pop(
            ("Service", "mnist", "fn")
        )
        original = cluster.get

        def get(api_version, kind, name, namespace=None):
            special = api_version == "serving.knative.dev/v1"
            return original(api_version, "KnativeService" if special else kind, name, namespace)

        cluster.get = get
        cluster.patch_status = lambda manifest, status: None
        handlers.reconcile_function("mnist", "fn")
        made = {(kind, name) for kind, _, name in cluster.objects}
        assert made >= {
            ("Deployment", "fn-deployment"),
            ("Service", "fn"),
            ("Service", "fn-private"),
        }
        cluster.writes.clear()
        handlers.reconcile_function("mnist", "fn")
        assert cluster.writes == []


class TestFunction:
    """The pods and requests of one function."""

    def run(self, coroutine):
        return asyncio.run(coroutine)

    def test_request_waits_for_the_first_pod(self, clock):
        async def story():
            one = Function(clock=clock)
            task = asyncio.ensure_future(one.acquire(clock() + 60))
            await asyncio.sleep(0)
            assert not task.done()
            one.set_pods({"a": "10.0.0.1:80"})
            return (await task).address

        assert self.run(story()) == "10.0.0.1:80"

    def test_waiting_is_bounded_in_number_and_time(self, clock):
        async def story():
            one = Function(clock=clock, waiting_limit=2)
            waiting = [asyncio.ensure_future(one.acquire(clock() + 60)) for _ in range(2)]
            await asyncio.sleep(0)
            with pytest.raises(TooManyWaitingError):
                await one.acquire(clock() + 60)
            waiting[0].cancel()
            await asyncio.sleep(0)
            with pytest.raises(TooLongError):
                await one.acquire(clock())
            one.set_pods({"a": "10.0.0.1:80"})
            assert (await waiting[1]).load == 1

        self.run(story())

    def test_concurrency_of_a_pod_is_kept(self, clock):
        async def story():
            one = Function(Scaling(concurrency=1), clock=clock)
            one.set_pods({"a": "x", "b": "y"})
            first = await one.acquire(clock() + 1)
            second = await one.acquire(clock() + 1)
            assert {first.address, second.address} == {"x", "y"}
            third = asyncio.ensure_future(one.acquire(clock() + 1))
            await asyncio.sleep(0)
            assert not third.done()
            one.release(first)
            assert (await third).address == first.address

        self.run(story())

    def test_request_that_gives_up_gives_its_pod_back(self, clock):
        async def story():
            one = Function(Scaling(concurrency=1), clock=clock)
            task = asyncio.ensure_future(one.acquire(clock() + 60))
            await asyncio.sleep(0)
            one.set_pods({"a": "x"})
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert one.pods["a"].load == 0

        self.run(story())

    def test_refused_pod_is_tried_again_though_nothing_else_happens(self):
        async def story():
            one = Function()
            one.set_pods({"a": "x"})
            pod = await one.acquire(one.clock() + 5)
            one.refuse(pod, 0.05)
            one.release(pod)
            return (await one.acquire(one.clock() + 5)).address

        assert self.run(story()) == "x"

    def test_pod_that_is_about_to_end_gets_nothing_though_it_is_listed(self, clock):
        async def story():
            one = Function(clock=clock)
            one.set_pods({"old": "x"})
            one.retire()
            one.set_pods({"old": "x"})
            task = asyncio.ensure_future(one.acquire(clock() + 60))
            await asyncio.sleep(0)
            assert not task.done()
            one.set_pods({"old": "x", "new": "y"})
            return (await task).address

        assert self.run(story()) == "y"

    def test_goes_to_zero_after_the_window_and_not_before(self, clock):
        one = Function(Scaling(window=30), clock=clock)
        one.begin()
        assert one.desired() == 1
        one.end()
        assert one.desired() == 1
        clock.advance(29)
        assert one.desired() == 1
        clock.advance(2)
        assert one.desired() == 0

    def test_new_activator_leaves_the_former_ones_pods_for_a_window(self, clock):
        one = Function(Scaling(window=30), clock=clock)
        one.remember(1)
        clock.advance(29)
        assert one.desired() == 1
        clock.advance(2)
        assert one.desired() == 0

    def test_short_request_between_two_looks_counts(self, clock):
        one = Function(Scaling(window=30), clock=clock)
        one.begin()
        one.end()
        assert one.desired() == 1

    def test_new_revision_gets_a_pod_without_a_request(self, clock):
        one = Function(clock=clock)
        one.unproven = True
        assert one.desired() == 1


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("fn.mnist", KEY),
        ("fn.mnist.svc", KEY),
        ("Fn.Mnist.svc.cluster.local:80", KEY),
        ("fn", None),
        ("fn.mnist.example.org", None),
        (".mnist", None),
        ("", None),
    ],
)
def test_host_names_the_function(host, key):
    assert parse_host(host) == key


class FakeApi:
    """Takes scale requests."""

    def __init__(self):
        self.scales = []
        self.fail = False

    def patch(self, api_version, kind, name, patch, namespace, *, subresource):
        if self.fail:
            raise ApiError(500, "No", "not now")
        self.scales.append(patch["spec"]["replicas"])
        return {"metadata": {"resourceVersion": str(100 + len(self.scales))}}


class World:
    """An activator, its HTTP side, and a function's pods as local servers."""

    def __init__(self):
        self.api = FakeApi()
        self.registry = Registry(self.api, waiting_limit=100, waiting_seconds=10)
        self.activator = Activator(self.registry)
        self.seen = []
        self.runners = []

    async def listen(self, handler):
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(application)
        await runner.setup()
        self.runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner.addresses[0][1]

    async def pod(self, name):
        async def answer(request):
            self.seen.append((name, request.method, request.path_qs, await request.text()))
            return web.json_response(
                {"pod": name, "headers": dict(request.headers)}, headers={"X-Pod": name}
            )

        return await self.listen(answer)

    def ready(self, pods):
        endpoints = [
            {"addresses": ["127.0.0.1"], "conditions": {"ready": True}, "targetRef": {"uid": uid}}
            for uid in pods
        ]
        for endpoint, port in zip(endpoints, pods.values(), strict=True):
            manifest = {
                "metadata": {"labels": {scaling.SERVICE_LABEL: "fn"}},
                "ports": [{"port": port}],
                "endpoints": [endpoint],
            }
            self.registry.slice_changed(("mnist", f"slice-{port}"), manifest)

    async def __aenter__(self):
        await self.activator.open()
        self.port = await self.listen(self.activator.handle)
        one = function(annotations={PREFIX + "window": "1s"})
        one["status"] = {
            "observedGeneration": 1,
            "latestReadyRevisionName": "r",
            "latestCreatedRevisionName": "r",
        }
        self.registry.function_changed(KEY, one)
        self.registry.deployment_changed(
            ("mnist", "fn-deployment"),
            {"metadata": {"labels": {scaling.SERVICE_LABEL: "fn"}}, "spec": {"replicas": 0}},
        )
        self.scaling = asyncio.create_task(self.registry.run())
        self.client = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_):
        self.registry.stopping = True
        await self.client.close()
        await self.scaling
        await self.activator.close()
        for runner in self.runners:
            await runner.cleanup()

    async def call(self, path="/", host="fn.mnist.svc", **options):
        options.setdefault("method", "GET")
        method = options.pop("method")
        headers = {"Host": host, **options.pop("headers", {})}
        url = f"http://127.0.0.1:{self.port}{path}"
        async with self.client.request(method, url, headers=headers, **options) as answer:
            return answer.status, answer.headers, await answer.read()


class TestActivator:
    """Requests, from zero to one and back."""

    def test_first_requests_wait_and_all_arrive(self):
        async def story():
            async with World() as world:
                port = await world.pod("a")
                calls = [
                    asyncio.ensure_future(
                        world.call(f"/{n}", method="POST", data=f"body {n}".encode())
                    )
                    for n in range(20)
                ]
                async with asyncio.timeout(10):
                    while not world.api.scales:
                        await asyncio.sleep(0.02)
                await asyncio.sleep(0.2)
                assert world.api.scales == [1]
                assert world.seen == []
                world.ready({"a": port})
                answers = await asyncio.gather(*calls)
                assert {status for status, _, _ in answers} == {200}
                assert sorted(body for *_, body in world.seen) == sorted(
                    f"body {n}" for n in range(20)
                )

        asyncio.run(story())

    def test_request_and_answer_pass_unchanged(self):
        async def story():
            async with World() as world:
                world.ready({"a": await world.pod("a")})
                status, headers, body = await world.call(
                    "/a%2Fb?x=1&y=%20",
                    headers={"X-Mine": "kept", "Connection": "X-Gone", "X-Gone": "1"},
                )
                assert status == 200
                assert headers["X-Pod"] == "a"
                assert world.seen[0][2] == "/a%2Fb?x=1&y=%20"
                passed = json.loads(body)["headers"]
                assert passed["X-Mine"] == "kept"
                assert passed["Host"] == "fn.mnist.svc"
                assert "X-Gone" not in passed

        asyncio.run(story())

    def test_pod_that_does_not_answer_costs_a_retry_and_no_request(self):
        async def story():
            async with World() as world:
                good = await world.pod("good")
                world.ready({"dead": 9, "alive": good})
                answers = [await world.call(method="POST", data=b"x") for _ in range(4)]
                assert {status for status, _, _ in answers} == {200}

        asyncio.run(story())

    def test_goes_to_zero_and_comes_back_without_losing_a_request(self):
        async def story():
            async with World() as world:
                first = await world.pod("first")
                world.ready({"uid-1": first})
                assert (await world.call())[0] == 200
                for _ in range(60):
                    await asyncio.sleep(0.1)
                    if world.api.scales[-1:] == [0]:
                        break
                assert world.api.scales[-1] == 0
                # The old pod is still listed; the new one comes a moment later.
                call = asyncio.ensure_future(world.call())
                await asyncio.sleep(0.3)
                assert not call.done()
                world.ready({"uid-2": await world.pod("second")})
                status, headers, _ = await call
                assert (status, headers["X-Pod"]) == (200, "second")
                assert world.api.scales[-1] == 1

        asyncio.run(story())

    def test_pod_that_outlived_its_sleep_is_used_again(self):
        """Kubernetes may see only that the number is as it was, and leave the pod alone."""

        async def story():
            async with World() as world:
                world.ready({"uid-1": await world.pod("a")})
                assert (await world.call())[0] == 200
                for _ in range(60):
                    await asyncio.sleep(0.1)
                    if world.api.scales[-1:] == [0]:
                        break
                assert (await asyncio.wait_for(world.call(), 5))[0] == 200

        asyncio.run(story())

    def test_old_news_of_the_deployment_do_not_count(self):
        async def story():
            async with World() as world:
                world.ready({"uid-1": await world.pod("a")})
                assert (await world.call())[0] == 200
                for _ in range(50):
                    await asyncio.sleep(0.05)
                    if world.api.scales and not world.registry._scaling:
                        break
                assert world.api.scales == [1]
                for version, replicas in (("100", 0), ("101", 1)):
                    news = {
                        "metadata": {
                            "labels": {scaling.SERVICE_LABEL: "fn"},
                            "resourceVersion": version,
                        },
                        "spec": {"replicas": replicas},
                    }
                    world.registry.deployment_changed(("mnist", "fn-deployment"), news)
                    assert world.registry.find(KEY).replicas == 1

        asyncio.run(story())

    def test_refused_scaling_keeps_the_pods(self):
        async def story():
            async with World() as world:
                world.ready({"uid-1": await world.pod("a")})
                assert (await world.call())[0] == 200
                world.api.fail = True
                await asyncio.sleep(2.5)
                assert (await world.call())[0] == 200

        asyncio.run(story())

    def test_unknown_function_and_large_answer(self):
        async def story():
            async with World() as world:
                assert (await world.call(host="other.mnist.svc"))[0] == 404

                async def large(request):
                    return web.Response(body=b"x" * 3_000_000)

                world.ready({"a": await world.listen(large)})
                status, _, body = await world.call(method="POST", data=b"y" * 2_000_000)
                assert (status, len(body)) == (200, 3_000_000)

        asyncio.run(story())


@pytest.mark.parametrize("spec", [{}, {"template": {}}, {"template": {"spec": {}}}])
def test_what_the_kind_allows_and_no_function_is_made_of_is_told(cluster, spec):
    one = function()
    one["spec"] = spec
    cluster.add(one)
    with pytest.raises(kopf.PermanentError, match="containers is empty"):
        handlers.reconcile_function("mnist", "fn")
    assert set(cluster.objects) == {("Service", "mnist", "fn")}
    assert scaling.read_scaling(one) == scaling.Scaling()
