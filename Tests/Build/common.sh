# Sourced by the tests of this directory. ctest runs them: CMakeLists.txt sets the variables.
set -eu

fail() {
  echo "FAIL: $*" >&2
  exit 1
}

here=$SOURCE/Tests/Build
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Runs a program built from host.c or host.swift on a new project directory.
run_host() {
  mkdir "$scratch/project"
  "$@" "$scratch/project" || fail "$* says no"
  rm -r "$scratch/project"
}
