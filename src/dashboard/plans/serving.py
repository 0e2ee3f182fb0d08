"""Model servers and models: made, changed and deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dashboard import errors, kinds
from dashboard.forms import ModelForm, ServerForm, ServingForm
from dashboard.objects.serving import (
    ACCOUNT,
    ENABLE_AUTH,
    ENABLE_ROUTE,
    Model,
    Server,
    build_access,
    build_account,
    build_binding,
    build_model,
    build_role,
    build_runtime,
    build_token,
)
from dashboard.plans.connections import plan_choice
from dashboard.settings import Settings, Size
from dashboard.snapshot import Snapshot
from dashboard.status.model import is_single, runtime_of
from dashboard.submit import Change, Make, Plan, Remove
from dashboard.validation import (
    RULES,
    Problems,
    derive_name,
    duplicates,
    fault_of_name,
    fault_of_path,
    faults_of_resources,
    resource_name,
)
from dashboard.views.models import accounts_of, is_token, named_size, tokens_of
from lab_ground.kubernetes.manifest import Manifest

# The lab's text names no server, and its roles call it so.
DEFAULT_SERVER = "model-server"


def choose_size(problems: Problems, form: ServingForm, settings: Settings) -> Size:
    """The size that was chosen, or typed."""
    if form.size == "Custom" and form.custom is not None:
        requests = {str(k): v for k, v in form.custom.requests.items()}
        limits = {str(k): v for k, v in form.custom.limits.items()}
        problems.update(faults_of_resources(requests, limits, "custom"))
        return Size("Custom", requests, limits)
    if form.size == "Custom":
        problems.add("custom", "A custom size needs the CPUs and the memory that are requested.")
    found = named_size(settings, form.size or settings.model_sizes[0].name)
    if found is None and form.size != "Custom":
        offered = ", ".join([*(size.name for size in settings.model_sizes), "Custom"])
        told = f"There is no model server size {form.size!r}; there are: {offered}."
        problems.add("size", told)
    return found or settings.model_sizes[0]


def check_tokens(problems: Problems, form: ServingForm) -> None:
    """Service account names must be given, unique, and make names."""
    if form.auth and not form.tokens:
        problems.add("tokens", "Token authorization needs at least one service account name.")
    if not form.auth and form.tokens:
        problems.add("tokens", "Service account names need token authorization: tick its box.")
    made = [derive_name(token, RULES["token"]) for token in form.tokens]
    twice = duplicates(made)
    for index, (token, name) in enumerate(zip(form.tokens, made, strict=True)):
        place = f"tokens.{index}"
        if not token.strip():
            problems.add(place, "The service account needs a name.")
        elif name in twice:
            problems.add(place, f"The service account name {token!r} is there more than once.")
        problems.add(place, fault_of_name(name, RULES["token"]))


def token_secret(snapshot: Snapshot, server: Server, token: str) -> str:
    """The name of a token's Secret: the token's own, as the lab's text has it.

    Where something else has that name, the server's account is put behind it, as newer versions do.
    """
    name = derive_name(token, RULES["token"])
    return name if snapshot.get(kinds.SECRET, name) is None else f"{name}-{server.account}"


def plan_server(
    snapshot: Snapshot,
    form: ServerForm,
    template: Mapping[str, Any] | None,
    settings: Settings,
) -> tuple[Plan, str]:
    """Make a model server."""
    plan, problems = Plan(), Problems()
    display = form.display_name.strip() or DEFAULT_SERVER
    name = resource_name(problems, "server", display, form.name)
    server = server_of(problems, snapshot, form, template, settings, name, display)
    check_tokens(problems, form)
    problems.done()
    taken = "name" if form.name else "displayName"
    plan.add("server", Make(build_runtime(server), what="model server", field=taken))
    if server.auth:
        tokens = [(token_secret(snapshot, server, t), t.strip()) for t in form.tokens]
        plan_access(plan, server, tokens, "server")
    return plan, name


def server_of(
    problems: Problems,
    snapshot: Snapshot,
    form: ServingForm,
    template: Mapping[str, Any] | None,
    settings: Settings,
    name: str,
    display: str,
    *,
    single: bool = False,
) -> Server:
    """What a server is built of."""
    if template is None:
        what = form.template or "at all"
        problems.add("template", f"There is no serving runtime {what} to choose.")
    return Server(
        namespace=snapshot.namespace,
        name=name,
        display=display,
        template=template or {},
        size=choose_size(problems, form, settings),
        replicas=form.replicas,
        route=form.route,
        auth=form.auth,
        single=single,
    )


def plan_access(plan: Plan, server: Server, tokens: Sequence[tuple[str, str]], owner: str) -> None:
    """Account, role, binding and tokens of a server, which go with it."""
    steps = build_access(server, tokens)
    for index, manifest in enumerate(steps):
        # The role of the binding is not there yet when it is tried.
        binding = manifest["kind"] == "RoleBinding"
        right = kinds.ROLE_BINDING.right("create", server.namespace) if binding else None
        over = manifest["kind"] != "Secret"
        step = Make(manifest, owner=owner, what="token", field="tokens.0", right=right, over=over)
        plan.add(f"access-{index}", step)


def plan_server_change(
    snapshot: Snapshot, runtime: Manifest, form: ServerForm, settings: Settings
) -> Plan:
    """Change a server's replicas, size, route and tokens."""
    plan, problems = Plan(), Problems()
    name = runtime["metadata"]["name"]
    size = choose_size(problems, form, settings)
    check_tokens(problems, form)
    problems.done()
    plan.add("server", runtime_change(snapshot, runtime, form, size, form.replicas))
    server = Server(snapshot.namespace, name, "", {}, size, auth=form.auth)
    plan_tokens(plan, snapshot, server, form.tokens, runtime)
    return plan


