# shellcheck shell=bash disable=SC2154,SC2034 # what run.sh sets
# The service of the rpms in a booted system, which stands for a distribution of rpms: Debian with a database of rpm, a
# stand-in for the packages that ours ask for, and presets as Fedora has them. Sourced by run.sh.

# prepare_rpm_system: what such a distribution has.
prepare_rpm_system() {
    inside sh -c 'cat >/tmp/base.rpm' <"$(echo "$WORK"/rpmbuild/RPMS/noarch/*.rpm)"
    inside sh -ec 'rpm --initdb; rpm -i --nodeps --nosignature /tmp/base.rpm; mkdir -p /etc/yum.repos.d /etc/dnf/vars /usr/lib/systemd/system-preset; echo 9 >/etc/dnf/vars/releasever'
    # Debian's plug-ins for dnf bring a repository of their own, which has no key and wants more programs.
    # shellcheck disable=SC2016 # expanded in the system
    inside find /etc/dnf -name local.conf -exec sh -c 'printf "[main]\nname = local\nenabled = false\n" >"$1"' _ {} \;
    put /usr/lib/systemd/system-preset/99-default-disable.preset 'disable *'
}

rpm_is() { [[ $(inside rpm -q --queryformat '%{VERSION}' myelin) == "$1" ]]; }

# claims_of_a_service_of_rpms SUITE LINES: on a system with the dnf that these lines of the page are for.
claims_of_a_service_of_rpms() {
    say "the service of an rpm in a booted system, by $2"
    start "rpms-$1" "$1"
    prepare_rpm_system
    # The key for the index, what is to be done, the key for packages.
    claim 'the lines of the page ask for a yes' in_terminal "$(lines_of "$2")" 'Is this ok' y 'Is this ok' y 'Is this ok' y
    refuse 'whether it is enabled is left to the preset, which says no' inside systemctl is-enabled myelin
    refuse 'and it does not run' inside systemctl is-active myelin
    claim 'it can be enabled' inside systemctl enable --now myelin
    claim 'without a name it is skipped, not failed' is Result exec-condition
    claim 'no unit has failed' is_empty inside systemctl list-units --failed --plain --no-legend
    claim 'unit files are right' are_right myelin.service myelin.socket
    inside systemctl disable myelin
    configure
    inside rm /etc/myelin/conf.d/server_name.yaml
    claim 'the lines that follow on the page are right' inside sh -ec "$(next_lines)" </dev/null
    claim 'and enable it' inside systemctl is-enabled myelin
    claims_of_a_server
    claims_of_synapse_commands_by_dnf

    say 'an upgrade while clients send'
    local before=${newest[rpm]}
    inside sh -c 'echo "# mine" >>/etc/myelin/homeserver.yaml'
    settings >"$WORK/before"
    publish_next rpm
    start_sending
    claim 'upgrades with nowhere to ask' inside dnf -y --refresh upgrade <&-
    stop_sending
    claim 'the new version is installed' rpm_is "$version"
    claim 'every edited file is as it was' unchanged
    claim 'the user still logs in' log_in
    claim 'it is still enabled' inside systemctl is-enabled myelin
    start_sending
    claim 'goes back to the version before' inside dnf -y downgrade myelin myelin-filesystem <&-
    stop_sending
    claim 'the version before is installed' rpm_is "$before"
    claim 'the user still logs in' log_in
    claims_of_a_newer_schema
    automatic_upgrade
    claims_of_a_failed_upgrade_of_rpms
    claim 'removes' inside dnf -y remove myelin <&-
    claims_of_a_removed_rpm
}

claims_of_synapse_commands_by_dnf() {
    inside sh -c 'cat >/tmp/synapse.rpm' <"$(echo "$WORK"/synapse/RPMS/noarch/*.rpm)"
    claims_of_synapse_commands 'dnf -y install myelin-synapse-compat' 'dnf -y remove myelin-synapse-compat' rpm -i --nosignature /tmp/synapse.rpm
    inside rpm -e matrix-synapse
}

