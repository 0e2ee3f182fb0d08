"""The pipeline server: Kubeflow Pipelines' v2beta1 API, whose steps run as pods.

Its floors, from the ground up; arrows go down only, which `./lab verify` holds to:
``errors``, ``database``, ``ir``, ``services``, ``execution``, ``api``, ``web``.

Where things are:

``database/``   tables (``models``), the connection, migrations
``ir/``         packages, checks and meaning of the pipeline IR; pure functions
``execution/``  planning of a run (pure), pods, the engine that drives runs, schedules
``services/``   what can be asked of the server, in Python; the HTTP API and the page call these
``api/``        the v2beta1 API over HTTP and the steps' own small API
``web/``        the page
"""