def runtime_change(
    snapshot: Snapshot, runtime: Manifest, form: ServingForm, size: Size, replicas: int | None
) -> Change:
    """What of a ServingRuntime the form changes; annotations go where a box is not ticked."""
    annotations = {
        ENABLE_AUTH: "true" if form.auth else None,
        ENABLE_ROUTE: "true" if form.route else None,
    }
    display = form.display_name.strip() if isinstance(form, ServerForm) else ""
    if display:
        annotations["openshift.io/display-name"] = display
    resources = {"requests": dict(size.requests), "limits": dict(size.limits)}
    spec = runtime["spec"]
    changed: dict[str, Any] = {
        "containers": [{**c, "resources": resources} for c in spec["containers"]]
    }
    if replicas is not None:
        changed["replicas"] = replicas
    old = runtime["metadata"].get("annotations") or {}
    undo = {
        "metadata": {"annotations": {key: old.get(key) for key in annotations}},
        "spec": {key: spec.get(key) for key in changed},
    }
    patch = {"metadata": {"annotations": annotations}, "spec": changed}
    name = runtime["metadata"]["name"]
    return Change(kinds.RUNTIME, name, snapshot.namespace, patch, undo)


def plan_tokens(
    plan: Plan, snapshot: Snapshot, server: Server, wanted: Sequence[str], owner: Manifest
) -> None:
    """Make the tokens that are new, delete those that are not wanted any more."""
    present = {token["name"]: token["secret"] for token in tokens_of(server.name, snapshot)}
    new = [token.strip() for token in wanted if token.strip() not in present]
    if new:
        account = plan_account(plan, snapshot, server, owner)
        for index, token in enumerate(new):
            manifest = build_token(server, token_secret(snapshot, server, token), token)
            manifest["metadata"]["annotations"][ACCOUNT] = account
            step = Make(with_owner(manifest, owner), what="token", field=f"tokens.{index}")
            plan.add(f"token-{index}", step)
    for name, secret in present.items():
        if name not in [token.strip() for token in wanted]:
            plan.add(f"without-{secret}", Remove(kinds.SECRET, secret, snapshot.namespace))


def plan_account(plan: Plan, snapshot: Snapshot, server: Server, owner: Manifest) -> str:
    """The account of a server's callers: the one that its binding names, else a new one."""
    bound = accounts_of(server.name, snapshot) - {server.account}
    if bound:
        return sorted(bound)[0]
    if snapshot.get(kinds.ROLE_BINDING, f"{server.name}-view") is None:
        right = kinds.ROLE_BINDING.right("create", server.namespace)
        for part, build in (("account", build_account), ("role", build_role)):
            plan.add(part, Make(with_owner(build(server), owner), over=True))
        binding = with_owner(build_binding(server), owner)
        plan.add("binding", Make(binding, right=right, over=True))
    return server.account


