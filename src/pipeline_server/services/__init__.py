"""What can be asked of the pipeline server, in Python.

The HTTP API and the page call these, never the tables. ``Services`` (in ``services.collection``)
holds one of each and is found at ``request.app.state.services``:

``services.runs``            ``RunService``: list, get (with tasks), create, terminate, retry,
                             archive, unarchive, delete, task inputs and outputs
``services.artifacts``       ``ArtifactService``: list of a run, get, open (bytes; of a folder its
                             archive), a folder's files, files of a run
``services.logs``            ``LogService``: read a step's log from an offset on
``services.pipelines``       ``PipelineService``: list, upload, versions, delete
``services.experiments``     ``ExperimentService``
``services.recurring_runs``  ``RecurringRunService``

Methods are blocking (call them in a thread pool) and give rows of ``database.models``, detached
from their session: read them freely, change nothing. Every failure is a ``ServiceError`` (in
``services.errors``) with ``status`` and ``message``. Lists take a ``ListRequest`` and give a
``Page`` (in ``services.listing``).
"""
