#!/bin/sh
# Puts the lab's words to pip's failures beside pip: loaded by each Python that is started as pip.
set -eu

for packages in /opt/lab/venv/lib/python3*/site-packages; do
    cp "$(dirname "$0")/explain_pip.py" "$packages/"
    cat >"$packages/explain_pip.pth" <<'PTH'
import sys; {"pip", "pip3"} & {word.rpartition("/")[2] for word in sys.orig_argv[1:4]} and __import__("explain_pip").listen()
PTH
done
