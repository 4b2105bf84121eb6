#!/bin/sh
# Installs what the tests need from the system: the PostgreSQL and MariaDB servers they start, and a browser. Says nothing when everything is
# there, says what is missing when it cannot install it, and never fails: tests without what they need skip and name the package.
set -u

installed() { # a program on the PATH or in one of the folders given after it
    command -v "$1" >/dev/null 2>&1 && return 0
    name=$1
    shift
    for folder in "$@"; do
        [ -x "$folder/$name" ] && return 0
    done
    return 1
}

missing=
installed initdb /usr/lib/postgresql/*/bin || missing="$missing postgresql"
installed mariadbd /usr/sbin /usr/local/sbin || missing="$missing mariadb-server"
installed chromium || installed chromium-browser || installed google-chrome || missing="$missing chromium"
[ -z "$missing" ] && exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "tests that need them will be skipped; missing packages:$missing" >&2
    exit 0
fi

# The packages would start a server on the usual port, which may be taken; the tests start their own.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM
fi

export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
# shellcheck disable=SC2086 # a list of packages
if ! { apt-get update -qq && apt-get install -qq -y --no-install-recommends $missing; } >"$log" 2>&1; then
    echo "could not install:$missing; tests that need them will be skipped or, with CI=true, fail. The end of what apt-get said:" >&2
    tail -n 5 "$log" >&2
fi
rm -f "$log"
exit 0
