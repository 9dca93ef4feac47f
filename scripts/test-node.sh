#!/usr/bin/env bash
# The build, the unit tests and the demo under the Node of the PATH, which must be of the major version that is named:
# `npm run test:node24` puts one in front.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$(node -v)
[[ $version == "v$1."* ]] || { echo "node on the PATH is $version, not of version $1" >&2; exit 1; }
echo "Under Node $version: build, unit tests, demo"
media=$(mktemp -d)
trap 'rm -rf "$media"' EXIT
node scripts/build.mjs
node node_modules/vitest/vitest.mjs run --retry=1 test/unit
node dist/cli/reel.js demo --media "$media"
