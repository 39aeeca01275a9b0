# shellcheck shell=bash
# What has to be true of the packages, in the order in which an administrator would find out. Sourced by run.sh.

# lines_of SYSTEM: the commands that the page of the site shows for a system.
lines_of() {
    sed -n "/<code data-system=\"$1\">/,/<\/code>/p" "$WORK/site/index.html" | sed -e 's/<[^>]*>//g' -e 's/&gt;/>/g'
}

# be_silent: apt asks nobody; in a script there is nobody.
be_silent() {
    # The minimal system was made without recommended packages; ours is to be seen with them.
    inside sh -c 'printf "%s\n" "APT::Get::Assume-Yes \"true\";" "Dpkg::Use-Pty \"false\";" "APT::Update::Error-Mode \"any\";" "APT::Install-Recommends \"true\";" >/etc/apt/apt.conf.d/99silent'
}

# put FILE TEXT: a file in the system.
put() { printf '%s\n' "$2" | inside sh -c "cat >'$1'"; }

# answers PATH: whether the server answers within ten seconds.
answers() {
    local try
    for ((try = 0; try < 50; try++)); do
        ! inside curl -fs "http://127.0.0.1:8008$1" || return 0
        sleep 0.2
    done
    return 1
}

# is PROPERTY VALUE: of the service.
is() { [[ $(inside systemctl show --property="$1" --value myelin.service) == "$2" ]]; }

has_line() { inside grep -qF -- "$2" "$1"; }

claims_of_a_bare_installation() {
    say 'an installation that nobody answered for'
    boot bare bookworm
    serve bare "$WORK/site" "$PORT"
    be_silent
    lines_of debian >"$WORK/lines"
    claim 'the lines of the page install the package' inside sh -ec "$(<"$WORK/lines")" </dev/null
    claim 'the key ring package comes with it' inside dpkg -s myelin-archive-keyring
    claim 'the service is skipped, not failed' is Result exec-condition
    claim 'no unit has failed' test -z "$(inside systemctl list-units --failed --plain --no-legend)"
    claim 'the status says what to do' inside sh -c 'systemctl status myelin | grep "not configured yet: set .server_name., for example in a file of conf.d"'
    claim 'it is enabled' inside systemctl is-enabled myelin
    claim 'the settings are for root and the group only' test "$(inside stat -c '%U:%G %a' /etc/myelin /etc/myelin/conf.d | sort -u)" = 'root:myelin 750'
    refuse 'another user cannot look into them' inside setpriv --reuid nobody --regid nogroup --clear-groups ls /etc/myelin
    claim 'unit files are right' inside systemd-analyze verify --man=no myelin.service myelin.socket
    claim 'the exposure of the unit is 1.1 at most' inside systemd-analyze security --offline=yes --threshold=11 myelin.service

    inside mkdir -p /home/somebody
    put /etc/myelin/conf.d/server_name.yaml 'server_name: "example.org"'
    put /etc/myelin/conf.d/50-registration.yaml 'registration_shared_secret: "for the test"'
    # Runs under every restriction of the unit, before the server does.
    inside mkdir -p /etc/systemd/system/myelin.service.d
    put /etc/systemd/system/myelin.service.d/probe.conf '[Service]
ExecStartPre=/bin/sh -c "! touch /etc/myelin/conf.d/x && ! touch /usr/x && ! ls /home/somebody && ! ls /root && touch /var/lib/myelin/x"
ExecStartPre=/bin/sh -c "! unshare --user true && ! mknod /var/lib/myelin/device c 1 3 && ! hostname other"'
    inside systemctl daemon-reload
    claim 'with a name it starts, and the restrictions bite' inside systemctl restart myelin
    claim 'it answers' answers /health
    claim 'the signing key is the service'"'"'s alone' test "$(inside sh -c 'stat -c "%U %a" /var/lib/myelin/*.signing.key')" = 'myelin 600'
    claim 'no file of the data can be read by others' test -z "$(inside find /var/lib/myelin -type f -perm /004)"
    put /tmp/password 'a long password'
    claim 'a user is created' inside myelin user create --password-file /tmp/password alice
    put /tmp/login '{"type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":"a long password"}'
    claim 'the user logs in' inside curl -sS --fail-with-body -d @/tmp/login -H 'Content-Type: application/json' http://127.0.0.1:8008/_matrix/client/v3/login
    claim 'where a setting comes from is shown' inside sh -c 'myelin config show --origin server_name | grep -F conf.d/server_name.yaml'
    local pid
    pid=$(inside systemctl show --property=MainPID --value myelin)
    put /etc/myelin/conf.d/60-more.yaml 'rc_login: {address: {per_second: 5, burst_count: 9}}'
    claim 'reload works' inside systemctl reload myelin
    claim 'and the process is the same' is MainPID "$pid"
}

