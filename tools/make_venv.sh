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
wanted=(${pins[@]+"${pins[@]}"} --editable '.[all]' --group "$group")
echo "Setting up $folder with $("$python" --version); a minute or two, once."
"$python" -m venv --clear --without-pip "$folder"
# By the pip that is there, if it is new enough for that: Python's own is slow to unpack.
"$python" -m pip --python "$folder/bin/python" install --quiet --no-compile 'pip>=25.1' 2>/dev/null || {
  "$folder/bin/python" -m ensurepip >/dev/null
  "$folder/bin/python" -m pip install --quiet --upgrade 'pip>=25.1'
}

# uv does in seconds what pip takes nearly a minute for, but does not read what pip was told of
# indexes and certificates: it hears of the index here, and where it fails, pip tries.
with_uv() {
  "$folder/bin/python" -m pip install --quiet uv 2>/dev/null || return
  local index=${PIP_INDEX_URL:-$("$folder/bin/python" -m pip config get global.index-url 2>/dev/null)}
  [ -n "$index" ] && export UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-$index}
  UV_SYSTEM_CERTS=1 "$folder/bin/uv" pip install --quiet --python "$folder/bin/python" \
    "${wanted[@]}" 2>/dev/null
}
with_uv || "$folder/bin/python" -m pip install --quiet --no-compile "${wanted[@]}"

# By all processors, where pip takes one. The packages' own tests are left out, and what others bring
# and nothing here imports, a quarter of all. What cannot be compiled (templates) is nobody's loss.
unused='IPython|OpenGL|dask/dataframe|debugpy|distlib|filelock|fontTools|identify|imageio|ipykernel|jedi'
unused+='|jupyter_client|mypyc?|networkx|numba/cuda|numpy/distutils|parso|pip|pkg_resources|pre_commit'
unused+='|prompt_toolkit|pydantic/v1|pygments|pyqtgraph/examples|qtconsole|setuptools|uv|virtualenv|wcwidth'
"$folder/bin/python" -m compileall -qq -j 0 -x "/_?tests?(uite)?/|/site-packages/($unused)/" \
  "$folder/lib" src tests || true
