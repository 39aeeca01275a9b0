# shellcheck shell=bash disable=SC2154,SC2034 # what run.sh sets
# The rpms: by dnf and zypper of this machine on a system in a folder, where repositories are attacked, and by dnf 5 in
# a booted one. Sourced by run.sh. $client is whose turn it is, and $rpm_root where its system lies.

# What dnf 4, dnf 5 and zypper say of a signature that does not fit, of a key that nobody agreed to, of a package without
# a signature and of a file with another sum.
readonly BAD_SIGNATURE='GPG signature verification error|Signature verification failed|[Bb]ad (GPG|PGP) signature|is signed with an unknown key|signing key received'
readonly UNKNOWN_KEY='signing key received|wrong key|unknown key|GPG check FAILED|NOKEY|is not installed|[Nn]o public key'
readonly UNSIGNED='is not signed|is unsigned|GPG signature is not available|repomd\.xml\.asc'
readonly OTHER_SUM='[Aa]ll mirrors were (already )?tried|[Cc]hecksum|wrong checksums|digest: BAD'

# make_stand_in: one package stands for what a distribution's own would provide, and one for Synapse.
make_stand_in() {
    make_empty_rpm base rpmbuild "/bin/sh /usr/bin/systemd-sysusers $(rpm -qp --requires "$WORK"/built-0.1.0/myelin-0*.rpm | grep -E 'bit|rtld' | paste -sd ' ')"
    make_empty_rpm matrix-synapse synapse synapse
}

# make_empty_rpm NAME FOLDER PROVIDES: below this folder of $WORK.
make_empty_rpm() {
    printf '%s\n' "Name: $1" 'Version: 1' 'Release: 1' "Summary: $1" 'License: none' 'BuildArch: noarch' "Provides: $3" \
        '%description' "$1" '%files' >"$WORK/$1.spec"
    rpmbuild -bb --quiet --define "_topdir $WORK/$2" "$WORK/$1.spec"
}

