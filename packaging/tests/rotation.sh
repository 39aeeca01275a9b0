# shellcheck shell=bash disable=SC2154,SC2034 # what run.sh sets
# New keys, for clients that know only the old ones, or only the new ones. Sourced by run.sh.

# The system booted last goes by apt, the folders by dnf and zypper, all with the keys of 2026.
claims_of_a_rotation() {
    say 'new keys'
    local sources=/etc/apt/sources.list.d/myelin.sources rpm_root
    pack key rotate --keys "$WORK/keys" --generation 2027 >/dev/null
    site publish >/dev/null
    claim 'apt: a client that knows only the old key goes on' inside apt-get -q update
    inside sh -c 'cat >/etc/new.asc' <"$WORK/keys/apt-2027.certificate.asc"
    inside sed -i 's|^Signed-By: .*|Signed-By: /etc/new.asc|' "$sources"
    claim 'apt: and so does one that knows only the new key' ask_apt
    inside sed -i 's|^Signed-By: .*|Signed-By: /usr/share/keyrings/myelin-archive-keyring.pgp|' "$sources"
    claim 'apt: a client gets the new key with the key ring' inside sh -ec 'apt-get -q update && apt-get -q upgrade' </dev/null
    rpm_root=$WORK/rpm-zypper
    claim 'zypper: a client that knows only the old key goes on' ask_zypper
    rpm_root=$WORK/rpm-dnf
    claim 'dnf: so does one of dnf' in_rpm_root --refresh upgrade
    claim 'dnf: which gets the address of the new key with the repository file' grep -q 2027 "$rpm_root/etc/yum.repos.d/myelin.repo"

    pack key expire --keys "$WORK/keys" --generation 2026 >/dev/null
    site publish >/dev/null
    publish_next rpm
    claim 'apt: so it goes on when the old key is gone' ask_apt
    # dnf asks for every key that the repository file names, and ends where one is gone.
    refused 'dnf: stops, because the address of the old key is gone' 'Failed to retrieve GPG key .*2026' in_rpm_root --refresh upgrade
    cp "$WORK/site/rpm/myelin.repo" "$rpm_root/etc/yum.repos.d/"
    claim 'dnf: with the repository file of today it goes on' in_rpm_root --refresh upgrade
    claim 'dnf: and takes a package of the new key' test "$(installed_rpm)" = "$version"
    rpm_root=$WORK/rpm-zypper
    refused 'zypper: asks about the new key' "$UNKNOWN_KEY" ask_zypper
    claim 'zypper: and goes on with it' in_zypper_root --gpg-auto-import-keys refresh --force
    refused 'pack verify names the packages that only the old key signed' 'myelin-0\.1\..*: no good signature of a known key' \
        pack verify "$WORK/site" --keys "$WORK/keys"
}
