#!/usr/bin/env bash
# Builds cyvlfeat (Fisher vectors by VLFeat) into an environment: scripts/install_cyvlfeat.sh .venv
#
# cyvlfeat has no wheels and needs VLFeat's headers and library. Both come from Debian's or Ubuntu's
# packages, unpacked into .vlfeat/ of the project: nothing is installed outside the project, and
# root is not needed. Where something is missing, one line says what, and the project goes on with
# its own encoder. Exit status is always 0.
set -u -o pipefail

VERSION=0.7.1
PROJECT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CONSTRAINTS=$PROJECT/constraints.txt
VLFEAT=$PROJECT/.vlfeat
LOG=$VLFEAT/install.log

go_without() {
  echo "cyvlfeat not installed: $1. Fisher vectors run on torch instead."
  exit 0
}

importable() { "$PYTHON" -c "import cyvlfeat.fisher" >>"${1:-/dev/null}" 2>&1; }

# Without root and without package lists, apt works on lists and caches of its own.
private_apt() {
  mkdir -p "$VLFEAT/lists/partial" "$VLFEAT/cache/archives/partial"
  apt-get -q -o Dir::State::Lists="$VLFEAT/lists" -o Dir::Cache="$VLFEAT/cache" \
    -o APT::Sandbox::User="$(id -un)" -o Acquire::Retries=1 -o Acquire::http::Timeout=20 "$@"
}

fetch_vlfeat() {
  rm -rf packages unpacked && mkdir packages && cd packages || return 1
  if ! apt-get -q -o APT::Sandbox::User="$(id -un)" download libvlfeat1 libvlfeat-dev; then
    cd .. && private_apt update && cd packages || return 1
    private_apt download libvlfeat1 libvlfeat-dev || return 1
  fi
  cd ..
  local package
  for package in packages/*.deb; do dpkg -x "$package" unpacked || return 1; done
  rm -rf packages lists cache
}

build() {
  local lib
  lib=$(dirname "$(find "$VLFEAT/unpacked" -name libvl.so -print -quit)")
  "$PYTHON" -m pip install --constraint "$CONSTRAINTS" numpy scipy cython setuptools wheel || return 1
  # The wrappers are thin, so compiling them fast is worth more than fast code; two at a time.
  printf '[build_ext]\nparallel = 2\n' >build.cfg
  # No cache: a wheel cached for another folder would look for the library there.
  DIST_EXTRA_CONFIG="$VLFEAT/build.cfg" CFLAGS="-O0 -g0 -I$VLFEAT/unpacked/usr/include" LDFLAGS="-L$lib -Wl,-rpath,$lib" \
    "$PYTHON" -m pip install --constraint "$CONSTRAINTS" --no-build-isolation --no-deps \
    --no-cache-dir "cyvlfeat==$VERSION"
}

[ $# -eq 1 ] || { echo "usage: $0 ENVIRONMENT"; exit 0; }
PYTHON=$(cd "$1" 2>/dev/null && pwd)/bin/python
[ -x "$PYTHON" ] || go_without "no python in $1"
importable && exit 0

for tool in cc apt-get dpkg; do
  command -v "$tool" >/dev/null || go_without "$tool is missing"
done
HEADERS=$("$PYTHON" -c "import sysconfig; print(sysconfig.get_path('include'))")
[ -f "$HEADERS/Python.h" ] || go_without "Python.h is missing (Debian: python3-dev)"
mkdir -p "$VLFEAT" && cd "$VLFEAT" && : >"$LOG" || go_without "$VLFEAT cannot be written"

echo "Building cyvlfeat $VERSION (about a minute) ..."
if ! find unpacked -name libvl.so 2>/dev/null | grep -q .; then
  fetch_vlfeat >>"$LOG" 2>&1 || go_without "libvlfeat-dev cannot be fetched by apt-get (see .vlfeat/install.log)"
fi
build >>"$LOG" 2>&1 || go_without "its build failed (see .vlfeat/install.log)"
importable "$LOG" || go_without "it was built but cannot be imported (see .vlfeat/install.log)"
