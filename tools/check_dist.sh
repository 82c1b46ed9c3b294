#!/usr/bin/env bash
# Build sdist and wheel, look into both, and test what was unpacked from the sdist.
# usage: check_dist.sh PYTHON      one that has the group dev
set -euo pipefail
cd "$(dirname "$0")/.."
python=$(realpath -s "$1")

rm -rf dist build/unpacked
"$python" -m build --outdir dist . >/dev/null
mkdir -p build/unpacked
tar -xzf dist/*.tar.gz -C build/unpacked --strip-components 1

echo "The wheel holds the package, every file that git knows of it, and nothing else:"
diff <("$python" -m zipfile --list dist/*.whl | awk 'NR > 1 && $1 !~ /dist-info/ {print $1}' | sort) \
  <(git ls-files src | sed 's#^src/##' | sort)
echo "and the sdist what git knows but for .ci:"
diff <(cd build/unpacked && find . -type f -o -type l | sed 's#^\./##' | grep -v '^PKG-INFO$' | sort) \
  <(git ls-files | grep -v '^\.ci/' | sort)

cd build/unpacked
PYTHONPATH=src "$python" -m pytest -q tests/test_package.py tests/test_log.py tests/cli/test_info.py tests/phases
