"""Session, catalogue, projects and permissions."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from dashboard import errors, kinds
from dashboard.api.common import Asking, DryRun
from dashboard.forms import PermissionForm, PlatformForm, ProjectForm, RoleForm
from dashboard.learner import PLATFORM, Learner, project_list
from dashboard.objects.common import DASHBOARD, DESCRIPTION, DISPLAY_NAME, random_name
from dashboard.objects.permissions import build_permission
from dashboard.sections import project_view
from dashboard.snapshot import read
from dashboard.status import times
from dashboard.submit import Change, Make, Plan, Remove
from dashboard.validation import RULES, Problems, derive_name, fault_of_name, resource_name
from dashboard.views.permissions import permission_item

router = APIRouter(prefix="/api")
# What names of a kind are taken by.
_NAMED = {
    "workbench": kinds.NOTEBOOK,
    "storage": kinds.CLAIM,
    "connection": kinds.SECRET,
    "server": kinds.RUNTIME,
    "model": kinds.MODEL,
    "token": kinds.SECRET,
}


@router.get("/session")
async def session(learner: Asking) -> dict[str, Any]:
    """Who is signed in, and where the dashboard is."""
    settings = learner.settings
    instructor = await learner.is_instructor()
    return {
        "user": learner.user,
        "namespace": settings.namespace,
        "baseDomain": settings.base_domain,
        "column": settings.column,
        "instructor": instructor,
        "canCreateProject": await learner.may(kinds.NAMESPACE.right("create")),
        "signIn": "/oauth/login",
        "signOut": "/oauth/logout",
        "loginCommand": settings.login_command,
    }


@router.get("/catalogue")
async def catalogue(learner: Asking) -> dict[str, Any]:
    """What the forms offer."""
    return await learner.catalogue.as_dict()


@router.get("/projects")
async def projects(learner: Asking) -> dict[str, Any]:
    """Every project that the learner sees."""
    return {"items": await project_list(learner, times.now())}


@router.post("/projects")
async def create_project(learner: Asking, form: ProjectForm, dry: DryRun = False) -> dict[str, Any]:
    """A new project, whose admin is who makes it, as OpenShift's ProjectRequest has it."""
    problems, plan = Problems(), Plan()
    name = resource_name(problems, "project", form.display_name, form.name)
    if name.startswith(("openshift", "kube")):
        told = f"Projects named {name!r} are the cluster's own: choose another name."
        problems.add("name" if form.name else "displayName", told)
    problems.done()
    annotations = {
        DISPLAY_NAME: form.display_name.strip(),
        DESCRIPTION: form.description,
        "openshift.io/requester": learner.user,
    }
    manifest = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": dict(DASHBOARD), "annotations": annotations},
    }
    taken = "name" if form.name else "displayName"
    plan.add("project", Make(manifest, what="project", field=taken))
    binding = build_permission(name, "admin", "User", learner.user, "admin")
    binding["metadata"]["labels"] = dict(DASHBOARD)
    right = kinds.ROLE_BINDING.right("create", name)
    plan.add("admin", Make(binding, right=right))
    await plan.run(learner.acting, dry=dry)
    learner.catalogue.forget_namespaces()
    return {"name": name} if dry else await project_view(learner, name)


@router.get("/projects/{ns}")
async def project(learner: Asking, ns: str) -> dict[str, Any]:
    """One project."""
    return await project_view(learner, ns)


@router.put("/projects/{ns}")
async def change_project(
    learner: Asking, ns: str, form: ProjectForm, dry: DryRun = False
) -> dict[str, Any]:
    """Another shown name and text."""
    await learner.project(ns)
    problems = Problems()
    if not form.display_name.strip():
        problems.add("displayName", "A project needs a name.")
    problems.done()
    annotations = {DISPLAY_NAME: form.display_name.strip(), DESCRIPTION: form.description}
    patch = {"metadata": {"annotations": annotations}}
    await learner.acting.patch(kinds.NAMESPACE, ns, "", patch, dry=dry)
    learner.catalogue.forget_namespaces()
    return await project_view(learner, ns)


@router.delete("/projects/{ns}")
async def delete_project(learner: Asking, ns: str, dry: DryRun = False) -> dict[str, Any]:
    """Delete a project with all that is in it."""
    await learner.project(ns)
    await learner.acting.delete(kinds.NAMESPACE, ns, dry=dry)
    learner.catalogue.forget_namespaces()
    return {}


