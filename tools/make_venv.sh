#!/usr/bin/env bash
# Make a virtual environment with the project in it, from whatever Python >= 3.11 is there.
# usage: make_venv.sh FOLDER [GROUP]      GROUP of dependencies, default dev
set -euo pipefail
folder=$1 group=${2:-dev}
cd "$(dirname "$0")/.."

for candidate in "${PYTHON:-python3}" python3.13 python3.12 python3.11 python; do
  if "$candidate" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python=$candidate
    break
  fi
done
if [ -z "${python:-}" ]; then
  echo "No Python 3.11 or newer (with venv) was found; name one: make PYTHON=/path/to/python" >&2
  exit 1
fi
echo "Setting up $folder with $("$python" --version); a minute or two, once."
"$python" -m venv --clear "$folder"
"$folder/bin/python" -m pip install --quiet --upgrade 'pip>=25.1'
"$folder/bin/python" -m pip install --quiet --constraint constraints.txt \
  --editable '.[all]' --group "$group"
