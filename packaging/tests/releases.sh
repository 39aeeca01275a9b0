#!/bin/bash
# Builds the server as it is released, for both processors, packs it for the glibc that packaging/package.toml promises,
# and runs what the packages hold: for this processor on Debian 11, for the other one by qemu, alone and installed by apt
# in a whole machine. Somebody else's build of the same commit is compared with it.
#
#   packaging/tests/releases.sh [PROFILE]
#
# As root on Debian 12. PROFILE is `dist`, which compiles three times for half an hour on two busy cores; `dev` is for trying.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

profile=${1:-dist}

# shellcheck source=packaging/tests/container.sh
. packaging/tests/container.sh
# shellcheck source=packaging/tests/claim.sh
. packaging/tests/claim.sh
# shellcheck source=packaging/tests/common.sh
. packaging/tests/common.sh
# shellcheck source=packaging/tests/apt.sh
. packaging/tests/apt.sh
# shellcheck source=packaging/tests/twin.sh
. packaging/tests/twin.sh
# shellcheck source=packaging/tests/emulation.sh
. packaging/tests/emulation.sh

# The server of this machine, which is asked for manual pages; and the date of all packages.
readonly RUNNER=$TARGET/debug/myelin
TIME=$(date +%s)
readonly TIME

clean_up() {
    local folder job
    for folder in "$WORK"/server-*; do
        [[ ! -e $folder/pid ]] || scripts/scratch-server stop "$folder" || true
    done
    end_twin
    for job in $(jobs -pr); do kill "$job" 2>/dev/null || true; done
    forget_emulation || true
    rm -rf --one-file-system "$WORK"
}

# pack_release PROCESSOR FAMILY: without `--glibc`, so that it is refused if it asks for a newer one than promised.
pack_release() {
    pack --time "$TIME" build "$2" --binary "$WORK/$1" --runner "$RUNNER" --keys "$WORK/keys" --out "$WORK/packages-$1"
}

names_a_place() { grep -aF -e "$HOME/" -e "$PWD/" -e "$WORK/" -e "$CACHE/" "$1"; }

architecture_of() { dpkg-deb --field "$1" Architecture; }

# names_crates SERVER: whether it lists itself and the crates of Cargo.lock that it is made of, as cargo-auditable writes
# them: JSON, compressed, in a section of its own.
names_crates() {
    python3 - "$1" <<'READ'
import json, subprocess, sys, tomllib, zlib

section = subprocess.run(
    ["objcopy", "--dump-section", ".dep-v0=/dev/stdout", sys.argv[1], "/dev/null"], check=True, capture_output=True
).stdout
found = {(one["name"], one["version"]) for one in json.loads(zlib.decompress(section))["packages"]}
with open("Cargo.lock", "rb") as file:
    known = {(one["name"], one["version"]) for one in tomllib.load(file)["package"]}
print(len(found), "crates")
assert found <= known, found - known
assert {"myelin", "tokio", "sqlx", "rustls"} <= {name for name, _ in found}
READ
}

# register URL: a user who logs in then.
register() {
    local answer
    answer=$(curl -sS --fail-with-body -H 'Content-Type: application/json' \
        -d '{"username": "alice", "password": "a long password", "auth": {"type": "m.login.dummy"}}' "$1/_matrix/client/v3/register")
    [[ $answer == *access_token* ]]
    curl -sS --fail-with-body -H 'Content-Type: application/json' "$1/_matrix/client/v3/login" -d \
        '{"type": "m.login.password", "identifier": {"type": "m.id.user", "user": "alice"}, "password": "a long password"}'
}

# claims_of PROCESSOR ARCHITECTURE COMMAND…: the packages, and the server in them, which the command runs.
claims_of() {
    local processor=$1 architecture=$2 family deb
    say "a release for $processor"
    claim "$processor: it is built" build_release "$processor"
    [[ -s $WORK/$processor ]] || return 0
    refuse "$processor: no place of this machine is in it" names_a_place "$WORK/$processor"
    for family in deb rpm; do
        claim "$processor: $family for every glibc that is promised" pack_release "$processor" "$family"
    done
    deb=$(echo "$WORK/packages-$processor"/myelin_*.deb)
    claim "$processor: Debian's name of it" test "$(architecture_of "$deb")" = "$architecture"
    claim "$processor: rpm's name of it" ls "$WORK/packages-$processor/"myelin-0*."$processor.rpm"
    claim "$processor: lintian has nothing to say" lintian --allow-root --fail-on error,warning "$deb"
    claim "$processor: its symbols are in packages of their own" ls "$WORK/packages-$processor/"myelin-{dbgsym,debuginfo}*
    dpkg-deb --extract "$deb" "$WORK/unpacked-$processor"
    claim "$processor: it says which crates it is made of" names_crates "$WORK/unpacked-$processor/usr/bin/myelin"
    printf '#!/bin/sh\nexec %s "$@"\n' "${*:3} $WORK/unpacked-$processor/usr/bin/myelin" >"$WORK/run-$processor"
    chmod +x "$WORK/run-$processor"
    claim "$processor: the server starts" env MYELIN="$WORK/run-$processor" scripts/scratch-server start "$WORK/server-$processor"
    claim "$processor: a user registers and logs in" register "$(cat "$WORK/server-$processor/url")"
    claim "$processor: it stops" scripts/scratch-server stop "$WORK/server-$processor"
}

# runs_on SUITE: whether the server in the package does.
runs_on() {
    cp "$WORK/unpacked-x86_64/usr/bin/myelin" "$WORK/$1/usr/bin/" && in_root "$WORK/$1" 'myelin version && myelin config docs'
}

# build_release PROCESSOR: to a place of its own.
build_release() {
    local binary
    binary=$(scripts/build-release "$1" "$profile")
    cp "$binary" "$WORK/$1"
}

main() {
    trap clean_up EXIT
    need_namespaces
    need mmdebstrap=mmdebstrap curl=curl lintian=lintian rpm=rpmbuild dpkg-dev=dpkg-source \
        diffoscope-minimal=diffoscope binutils=objcopy python3=python3 git=git \
        python3-venv=/usr/lib/python3.11/ensurepip \
        qemu-user-static=qemu-aarch64-static libc6-arm64-cross=/usr/aarch64-linux-gnu/lib/libc.so.6 \
        qemu-system-arm=qemu-system-aarch64 openssh-client=ssh e2fsprogs=mkfs.ext4
    make_emulated
    need_rust
    cargo build --locked --package myelin-packaging
    cargo build --locked --package myelin
    take_pack
    scripts/package-tools "$CACHE"
    pack --time "$TIME" key new --keys "$WORK/keys" --generation 2026 --rsa-bits 2048 >/dev/null

    start_twin x86_64
    claims_of x86_64 amd64
    claims_of_a_twin x86_64
    make_root bullseye ca-certificates
    claim 'it runs on Debian 11, the oldest that is still served' runs_on bullseye
    claims_of aarch64 arm64 qemu-aarch64-static -L /usr/aarch64-linux-gnu
    claims_of_an_emulated_system

    printf 'releases: %d passed, %d failed\n' "$passed" "$failed"
    ((failed == 0))
}

main
