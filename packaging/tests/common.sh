# shellcheck shell=bash disable=SC2154,SC2034 # what run.sh sets
# What the claims of every family use, and what has to be true of a server however it was installed. Sourced by run.sh.

# start NAME BASE: boots a system with the site in its network; what follows happens there.
start() {
    system=$1
    boot "$system" "$2"
    serve "$system" "$WORK/served" "$PORT"
}

leave() { halt "$system"; }

# lines_of SYSTEM: the commands that the page of the site shows for a system.
lines_of() {
    sed -n "/<code data-system=\"$1\">/,/<\/code>/p" "$WORK/site/index.html" | sed -e 's/<[^>]*>//g' -e 's/&gt;/>/g'
}

# next_lines: what the page says to do after the installation.
next_lines() { sed -n '/<h2>Then/,/<\/code>/p' "$WORK/site/index.html" | sed -e '/<h2>/d' -e 's/<[^>]*>//g' -e 's/&gt;/>/g'; }

# put FILE TEXT: a file in the system.
put() { printf '%s\n' "$2" | inside sh -c "cat >'$1'"; }

# in_terminal COMMAND [QUESTION ANSWER]…: a person types the command, is asked these and no other questions.
in_terminal() {
    inside env -u DEBIAN_FRONTEND TERM=dumb expect -f - -- "$@" <packaging/tests/terminal.exp
}

# as_user USER GROUP COMMAND…: outside of any unit.
as_user() { inside setpriv --reuid "$1" --regid "$2" --clear-groups "${@:3}"; }

as_nobody() { as_user nobody nogroup "$@"; }

# hidden PATH…: whether another user can read no file there, and could read one that is for all.
hidden() {
    inside ls -d "$@" && [[ $(as_nobody find /usr/lib/os-release "$@" -type f -readable 2>/dev/null) == /usr/lib/os-release ]]
}

# answers PATH: whether the server answers within ten seconds.
answers() {
    local try
    for ((try = 0; try < 50; try++)); do
        ! inside curl -fs --max-time 5 "http://127.0.0.1:8008$1" || return 0
        sleep 0.2
    done
    return 1
}

