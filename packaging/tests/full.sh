# shellcheck shell=bash disable=SC2154,SC2034 # what run.sh sets
# What takes long, or needs packages of a Debian that changes every day. Sourced by run.sh.

readonly SID_PACKAGES=$BASE_PACKAGES,dnf5,rpm

# dnf 5 and rpm 6, on Debian's unstable. The keys are others afterwards: not in one run with `attacks`.
section_dnf5() {
    make_root sid "$SID_PACKAGES"
    # Fedora calls it so.
    ln -sf dnf5 "$WORK/sid/usr/bin/dnf"
    claims_of_a_service_of_rpms sid dnf5
    inside dnf -y install myelin >/dev/null
    local client rpm_root
    of_client dnf5
    claims_of_attacks_on_rpms
    older_index_of_rpms
    claims_of_a_prerelease_by_dnf
    claims_of_a_stopped_publishing dnf5
    claims_of_a_proxy_for_rpms dnf5
    claims_of_a_rotation dnf5
    leave
}

# What is left when our packages of Debian are purged, removed and installed again, by the judge that Debian has.
section_piuparts() {
    need piuparts=piuparts
    local root=$WORK/piuparts
    local -a packages
    # It installs what a package asks for before the package, from our repository: nothing else is missing.
    cp -a "$WORK/bookworm" "$root"
    cp -rL "$WORK/site/debian" "$root/repository"
    echo 'deb [signed-by=/repository/myelin-archive-keyring.pgp] file:/repository stable main' >"$root/etc/apt/sources.list"
    mapfile -t packages < <(find "$WORK/site/debian/pool/" -name '*.deb' ! -name '*-dbgsym_*')
    claim 'piuparts has nothing to say' piuparts --existing-chroot "$root" --hard-link --keep-sources-list --distribution bookworm \
        --no-eatmydata --no-adequate --no-upgrade-test --install-purge-install --install-remove-install "${packages[@]}"
}
