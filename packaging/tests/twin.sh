# shellcheck shell=bash disable=SC2154 # what releases.sh sets
# The release built once more by somebody else: another folder, home, user, umask, time zone and locale. pack/twin.rs says
# the same of packages and repositories, in seconds. Sourced by releases.sh.

twin=''

# at_twin COMMAND…: as that somebody, in a tree of theirs. Nothing is shared but the compiler and the crates as they were
# fetched; the user is another one by its name only, so that root's files can be read.
at_twin() {
    local home=$WORK/twin/home
    (
        cd "$WORK/twin/another/tree" || exit
        umask 027
        unshare --user --map-user=4321 --map-group=4321 env -u CARGO_TARGET_DIR HOME="$home" XDG_CACHE_HOME="$home/cache" \
            CARGO_HOME="$home/crates" RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}" TZ=Asia/Kathmandu LC_ALL=C.UTF-8 \
            LANGUAGE=tr "$@"
    )
}

# make_twin: the same commit, with what is not committed yet.
make_twin() {
    local tree=$WORK/twin/another/tree home=$WORK/twin/home
    mkdir -p "$home/crates"
    cargo fetch --locked --quiet
    cp -r "${CARGO_HOME:-$HOME/.cargo}/registry" "$home/crates/"
    git clone --quiet . "$tree"
    git ls-files -z --cached --others --exclude-standard | tar --create --null --files-from=- | tar --extract --directory "$tree"
}

# twin_packs FAMILY
twin_packs() {
    at_twin "$PACK" --time "$TIME" build "$1" --binary "$WORK/twin/server" --runner "$RUNNER" --keys "$WORK/keys" \
        --tools "$CACHE" --out "$WORK/twin/packages"
}

# start_twin PROCESSOR: beside what else is built, for a release's last crates take one core each.
start_twin() {
    make_twin
    # In a group of its own, so that all of it can be ended.
    set -m
    build_twin "$1" >"$WORK/twin.log" 2>&1 &
    twin=$!
    set +m
}

end_twin() {
    [[ $twin ]] || return 0
    kill -- "-$twin" 2>/dev/null || true
    wait "$twin" || true
}

# twin_is_built: says why, if it is not.
twin_is_built() { wait "$twin" || ! cat "$WORK/twin.log"; }

# claims_of_a_twin PROCESSOR: which was started for it.
claims_of_a_twin() {
    local processor=$1 built
    say "a release for $processor, built by somebody else"
    claim 'it is built again' twin_is_built
    claim 'it has the same bytes' diffoscope "$WORK/$processor" "$WORK/twin/server"
    for built in deb rpm; do claim "its $built is made" twin_packs "$built"; done
    claim 'and all that is published has the same bytes' same_packages "$processor"
}

# same_packages PROCESSOR: and what lies beside them.
same_packages() {
    local file
    for file in "$WORK/packages-$1"/myelin*; do
        diffoscope "$file" "$WORK/twin/packages/${file##*/}" || return
    done
}

build_twin() {
    local binary
    binary=$(at_twin scripts/build-release "$1" "$profile")
    cp "$binary" "$WORK/twin/server"
}
