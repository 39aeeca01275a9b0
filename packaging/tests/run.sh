#!/bin/bash
# Installs, upgrades and removes the packages from repositories that this run signed: by apt in booted systems, by dnf
# and zypper in a folder; and attacks the repositories.
#
#   packaging/tests/run.sh
#
# As root on Debian 12. Makes a minimal system once (in ~/.cache/myelin) and throws away what it did to it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

readonly CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/myelin
readonly TARGET=${CARGO_TARGET_DIR:-$PWD/target}
readonly PORT=18100
readonly URL=http://127.0.0.1:$PORT
WORK=$(mktemp -d)
readonly WORK
booted=()
servers=()
passed=0
failed=0
leader=''

# shellcheck source=packaging/tests/container.sh
. packaging/tests/container.sh
# shellcheck source=packaging/tests/claim.sh
. packaging/tests/claim.sh
# shellcheck source=packaging/tests/claims.sh
. packaging/tests/claims.sh

clean_up() {
    local name
    ((${#servers[@]} == 0)) || kill "${servers[@]}" 2>/dev/null || true
    for name in "${booted[@]}"; do halt "$name"; done
    rm -rf --one-file-system "$WORK"
}

pack() { "$TARGET/debug/pack" "$@"; }

# build FAMILY ARGUMENT…: packages of this machine's build, for systems that have its glibc.
build() { pack build "$1" --glibc any --binary "$WORK/myelin" "${@:2}"; }

# site COMMAND…: a command of pack that writes the site.
site() { pack "$@" --keys "$WORK/keys" --pool "$WORK/pool" --site "$WORK/site" --url "$URL"; }

# publish_version VERSION: the same binary under another version.
publish_version() {
    build deb --fast --package myelin --version "$1" --out "$WORK/built-$1"
    site publish "$WORK/built-$1"/*.deb
}

main() {
    ((EUID == 0)) || die 'needs root: it boots systems'
    need mmdebstrap=mmdebstrap iproute2=ip python3=python3 curl=curl binutils=strip gpgv=gpgv \
        rpm=rpmbuild dnf=dnf zypper=zypper lintian=lintian rpmlint=rpmlint
    need_rust
    trap clean_up EXIT
    need_nspawn
    make_root bookworm

    say 'packages and a repository'
    cargo build --locked --package myelin --package myelin-packaging
    scripts/package-tools "$CACHE"
    strip -o "$WORK/myelin" "$TARGET/debug/myelin"
    pack key new --keys "$WORK/keys" --generation 2026
    build deb --fast --version 0.1.0 --out "$WORK/built-0.1.0"
    site publish "$WORK/built-0.1.0"/*.deb
    pack verify "$WORK/site" --keys "$WORK/keys"
    local -a packages
    mapfile -t packages < <(find "$WORK/site/" -name '*.deb')
    claim 'lintian has nothing to say' lintian --allow-root --fail-on error,warning "${packages[@]}"

    claims_of_a_bare_installation
    claims_of_an_upgrade
    claims_of_a_removal
    halt bare
    claims_of_answers
    claims_of_attacks
    claims_of_a_rotation
    claims_of_rpm
    claims_of_zypper

    printf 'packages: %d passed, %d failed\n' "$passed" "$failed"
    ((failed == 0))
}

main "$@"
