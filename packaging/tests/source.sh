#!/bin/bash
# Fetches from a published site what is not installed by default, the sources and the symbols, with the tools that users
# have: apt-get source, dnf download, rpmbuild, gdb.
#
#   packaging/tests/source.sh
#
# On Debian 12, in a few minutes: the crates of the whole tree are packed. Nothing is compiled but `pack`, which also takes
# the place of the server.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

PORT=$(free_port)
readonly PORT
readonly URL=http://127.0.0.1:$PORT
server=''

# shellcheck source=packaging/tests/claim.sh
. packaging/tests/claim.sh

clean_up() {
    [[ ! $server ]] || kill "$server" 2>/dev/null || true
    rm -rf --one-file-system "$WORK"
}

serve() {
    python3 -m http.server --bind 127.0.0.1 --directory "$WORK/site" "$PORT" >/dev/null 2>&1 &
    server=$!
    local try
    for ((try = 0; try < 100; try++)); do
        ! curl -fs -o /dev/null "$URL/" || return 0
        sleep 0.1
    done
    die 'no HTTP server'
}

# apt_get ARGUMENT…: the machine's apt, which knows nothing but the site and touches nothing of the machine.
apt_get() {
    apt-get -q -o "Dir=$WORK/apt" -o "Dir::State::status=$WORK/apt/status" -o Dir::Bin::methods=/usr/lib/apt/methods \
        -o APT::Sandbox::User=root -o APT::Update::Error-Mode=any "$@"
}

