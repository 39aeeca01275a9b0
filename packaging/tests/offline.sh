#!/bin/bash
# Builds the source packages as distributions do: in Debian 13, by debhelper and by rpmbuild, with Debian's compiler and
# SQLite, from the crates in them and without a network. Boots the system with the deb that came out and runs debian/tests.
#
#   packaging/tests/offline.sh [debhelper] [rpmbuild]
#
# As root on Debian 12. The server is compiled twice as for a release, each time for half an hour on two busy cores.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

booted=()

# shellcheck source=packaging/tests/container.sh
. packaging/tests/container.sh
# shellcheck source=packaging/tests/claim.sh
. packaging/tests/claim.sh

# What debian/control asks for, what a booted system needs, and rpmbuild.
readonly BUILD_PACKAGES=$BASE_PACKAGES,build-essential,debhelper,cargo-web,rustc-web,libsqlite3-dev,pkgconf,rpm,debugedit,elfutils
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

claims_of_debhelper() {
    say 'debhelper compiles the server'
    local package built
    claim 'the source unpacks' in_root "$ROOT" 'cd /build && dpkg-source --extract myelin_*.dsc myelin'
    claim 'it builds with what it asks for, and no network' in_root "$ROOT" 'cd /build/myelin && dpkg-buildpackage --build=binary --no-sign'
    ((failed == 0)) || return 0
    for package in myelin myelin-synapse-compat; do
        built=$(echo "$ROOT/build/${package}"_*.deb)
        claim "$package: the files and modes that scripts/install.sh lays out" diff -u <(laid_out "$package") <(packed "$built")
    done
    built=$(echo "$ROOT/build"/myelin_*.deb)
    claim "the server uses Debian's SQLite" depends_on "$built" libsqlite3-0
    claim 'lintian has nothing to say' lintian --allow-root --fail-on error,warning "$ROOT"/build/*.deb
    claim 'built again, nothing of the tree is in the way' in_root "$ROOT" 'cd /build/myelin && debian/rules clean && test ! -e debian/target'
    claims_of_the_installation
}

# rpm_laid_out PACKAGE: mode and path of what scripts/install.sh lays out; rpm_packed FILE: the same of a package. The
# mode of a link is rpm's own.
rpm_laid_out() {
    scripts/install.sh --family rpm --package "$1" --list | awk -F '\t' '{ print $2 == "link" ? "link" : $3, $5 }' | sort -k2
}

rpm_packed() {
    rpm -qp --nosignature --queryformat '[%{FILEMODES:octal} %{FILENAMES}\n]' "$1" |
        sed -E 's/^0?12[0-7]{4} /link /; s/^[0-7]*(0[0-7]{3}) /\1 /' | sort -k2
}

requires() { rpm -qp --nosignature --requires "$1" | grep -F "$2"; }

claims_of_rpmbuild() {
    say 'rpmbuild compiles the server'
    local package built rpms=$ROOT/build/rpm/RPMS
    claim 'the source is a source' in_root "$ROOT" 'rpm --define "_topdir /build/rpm" -i /build/myelin-*.src.rpm'
    # What the recipe asks for is in the system, under Debian's names.
    claim 'it builds with no network' in_root "$ROOT" 'rpmbuild -bb --nodeps --define "_topdir /build/rpm" /build/rpm/SPECS/myelin.spec'
    ((failed == 0)) || return 0
    for package in myelin myelin-filesystem myelin-synapse-compat; do
        built=$(echo "$rpms"/*/"$package"-[0-9]*.rpm)
        claim "$package: the files and modes that scripts/install.sh lays out" diff -u <(rpm_laid_out "$package") <(rpm_packed "$built")
    done
    claim "the server uses the system's SQLite" requires "$(echo "$rpms"/*/myelin-[0-9]*.rpm)" libsqlite3.so.0
    claim 'its symbols are in a package of their own' ls "$rpms"/*/myelin-debuginfo-*.rpm
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
    local recipe
    local -a chosen=(debhelper rpmbuild)
    (($# == 0)) || chosen=("$@")
    trap clean_up EXIT
    need_boot
    need mmdebstrap=mmdebstrap iproute2=ip lintian=lintian dpkg-dev=dpkg-source rpm=rpm
    need_rust
    need_nspawn
    make_root trixie "$BUILD_PACKAGES"
    say 'the source package'
    cargo build --locked --package myelin-packaging
    take_pack
    cargo fetch --locked --quiet
    pack key new --keys "$WORK/keys" --generation 2026 --rsa-bits 2048 >/dev/null
    pack source --keys "$WORK/keys" --out "$ROOT/build"

    for recipe in "${chosen[@]}"; do "claims_of_$recipe"; done

    printf 'offline: %d passed, %d failed\n' "$passed" "$failed"
    ((failed == 0))
}

main "$@"