@router.put("/projects/{ns}/platform")
async def choose_platform(
    learner: Asking, ns: str, form: PlatformForm, dry: DryRun = False
) -> dict[str, Any]:
    """Choose what the project's models are served on; a choice that stands is not changed."""
    found = await project_view(learner, ns)
    if found["platform"] not in (None, form.platform):
        told = "The project's platform is chosen already: its models would not be found any more."
        raise errors.RefusalError(409, "Conflict", told, fields={"platform": told})
    patch = {"metadata": {"labels": {PLATFORM: "true" if form.platform == "multi" else "false"}}}
    await learner.acting.patch(kinds.NAMESPACE, ns, "", patch, dry=dry)
    learner.catalogue.forget_namespaces()
    return await project_view(learner, ns)


@router.get("/projects/{ns}/names")
async def names(
    learner: Asking,
    ns: str,
    kind: str,
    shown: Annotated[str, Query(alias="displayName", max_length=300)] = "",
) -> dict[str, Any]:
    """The resource name that a shown name gives, and whether it is taken."""
    await learner.project(ns)
    if kind not in _NAMED:
        known = ", ".join(_NAMED)
        raise errors.invalid({"kind": f"There is no kind {kind!r}; there are: {known}."})
    name = derive_name(shown, RULES[kind])
    taken = await learner.acting.find(_NAMED[kind], name, ns) is not None
    message = fault_of_name(name, RULES[kind], ns)
    if taken:
        message = f"There is a {RULES[kind].what} named {name} in this project already."
    return {"name": name, "taken": taken, "message": message}


async def _own(learner: Learner, ns: str, name: str) -> dict[str, Any]:
    """A binding that was made here; others are not changed by this page."""
    await learner.project(ns)
    snapshot = await read(learner.acting, ns, [kinds.ROLE_BINDING])
    for binding in snapshot.need(kinds.ROLE_BINDING):
        item = permission_item(binding)
        if binding["metadata"]["name"] == name and item is not None:
            if item["fixed"]:
                told = f"The permission {name} came with the project and is not changed here."
                raise errors.RefusalError(409, "Conflict", told)
            return item
    raise errors.not_found(f"permission {name}", ns)


@router.post("/projects/{ns}/permissions")
async def share(
    learner: Asking, ns: str, form: PermissionForm, dry: DryRun = False
) -> dict[str, Any]:
    """Let a user or a group in."""
    await learner.project(ns)
    problems = Problems()
    subject = form.subject.strip()
    if not subject:
        problems.add("subject", f"The {form.kind.lower()} needs a name.")
    snapshot = await read(learner.acting, ns, [kinds.ROLE_BINDING])
    for binding in snapshot.need(kinds.ROLE_BINDING):
        item = permission_item(binding)
        if item and not item["fixed"] and (item["kind"], item["subject"]) == (form.kind, subject):
            problems.add("subject", f"{form.kind} {subject} has a permission here already.")
    problems.done()
    return await _share(learner, ns, form.kind, subject, form.role, dry=dry)


async def _share(
    learner: Learner, ns: str, kind: str, subject: str, role: str, *, dry: bool, old: str = ""
) -> dict[str, Any]:
    name = random_name("dashboard-permissions")
    plan = Plan()
    plan.add("new", Make(build_permission(ns, name, kind, subject, role), what="permission"))
    if old:
        plan.add("old", Remove(kinds.ROLE_BINDING, old, ns))
    made = await plan.run(learner.acting, dry=dry)
    return permission_item(made["new"]) or {}


@router.put("/projects/{ns}/permissions/{name}")
async def change_share(
    learner: Asking, ns: str, name: str, form: RoleForm, dry: DryRun = False
) -> dict[str, Any]:
    """Another role: the new binding first, then the old one goes."""
    item = await _own(learner, ns, name)
    if item["role"] == form.role:
        return item
    return await _share(learner, ns, item["kind"], item["subject"], form.role, dry=dry, old=name)


@router.delete("/projects/{ns}/permissions/{name}")
async def end_share(learner: Asking, ns: str, name: str, dry: DryRun = False) -> dict[str, Any]:
    """Let somebody in no more."""
    await _own(learner, ns, name)
    await learner.acting.delete(kinds.ROLE_BINDING, name, ns, dry=dry)
    return {}


__all__ = ["Change", "router"]
