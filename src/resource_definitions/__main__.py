"""Writes ``kubernetes.json`` anew out of what an API server says of itself.

``kubectl get --raw /openapi/v2 | python3 -m resource_definitions``
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from resource_definitions.kubernetes import from_document


def main() -> int:
    """Read an API server's OpenAPI document from standard input; write the file beside this one."""
    definitions = from_document(json.load(sys.stdin))
    # One definition a line, so that a change is read where it is.
    lines = (
        f"{json.dumps(name)}: {json.dumps(schema, sort_keys=True)}"
        for name, schema in sorted(definitions.items())
    )
    path = Path(__file__).with_name("kubernetes.json")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
