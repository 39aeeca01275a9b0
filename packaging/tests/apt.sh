# shellcheck shell=bash disable=SC2154,SC2034 # what run.sh sets
# What has to be true of the packages of Debian, in the order in which an administrator would find out. Sourced by
# run.sh. Each function works on in the system that was booted before it, $system.

# be_silent: apt asks nobody; in a script there is nobody.
be_silent() {
    # The minimal system was made without recommended packages; ours is to be seen with them.
    inside sh -c 'printf "%s\n" "APT::Get::Assume-Yes \"true\";" "Dpkg::Use-Pty \"false\";" "APT::Update::Error-Mode \"any\";" "APT::Install-Recommends \"true\";" >/etc/apt/apt.conf.d/99silent'
}

# version_is VERSION: of the installed package.
# shellcheck disable=SC2016 # dpkg expands it
version_is() { [[ $(inside dpkg-query --show --showformat '${Version}' myelin) == "$1-0myelin1" ]]; }

claims_of_a_bare_installation() {
    say "an installation that nobody answered for, on Debian $1"
    start "bare-$1" "$1"
    be_silent
    claim 'the lines of the page install the package' inside sh -ec "$(lines_of debian)" </dev/null
    claim 'the key ring package comes with it' inside dpkg -s myelin-archive-keyring
    claim 'the service is skipped, not failed' is Result exec-condition
    claim 'no unit has failed' is_empty inside systemctl list-units --failed --plain --no-legend
    claim 'the status says what to do' inside sh -c 'systemctl status myelin | grep "not configured yet: set .server_name., for example in a file of conf.d"'
    claim 'it is enabled' inside systemctl is-enabled myelin
    claim 'the settings are for root and the group only' test "$(inside stat -c '%U:%G %a' /etc/myelin /etc/myelin/conf.d | sort -u)" = 'root:myelin 750'
    refused 'another user cannot look into them' 'Permission denied' as_nobody ls /etc/myelin
    claim 'unit files are right' are_right myelin.service myelin.socket
    claim 'and those for a repository' repository_units_are_right
    claim 'the exposure of the unit is 1.1 at most' inside systemd-analyze security --offline=yes --threshold=11 myelin.service

    configure
    claims_of_restrictions "$1"
    claim 'with a name it starts' inside systemctl restart myelin
    claims_of_a_server
}

repository_units_are_right() {
    local unit
    inside install -m 0755 /bin/true /usr/local/bin/pack
    for unit in myelin-repository-refresh.{service,timer}; do
        put "/tmp/$unit" "$(cat "systemd/$unit")"
        are_right "/tmp/$unit" || return
    done
}

# What the unit lets its processes do, on such a system: nothing of what permissions would let the user do.
claims_of_restrictions() {
    local finit_module=313 unit=/etc/systemd/system/myelin.service.d possible=/var/lib/myelin/possible
    [[ $1 != *-arm64 ]] || finit_module=273
    inside mkdir -p "$unit" /{etc,usr,home,tmp}/restrictions
    inside chmod 0777 /{etc,usr,home,tmp}/restrictions
    inside touch /dev/restrictions
    put /usr/local/lib/restrictions.sh "$(cat packaging/tests/restrictions.sh)"
    # Its own number tells a call that the unit forbids from one that the kernel does.
    put "$unit/restrictions.conf" "[Service]
SystemCallErrorNumber=ENOANO
ExecStartPre=/bin/sh -c 'touch /var/lib/myelin/restrictions && sh /usr/local/lib/restrictions.sh $finit_module >$possible'"
    inside systemctl daemon-reload
    claim 'what is tried under the restrictions of the unit is tried to its end' inside systemctl restart myelin
    claim 'and nothing is possible' diff <(echo end) <(inside cat "$possible")
    claim 'outside of the unit all is, to the same user' diff <(sed -n "s/^can '\([^']*\)'.*/\1/p" packaging/tests/restrictions.sh && echo end) \
        <(as_user myelin myelin sh /usr/local/lib/restrictions.sh "$finit_module")
    inside rm -rf "$unit" "$possible" /{etc,usr,home,tmp,dev,var/lib/myelin}/restrictions
    inside systemctl daemon-reload
}

