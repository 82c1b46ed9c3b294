#!/usr/bin/env bash
# Make a virtual environment with the project in it, from whatever Python >= 3.11 is there.
# usage: make_venv.sh FOLDER [GROUP]      GROUP of dependencies, default dev
# With UNPINNED=1 the newest releases are taken instead of those in constraints.txt.
set -euo pipefail
folder=$1 group=${2:-dev}
cd "$(dirname "$0")/.."

python=$(tools/python.sh)
pins=(--constraint constraints.txt)
[ -n "${UNPINNED:-}" ] && pins=()
echo "Setting up $folder with $("$python" --version); a minute or two, once."
"$python" -m venv --clear --without-pip "$folder"
# By the pip that is there, if it is new enough for that: Python's own is slow to unpack.
"$python" -m pip --python "$folder/bin/python" install --quiet 'pip>=25.1' 2>/dev/null || {
  "$folder/bin/python" -m ensurepip >/dev/null
  "$folder/bin/python" -m pip install --quiet --upgrade 'pip>=25.1'
}
"$folder/bin/python" -m pip install --quiet --no-compile ${pins[@]+"${pins[@]}"} \
  --editable '.[all]' --group "$group"
# By all processors, where pip takes one. The packages' own tests are left out, and what others bring
# and nothing here imports, a quarter of all. What cannot be compiled (templates) is nobody's loss.
unused='OpenGL|debugpy|fontTools|mypyc?|networkx|pip|pkg_resources|pygments|setuptools'
"$folder/bin/python" -m compileall -qq -j 0 -x "/_?tests?/|/site-packages/($unused)/" \
  "$folder/lib" src || true
