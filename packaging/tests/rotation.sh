# shellcheck shell=bash disable=SC2154,SC2034 # what run.sh sets
# New keys, for clients that know only the old ones, or only the new ones. Sourced by run.sh.

# The system booted last goes by apt, the folders by dnf and zypper, all with the keys of 2026. Nobody touches the
# repository files of rpm.
claims_of_a_rotation() {
    say 'new keys'
    local sources=/etc/apt/sources.list.d/myelin.sources rpm_root before=$version
    cp "$WORK/rpm-dnf/etc/yum.repos.d/myelin.repo" "$WORK/before.repo"
    pack key rotate --keys "$WORK/keys" --generation 2027 >/dev/null
    site publish >/dev/null
    claim 'apt: a client that knows only the old key goes on' inside apt-get -q update
    inside sh -c 'cat >/etc/new.asc' <"$WORK/keys/apt-2027.certificate.asc"
    inside sed -i 's|^Signed-By: .*|Signed-By: /etc/new.asc|' "$sources"
    claim 'apt: and so does one that knows only the new key' ask_apt
    inside sed -i 's|^Signed-By: .*|Signed-By: /usr/share/keyrings/myelin-archive-keyring.pgp|' "$sources"
    claim 'apt: a client gets the new key with the key ring' inside sh -ec 'apt-get -q update && apt-get -q upgrade' </dev/null
    for_each_rpm_root 'a client that knows only the old key goes on' ask

    pack key expire --keys "$WORK/keys" --generation 2026 >/dev/null
    site publish >/dev/null
    claim 'pack verify: what the old key signed is signed again' pack verify "$WORK/site" --keys "$WORK/keys"
    claim 'apt: goes on when the old key is gone' ask_apt
    rpm_root=$WORK/rpm-dnf
    claim 'dnf: goes on when the old key is gone, without anybody'"'"'s hand' ask_dnf
    rpm_root=$WORK/rpm-zypper
    refused 'zypper: asks about the new key' "$UNKNOWN_KEY" ask_zypper
    claim 'zypper: and goes on with it' in_zypper_root --gpg-auto-import-keys refresh --force
    for_each_rpm_root 'installs again what the old key had signed' ask
    publish_next rpm
    for_each_rpm_root 'upgrades to a package of the new key' upgrade_to_newest
    for_each_rpm_root 'goes back to one that the old key had signed, with no old key' go_back "$before"
    claim 'and the repository file is as it was' cmp "$WORK/before.repo" "$WORK/rpm-dnf/etc/yum.repos.d/myelin.repo"
}

# for_each_rpm_root WORDS COMMAND…: claims it of dnf, and of zypper; $client is which.
for_each_rpm_root() {
    local client rpm_root
    for client in dnf zypper; do
        rpm_root=$WORK/rpm-$client
        claim "$client: $1" "${@:2}"
    done
}

ask() { "ask_$client"; }

upgrade_to_newest() {
    upgrade_by "$client"
    [[ $(installed_rpm) == "$version" ]]
}

# go_back VERSION: as on a system that has never seen any key.
go_back() {
    rpm --root "$rpm_root" -q gpg-pubkey | xargs rpm --root "$rpm_root" -e || return
    case $client in
        dnf)
            rm -rf "$WORK/dnf"
            in_rpm_root install "myelin-$1" "myelin-filesystem-$1"
            ;;
        zypper)
            rm -rf "$rpm_root/var/cache/zypp"
            in_zypper_root --gpg-auto-import-keys refresh --force &&
                in_zypper_root install --oldpackage "myelin-$1" "myelin-filesystem-$1"
            ;;
    esac
    [[ $(installed_rpm) == "$1" ]]
}