def with_owner(manifest: Manifest, owner: Manifest) -> Manifest:
    """A manifest that goes with an object that is there."""
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
    }
    return {**manifest, "metadata": {**manifest["metadata"], "ownerReferences": [reference]}}


def plan_server_delete(snapshot: Snapshot, runtime: Manifest, accounts: Sequence[str] = ()) -> Plan:
    """Delete a server with its models, its callers' accounts, role, binding and tokens."""
    plan, name, namespace = Plan(), runtime["metadata"]["name"], snapshot.namespace
    for model in snapshot.of(kinds.MODEL):
        if runtime_of(model) == name:
            each = model["metadata"]["name"]
            plan.add(f"model-{each}", Remove(kinds.MODEL, each, namespace))
    plan.add("server", Remove(kinds.RUNTIME, name, namespace))
    plan_access_delete(plan, snapshot, name, accounts)
    return plan


def plan_access_delete(plan: Plan, snapshot: Snapshot, name: str, accounts: Sequence[str]) -> None:
    """Delete what callers had. Kubernetes drops an account's tokens with it."""
    namespace = snapshot.namespace
    if snapshot.get(kinds.ROLE_BINDING, f"{name}-view") is not None:
        plan.add("binding", Remove(kinds.ROLE_BINDING, f"{name}-view", namespace))
        plan.add("role", Remove(kinds.ROLE, f"{name}-view-role", namespace))
    for account in accounts:
        plan.add(f"account-{account}", Remove(kinds.SERVICE_ACCOUNT, account, namespace))
    for token in tokens_of(name, snapshot):
        plan.add(f"token-{token['secret']}", Remove(kinds.SECRET, token["secret"], namespace))


def plan_model(
    snapshot: Snapshot,
    form: ModelForm,
    template: Mapping[str, Any] | None,
    settings: Settings,
    *,
    single: bool,
) -> tuple[Plan, str]:
    """Deploy a model, on ``single`` with a server of its own."""
    plan, problems = Plan(), Problems()
    namespace = snapshot.namespace
    name = resource_name(problems, "model", form.display_name, form.name, namespace)
    problems.add("path", fault_of_path(form.path))
    secret = plan_choice(plan, problems, snapshot, form.connection, needs_bucket=True)
    taken = "name" if form.name else "displayName"
    server: Server | None = None
    if single:
        display = form.display_name.strip()
        server = server_of(problems, snapshot, form, template, settings, name, display, single=True)
        check_tokens(problems, form)
        check_format(problems, form, formats_of_template(template))
    else:
        check_server(problems, snapshot, form)
    problems.done()
    if server is not None:
        plan.add("runtime", Make(build_runtime(server), what="serving runtime", field=taken))
    model = model_of(form, namespace, name, secret, single=single)
    plan.add("model", Make(build_model(model), what="model", field=taken))
    if server is not None and server.auth:
        tokens = [(token_secret(snapshot, server, t), t.strip()) for t in form.tokens]
        plan_access(plan, server, tokens, "model")
    return plan, name


def model_of(form: ModelForm, namespace: str, name: str, secret: str, *, single: bool) -> Model:
    """What an InferenceService is built of."""
    return Model(
        namespace=namespace,
        name=name,
        display=form.display_name.strip(),
        format_name=form.format.name,
        format_version=form.format.version,
        runtime=name if single else str(form.server),
        connection=secret,
        path=form.path.strip(),
        single=single,
        replicas=form.replicas,
        route=form.route,
        auth=form.auth,
    )


def formats_of_template(template: Mapping[str, Any] | None) -> Sequence[Mapping[str, Any]]:
    """The formats that a Template's runtime can load."""
    for thing in (template or {}).get("objects") or ():
        if thing.get("kind") == "ServingRuntime":
            return list((thing.get("spec") or {}).get("supportedModelFormats") or ())
    return []


