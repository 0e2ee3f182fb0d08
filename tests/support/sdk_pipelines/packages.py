"""Pipelines whose steps install packages as the SDK lets them."""

from typing import Any

import kfp
from kfp import dsl

from .constructs import IMAGE


@dsl.component(base_image=IMAGE, packages_to_install=["lab_tried"])
def tried() -> str:
    import lab_tried  # type: ignore[import-not-found]

    return str(lab_tried.WORD)


@dsl.pipeline(name="packages")
def installs() -> str:
    return tried().output


def of_another_client(version: str) -> Any:
    """A default component as an SDK of another version compiles it: it installs that version."""
    own = kfp.__version__
    kfp.__version__ = version
    try:

        @dsl.component(base_image=IMAGE)
        def tell() -> str:
            import kfp

            return kfp.__version__

    finally:
        kfp.__version__ = own

    @dsl.pipeline(name="another-client")
    def asks() -> str:
        return tell().output

    return asks
