#!/usr/bin/env bash
# Run a command on a virtual display with software OpenGL, so that tests open real windows.
# Installs Debian's packages for that where it may; else says which are missing.
set -euo pipefail

if [ "$(uname)" != Linux ]; then
  exec "$@"
fi

packages=(xvfb xauth libegl1 libgl1 libgl1-mesa-dri libxkbcommon-x11-0 libdbus-1-3
  libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0
  libxcb-render-util0 libxcb-shape0 libxcb-xinerama0)
if command -v dpkg-query >/dev/null; then
  missing=()
  for package in "${packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
      missing+=("$package")
  done
  if [ ${#missing[@]} -gt 0 ] && [ "$(id -u)" = 0 ]; then
    echo "Installing ${missing[*]}"
    (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
      --no-install-recommends "${missing[@]}") >/dev/null || true
  fi
fi

if ! command -v xvfb-run >/dev/null; then
  echo "Tests that open windows need these Debian packages: ${packages[*]}" >&2
  [ -n "${CI:-}" ] && exit 1
  exec "$@" -m "not gui"
fi
export LIBGL_ALWAYS_SOFTWARE=1 QT_QPA_PLATFORM=xcb
exec xvfb-run --auto-servernum --server-args='-screen 0 1280x800x24' "$@"
