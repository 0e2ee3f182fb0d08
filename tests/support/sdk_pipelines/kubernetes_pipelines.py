"""Pipelines that ask something of Kubernetes, written with ``kfp.kubernetes``."""

from kfp import dsl
from kfp import kubernetes as k8s

from sdk_pipelines.constructs import IMAGE, step


@step
def look(paths: list, names: list) -> dict:
    import os
    from pathlib import Path

    files = {}
    for path in paths:
        place = Path(path)
        if place.is_dir():
            files[path] = sorted(item.name for item in place.iterdir() if item.name[0] != ".")
        else:
            files[path] = place.read_text() if place.exists() else None
    return {"files": files, "environment": {name: os.environ.get(name) for name in names}}


@step
def leave(path: str, text: str):
    from pathlib import Path

    Path(path).write_text(text)


@step
def rest(seconds: int):
    import time

    time.sleep(seconds)


@dsl.container_component
def without_python(text: str, out: dsl.OutputPath(str)):
    """Runs in an image whose ``python3`` is out of reach."""
    return dsl.ContainerSpec(image=IMAGE, args=["sh", "-c", f"echo {text} > {out}"])


@dsl.pipeline(name="secrets-and-config-maps")
def configured(secret: str = "settings", config_map: str = "settings"):
    task = look(
        paths=["/etc/secret/word", "/etc/config/word", "/scratch"],
        names=["WORD", "OTHER", "POD", "NOTHING"],
    )
    k8s.use_secret_as_env(task, secret_name=secret, secret_key_to_env={"word": "WORD"})
    k8s.use_config_map_as_env(
        task, config_map_name=config_map, config_map_key_to_env={"word": "OTHER"}
    )
    k8s.use_secret_as_volume(task, secret_name=secret, mount_path="/etc/secret")
    k8s.use_config_map_as_volume(task, config_map_name="settings", mount_path="/etc/config")
    k8s.use_field_path_as_env(task, env_name="POD", field_path="metadata.name")
    k8s.use_secret_as_env(
        task, secret_name="absent", secret_key_to_env={"word": "NOTHING"}, optional=True
    )
    k8s.empty_dir_mount(task, volume_name="scratch", mount_path="/scratch", size_limit="10Mi")
    k8s.add_pod_label(task, "lab/colour", "green")
    k8s.add_pod_annotation(task, "lab/note", "a note")
    k8s.add_toleration(task, key="gpu", operator="Exists", effect="NoSchedule")
    k8s.add_node_selector(task, "kubernetes.io/os", "linux")
    k8s.set_image_pull_policy(task, "IfNotPresent")
    task.set_cpu_request("20m").set_cpu_limit("500m")
    task.set_memory_request("64Mi").set_memory_limit("512Mi")


@dsl.pipeline(name="volumes")
def volumes():
    claim = k8s.CreatePVC(pvc_name_suffix="-shared", access_modes=["ReadWriteOnce"], size="10Mi")
    first = leave(path="/data/word", text="shared")
    k8s.mount_pvc(first, pvc_name=claim.outputs["name"], mount_path="/data")
    second = look(paths=["/data/word"], names=[]).after(first)
    k8s.mount_pvc(second, pvc_name=claim.outputs["name"], mount_path="/data")
    k8s.DeletePVC(pvc_name=claim.outputs["name"]).after(second)


@dsl.pipeline(name="timeout")
def timeout():
    task = rest(seconds=300)
    k8s.set_timeout(task, 3)


@dsl.pipeline(name="no-python")
def image_entrypoint():
    without_python(text="hello")


@step
def talk():
    import time

    print("still talking", flush=True)
    time.sleep(120)


@dsl.pipeline(name="talkative")
def talkative():
    talk().set_caching_options(False)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def idle():
    pass


@dsl.pipeline(name="names-a-secret")
def names_a_secret(secret: str):
    k8s.use_secret_as_env(idle(), secret_name=secret, secret_key_to_env={"password": "PASSWORD"})


@dsl.pipeline(name="names-nothing")
def names_nothing():
    idle()