# A package whose files end in the middle, and one whose server does not run.
claims_of_a_failed_upgrade_of_rpms() {
    say 'upgrades that fail'
    local before=${newest[rpm]}
    make_next rpm
    inside sh -c 'cat >/tmp/whole.rpm' <"$(echo "$WORK/built-$version"/myelin-0*.rpm)"
    inside sh -c 'head -c -100000 /tmp/whole.rpm >/tmp/half.rpm'
    claim 'a whole package would be installed' inside rpm -U --test --nodeps /tmp/whole.rpm
    # rpm 6 says of one whose sums are wrong and whose key it knows that it has no signature.
    refused 'half a package is not' 'digest|cpio|[Pp]ayload|unpacking|does not verify' inside rpm -U --nodeps /tmp/half.rpm
    claim 'the version before is installed' rpm_is "$before"
    claims_that_all_is_as_before

    binary=$WORK/broken publish_next rpm
    claim 'a version that does not run is taken' inside dnf -y --refresh upgrade <&-
    claim 'and is installed' rpm_is "$version"
    refuse 'and does not answer' inside curl -fs http://127.0.0.1:8008/health
    site withdraw myelin "$version-0.myelin1"
    site withdraw myelin-filesystem "$version-0.myelin1"
    version=$before newest[rpm]=$before
    claim 'the version before is taken back' inside dnf -y --refresh distro-sync myelin myelin-filesystem <&-
    claim 'it is installed' rpm_is "$before"
    claims_that_all_is_as_before
}

# automatic_upgrade: by dnf-automatic, of which Debian has the module and no command; of dnf 5, not even that.
automatic_upgrade() {
    if [[ $system != *-sid ]]; then
        claim 'dnf-automatic upgrades' inside python3 -c 'import sys, dnf.automatic.main as m; sys.exit(m.main(["/etc/dnf/automatic.conf", "--installupdates"]))' <&-
    else
        claim 'upgrades again' inside dnf -y upgrade <&-
    fi
    claim 'the new version is installed' rpm_is "${newest[rpm]}"
    claim 'it answers' answers /health
    claim 'every edited file is as it was' unchanged
}

claims_of_a_removed_rpm() {
    claim 'the service is gone' not answers_at_once
    refuse 'and is not enabled' inside systemctl is-enabled myelin
    claim 'no unit has failed' is_empty inside systemctl list-units --failed --plain --no-legend
    claim 'settings and data are kept' inside sh -c 'ls /etc/myelin/conf.d/server_name.yaml /var/lib/myelin/*.signing.key'
    claim 'what was edited is kept' inside ls /etc/myelin/homeserver.yaml.rpmsave
}

claims_of_a_service_by_zypper() {
    say 'the same by zypper'
    # As on a system that has never seen the repository.
    inside sh -ec 'rm /etc/yum.repos.d/myelin.repo /etc/myelin/homeserver.yaml.rpmsave; rpm -q gpg-pubkey | xargs rpm -e'
    claim 'the lines of the page ask whether the key is trusted' in_terminal "$(lines_of zypper)" 'trust always' a 'Continue' y
    claim 'it is installed' rpm_is "${newest[rpm]}"
    claim 'and can be enabled' inside systemctl enable --now myelin
    claim 'it is the same server' log_in
    inside sh -c 'echo "# mine" >>/etc/myelin/homeserver.yaml'
    settings >"$WORK/before"
    publish_next rpm
    start_sending
    claim 'upgrades with nowhere to ask' inside sh -ec 'zypper --non-interactive refresh --force; zypper --non-interactive update' <&-
    stop_sending
    claim 'the new version is installed' rpm_is "$version"
    claim 'every edited file is as it was' unchanged
    claim 'removes' inside zypper --non-interactive remove myelin <&-
    claims_of_a_removed_rpm
}
