#!/bin/bash
# Installs, upgrades and removes the packages from repositories that this run signed, by apt, dnf and zypper, in booted
# systems of Debian 12 and 13 and in folders; and attacks the repositories.
#
#   packaging/tests/run.sh [SECTION…]
#
# As root on Debian 12. Makes two minimal systems once (in ~/.cache/myelin) and throws away what it did to them. Builds
# the server for it, unless MYELIN_BINARY names one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

readonly PORT=18100
readonly TLS_PORT=18101
readonly PROXY_PORT=18102
readonly URL=http://127.0.0.1:$PORT
booted=()
leader=''
system=''
# What was built last: the third number of the version, the version, and the newest one of each family.
patch=0
version=0.1.0
declare -A newest

# shellcheck source=packaging/tests/container.sh
. packaging/tests/container.sh
# shellcheck source=packaging/tests/claim.sh
. packaging/tests/claim.sh
# shellcheck source=packaging/tests/common.sh
. packaging/tests/common.sh
# shellcheck source=packaging/tests/apt.sh
. packaging/tests/apt.sh
# shellcheck source=packaging/tests/attacks.sh
. packaging/tests/attacks.sh
# shellcheck source=packaging/tests/rpm.sh
. packaging/tests/rpm.sh
# shellcheck source=packaging/tests/service.sh
. packaging/tests/service.sh
# shellcheck source=packaging/tests/rotation.sh
. packaging/tests/rotation.sh
# shellcheck source=packaging/tests/full.sh
. packaging/tests/full.sh

readonly SECTIONS=(person bookworm trixie rpms attacks)
readonly TRIXIE_PACKAGES=$BASE_PACKAGES,unattended-upgrades,dnf,dnf-plugins-core,zypper,rpm

clean_up() {
    local name job
    # Those that still run: the number of one that ended may be somebody else's by now.
    for job in $(jobs -pr); do kill "$job" 2>/dev/null || true; done
    for name in "${booted[@]}"; do halt "$name"; done
    rm -rf --one-file-system "$WORK"
}

# build FAMILY ARGUMENT…: packages of this machine's build, for systems that have its glibc. $binary and $keys may be
# others.
build() {
    pack build "$1" --fast --glibc any --binary "${binary:-$WORK/myelin}" --runner "$WORK/myelin" \
        --keys "${keys:-$WORK/keys}" "${@:2}"
}

# site COMMAND…: a command of pack that writes the site.
site() { pack "$@" --keys "$WORK/keys" --pool "$WORK/pool" --site "$WORK/site" --url "$URL"; }

# next_version: another number for the same binary.
next_version() {
    patch=$((patch + 1))
    version=0.1.$patch
}

# make_next FAMILY: the server under the next version. publish_next publishes it, too.
make_next() {
    next_version
    case $1 in
        deb) build "$1" --package myelin --version "$version" --out "$WORK/built-$version" ;;
        rpm) build "$1" --package myelin --package myelin-filesystem --version "$version" --out "$WORK/built-$version" ;;
    esac >/dev/null
}

publish_next() {
    make_next "$@"
    newest[$1]=$version
    site publish "$WORK/built-$version"/*."$1" >/dev/null
}

# make_site: a repository with the first version of every package.
make_site() {
    local family
    # Older than any index that is signed with them.
    pack --time "$(date --date '90 days ago' +%s)" key new --keys "$WORK/keys" --generation 2026
    for family in deb rpm; do
        build "$family" --version "$version" --out "$WORK/built-$version"
        newest[$family]=$version
    done
    site publish "$WORK/built-$version"/*.deb "$WORK/built-$version"/*.rpm
    show site
    pack verify "$WORK/site" --keys "$WORK/keys"
}

# make_roots: the systems, side by side, for what takes long is their packages' own scripts.
make_roots() {
    local making
    local -a all=()
    make_archive bookworm "$BASE_PACKAGES" &
    all+=($!)
    make_archive trixie "$TRIXIE_PACKAGES" &
    all+=($!)
    for making in "${all[@]}"; do wait "$making"; done
    make_root bookworm "$BASE_PACKAGES"
    make_root trixie "$TRIXIE_PACKAGES"
}

section_person() { claims_of_a_person; }

section_bookworm() {
    claims_of_a_bare_installation bookworm
    claims_of_synapse_commands_by_apt
    claims_of_an_upgrade
    claims_of_a_failed_upgrade
    claims_of_a_newer_schema
    claims_of_a_prerelease
    claims_of_a_proxy_for_apt
    claims_of_a_removal
    leave
}

section_trixie() {
    claims_of_a_bare_installation trixie
    claims_of_an_upgrade
    claims_of_unattended_upgrades
    claims_of_attacks_on_apt
    claims_of_a_removal
    leave
}

section_rpms() {
    claims_of_a_service_of_rpms trixie dnf4
    claims_of_a_service_by_zypper
    leave
}

# The keys are others afterwards.
section_attacks() {
    claims_of_answers
    claims_of_attacks_on_apt
    claims_of_dnf
    claims_of_zypper
    claims_of_a_stopped_publishing apt dnf zypper
    claims_of_a_proxy_for_rpms dnf zypper
    claims_of_a_rotation apt dnf zypper
    leave
}

main() {
    local section
    local -a chosen=("${SECTIONS[@]}")
    (($# == 0)) || chosen=("$@")
    trap clean_up EXIT
    need_boot
    need mmdebstrap=mmdebstrap iproute2=ip python3=python3 curl=curl binutils=objcopy gpgv=gpgv openssl=openssl \
        rpm=rpmbuild dnf=dnf zypper=zypper lintian=lintian rpmlint=rpmlint
    need_rust
    need_nspawn
    make_roots

    say 'packages and a repository'
    [[ ${MYELIN_BINARY:-} ]] || cargo build --locked --package myelin
    cargo build --locked --package myelin-packaging
    take_pack
    scripts/package-tools "$CACHE"
    strip -o "$WORK/myelin" "${MYELIN_BINARY:-$TARGET/debug/myelin}"
    # Starts nowhere.
    objcopy --set-start=0 "$WORK/myelin" "$WORK/broken"
    make_site
    local -a packages
    mapfile -t packages < <(find "$WORK/site/" -name '*.deb')
    claim 'lintian has nothing to say' lintian --allow-root --fail-on error,warning "${packages[@]}"
    make_stand_in
    make_foreign_site
    make_old_sites
    make_bad_sites
    claims_of_the_client_that_sends

    for section in "${chosen[@]}"; do "section_$section"; done

    printf 'packages: %d passed, %d failed\n' "$passed" "$failed"
    ((failed == 0))
}

main "$@"
