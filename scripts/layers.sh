#!/bin/sh -e
# Layers of the core: each folder knows itself and those before it, which is how far it compiles.
# Usage: layers.sh [FOLDER...]; without folders, all of them.
cd "$(dirname "$0")/../Sources"
layers='System Estimate Model Document Files Storage'
options='-swift-version 6 -parse-as-library -package-name bgjobs -module-name BackgroundJobs
  -enable-experimental-feature Lifetimes -I CPosix/include -Xcc -ICPosix/include -Xcc -ICJansson'
found=0
known=''
for layer in $layers; do
  known="$known BackgroundJobs/$layer/*.swift"
  case " ${*:-$layers} " in *" $layer "*) ;; *) continue ;; esac
  # shellcheck disable=SC2086
  if ! said=$(swiftc -typecheck -suppress-warnings $options $known 2>&1); then
    echo "$layer/ knows what stands above it, in the order $layers:" >&2
    echo "$said" | grep 'error: ' | sed "s#^$PWD/##" | sort -u >&2
    found=1
  fi
done
exit $found
