# What the README says under "From Swift" is a whole program that builds and runs.
. "$(dirname "$0")/common.sh"

# $1: which of the code blocks of that section.
block() {
  sed -n '/^### From Swift/,/^##* [^F]/p' "$SOURCE/README.md" |
    awk -v wanted="$1" '/^```/ { if (inside) inside = 0; else { inside = 1; count++ }; next }
      inside && count == wanted'
}

# A package that is named by its path is called as its directory.
ln -s "$SOURCE" "$scratch/bgjobs"
mkdir -p "$scratch/hello/Sources/hello"
cd "$scratch/hello"
block 1 >Package.swift
block 2 >Sources/hello/main.swift
"$(dirname "$SWIFTC")/swift" build >log 2>&1 || { cat log >&2; fail "the program of the README"; }
.build/debug/hello >said
printf 'hello, %s\n' app backend docs | cmp - said || fail "it does not say what it should"
