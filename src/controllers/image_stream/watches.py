"""What asks for a pass over an ImageStream."""

from __future__ import annotations

from controllers.image_stream.reconcile import reconcile_image_stream
from lab_ground.kubernetes.reconciler import Reconciler
from lab_ground.kubernetes.watching import watch

image_streams = Reconciler("image-stream", reconcile_image_stream, workers=1)

watch(image_streams, "image.openshift.io", "v1", "imagestreams")
