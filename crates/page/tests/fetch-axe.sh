#!/usr/bin/env bash
# Fetches axe-core from the npm registry for the browser test, once, and holds it against its checksum. It is 560 KB under
# MPL-2.0 that nobody needs who does not run that test, so it is not in the tree.
set -euo pipefail
cd "$(dirname "$0")/../../.."
version=4.10.3
sum=880970c081707360e64f34cea25ff91892f5bc95675b0776925b9709dd8a68bb
place="${CARGO_TARGET_DIR:-target}/axe-core"
mkdir -p "$place"
if ! echo "$sum  $place/axe.min.js" | sha256sum --check --status 2>/dev/null; then
  folder="$(mktemp -d)"
  trap 'rm -rf "$folder"' EXIT
  (cd "$folder" && npm pack --silent "axe-core@$version" >/dev/null && tar xzf "axe-core-$version.tgz" package/axe.min.js)
  echo "$sum  $folder/package/axe.min.js" | sha256sum --check --status
  mv "$folder/package/axe.min.js" "$place/axe.min.js"
fi
echo "$place/axe.min.js"
