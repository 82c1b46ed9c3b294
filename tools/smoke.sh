#!/usr/bin/env bash
# Install the package as a user does, at one end of what its dependencies allow, and use it once.
# usage: smoke.sh lowest|newest
# lowest: each dependency of ours at its floor, on the oldest Python if it is there; what those
# depend on is the newest that fits. newest: whatever pip takes today, on the newest Python.
set -euo pipefail
end=$1
cd "$(dirname "$0")/.."

folder=build/smoke-$end
pins=()
declare -A usual=([lowest]=python3.11 [newest]=python3.13)
export PYTHON=${PYTHON:-${usual[$end]}}
python=$(tools/python.sh)
echo "Setting up $folder with $("$python" --version)"
"$python" -m venv --clear "$folder/venv"
if [ "$end" = lowest ]; then
  "$python" tools/floors.py >"$folder/floors.txt"
  pins=(--constraint "$folder/floors.txt")
fi
"$folder/venv/bin/python" -m pip install --quiet --upgrade 'pip>=25.1'
"$folder/venv/bin/python" -m pip install --quiet ${pins[@]+"${pins[@]}"} '.[all]'
tools/with_display.sh "$folder/venv/bin/python" tools/smoke.py "$folder"
