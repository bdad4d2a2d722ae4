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

# Above the seam nothing names a part of a storage. Comments may.
parts='FileStore|FileState|MemoryStore|StateDocument|StateDirectory|StoreChange|Journal|journal|inode'
parts="$parts|OwnedLog|LogReader|LogPosition|LogFormat|FileStamp|Directory"
if grep -nwE "$parts" BackgroundJobs/*.swift CAPI/*.swift | grep -vE '^[^:]*:[0-9]*: *//'; then
  echo 'the API names a part of a storage; it may call the verbs of Storage only' >&2
  found=1
fi
exit $found