claims_of_an_upgrade() {
    say 'an upgrade while clients ask'
    inside sh -c 'echo "# mine" >>/etc/myelin/homeserver.yaml; echo "# mine" >>/etc/myelin/conf.d/README'
    inside dpkg-statoverride --update --add root myelin 0751 /etc/myelin/conf.d
    inside sh -c 'cat /etc/myelin/homeserver.yaml /etc/myelin/conf.d/*' >"$WORK/before"
    publish_version 0.1.1
    # A line for every tenth of a second in which nobody answered.
    ip netns exec myelin-bare bash -c 'while :; do curl -fs -m 1 -o /dev/null http://127.0.0.1:8008/health || echo gap; sleep 0.1; done' >"$WORK/gaps" 2>/dev/null &
    local asking=$!
    disown "$asking"
    claim 'upgrades without a question' inside sh -ec 'apt-get -q update && apt-get -q upgrade' </dev/null
    claim 'it answers again' answers /health
    kill "$asking"
    say "$(grep -c gap "$WORK/gaps" || true) questions of a tenth of a second apart found nobody"
    claim 'at most five seconds without an answer' test "$(grep -c gap "$WORK/gaps")" -le 50
    claim 'the new version is installed' inside sh -c 'dpkg -s myelin | grep -x "Version: 0.1.1-0myelin1"'
    inside sh -c 'cat /etc/myelin/homeserver.yaml /etc/myelin/conf.d/*' >"$WORK/after"
    claim 'every edited file is as it was' cmp "$WORK/before" "$WORK/after"
    claim 'an override of permissions is kept' test "$(inside stat -c %a /etc/myelin/conf.d)" = 751
    claim 'the user still logs in' inside curl -sS --fail-with-body -d @/tmp/login -H 'Content-Type: application/json' http://127.0.0.1:8008/_matrix/client/v3/login
    claim 'configuring it again changes nothing' inside sh -ec '/var/lib/dpkg/info/myelin.postinst configure 0.1.1-0myelin1' </dev/null
    inside sh -c 'cat /etc/myelin/homeserver.yaml /etc/myelin/conf.d/*' >"$WORK/after"
    claim 'and every file is as it was' cmp "$WORK/before" "$WORK/after"
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
    claim 'the answers are forgotten' test -z "$(inside sh -c 'debconf-show myelin')"
}

