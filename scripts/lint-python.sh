#!/bin/sh
# ruff and mypy over everything in Python, from PyPI and in a directory of their own: lint-python.sh
# DIRECTORY
set -eu
cd "$(dirname "$0")/.."

tools="ruff==0.17.6 mypy==2.4.1"
venv=$1
if [ "$(cat "$venv/tools" 2>/dev/null)" != "$tools" ]; then
  sh scripts/setup.sh python3-venv
  rm -rf "$venv"
  /usr/bin/python3 -m venv "$venv"
  # shellcheck disable=SC2086
  "$venv/bin/pip" install --quiet --disable-pip-version-check $tools
  echo "$tools" >"$venv/tools"
fi
"$venv/bin/ruff" check --quiet Bindings Tests Examples Benchmarks
"$venv/bin/ruff" format --quiet --check Bindings Tests Examples Benchmarks
(cd Bindings/Python && "../../$venv/bin/mypy" --no-error-summary --cache-dir=/dev/null src)
