# shellcheck shell=bash
# What scripts/run, scripts/test and their helpers share. Source it in the root of the tree; it runs nothing by itself.

# The oldest compiler that the tree builds with (rust-version in Cargo.toml).
readonly RUST_MINIMUM=1.94

# Where what was fetched or takes long to make is kept, and what Cargo builds.
# shellcheck disable=SC2034 # for whoever sources it
readonly CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/myelin TARGET=${CARGO_TARGET_DIR:-$PWD/target}

# Prints a line of progress.
say() { printf '==> %s\n' "$*" >&2; }

# Prints why the script cannot go on, and ends it.
die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# What a test ends with that this machine cannot run.
readonly IMPOSSIBLE=77

# impossible REASON: ends such a test.
impossible() {
    printf 'not possible here: %s\n' "$*"
    exit "$IMPOSSIBLE"
}

# missing PACKAGE=COMMAND…: prints the Debian packages whose command is not there.
missing() {
    local pair
    for pair in "$@"; do
        [[ -e ${pair#*=} ]] || command -v "${pair#*=}" >/dev/null || printf '%s\n' "${pair%%=*}"
    done
}

# apt_install PACKAGE…: installs Debian packages as root, or names the command that does.
apt_install() {
    (($#)) || return 0
    command -v apt-get >/dev/null || die "missing: $*. Install what your system calls them, then start again."
    if ((EUID)); then
        die "missing: $*. Install with: sudo apt-get install --no-install-recommends $*"
    fi
    say "installing $*"
    export DEBIAN_FRONTEND=noninteractive
    apt-get -q update
    apt-get -q install -y --no-remove --no-install-recommends "$@"
}

# need PACKAGE=COMMAND…: makes sure that each command is there; COMMAND may be a path.
need() {
    local -a packages
    mapfile -t packages < <(missing "$@")
    apt_install "${packages[@]}"
}

# rust_version: prints the version of the cargo in PATH, such as 1.95.0, or nothing.
rust_version() { cargo --version 2>/dev/null | cut -d' ' -f2; }

# at_least MINIMUM VERSION: true when VERSION is not older.
at_least() { [[ -n $2 && $(printf '%s\n' "$1" "$2" | sort -V | head -n1) == "$1" ]]; }

# need_rust: puts a new enough Rust in PATH; Debian 12 has one beside its own old one, made for Firefox.
need_rust() {
    need ca-certificates=/etc/ssl/certs/ca-certificates.crt gcc=gcc make=make libc6-dev=/usr/include/stdio.h
    at_least "$RUST_MINIMUM" "$(rust_version)" && return
    if [[ -x $HOME/.cargo/bin/cargo ]]; then
        PATH=$HOME/.cargo/bin:$PATH
        at_least "$RUST_MINIMUM" "$(rust_version)" && return
    fi
    if [[ -e /etc/debian_version ]]; then
        apt_install cargo-web rustc-web rust-web-clippy rustfmt-web
        PATH=/usr/bin:$PATH
    fi
    at_least "$RUST_MINIMUM" "$(rust_version)" ||
        die "Rust $RUST_MINIMUM or newer is needed, and this is $(rust_version || true). Install it with rustup."
}

# free_port: prints a port of the loopback interface that nobody listens on. It is below the range that outgoing
# connections take theirs from.
free_port() {
    local port=$((20000 + RANDOM % 10000))
    while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
    printf '%s\n' "$port"
}
