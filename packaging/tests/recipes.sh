#!/bin/bash
# Builds the packages by the recipes that a distribution would take, debian/ and rpm/myelin.spec, and by `pack`, and
# compares what came out: fields, files, modes, owners, contents and scripts.
#
#   packaging/tests/recipes.sh
#
# As root on Debian 12, in under a minute: the server is `echo`, a program that prints its arguments and is there, so
# nothing is compiled but `pack`. Makes a minimal system of Debian 13 once (in ~/.cache/myelin).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

# What both recipes need, and no compiler: the profile pkg.myelin.prebuilt takes a server that is there.
readonly BUILD_PACKAGES=debhelper,dpkg-dev,fakeroot,rpm,debugedit

# shellcheck source=packaging/tests/container.sh
. packaging/tests/container.sh
# shellcheck source=packaging/tests/claim.sh
. packaging/tests/claim.sh

# deb_fields FILE: what the package says of itself, each list in one order. Sizes depend on the builder, and a field
# that only repeats the name may be left out.
deb_fields() {
    local field
    for field in Package Version Architecture Maintainer Section Priority Homepage Description; do
        printf '%s: %s\n' "$field" "$(dpkg-deb --field "$1" "$field")"
    done
    for field in Pre-Depends Depends Recommends Suggests Conflicts Breaks Replaces Provides; do
        printf '%s:\n%s\n' "$field" "$(dpkg-deb --field "$1" "$field" | sed 's/, */\n/g' | sort)"
    done
}

# deb_files FILE: mode, owner, path and target of each; the folder that they are all in may be left out.
deb_files() {
    dpkg-deb --fsys-tarfile "$1" | tar -tv --numeric-owner | sed -E -e '/ \.\/$/d' -e 's/ +[0-9]+ [0-9-]+ [0-9:]+ / /' | sort -k3
}

# deb_contents FILE: a checksum of each file; debhelper strips programs once more.
deb_contents() {
    local folder
    folder=$(mktemp -d -p "$WORK")
    dpkg-deb --extract "$1" "$folder"
    (cd "$folder" && find . -type f ! -path ./usr/bin/myelin -print0 | sort -z | xargs -0 sha256sum)
}

# deb_script FILE NAME: a maintainer script, without the version of debhelper that wrote a part of it.
deb_script() {
    dpkg-deb --info "$1" "$2" 2>/dev/null | sed -E 's|^(# Automatically added by [a-z_]+)/.*|\1|' || true
}

# both FORM FILE OTHER [WORD]: whether two packages look the same in this form.
both() { diff -u <("$1" "$2" "${@:4}") <("$1" "$3" "${@:4}"); }

claims_of_debian() {
    say 'debian/'
    local package quick recipe script
    # shellcheck disable=SC2016 # expanded in the system
    claim 'debhelper builds it' in_root "$WORK/trixie" 'cd /build/myelin && DEB_BUILD_PROFILES=pkg.myelin.prebuilt MYELIN_BINARY=/build/server dpkg-buildpackage --build=binary --no-sign --ignore-builtin-builddeps'
    pack --time "$TIME" build deb --glibc any --binary "$WORK/trixie/build/server" --out "$WORK/quick" >/dev/null
    for package in myelin myelin-synapse-compat; do
        quick=$(echo "$WORK/quick/${package}"_*.deb)
        recipe=$(echo "$WORK/trixie/build/${package}"_*.deb)
        claim "$package: the same fields" both deb_fields "$quick" "$recipe"
        claim "$package: the same files, modes and owners" both deb_files "$quick" "$recipe"
        claim "$package: the same contents" both deb_contents "$quick" "$recipe"
        for script in preinst postinst prerm postrm config templates conffiles; do
            [[ $(deb_script "$quick" "$script") || $(deb_script "$recipe" "$script") ]] || continue
            claim "$package: the same $script" both deb_script "$quick" "$recipe" "$script"
            case $script in templates | conffiles) continue ;; esac
            deb_script "$quick" "$script" >"$WORK/script"
            claim "$package: $script is clean" shellcheck -x "$WORK/script"
        done
    done
}

