# shellcheck shell=bash disable=SC2154,SC2034 # what run.sh sets
# New keys, for clients that know only the old ones, or only the new ones. Sourced by run.sh.

# claims_of_a_rotation CLIENT…: they have the keys of 2026. The system booted last goes by apt or by dnf 5. Nobody touches
# the repository files of rpm.
claims_of_a_rotation() {
    say 'new keys'
    local client rpm_root before=$version
    pack key rotate --keys "$WORK/keys" --generation 2027 >/dev/null
    site publish >/dev/null
    for_each claims_of_both_keys "$@"

    pack key expire --keys "$WORK/keys" --generation 2026 >/dev/null
    site publish >/dev/null
    claim 'pack verify: what the old key signed is signed again' pack verify "$WORK/site" --keys "$WORK/keys"
    for_each claims_of_the_new_key "$@"
    publish_next rpm
    for_each claims_of_new_packages "$@"
}

# for_each CLAIMS CLIENT…: makes them of each.
for_each() {
    for client in "${@:2}"; do
        of_client "$client"
        "$1"
    done
}

claims_of_both_keys() {
    [[ $client == apt ]] || repository_files >"$WORK/before-$client.repo"
    claim "$client: a client that knows only the old key goes on" "ask_$client"
    [[ $client == apt ]] || return 0
    local sources=/etc/apt/sources.list.d/myelin.sources
    inside sh -c 'cat >/etc/new.asc' <"$WORK/keys/apt-2027.certificate.asc"
    inside sed -i 's|^Signed-By: .*|Signed-By: /etc/new.asc|' "$sources"
    claim 'apt: and so does one that knows only the new key' ask_apt
    inside sed -i 's|^Signed-By: .*|Signed-By: /usr/share/keyrings/myelin-archive-keyring.pgp|' "$sources"
    claim 'apt: a client gets the new key with the key ring' inside sh -ec 'apt-get -q update && apt-get -q upgrade' </dev/null
}

# repository_files: what this client goes by.
repository_files() { find "$rpm_root/etc" -name 'myelin*.repo' -exec head -n 100 {} +; }

# installs_by_old_lists: without asking whether there are newer ones.
installs_by_old_lists() {
    case $client in
        dnf | dnf5) in_rpm_root reinstall myelin ;;
        zypper) in_zypper_root --no-refresh install --force myelin ;;
    esac
}

claims_of_the_new_key() {
    [[ $client == apt ]] || claim "$client: goes on by the lists of before" installs_by_old_lists
    if [[ $client == zypper ]]; then
        refused 'zypper: asks about the new key' "$UNKNOWN_KEY" ask_zypper
        claim 'zypper: and goes on with it' in_zypper_root --gpg-auto-import-keys refresh --force
    fi
    claim "$client: goes on when the old key is gone" "ask_$client"
}

claims_of_new_packages() {
    [[ $client != apt ]] || return 0
    claim "$client: upgrades to a package of the new key" upgrade_goes_well
    claim "$client: goes back to one that the old key had signed, with no old key" go_back "$before"
    claim "$client: and what it knows of the repository is as it was" diff "$WORK/before-$client.repo" <(repository_files)
}

# go_back VERSION: as on a system that has never seen any key.
go_back() {
    forget_keys || return
    forget
    case $client in
        dnf) in_rpm_root install "myelin-$1" "myelin-filesystem-$1" ;;
        # It installs no older version by that word.
        dnf5) in_rpm_root downgrade "myelin-$1" "myelin-filesystem-$1" ;;
        zypper)
            in_zypper_root --gpg-auto-import-keys refresh --force &&
                in_zypper_root install --oldpackage "myelin-$1" "myelin-filesystem-$1"
            ;;
    esac
    [[ $(installed_rpm) == "$1" ]]
}

# forget_keys: all that rpm knows. Version 6 has them beside its database.
forget_keys() {
    if [[ $client == dnf5 ]]; then
        inside sh -ec 'rpmkeys --list | cut -d" " -f1 | xargs rpmkeys --delete'
    else
        rpm --root "$rpm_root" -q gpg-pubkey | xargs rpm --root "$rpm_root" -e
    fi
}