claims_of_apt() {
    say 'apt-get source'
    mkdir -p "$WORK"/apt/etc/apt/{sources.list.d,preferences.d,apt.conf.d,trusted.gpg.d} \
        "$WORK"/apt/var/lib/apt/lists/partial "$WORK"/apt/var/cache/apt/archives/partial "$WORK/fetched"
    touch "$WORK/apt/status"
    sed -e 's/^Types: deb$/Types: deb deb-src/' -e "s|^Signed-By:.*|Signed-By: $WORK/site/debian/myelin-archive-keyring.pgp|" \
        "$WORK/site/debian/myelin.sources" >"$WORK/apt/etc/apt/sources.list.d/myelin.sources"
    claim 'apt reads the index of sources' apt_get update
    claim 'apt fetches and unpacks the source' in_folder "$WORK/fetched" apt_get source myelin
    claim 'the description is signed' gpgv --quiet --keyring "$WORK/site/debian/myelin-archive-keyring.pgp" \
        "$WORK/fetched/myelin_$VERSION-0myelin1.dsc"
    claim 'lintian has nothing to say of it' lintian --allow-root --fail-on error,warning "$WORK/fetched/myelin_$VERSION-0myelin1.dsc"
    claim 'all crates are in it' in_folder "$WORK/fetched/myelin-$VERSION" env CARGO_HOME="$WORK/cargo-home" cargo \
        --config 'source.crates-io.replace-with="vendored"' --config 'source.vendored.directory="vendor"' \
        tree --quiet --frozen --package myelin
    claim 'no crate of another system is' test "$(find "$WORK/fetched/myelin-$VERSION/vendor/windows-sys" -type f | wc -l)" = 3

    rm -rf "$WORK"/apt/var/lib/apt/lists/*
    claim 'apt takes the lists in zstd' apt_get -o Acquire::CompressionTypes::Order::=zst update
    local list
    list=$WORK/site/debian/dists/stable/main/binary-$(dpkg --print-architecture)/Packages
    claim 'zstd unpacks them to the same' sh -c "zstd -dqc '$list.zst' | cmp - '$list'"

    cp "$WORK/site/debian/pool/main/m/myelin/myelin_$VERSION.orig.tar.xz" "$WORK/changed"
    printf 'x' | dd of="$WORK/changed" bs=1 seek=1000 conv=notrunc status=none
    mv "$WORK/changed" "$WORK/site/debian/pool/main/m/myelin/myelin_$VERSION.orig.tar.xz"
    rm -rf "$WORK/again" && mkdir "$WORK/again"
    refuse 'a byte of an archive' in_folder "$WORK/again" apt_get source myelin
}

# in_folder FOLDER COMMAND…
in_folder() (cd "$1" && "${@:2}")

claims_of_rpm() {
    say 'dnf download --source'
    mkdir -p "$WORK/repos" "$WORK/root"
    cp "$WORK/site/rpm/myelin.repo" "$WORK/repos/"
    local source=$WORK/myelin-$VERSION-0.myelin1.src.rpm
    # The plugin's package cannot be installed beside zypper.
    (cd "$WORK" && apt-get -q download dnf-plugins-core >/dev/null && dpkg-deb --extract dnf-plugins-core_*.deb plugins)
    claim 'dnf finds and fetches the source of the package' env PYTHONPATH="$WORK/plugins/usr/lib/python3/dist-packages" \
        dnf -q -y --installroot="$WORK/root" --releasever=9 \
        --setopt="pluginpath=$WORK/plugins/usr/lib/python3/dist-packages/dnf-plugins" --setopt="reposdir=$WORK/repos" --setopt="cachedir=$WORK/dnf" download --source --destdir "$WORK" myelin
    rpm --dbpath "$WORK/keys-of-rpm" --import "$WORK"/site/rpm/RPM-GPG-KEY-myelin
    claim 'its signature is good' sh -c "rpm --dbpath '$WORK/keys-of-rpm' -K '$source' | grep -F 'digests signatures OK'"
    claim 'rpmlint has nothing to say of it' rpmlint --strict --config packaging/rpmlint.toml "$source"
    claim 'rpm takes it for a source' rpm --dbpath "$WORK/keys-of-rpm" --define "_topdir $WORK/rpmbuild" -i "$source"
    claim 'rpmbuild unpacks it' rpmbuild -bp --quiet --nodeps --define "_topdir $WORK/rpmbuild" "$WORK/rpmbuild/SPECS/myelin.spec"
    # dpkg-source leaves a folder for quilt, whether there are patches or not.
    claim 'the same tree comes out' diff -r --exclude=.pc "$WORK/fetched/myelin-$VERSION" "$WORK/rpmbuild/BUILD/myelin-$VERSION"
}

# names_a_line FOLDER: whether gdb finds the lines of the program below a folder, by the build id.
names_a_line() {
    local line
    line=$(grep -n 'command_line::main()' packaging/src/main.rs | cut -d: -f1)
    gdb -batch -nx -iex "set debug-file-directory $1/usr/lib/debug" -ex "info line main.rs:$line" "$1/usr/bin/myelin" 2>&1 |
        grep -F 'starts at address'
}

claims_of_symbols() {
    say 'symbols'
    local folder=$WORK/site/debian/pool/main/m file
    dpkg-deb --extract "$folder"/myelin/myelin_*.deb "$WORK/debian"
    refuse 'without its symbols the program has no lines' names_a_line "$WORK/debian"
    claim 'it runs' "$WORK/debian/usr/bin/myelin" --help
    dpkg-deb --extract "$folder"/myelin-dbgsym/*.deb "$WORK/debian"
    claim 'with the package of symbols it has' names_a_line "$WORK/debian"
    mkdir "$WORK/rpm"
    for file in "$WORK/site/rpm/stable/$(uname -m)"/Packages/myelin-{$VERSION,debuginfo}*.rpm; do
        # Not by a pipe, which cpio closes early.
        rpm2cpio "$file" >"$WORK/payload"
        (cd "$WORK/rpm" && cpio -idm --quiet <"$WORK/payload")
    done
    claim 'the same by rpm' names_a_line "$WORK/rpm"
    claim 'lintian has nothing to say' lintian --allow-root --fail-on error,warning "$folder"/myelin-dbgsym/*.deb
    claim 'nor has rpmlint' rpmlint --strict --config packaging/rpmlint.toml "$WORK/site/rpm/stable/$(uname -m)"/Packages/myelin-debuginfo*.rpm
}

main() {
    need python3=python3 curl=curl gpgv=gpgv dpkg-dev=dpkg-source rpm=rpmbuild dnf=dnf gdb=gdb cpio=cpio zstd=zstd \
        lintian=lintian rpmlint=rpmlint
    need_rust
    trap clean_up EXIT
    VERSION=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n1)
    readonly VERSION
    say 'a site with sources'
    cargo build --locked --package myelin-packaging
    take_pack
    cargo fetch --locked --quiet
    scripts/package-tools "$CACHE"
    pack key new --keys "$WORK/keys" --generation 2026 --rsa-bits 2048 >/dev/null
    pack all --keys "$WORK/keys" --pool "$WORK/pool" --site "$WORK/site" --url "$URL" --glibc any \
        --binary "$PACK" --runner "$(type -P echo)" --allow-changes
    serve
    claim 'the site is good, as its clients see it' pack verify "$URL" --keys "$WORK/keys"
    claims_of_symbols
    claims_of_apt
    claims_of_rpm
    refuse 'the changed byte is found' pack verify "$URL" --keys "$WORK/keys"

    printf 'sources: %d passed, %d failed\n' "$passed" "$failed"
    ((failed == 0))
}

main "$@"