answers_at_once() { inside curl -fs --max-time 5 http://127.0.0.1:8008/health; }

# is PROPERTY VALUE: of the service.
is() { [[ $(inside systemctl show --property="$1" --value myelin.service) == "$2" ]]; }

# logs TEXT: whether the service says so within ten seconds.
logs() {
    local try
    for ((try = 0; try < 50; try++)); do
        ! inside journalctl --unit=myelin --boot | grep -F -- "$1" || return 0
        sleep 0.2
    done
    return 1
}

has_line() { inside grep -qF -- "$2" "$1"; }

# is_line FILE LINE: whether the file is this line and nothing else.
is_line() { diff <(printf '%s\n' "$2") <(inside cat "$1"); }

# log_in: as the user that claims_of_a_server made.
log_in() {
    answers /health &&
        inside curl -sS --fail-with-body -d @/tmp/login -H 'Content-Type: application/json' http://127.0.0.1:8008/_matrix/client/v3/login
}

# are_right UNIT…: without the option, a word that systemd does not know would be none of its errors.
are_right() { inside systemd-analyze verify --man=no --recursive-errors=no "$@"; }

# settings: mode and owner of all that is in the settings, and every file's contents.
settings() {
    inside sh -c 'find /etc/myelin -printf "%m %u:%g %p\n" | sort -k3; head -n 1000 /etc/myelin/homeserver.yaml /etc/myelin/conf.d/*'
}

# unchanged: whether the settings are those of $WORK/before.
unchanged() { diff "$WORK/before" <(settings); }

claims_that_all_is_as_before() {
    claim 'it answers' answers /health
    claim 'with its data' log_in
    claim 'and with its settings' unchanged
}

# configure: a name, and what the rest of a test wants.
configure() {
    put /etc/myelin/conf.d/server_name.yaml 'server_name: "example.org"'
    put /etc/myelin/conf.d/50-registration.yaml 'registration_shared_secret: "for the test"'
    put /etc/myelin/conf.d/55-limits.yaml 'rc_message: {per_second: 10000, burst_count: 10000}'
}

# A server that was configured and started.
claims_of_a_server() {
    claim 'it answers' answers /health
    claim 'the signing key is the service'"'"'s alone' test "$(inside sh -c 'stat -c "%U %a" /var/lib/myelin/*.signing.key')" = 'myelin 600'
    claim 'no file of the data can be read by others' is_empty inside find /var/lib/myelin -type f -perm /004
    put /tmp/password 'a long password'
    claim 'a user is created' inside myelin user create --password-file /tmp/password alice
    put /tmp/login '{"type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":"a long password"}'
    claim 'the user logs in' log_in
    claim 'nothing of it can be read by another user' hidden /etc/myelin /var/lib/myelin /var/log/myelin /run/myelin
    claim 'where a setting comes from is shown' inside sh -c 'myelin config show --origin server_name | grep -F conf.d/server_name.yaml'
    local pid
    pid=$(inside systemctl show --property=MainPID --value myelin)
    put /etc/myelin/conf.d/60-more.yaml 'rc_login: {address: {per_second: 5, burst_count: 9}}'
    claim 'reload works, and a connection outlives it' connection_outlives_reload
    claim 'and the process is the same' is MainPID "$pid"
    claim 'and the new file wins' inside sh -c 'myelin config show --origin rc_login | grep -F conf.d/60-more.yaml'
    claim 'and what waits for a restart is named' logs 'a restart is needed for: rc_login'
    put /etc/myelin/levels.yaml 'root: {level: DEBUG}'
    put /etc/myelin/conf.d/70-log.yaml 'log_config: /etc/myelin/levels.yaml'
    refuse 'nothing is said of a request' inside sh -c 'journalctl --unit=myelin --boot | grep -w answered'
    inside systemctl reload myelin
    claim 'until a reload applies that' logs_requests
    inside rm /etc/myelin/conf.d/70-log.yaml /etc/myelin/levels.yaml
    inside systemctl reload myelin
    claims_of_a_broken_setting
}

# fails_once: a service with settings that are broken, which no second start would mend.
fails_once() {
    ! inside systemctl restart myelin && sleep 6 && is ActiveState failed && is NRestarts 0
}

claims_of_a_broken_setting() {
    put /etc/myelin/conf.d/80-broken.yaml 'bcrypt_rounds: many'
    claim 'with a broken setting it fails once' fails_once
    claim 'and says in which file' logs 'conf.d/80-broken.yaml:1'
    inside rm /etc/myelin/conf.d/80-broken.yaml
    claim 'without it, it starts' inside systemctl restart myelin
}

# give_credential: the secret of registrations, as docs/packages.md says it.
give_credential() {
    local unit=/etc/systemd/system/myelin.service.d
    inside mkdir "$unit"
    inside install -m 0600 /dev/stdin /etc/registration <<<'of a credential'
    put "$unit/credential.conf" '[Service]
LoadCredential=registration:/etc/registration'
    put /etc/myelin/conf.d/50-registration.yaml 'registration_shared_secret_path: /run/credentials/myelin.service/registration'
    inside systemctl daemon-reload
}

take_credential() {
    inside rm -r /etc/systemd/system/myelin.service.d /etc/registration
    configure
    inside systemctl daemon-reload
    inside systemctl restart myelin
}

# claims_of_synapse_commands INSTALL REMOVE COMMAND…: what installs and removes their package, and what installs one that
# is called as Synapse's.
claims_of_synapse_commands() {
    say 'the commands of Synapse, and a secret that is a credential'
    give_credential
    claim 'it starts with the credential' inside systemctl restart myelin
    claim 'and answers' answers /health
    claim 'the commands of Synapse are installed' inside sh -ec "$1" </dev/null
    refused 'one of them registers nobody by another secret' 'HMAC' registers bob 'for the test'
    claim 'and a user by the one of the credential' registers bob 'of a credential'
    refused 'beside them, Synapse is not installed' 'conflict' inside "${@:3}" </dev/null
    claim 'they are removed' inside sh -ec "$2" </dev/null
    claim 'and then it can be' inside "${@:3}" </dev/null
    take_credential
}

# registers USER SECRET
registers() {
    inside register_new_matrix_user --user "$1" --password 'a long password' --no-admin --shared-secret "$2" http://127.0.0.1:8008
}

# logs_requests: whether the service does so within ten seconds; it may not have seen the signal yet.
logs_requests() {
    local try
    for ((try = 0; try < 50; try++)); do
        answers_at_once
        ! inside journalctl --unit=myelin --boot | grep -w answered || return 0
        sleep 0.2
    done
    return 1
}

connection_outlives_reload() {
    # shellcheck disable=SC2016 # expanded in the system
    inside bash -ec '
        ask() { printf "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: %s\r\n\r\n" "$1" >&3; }
        exec 3<>/dev/tcp/127.0.0.1/8008
        ask keep-alive
        read -r -t 10 answer <&3
        [[ $answer == "HTTP/1.1 200"* ]]
        systemctl reload myelin
        timeout 10 sh -c "until journalctl --unit=myelin --boot | grep -q \"configuration reloaded\"; do sleep 0.1; done"
        ask close
        timeout 10 cat <&3 | grep "HTTP/1.1 200"'
}

# start_sending: a client sends messages until stop_sending, which claims that none was lost.
start_sending() {
    in_background "$system" python3 packaging/tests/sender.py http://127.0.0.1:8008 alice 'a long password' >"$WORK/sent" 2>&1
    sender=$!
    local try
    for ((try = 0; try < 100; try++)); do
        ! grep -q sending "$WORK/sent" || return 0
        sleep 0.1
    done
    cat "$WORK/sent" >&2
    die 'the client does not send'
}

stop_sending() {
    claim 'it answers' answers /health
    kill -TERM "$sender"
    claim 'at most five seconds without an answer, and nothing that was acknowledged is lost' wait "$sender"
    say "$(tail -n 1 "$WORK/sent")"
}

# What the claim of stop_sending is worth.
claims_of_the_client_that_sends() {
    local door server sender
    door=$(free_port)
    python3 packaging/tests/mute.py "$door" >"$WORK/mute" 2>/dev/null &
    server=$!
    timeout 10 bash -c "until (exec 3<>/dev/tcp/127.0.0.1/$door); do sleep 0.1; done" 2>/dev/null
    python3 packaging/tests/sender.py "http://127.0.0.1:$door" alice 'a long password' 2 >"$WORK/sent" 2>&1 &
    sender=$!
    timeout 10 sh -c "until grep -q mute '$WORK/mute'; do sleep 0.1; done"
    kill -TERM "$sender"
    refuse 'a server that acknowledges nothing any more is not taken for one that came back' wait "$sender"
    claim 'and that is why' grep 'does not come back' "$WORK/sent"
    kill "$server"
}

# start_proxy: a forward proxy for the site, and the site by HTTPS behind it, in the network of the system.
start_proxy() {
    if [[ ! -e $WORK/site.pem ]]; then
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=packages.example.org \
            -addext subjectAltName=DNS:packages.example.org -keyout "$WORK/site.key" -out "$WORK/site.pem" 2>/dev/null
        cat "$WORK/site.key" >>"$WORK/site.pem"
    fi
    put /etc/site.pem "$(openssl x509 -in "$WORK/site.pem")"
    serve "$system" "$WORK/served" "$TLS_PORT" "$WORK/site.pem"
    in_background "$system" python3 packaging/tests/proxy.py "$PROXY_PORT" "$PORT" "$TLS_PORT" >"$WORK/proxy.log" 2>/dev/null
    listening "$system" "$PROXY_PORT"
}