claims_of_synapse_commands_by_apt() {
    inside mkdir -p /tmp/synapse/DEBIAN
    put /tmp/synapse/DEBIAN/control "$(printf '%s\n' 'Package: matrix-synapse' 'Version: 1' 'Architecture: all' 'Maintainer: none' 'Description: stands for Synapse')"
    inside dpkg-deb --build /tmp/synapse
    claims_of_synapse_commands 'apt-get -q install myelin-synapse-compat' 'apt-get -q purge myelin-synapse-compat' dpkg -i /tmp/synapse.deb
    inside dpkg --purge matrix-synapse
}

claims_of_an_upgrade() {
    say 'an upgrade while clients send'
    inside sh -c 'echo "# mine" >>/etc/myelin/homeserver.yaml; echo "# mine" >>/etc/myelin/conf.d/README'
    inside dpkg-statoverride --update --add root myelin 0751 /etc/myelin/conf.d
    settings >"$WORK/before"
    publish_next deb
    start_sending
    claim 'upgrades without a question, with nowhere to ask' inside env -u DEBIAN_FRONTEND sh -ec 'apt-get -q update && apt-get -q upgrade' <&-
    stop_sending
    claim 'the new version is installed' version_is "$version"
    claim 'every edited file is as it was' unchanged
    claim 'an override of permissions is kept' test "$(inside stat -c %a /etc/myelin/conf.d)" = 751
    claim 'the user still logs in' log_in
    claim 'configuring it again changes nothing' inside sh -ec "/var/lib/dpkg/info/myelin.postinst configure $version-0myelin1" </dev/null
    claim 'and every file is as it was' unchanged
}

# A package whose files end in the middle, and one whose server does not run.
claims_of_a_failed_upgrade() {
    say 'upgrades that fail'
    local before=$version deb
    make_next deb
    deb=$(echo "$WORK/built-$version"/myelin_*.deb)
    mkdir "$WORK/half"
    (cd "$WORK/half" && ar x "$deb" && truncate --size=-100000 data.tar.* && ar r half.deb debian-binary control.tar.* data.tar.*)
    inside sh -c 'cat >/tmp/half.deb' <"$WORK/half/half.deb"
    rm -r "$WORK/half"
    refused 'half a package is not installed' 'unexpected end|truncated|corrupt' inside dpkg -i /tmp/half.deb
    claim 'the version before is installed' version_is "$before"
    claims_that_all_is_as_before
    claim 'nothing is left to mend' is_empty inside dpkg --audit

    binary=$WORK/broken publish_next deb
    claim 'a version that does not run is installed' inside sh -ec 'apt-get -q update && apt-get -q upgrade' </dev/null
    refuse 'and does not answer' inside curl -fs http://127.0.0.1:8008/health
    site withdraw myelin "$version-0myelin1"
    claim 'the version before is taken back' inside sh -ec "apt-get -q update && apt-get -q install --allow-downgrades myelin=$before-0myelin1" </dev/null
    claims_that_all_is_as_before
    version=$before
}

claims_of_a_newer_schema() {
    say 'going back to a version that does not know the schema'
    change_schema "INSERT INTO migrations (version, name, program) VALUES (9999, 'later', '9.9.9')"
    inside systemctl restart myelin >"$WORK/restart.log" 2>&1 || true
    claim 'is refused, and the reason is said' logs '9.9.9 or newer can open it'
    change_schema 'DELETE FROM migrations WHERE version = 9999'
    inside systemctl reset-failed myelin
    claim 'with the schema that it knows it goes on' inside systemctl restart myelin
    claim 'with its data' log_in
}

