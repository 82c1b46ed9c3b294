#!/usr/bin/env bash
# Say which Python >= 3.11 (with venv) there is: $PYTHON, or the first that is found.
set -euo pipefail

for candidate in "${PYTHON:-python3}" python3.13 python3.12 python3.11 python; do
  if "$candidate" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "$candidate"
    exit
  fi
done
echo "No Python 3.11 or newer (with venv) was found; name one: make PYTHON=/path/to/python" >&2
exit 1
