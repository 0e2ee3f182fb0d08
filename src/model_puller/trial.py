"""Opens a model as the server would, and says why it cannot be served."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import onnx

from model_puller.errors import PullError
from model_server.onnx_model import ModelLoadError, describe, open_session, seconds_to_run


def explain(path: Path) -> str:
    """Why the model cannot be served; empty if it can."""
    try:
        refuse_foreign_data(path)
        session = open_session(path)
        inputs = describe(session.get_inputs(), "input")
        describe(session.get_outputs(), "output")
        seconds_to_run(session, inputs)
    except PullError as error:
        return error.message
    except ModelLoadError as error:
        return str(error)
    except MemoryError:
        return "out of memory while the model was opened"
    return ""


def refuse_foreign_data(path: Path) -> None:
    """Refuse a file that is not ONNX, or whose tensors lie outside its own folder."""
    try:
        model = onnx.load_model(str(path), load_external_data=False)
    except OSError as error:
        raise PullError(f"cannot read the model: {error.strerror}") from error
    except MemoryError:
        raise
    except Exception as error:
        raise PullError(f"not an ONNX model: {' '.join(str(error).split())[:200]}") from error
    if not model.graph.node or not model.opset_import:
        raise PullError("not an ONNX model: it has no graph")
    folder = path.parent.resolve()
    for tensor in _tensors(model):
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        entries = {entry.key: entry.value for entry in tensor.external_data}
        location = entries.get("location", "")
        target = (folder / location).resolve()
        if Path(location).is_absolute() or not target.is_relative_to(folder):
            raise PullError(
                f"tensor '{tensor.name}' has external data at '{location}', "
                "outside the model's folder"
            )
        if not target.is_file():
            raise PullError(f"tensor '{tensor.name}' has external data at '{location}': not found")


def _tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    graphs = [model.graph]
    nodes = [node for function in model.functions for node in function.node]
    while graphs or nodes:
        if graphs:
            graph = graphs.pop()
            yield from graph.initializer
            for sparse in graph.sparse_initializer:
                yield sparse.values
                yield sparse.indices
            nodes.extend(graph.node)
        while nodes:
            for attribute in nodes.pop().attribute:
                yield attribute.t
                yield from attribute.tensors
                for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                    yield sparse.values
                    yield sparse.indices
                graphs.append(attribute.g)
                graphs.extend(attribute.graphs)
