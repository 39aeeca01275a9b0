#!/bin/bash
# Builds the source package as a distribution does: in Debian 13, by debhelper, with Debian's compiler and SQLite, from
# the crates in it and without a network. Boots the system with what came out and runs debian/tests.
#
#   packaging/tests/offline.sh
#
# As root on Debian 12. The server is compiled as for a release, which takes half an hour on two cores.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

booted=()

# shellcheck source=packaging/tests/container.sh
. packaging/tests/container.sh
# shellcheck source=packaging/tests/claim.sh
. packaging/tests/claim.sh

# What debian/control asks for, and what a booted system needs.
readonly BUILD_PACKAGES=$BASE_PACKAGES,build-essential,debhelper,cargo-web,rustc-web,libsqlite3-dev,pkgconf
readonly ROOT=$WORK/trixie

clean_up() {
    local name
    for name in "${booted[@]}"; do halt "$name"; done
    rm -rf --one-file-system "$WORK"
}

# laid_out PACKAGE: mode and path of what scripts/install.sh lays out; packed FILE: the same of a package, without the
# folders that every system has.
laid_out() {
    scripts/install.sh --family deb --package "$1" --list | awk -F '\t' '$2 != "dir" { print $3, $5 }' | sort -k2
}

packed() {
    dpkg-deb --extract "$1" "$WORK/unpacked"
    (cd "$WORK/unpacked" && find . ! -type d -printf '%#m %p\n' | sed 's| \.| |' | sort -k2)
    rm -rf "$WORK/unpacked"
}

# depends_on FILE PACKAGE
depends_on() { dpkg-deb --field "$1" Depends | grep -E "(^|, )$2( |,|$)"; }

claims_of_the_build() {
    say 'debhelper compiles the server'
    local package built
    claim 'the source unpacks' in_root "$ROOT" 'cd /build && dpkg-source --extract myelin_*.dsc myelin'
    claim 'it builds with nothing but what it asks for, and no network' in_root "$ROOT" 'cd /build/myelin && dpkg-buildpackage --build=binary --no-sign'
    ((failed == 0)) || return 0
    for package in myelin myelin-synapse-compat; do
        built=$(echo "$ROOT/build/${package}"_*.deb)
        claim "$package: the files and modes that scripts/install.sh lays out" diff -u <(laid_out "$package") <(packed "$built")
    done
    built=$(echo "$ROOT/build"/myelin_*.deb)
    claim "the server uses Debian's SQLite" depends_on "$built" libsqlite3-0
    claim 'lintian has nothing to say' lintian --allow-root --fail-on error,warning "$ROOT"/build/*.deb
    claim 'built again, nothing of the tree is in the way' in_root "$ROOT" 'cd /build/myelin && debian/rules clean && test ! -e debian/target'
}

claims_of_the_installation() {
    say 'in a booted system'
    mkdir -p "$ROOT/packages"
    cp "$ROOT"/build/myelin_*.deb debian/tests/server "$ROOT/packages/"
    boot built trixie
    claim 'it installs' inside sh -c 'dpkg -i /packages/myelin_*.deb' </dev/null
    claim 'debian/tests passes' inside env AUTOPKGTEST_TMP=/tmp sh /packages/server
}

main() {
    trap clean_up EXIT
    need_boot
    need mmdebstrap=mmdebstrap iproute2=ip lintian=lintian dpkg-dev=dpkg-source
    need_rust
    need_nspawn
    make_root trixie "$BUILD_PACKAGES"
    say 'the source package'
    cargo build --locked --package myelin-packaging
    take_pack
    cargo fetch --locked --quiet
    pack key new --keys "$WORK/keys" --generation 2026 --rsa-bits 2048 >/dev/null
    pack source --keys "$WORK/keys" --out "$ROOT/build"

    claims_of_the_build
    ((failed)) || claims_of_the_installation

    printf 'offline: %d passed, %d failed\n' "$passed" "$failed"
    ((failed == 0))
}

main "$@"