# make_rpm_root: the folder $rpm_root as a system with an rpm database and the stand-in in it.
make_rpm_root() {
    cp -a "$WORK/bookworm/." "$rpm_root"
    rpm --root "$rpm_root" --initdb
    rpm --root "$rpm_root" -i --nodeps --nosignature "$WORK"/rpmbuild/RPMS/noarch/*.rpm
}

# of_client NAME: sets $client, and $rpm_root with it.
of_client() {
    client=$1
    case $client in
        dnf5) rpm_root=/proc/$leader/root ;;
        *) rpm_root=$WORK/rpm-$client ;;
    esac
}

# in_rpm_root COMMAND…: dnf of this machine on that system, in the network of the system booted last; or dnf 5 in it.
in_rpm_root() {
    if [[ $client == dnf5 ]]; then
        inside env ${http_proxy:+"http_proxy=$http_proxy"} dnf -q -y --setopt=skip_if_unavailable=False "$@" </dev/null
    else
        in_network "$system" dnf -q -y --installroot="$rpm_root" --releasever=9 \
            --setopt="reposdir=$rpm_root/etc/yum.repos.d" --setopt="cachedir=$WORK/dnf" --setopt=skip_if_unavailable=False "$@"
    fi
}

in_zypper_root() { in_network "$system" zypper --root "$rpm_root" --non-interactive "$@"; }

# forget: what the client has fetched.
forget() {
    case $client in
        dnf) rm -rf "$WORK/dnf" ;;
        dnf5) inside rm -rf /var/cache/libdnf5 ;;
        zypper) rm -rf "$rpm_root/var/cache/zypp" ;;
    esac
}

ask_dnf() {
    forget
    in_rpm_root upgrade myelin && in_rpm_root reinstall myelin myelin-filesystem
}

ask_dnf5() { ask_dnf; }

ask_zypper() {
    forget
    in_zypper_root refresh --force && in_zypper_root install --force myelin
}

installed_rpm() {
    local -a rpm=(rpm --root "$rpm_root")
    # Its database is of version 6.
    [[ $client != dnf5 ]] || rpm=(inside rpm)
    "${rpm[@]}" -q --queryformat '%{VERSION}' myelin
}

claims_of_dnf() {
    say 'rpms, by dnf in a folder'
    local -a packages
    mapfile -t packages < <(find "$WORK/site/rpm/stable/x86_64/" -name '*.rpm')
    claim 'rpmlint has nothing to say' rpmlint --strict --config packaging/rpmlint.toml "${packages[@]}"
    local client rpm_root
    of_client dnf
    make_rpm_root
    mkdir -p "$rpm_root/etc/yum.repos.d"
    cp "$WORK/site/rpm/myelin.repo" "$rpm_root/etc/yum.repos.d/"
    claim 'installs' in_rpm_root install myelin myelin-release
    claim 'every file is as the package has it' rpm --root "$rpm_root" -V myelin
    claim 'the settings are for root and the group only' test "$(chroot "$rpm_root" stat -c '%U:%G %a' /etc/myelin)" = 'root:myelin 750'
    claim 'it runs' chroot "$rpm_root" myelin version
    claims_of_attacks_on_rpms

    echo '# mine' >>"$rpm_root/etc/myelin/homeserver.yaml"
    cp "$rpm_root/etc/myelin/homeserver.yaml" "$WORK/before"
    older_index_of_rpms
    claim 'the edited file is as it was' cmp "$WORK/before" "$rpm_root/etc/myelin/homeserver.yaml"
    refuse 'and none was put beside it' ls "$rpm_root"/etc/myelin/*.rpmnew
    claims_of_a_prerelease_by_dnf
}

# A version before a release, for dnf of either kind.
claims_of_a_prerelease_by_dnf() {
    build rpm --package myelin --package myelin-filesystem --version 0.2.0-rc1 --out "$WORK/built-rc"
    site publish --channel prerelease "$WORK"/built-rc/*.rpm
    local before=$version
    in_rpm_root --refresh upgrade myelin
    claim 'no version before a release comes to who did not ask' test "$(installed_rpm)" = "$before"
    claim 'who asks gets it' in_rpm_root --refresh --enablerepo=myelin-prerelease upgrade myelin
    claim 'it is installed' test "$(installed_rpm)" = 0.2.0~rc1
    claim 'and can go back' in_rpm_root --refresh distro-sync myelin myelin-filesystem
    claim 'the version is as before' test "$(installed_rpm)" = "$before"
}

claims_of_zypper() {
    say 'the same by zypper'
    local client rpm_root
    of_client zypper
    make_rpm_root
    claim 'takes the repository file of the site' in_zypper_root addrepo "$URL/rpm/myelin.repo"
    refuse 'does not take a key that nobody agreed to' in_zypper_root refresh
    claim 'takes the key when told to' in_zypper_root --gpg-auto-import-keys refresh
    claim 'installs' in_zypper_root install myelin
    claim 'it runs' chroot "$rpm_root" myelin version
    claims_of_attacks_on_rpms
    older_index_of_rpms
    local before=$version
    claim 'who asks gets a version before a release' sh_in_zypper_root 'modifyrepo --enable myelin-prerelease' '--gpg-auto-import-keys refresh' 'update myelin'
    claim 'it is installed' test "$(installed_rpm)" = 0.2.0~rc1
    claim 'and can go back' sh_in_zypper_root 'modifyrepo --disable myelin-prerelease' "install --oldpackage myelin-$before myelin-filesystem-$before"
    claim 'the version is as before' test "$(installed_rpm)" = "$before"
}

# sh_in_zypper_root COMMAND…: each is the words of one.
sh_in_zypper_root() {
    local command
    for command in "$@"; do
        # shellcheck disable=SC2086 # words
        in_zypper_root $command || return
    done
}

# make_bad_sites: with packages that are not signed, or by a stranger, under an index that is signed as it should be.
make_bad_sites() {
    local kind
    for kind in unsigned strange; do
        mkdir "$WORK/$kind"
        cp -r --link "$WORK/pool" "$WORK/$kind/pool"
        cp --remove-destination "$WORK/pool/ledger.jsonl" "$WORK/$kind/pool/"
        keys=$WORK/foreign build rpm --package myelin --version 0.1.90 --out "$WORK/$kind/built" >/dev/null
    done
    rpmsign --delsign "$WORK"/unsigned/built/*.rpm >/dev/null
    for kind in unsigned strange; do
        pack publish --keys "$WORK/keys" --pool "$WORK/$kind/pool" --site "$WORK/$kind/site" --url "$URL" "$WORK/$kind"/built/*.rpm >/dev/null
    done
}

claims_of_attacks_on_rpms() {
    say "attacks on what $client reads"
    local repository=rpm/stable/x86_64 data=rpm/stable/x86_64/repodata
    claim 'the repository is good' "ask_$client"
    attack 'a byte of the signed index' "$BAD_SIGNATURE" change_byte "$data/repomd.xml"
    attack 'a byte of its signature' "$BAD_SIGNATURE" change_byte "$data/repomd.xml.asc"
    attack 'no signature at all' "$UNSIGNED" rm "$data/repomd.xml.asc"
    attack 'the signature of a foreign key' "$BAD_SIGNATURE" replace "$WORK/foreign-site" "$repository"
    attack 'a byte of a list of packages' "$OTHER_SUM" change_byte "$data/*-primary.xml.gz"
    attack 'a byte of a package' "$OTHER_SUM" change_byte "$repository/Packages/*.rpm"
    attack 'a package without a signature' "$UNSIGNED" replace "$WORK/unsigned/site" "$repository"
    attack 'a package signed by a stranger' "$UNKNOWN_KEY" replace "$WORK/strange/site" "$repository"
    claim 'the repository is still good' "ask_$client"
}

# An index has no date that a client of rpm would look at.
older_index_of_rpms() {
    cp -r --link "$WORK/site/." "$WORK/older"
    publish_next rpm
    claim 'the new version is installed' upgrade_goes_well
    show older
    claim 'an older index put back is believed, and takes no version away' upgrade_goes_well
    show site
    rm -rf "$WORK/older"
}

# upgrade_goes_well: whether what was built last is installed then.
upgrade_goes_well() {
    case $client in
        dnf | dnf5) in_rpm_root --refresh upgrade myelin ;;
        zypper) in_zypper_root refresh --force && in_zypper_root update myelin ;;
    esac && [[ $(installed_rpm) == "$version" ]]
}

with_proxy() { http_proxy=http://127.0.0.1:$PROXY_PORT "$@"; }

# claims_of_a_proxy_for_rpms CLIENT…: hosts that only a proxy can reach.
claims_of_a_proxy_for_rpms() {
    say 'rpms through a forward proxy'
    local client rpm_root name=http://packages.example.org
    start_proxy
    for client in "$@"; do
        of_client "$client"
        find "$rpm_root/etc" -name 'myelin*.repo' -exec sed -i "s|$URL|$name|" {} +
        refuse "without it, $client finds nobody" "ask_$client"
        claim "with it, $client installs" with_proxy "ask_$client"
        find "$rpm_root/etc" -name 'myelin*.repo' -exec sed -i "s|$name|$URL|" {} +
    done
    claim 'the packages came through it' test "$(grep -cE 'GET http://packages\.example\.org/rpm/.*/myelin-0.*\.rpm 200' "$WORK/proxy.log")" -ge $#
}