answers_at_once() { inside curl -fs http://127.0.0.1:8008/health; }

claims_of_answers() {
    say 'an installation that was answered before'
    boot answered bookworm
    serve answered "$WORK/site" "$PORT"
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

# attacked WORDS FILE…: with a byte of each file changed, apt refuses.
attacked() {
    local words=$1 file
    shift
    rm -rf "$WORK/good"
    cp -r --dereference "$WORK/site/debian" "$WORK/good"
    for file in "$@"; do
        # Never into the pool, whose files are the site's by a hard link.
        cp "$file" "$file.changed"
        printf 'x' | dd of="$file.changed" bs=1 seek=$(($(stat -c %s "$file") / 2)) conv=notrunc status=none
        mv "$file.changed" "$file"
    done
    refuse "$words" inside sh -ec 'rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb; apt-get -q update && apt-get -q install --download-only myelin' </dev/null
    cp -r "$WORK/good/." "$WORK/site/debian/"
}

# older_index_is_not_taken SUITE: apt stays with the newest index that it has seen, whoever shows it an older one.
older_index_is_not_taken() {
    cp -r "$1" "$WORK/older"
    # An index says its date in seconds.
    sleep 1
    site refresh >/dev/null
    inside apt-get -q update >/dev/null
    local newest
    newest=$(apt_has)
    claim 'a refreshed index is taken' test "$newest" != "$(sha256sum <"$WORK/older/InRelease")"
    cp -r "$WORK/older/." "$1/"
    inside apt-get -q update >"$WORK/update.log" 2>&1 || true
    claim 'an older index put back is not taken' test "$(apt_has)" = "$newest"
    site refresh >/dev/null
}

# apt_has: which index of the repository apt goes by.
apt_has() { inside sh -c 'cat /var/lib/apt/lists/*debian_dists_stable_InRelease' | sha256sum; }

claims_of_attacks() {
    say 'attacks on the repository'
    local suite=$WORK/site/debian/dists/stable
    claim 'the repository is good' inside sh -ec 'apt-get -q update && apt-get -q install --download-only myelin' </dev/null
    attacked 'a byte of the signed index' "$suite/InRelease"
    attacked 'a byte of a list of packages' "$suite"/main/binary-amd64/Packages* "$suite"/main/binary-amd64/by-hash/SHA256/*
    attacked 'a byte of a package' "$WORK"/site/debian/pool/main/m/myelin/*.deb

    pack key new --keys "$WORK/foreign" --generation 2026 >/dev/null
    pack publish --keys "$WORK/foreign" --pool "$WORK/foreign-pool" --site "$WORK/foreign-site" --url "$URL" >/dev/null
    cp -r "$suite" "$WORK/suite"
    cp "$WORK"/foreign-site/debian/dists/stable/{InRelease,Release,Release.gpg} "$suite/"
    refuse 'the signature of a foreign key' inside sh -c 'rm -rf /var/lib/apt/lists/*; apt-get -q update'
    rm "$suite/InRelease" "$suite/Release.gpg"
    refuse 'no signature at all' inside sh -c 'rm -rf /var/lib/apt/lists/*; apt-get -q update'
    cp "$WORK"/suite/*Release* "$suite/"

    older_index_is_not_taken "$suite"

    # The keys are younger than the index of a month ago would be, so this month's client lives in the next.
    claim 'good again' inside apt-get -q update
    # It was refreshed a moment ago, and has to be older than the second that it is valid for here.
    sleep 2
    refuse 'an index that expired' inside apt-get -q -o Acquire::Max-ValidTime=1 update
}

claims_of_a_rotation() {
    say 'new keys'
    pack key rotate --keys "$WORK/keys" --generation 2027 >/dev/null
    site publish >/dev/null
    claim 'a client that knows only the old key goes on' inside apt-get -q update
    claim 'and gets the new one with the key ring' inside sh -ec 'apt-get -q upgrade' </dev/null
    pack key expire --keys "$WORK/keys" --generation 2026 >/dev/null
    site publish >/dev/null
    claim 'so it goes on when the old key is gone' inside apt-get -q update
    claim 'the site is good' pack verify "$WORK/site" --keys "$WORK/keys"
}

# in_rpm_root COMMAND…: dnf and rpm of this machine on a system of their own, in the network of the system booted last.
in_rpm_root() {
    ip netns exec myelin-answered dnf -q -y --installroot="$WORK/rpm" --releasever=9 \
        --setopt="reposdir=$WORK/rpm/etc/yum.repos.d" --setopt="cachedir=$WORK/dnf" --setopt=skip_if_unavailable=False "$@"
}

# make_rpm_root: a system with an rpm database, in which one package stands for what a distribution's own would provide.
make_rpm_root() {
    mkdir -p "$WORK/rpm"
    cp -a "$WORK/bookworm/." "$WORK/rpm"
    printf '%s\n' 'Name: base' 'Version: 1' 'Release: 1' 'Summary: base' 'License: none' 'BuildArch: noarch' \
        "Provides: /bin/sh /usr/bin/systemd-sysusers $(rpm -qp --requires "$WORK"/built-0.1.0/myelin-0*.rpm | grep -E 'bit|rtld' | paste -sd ' ')" \
        '%description' 'base' '%files' >"$WORK/base.spec"
    rpmbuild -bb --quiet --define "_topdir $WORK/rpmbuild" "$WORK/base.spec"
    rpm --root "$WORK/rpm" --initdb
    rpm --root "$WORK/rpm" -i --nodeps --nosignature "$WORK"/rpmbuild/RPMS/noarch/*.rpm
    mkdir -p "$WORK/rpm/etc/yum.repos.d"
    cp "$WORK/site/rpm/myelin.repo" "$WORK/rpm/etc/yum.repos.d/"
}

# dnf_is_attacked WORDS FILE…: with a byte of each file changed, dnf refuses.
dnf_is_attacked() {
    local words=$1 file
    shift
    for file in "$@"; do
        # The file itself is the pool's by a hard link, so it is moved away and not written to.
        cp "$file" "$file.changed"
        printf 'x' | dd of="$file.changed" bs=1 seek=$(($(stat -c %s "$file") / 2)) conv=notrunc status=none
        mv "$file" "$file.good"
        mv "$file.changed" "$file"
    done
    rm -rf "$WORK/dnf"
    refuse "$words" in_rpm_root reinstall myelin
    for file in "$@"; do mv "$file.good" "$file"; done
}

claims_of_rpm() {
    say 'the same by dnf'
    local repository=$WORK/site/rpm/stable/x86_64 version
    for version in 0.1.0 0.1.1; do
        build rpm --keys "$WORK/keys" --package myelin --package myelin-filesystem --version "$version" --out "$WORK/built-$version"
        [[ $version != 0.1.0 ]] || site publish "$WORK/built-$version"/*.rpm
    done
    local -a packages
    mapfile -t packages < <(find "$repository/" -name '*.rpm')
    claim 'rpmlint has nothing to say' rpmlint --strict --config packaging/rpmlint.toml "${packages[@]}"
    make_rpm_root
    claim 'installs' in_rpm_root install myelin
    claim 'every file is as the package has it' rpm --root "$WORK/rpm" -V myelin
    claim 'the settings are for root and the group only' test "$(chroot "$WORK/rpm" stat -c '%U:%G %a' /etc/myelin)" = 'root:myelin 750'
    claim 'it runs' chroot "$WORK/rpm" myelin version
    echo '# mine' >>"$WORK/rpm/etc/myelin/homeserver.yaml"
    cp "$WORK/rpm/etc/myelin/homeserver.yaml" "$WORK/before"

    dnf_is_attacked 'a byte of the signed index' "$repository/repodata/repomd.xml"
    dnf_is_attacked 'a byte of its signature' "$repository/repodata/repomd.xml.asc"
    dnf_is_attacked 'a byte of a list of packages' "$repository"/repodata/*-primary.xml.gz
    dnf_is_attacked 'a byte of a package' "$repository"/Packages/*.rpm

    cp -r "$repository/repodata" "$WORK/older-repodata"
    site publish "$WORK"/built-0.1.1/*.rpm
    claim 'upgrades' in_rpm_root --refresh upgrade myelin
    claim 'the new version is installed' test "$(rpm --root "$WORK/rpm" -q myelin)" = myelin-0.1.1-0.myelin1.x86_64
    claim 'the edited file is as it was' cmp "$WORK/before" "$WORK/rpm/etc/myelin/homeserver.yaml"
    refuse 'and none was put beside it' ls "$WORK"/rpm/etc/myelin/*.rpmnew
    older_repodata "$repository"
    in_rpm_root --refresh upgrade myelin >"$WORK/upgrade.log" 2>&1 || true
    say "dnf sees $(in_rpm_root repoquery --latest-limit=1 myelin || true) in it"
    claim 'an older index put back takes no version away' test "$(rpm --root "$WORK/rpm" -q myelin)" = myelin-0.1.1-0.myelin1.x86_64
    newer_repodata "$repository"
    claim 'removes' in_rpm_root remove myelin
    claim 'what was edited is kept' ls "$WORK/rpm/etc/myelin/homeserver.yaml.rpmsave"
}

# older_repodata REPOSITORY: puts the index back that was there before the last version; newer_repodata undoes it.
older_repodata() {
    mv "$1/repodata" "$WORK/newer-repodata"
    cp -r "$WORK/older-repodata" "$1/repodata"
}

newer_repodata() {
    rm -r "$1/repodata"
    mv "$WORK/newer-repodata" "$1/repodata"
}

in_zypper_root() { ip netns exec myelin-answered zypper --root "$WORK/rpm" --non-interactive "$@"; }

claims_of_zypper() {
    say 'the same by zypper'
    rm -rf "$WORK/rpm"
    make_rpm_root
    rm -r "$WORK/rpm/etc/yum.repos.d"
    claim 'takes the repository file of the site' in_zypper_root addrepo "$URL/rpm/myelin.repo"
    refuse 'does not take a key that nobody agreed to' in_zypper_root refresh
    claim 'takes the key when told to' in_zypper_root --gpg-auto-import-keys refresh
    claim 'installs' in_zypper_root install myelin
    claim 'it runs' chroot "$WORK/rpm" myelin version
    older_repodata "$WORK/site/rpm/stable/x86_64"
    in_zypper_root refresh --force >"$WORK/refresh.log" 2>&1 || true
    in_zypper_root update >>"$WORK/refresh.log" 2>&1 || true
    claim 'an older index put back takes no version away' test "$(rpm --root "$WORK/rpm" -q myelin)" = myelin-0.1.1-0.myelin1.x86_64
    newer_repodata "$WORK/site/rpm/stable/x86_64"
}