# change_schema STATEMENT: in the database of the server, which is stopped for it.
change_schema() {
    inside systemctl stop myelin
    python3 - "/proc/$leader/root" "$1" <<'CHANGE'
import os, sqlite3, sys

os.chroot(sys.argv[1])
with sqlite3.connect("/var/lib/myelin/homeserver.db") as database:
    database.execute(sys.argv[2])
CHANGE
    inside sh -c 'chown myelin: /var/lib/myelin/homeserver.db*'
}

claims_of_a_prerelease() {
    say 'versions before a release'
    local before=$version sources=/etc/apt/sources.list.d/myelin.sources
    build deb --package myelin --version 0.2.0-rc1 --out "$WORK/built-rc"
    site publish --channel prerelease "$WORK/built-rc"/*.deb
    claim 'nobody gets one who did not ask' inside sh -ec 'apt-get -q update && apt-get -q upgrade' </dev/null
    claim 'the version is as before' version_is "$before"
    refuse 'and it is not even offered' inside sh -c 'apt-cache policy myelin | grep rc1'
    inside sed -i 's/^Components: main$/Components: main prerelease/' "$sources"
    claim 'who asks gets it' inside sh -ec 'apt-get -q update && apt-get -q upgrade' </dev/null
    claim 'it is installed' version_is 0.2.0~rc1
    claim 'and answers' answers /health
    inside sed -i 's/^Components: main prerelease$/Components: main/' "$sources"
    claim 'and can go back' inside sh -ec "apt-get -q update && apt-get -q install --allow-downgrades myelin=$before-0myelin1" </dev/null
    claim 'the version is as before' version_is "$before"
    claim 'with its data' log_in
}

claims_of_a_removal() {
    say 'removing'
    claim 'removes' inside apt-get -q remove myelin </dev/null
    claim 'the service is gone' not answers_at_once
    claim 'settings and data are kept' inside sh -c 'ls /etc/myelin/conf.d/server_name.yaml /var/lib/myelin/*.signing.key'
    claim 'installs again' inside apt-get -q install myelin </dev/null
    claim 'and is the same server' answers /_matrix/client/versions
    claim 'purges' inside apt-get -q purge myelin </dev/null
    claim 'data is kept: nobody said otherwise' inside sh -c 'ls /var/lib/myelin/*.signing.key'
    claim 'what the administrator wrote is kept' inside test -e /etc/myelin/conf.d/server_name.yaml
    refuse 'what the package wrote is gone' inside test -e /etc/myelin/homeserver.yaml
    claim 'the answers are forgotten' is_empty inside debconf-show myelin
}

claims_of_answers() {
    say 'an installation that was answered before'
    start answered bookworm
    be_silent
    inside sh -ec "$(lines_of debian | sed '/install/d')"
    claim 'a name that is none does not stop the installation' inside sh -ec 'echo "myelin myelin/server-name string not a name" | debconf-set-selections; apt-get -q install myelin' </dev/null
    refuse 'and is not written' inside test -e /etc/myelin/conf.d/00-server_name.yaml
    inside apt-get -q purge myelin </dev/null >/dev/null
    claim 'answers are taken' inside sh -ec 'printf "myelin myelin/%s\n" "server-name string example.org" "report-stats boolean true" "purge-data boolean true" | debconf-set-selections; apt-get -q install myelin' </dev/null
    claim 'it runs at once' answers /health
    claim 'the name is written' has_line /etc/myelin/conf.d/00-server_name.yaml 'server_name: "example.org"'
    claim 'the statistics are written' has_line /etc/myelin/conf.d/00-report_stats.yaml 'report_stats: true'
    put /etc/myelin/conf.d/00-report_stats.yaml 'report_stats: false  # we decided so'
    claim 'configured again by hand' inside dpkg-reconfigure -f noninteractive myelin
    claim 'what the administrator wrote into it stays' has_line /etc/myelin/conf.d/00-report_stats.yaml 'report_stats: false  # we decided so'
    claim 'purges' inside apt-get -q purge myelin </dev/null
    refuse 'with the data, as answered' inside ls /var/lib/myelin
    refuse 'and the settings' inside ls /etc/myelin
}

# By a person who types: what is asked, when, and what happens to a wrong answer.
claims_of_a_person() {
    say 'a person at a terminal'
    local name='Name of this Matrix server' statistics='Report anonymous statistics' really='continue. \[Y/n\]'
    # What sed would take for words of its own, a shell for others, and a second comment.
    local comment=' # a|b & c\d [e]*  "f" #g'
    start person bookworm
    put /etc/apt/apt.conf.d/99recommends 'APT::Install-Recommends "true";'
    claim 'the lines of the page ask for name and statistics, and for a wrong name again' \
        in_terminal "$(lines_of debian)" "$really" y "$name" 'not a name' "$name" example.org "$statistics" no
    claim 'it runs at once' answers /health
    claim 'the name is written' has_line /etc/myelin/conf.d/00-server_name.yaml 'server_name: "example.org"'
    claim 'installed once more, it asks nothing' in_terminal 'apt-get install --reinstall --yes myelin'
    put /etc/myelin/conf.d/00-server_name.yaml "server_name: 'old.org' $comment"
    put /etc/myelin/conf.d/00-report_stats.yaml "report_stats: false$comment"
    claim 'configured again, it asks both' in_terminal 'dpkg-reconfigure myelin' "$name" example.org "$statistics" yes
    claim 'and the new name is written, before its comment' is_line /etc/myelin/conf.d/00-server_name.yaml "server_name: \"example.org\" $comment"
    claim 'and the new answer' is_line /etc/myelin/conf.d/00-report_stats.yaml "report_stats: true$comment"
    claim 'and nothing beside them' is_empty inside find /etc/myelin -name '*dpkg*'
    claim 'it runs on' answers /health
    claim 'purging asks about the data' in_terminal 'apt-get purge --yes myelin' 'Delete all data' no
    claim 'which is kept if told to' inside sh -c 'ls /var/lib/myelin/*.signing.key'
    claim 'after that, everything is asked again' in_terminal 'apt-get install --yes myelin' "$name" example.org "$statistics" no
    claim 'and the data is there' answers /health
    claim 'purging asks again' in_terminal 'apt-get purge --yes myelin' 'Delete all data' yes
    refuse 'and deletes the data if told to' inside ls /var/lib/myelin
    leave
}

claims_of_unattended_upgrades() {
    say 'unattended-upgrades'
    put /etc/apt/apt.conf.d/60myelin 'Unattended-Upgrade::Origins-Pattern { "origin=Myelin"; };'
    publish_next deb
    claim 'an unattended upgrade' inside sh -ec 'apt-get -q update && unattended-upgrade --verbose' </dev/null
    claim 'the new version is installed' version_is "$version"
    claim 'it answers' answers /health
    claim 'every file is as it was' unchanged
}

# Hosts that only a proxy can reach.
claims_of_a_proxy_for_apt() {
    say 'through a forward proxy'
    local settings=/etc/apt/apt.conf.d/98proxy sources=/etc/apt/sources.list.d/myelin.sources scheme
    start_proxy
    for scheme in http https; do
        inside sed -i "s|^URIs: .*|URIs: $scheme://packages.example.org/debian|" "$sources"
        refuse "without it, nobody finds $scheme://packages.example.org" ask_apt
        put "$settings" "Acquire::$scheme::Proxy \"http://127.0.0.1:$PROXY_PORT\"; Acquire::https::CAInfo \"/etc/site.pem\";"
        claim "with it, apt installs from there" ask_apt
        inside rm "$settings"
    done
    claim 'the packages came through it' grep -qE 'GET http://packages\.example\.org/debian/pool/.*\.deb 200' "$WORK/proxy.log"
    claim 'and through tunnels' grep -qF 'CONNECT packages.example.org:443 200' "$WORK/proxy.log"
    inside sed -i "s|^URIs: .*|URIs: $URL/debian|" "$sources"
    claim 'and goes back to the site itself' ask_apt
}
