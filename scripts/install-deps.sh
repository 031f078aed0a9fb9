#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Installs what is missing to build and run Rowhouse on Debian 12 or 13, as root or with sudo.
#   scripts/install-deps.sh         to build and run
#   scripts/install-deps.sh test    and to test
#   scripts/install-deps.sh bench   and to measure
# With everything there it does nothing, quickly and without root.
set -eu

# libcmocka-dev is here because meson looks for it whenever the tests are configured.
packages="build-essential meson ninja-build pkg-config python3 libpq-dev libuv1-dev libmicrohttpd-dev zlib1g-dev libbrotli-dev
    libjansson-dev libinih-dev libssl-dev libcurl4-openssl-dev libpg-query-dev libcmocka-dev ca-certificates curl"

missing() {
    for package in $packages; do
        status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
        [ "$status" = installed ] || printf '%s ' "$package"
    done
    # These count as there wherever they came from.
    has_server || printf 'postgresql '
    command -v psql >/dev/null || printf 'postgresql-client '
    case ${1:-} in
    test)
        command -v node >/dev/null || printf 'nodejs '
        command -v npm >/dev/null || printf 'npm '
        command -v openssl >/dev/null || printf 'openssl '
        /usr/bin/python3 -c 'import prometheus_client' 2>/dev/null || printf 'python3-prometheus-client '
        command -v chromium >/dev/null || printf 'chromium '
        ;;
    bench)
        command -v wrk >/dev/null || printf 'wrk '
        command -v pgbench >/dev/null || has_server pgbench || printf 'postgresql '
        command -v node >/dev/null || printf 'nodejs '
        command -v npm >/dev/null || printf 'npm '
        ;;
    esac
}

# A program of a PostgreSQL server of version 15 or newer (the oldest that Rowhouse takes).
has_server() {
    for program in /usr/lib/postgresql/*/bin/"${1:-postgres}"; do
        major=${program#/usr/lib/postgresql/}
        [ -x "$program" ] && [ "${major%%/*}" -ge 15 ] && return 0
    done
    return 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        env DEBIAN_FRONTEND=noninteractive "$@"
    else
        sudo env DEBIAN_FRONTEND=noninteractive "$@"
    fi
}

install() {
    as_root apt-get install -y -q --no-install-recommends "$@"
}

# Debian's postgresql makes a cluster and starts it. Rowhouse runs its own, so none is made this time; what Debian does
# the next time stays as it was.
without_cluster() {
    conf=/etc/postgresql-common/createcluster.conf
    [ -e "$conf" ] || install postgresql-common
    [ -e "$conf.before" ] || as_root cp -p "$conf" "$conf.before"
    trap 'as_root mv "$conf.before" "$conf"' EXIT
    trap 'exit 1' HUP INT TERM
    as_root sed -i -E 's/^#?create_main_cluster *=.*/create_main_cluster = false/' "$conf"
}

case ${1:-} in
'' | test | bench) ;;
*)
    echo "usage: scripts/install-deps.sh [test|bench]" >&2
    exit 2
    ;;
esac

wanted=$(missing "${1:-}")
[ -n "$wanted" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "install-deps: this system has no apt-get; install by its own means what Debian calls: $wanted" >&2
    exit 1
fi
if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
    echo "install-deps: not root and no sudo; run as root: apt-get install $wanted" >&2
    exit 1
fi

echo "installing: $wanted" >&2
as_root apt-get update -q
case " $wanted" in
*" postgresql "*) without_cluster ;;
esac
# shellcheck disable=SC2086 # one word a package
install $wanted

still=$(missing "${1:-}")
if [ -n "$still" ]; then
    echo "install-deps: still missing: $still" >&2
    exit 1
fi
