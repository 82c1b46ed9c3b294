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
"$python" -m venv --clear "$folder"
"$folder/bin/python" -m pip install --quiet --upgrade 'pip>=25.1'
"$folder/bin/python" -m pip install --quiet --no-compile ${pins[@]+"${pins[@]}"} \
  --editable '.[all]' --group "$group"
# By all processors, where pip takes one; the packages' own tests are left out. What cannot be
# compiled (templates) is nobody's loss.
"$folder/bin/python" -m compileall -qq -j 0 -x '/_?tests?/' "$folder/lib" src || true
