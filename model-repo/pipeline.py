"""The pipeline of the notebooks, written with the Kubeflow Pipelines SDK (v2).

    python pipeline.py                            writes mnist-pipeline.yaml
    python pipeline.py --submit URL               and runs it on the pipeline server at URL
    python pipeline.py --submit URL --profile quick

Each component is thin: it calls the step of ``mnist_workload`` that the notebook of the same name
shows line by line. The components hand their files over on the volume ``ml-pipeline``, and get the
keys of the bucket from the data connection's Secret, by name.
"""

import argparse
import os
from pathlib import Path

from kfp import Client, compiler, dsl, kubernetes

IMAGE = os.environ.get(
    "MNIST_RUNTIME_IMAGE",
    "image-registry.openshift-image-registry.svc:5000/redhat-ods-applications/mnist-runtime:1.0",
)
VOLUME, MOUNT_PATH = "ml-pipeline", "/tmp/ml-pipeline"  # noqa: S108 - the lab's mount path
DATA_CONNECTION = "aws-connection-s3-creds"
CONNECTION_KEYS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_DEFAULT_REGION",
    "AWS_S3_ENDPOINT",
    "AWS_S3_BUCKET",
)


# The image has all that the components import: nothing is installed when they start.
@dsl.component(base_image=IMAGE, install_kfp_package=False)
def pre_process() -> int:
    """Fetch the digits, check them, and bring them into the form that the network reads."""
    from mnist_workload import steps
    from mnist_workload.configuration import load_paths
    from mnist_workload.storage import ObjectStore, load_storage_configuration

    checksums = steps.run_preprocess(ObjectStore(load_storage_configuration()), load_paths())
    return len(checksums)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def train(profile: str) -> float:
    """Train the network and store it as ONNX; return its accuracy."""
    from mnist_workload import steps
    from mnist_workload.configuration import load_paths, load_training_configuration
    from mnist_workload.storage import ObjectStore, load_storage_configuration

    description = steps.run_train(
        ObjectStore(load_storage_configuration()),
        load_paths(),
        load_training_configuration(profile=profile),
    )
    return float(description["accuracy"])


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def evaluate(
    metrics: dsl.Output[dsl.Metrics], classification: dsl.Output[dsl.ClassificationMetrics]
):
    """Measure the stored model, and show the measures as the output of the run."""
    from mnist_workload import evaluation, steps
    from mnist_workload.configuration import load_paths
    from mnist_workload.storage import ObjectStore, load_storage_configuration

    measured = steps.run_evaluate(ObjectStore(load_storage_configuration()), load_paths())
    evaluation.log_to_artifacts(measured, metrics, classification)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def review(report: dsl.Output[dsl.Markdown]) -> int:
    """List the digits that the stored model reads wrongly; return how many there are."""
    from pathlib import Path

    from mnist_workload import review as reviewing
    from mnist_workload import steps
    from mnist_workload.configuration import load_paths
    from mnist_workload.storage import ObjectStore, load_storage_configuration

    found = steps.run_review(ObjectStore(load_storage_configuration()), load_paths())
    Path(report.path).write_text(reviewing.mistakes_markdown(found))
    return len(found)


@dsl.pipeline(name="mnist-sdk", description="Pre-process, train, evaluate and review MNIST")
def mnist(profile: str = "default"):
    """Run the four steps: Review needs what Pre-process and Train leave, as in the notebooks."""
    processed = pre_process()
    trained = train(profile=profile).after(processed)
    evaluated = evaluate().after(trained)
    reviewed = review().after(processed, trained)
    for task in (processed, trained, evaluated, reviewed):
        # The steps read and write the volume and the bucket: a cached result would skip that.
        task.set_caching_options(False)
        kubernetes.mount_pvc(task, pvc_name=VOLUME, mount_path=MOUNT_PATH)
        kubernetes.use_secret_as_env(
            task,
            secret_name=DATA_CONNECTION,
            secret_key_to_env={key: key for key in CONNECTION_KEYS},
        )


def main() -> None:
    """Compile the pipeline and, if asked to, submit it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=Path("mnist-pipeline.yaml"))
    parser.add_argument("--submit", metavar="URL", help="address of the pipeline server")
    parser.add_argument("--profile", default="default", choices=("default", "quick"))
    options = parser.parse_args()
    compiler.Compiler().compile(mnist, str(options.output))
    if options.submit:
        run = Client(host=options.submit).create_run_from_pipeline_package(
            str(options.output), arguments={"profile": options.profile}, run_name="mnist-sdk"
        )
        print(run.run_id)


if __name__ == "__main__":
    main()
