#!/usr/bin/env bash
# Run tests in two processes, with a thread of linear algebra each: more would wait for each other.
# usage: tests.sh [WHAT PYTEST TAKES]
# Asserts are Python's own at first, for those of pytest cost ten seconds in each process; what fails
# runs once more with them, for they say what was compared.
set -uo pipefail
cd "$(dirname "$0")/.."

run() { OPENBLAS_NUM_THREADS=1 tools/with_display.sh .venv/bin/python -m pytest "$@"; }

run -n 2 --no-loadscope-reorder --assert=plain "$@" && exit
status=$?
if [ "$status" = 1 ]; then  # tests failed, and nobody stopped them
  echo "What failed, once more:"
  run --last-failed --last-failed-no-failures=none "$@"
fi
exit "$status"