def check_server(problems: Problems, snapshot: Snapshot, form: ModelForm) -> None:
    """The model server must be there and load the format."""
    if not form.server:
        problems.add("server", "A model needs a model server: configure one first.")
        return
    runtime = snapshot.get(kinds.RUNTIME, form.server)
    if runtime is None:
        problems.add("server", f"There is no model server {form.server} in this project.")
        return
    check_format(problems, form, runtime["spec"].get("supportedModelFormats") or ())


def check_format(problems: Problems, form: ModelForm, formats: Sequence[Mapping[str, Any]]) -> None:
    """The framework must be one of the runtime's."""
    known = [(str(f.get("name")), str(f.get("version") or "") or None) for f in formats]
    chosen = (form.format.name, form.format.version)
    if chosen not in known and not (chosen[1] is None and chosen[0] in dict(known)):
        offered = ", ".join(f"{name} - {version}" if version else name for name, version in known)
        told = f"The runtime cannot load {form.format.name} {form.format.version or ''}".rstrip()
        problems.add("format", f"{told}; it can load: {offered or 'nothing'}.")


def plan_model_change(
    snapshot: Snapshot, model: Manifest, form: ModelForm, settings: Settings
) -> Plan:
    """Deploy a model again as the form has it."""
    plan, problems = Plan(), Problems()
    name, single = model["metadata"]["name"], is_single(model)
    if not form.display_name.strip():
        problems.add("displayName", "A model needs a name.")
    problems.add("path", fault_of_path(form.path))
    secret = plan_choice(plan, problems, snapshot, form.connection, needs_bucket=True)
    runtime = snapshot.get(kinds.RUNTIME, name) if single else None
    if single:
        size = choose_size(problems, form, settings)
        check_tokens(problems, form)
        check_format(problems, form, ((runtime or {}).get("spec") or {}).get(
            "supportedModelFormats") or ())  # fmt: skip
    else:
        check_server(problems, snapshot, form)
    problems.done()
    plan.add("model", model_change(snapshot, model, form, secret, single=single))
    if single and runtime is not None:
        plan.add("runtime", runtime_change(snapshot, runtime, form, size, None))
        server = Server(snapshot.namespace, name, "", {}, size, auth=form.auth, single=True)
        plan_tokens(plan, snapshot, server, form.tokens, model)
    return plan


def model_change(
    snapshot: Snapshot, model: Manifest, form: ModelForm, secret: str, *, single: bool
) -> Change:
    """Merge patch to an InferenceService as the form has it."""
    name = model["metadata"]["name"]
    built = build_model(model_of(form, snapshot.namespace, name, secret, single=single))
    new, old = built["spec"]["predictor"], model["spec"]["predictor"]
    # What was read from another place, or of another file, does not hold for this one.
    dropped = {"storageUri": None, "storage": {**new["model"]["storage"], "parameters": None}}
    metadata: dict[str, Any] = {"annotations": dict(built["metadata"]["annotations"])}
    if single:
        metadata["annotations"].setdefault("security.opendatahub.io/enable-auth", None)
        exposed = "exposed" if form.route else None
        metadata["labels"] = {"networking.kserve.io/visibility": exposed}
    patch = {
        "metadata": metadata,
        "spec": {"predictor": {**new, "model": {**new["model"], **dropped}}},
    }
    undo = {"spec": {"predictor": old}}
    return Change(kinds.MODEL, name, snapshot.namespace, patch, undo)


def plan_model_delete(snapshot: Snapshot, model: Manifest, accounts: Sequence[str] = ()) -> Plan:
    """Delete a model, on ``single`` with its server and what its callers had."""
    plan, name, namespace = Plan(), model["metadata"]["name"], snapshot.namespace
    plan.add("model", Remove(kinds.MODEL, name, namespace))
    if is_single(model):
        plan.add("runtime", Remove(kinds.RUNTIME, name, namespace))
        plan_access_delete(plan, snapshot, name, accounts)
    return plan


def token_value(snapshot: Snapshot, secret: str) -> Manifest:
    """The Secret of a token.

    Raises:
        RefusalError: there is none of that name, or it holds no service account's token.
    """
    found = snapshot.get(kinds.SECRET, secret)
    if found is None or not is_token(found):
        raise errors.not_found(f"token {secret}", snapshot.namespace)
    return found