# rpm_fields FILE: what the package says of itself. cargo-generate-rpm has one text for summary and description, and
# newer builders add names for users.
rpm_fields() {
    local relation
    rpm -qp --nosignature --queryformat '%{NAME} %{VERSION} %{RELEASE} %{ARCH}\n%{LICENSE}\n%{SUMMARY}\n' "$1"
    for relation in provides requires recommends suggests conflicts; do
        printf '%s:\n' "$relation"
        rpm -qp --nosignature "--$relation" "$1" | grep -vE '^(rpmlib|user|group)\(' | sed 's/ *$//' | sort -u
    done
}

# rpm_files FILE: path, mode, owner, target and marks of each. cargo-generate-rpm has no mark for licences.
rpm_files() {
    rpm -qp --nosignature --queryformat \
        '[%{FILENAMES} %{FILEMODES:perms} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILELINKTOS} %{FILEFLAGS:fflags}\n]' "$1" |
        sed -E '/licenses/s/ l$/ /' | sort
}

# rpm_contents FILE: a checksum of each file; rpmbuild strips programs once more.
rpm_contents() {
    rpm -qp --nosignature --queryformat '[%{FILEDIGESTS} %{FILENAMES}\n]' "$1" | grep -v ' /usr/bin/myelin$' | sort -k2
}

rpm_scripts() { rpm -qp --nosignature --scripts "$1"; }

claims_of_rpm() {
    say 'rpm/myelin.spec'
    local package quick recipe
    claim 'rpmlint has nothing to say' rpmlint --strict --config packaging/rpmlint.toml rpm/myelin.spec
    # shellcheck disable=SC2016 # expanded in the system
    claim 'rpmbuild builds it' in_root "$WORK/trixie" 'cd /build/myelin && rpmbuild -bb --quiet --build-in-place --with prebuilt --define "myelin_binary /build/server" --define "_topdir /build/rpm" rpm/myelin.spec'
    pack --time "$TIME" key new --keys "$WORK/keys" --generation 2026 --rsa-bits 2048 >/dev/null
    pack --time "$TIME" build rpm --keys "$WORK/keys" --glibc any --binary "$WORK/trixie/build/server" --out "$WORK/quick" >/dev/null
    for package in myelin myelin-filesystem myelin-synapse-compat; do
        quick=$(echo "$WORK/quick/$package"-[0-9]*.rpm)
        recipe=$(echo "$WORK"/trixie/build/rpm/RPMS/*/"$package"-[0-9]*.rpm)
        claim "$package: the same fields" both rpm_fields "$quick" "$recipe"
        claim "$package: the same files, modes, owners and marks" both rpm_files "$quick" "$recipe"
        claim "$package: the same contents" both rpm_contents "$quick" "$recipe"
        claim "$package: the same scriptlets" both rpm_scripts "$quick" "$recipe"
    done
}

main() {
    trap 'rm -rf --one-file-system "$WORK"' EXIT
    need_namespaces
    need mmdebstrap=mmdebstrap rpm=rpmbuild shellcheck=shellcheck dpkg-dev=dpkg-parsechangelog \
        rpmlint=rpmlint
    need_rust
    make_root trixie "$BUILD_PACKAGES"
    cargo build --locked --package myelin-packaging
    take_pack
    scripts/package-tools "$CACHE"
    TIME=$(dpkg-parsechangelog --show-field Timestamp)
    mkdir -p "$WORK/trixie/build/myelin"
    git ls-files -z --cached --others --exclude-standard |
        tar --create --null --files-from=- | tar --extract --directory "$WORK/trixie/build/myelin"
    # It asks for nothing but libc, of the older of the two systems.
    cp "$(type -P echo)" "$WORK/trixie/build/server"

    claims_of_debian
    claims_of_rpm

    printf 'recipes: %d passed, %d failed\n' "$passed" "$failed"
    ((failed == 0))
}

main "$@"
