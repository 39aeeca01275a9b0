# shellcheck shell=bash disable=SC2154,SC2034 # what run.sh sets
# What clients do with a repository that somebody tampered with, or that is written to while they look. Sourced by
# run.sh. $client is whose turn it is: there is an ask_$client, which reads the index anew and fetches the package.

# show FOLDER: clients see this folder of $WORK as the site.
show() { ln -sfn "$1" "$WORK/served"; }

# altered COMMAND…: clients see a copy of the site that the command, which runs in it, has changed. The files of a copy
# are the site's and the pool's by a hard link: a changed one has to be another one.
altered() {
    rm -rf "$WORK/altered"
    mkdir "$WORK/altered"
    cp -r --link "$WORK/site/." "$WORK/altered"
    (cd "$WORK/altered" && "$@")
    show altered
}

# attack WORDS ANSWER COMMAND…: the client refuses the site as the command alters it, and says why.
attack() {
    altered "${@:3}"
    refused "$1" "$2" "ask_$client"
    say "$client: $(grep -E -m 1 -- "$2" "$WORK/answer.log" || echo 'nothing of that kind')"
    show site
}

# change_byte PATTERN…: another one in the middle of each file; change_byte_at OFFSET FILE.
change_byte() {
    local file
    # shellcheck disable=SC2068 # a pattern is expanded where the copy is
    for file in $@; do change_byte_at $(($(stat -c %s "$file") / 2)) "$file"; done
}

change_byte_at() {
    local byte
    byte=$(od --address-radix=n --format=u1 --skip-bytes="$1" --read-bytes=1 "$2")
    cp "$2" "$2.changed"
    # shellcheck disable=SC2059 # the byte is written as an escape
    printf "\\x$(printf %x $((byte ^ 1)))" | dd of="$2.changed" bs=1 seek="$1" conv=notrunc status=none
    ! cmp --silent "$2" "$2.changed" || die "$2 is not changed"
    mv "$2.changed" "$2"
}

# replace FROM PATH: the site has this of another one.
replace() {
    rm -r "$2"
    cp -r --link "$1/$2" "$2"
}

# make_foreign_site: the same packages under keys that nobody knows.
make_foreign_site() {
    cp -r --link "$WORK/pool" "$WORK/foreign-pool"
    # It is appended to.
    cp --remove-destination "$WORK/pool/ledger.jsonl" "$WORK/foreign-pool/"
    pack key new --keys "$WORK/foreign" --generation 2026 --user 'A stranger' >/dev/null
    pack publish --keys "$WORK/foreign" --pool "$WORK/foreign-pool" --site "$WORK/foreign-site" --url "$URL" >/dev/null
}

# make_old_sites: the same packages under indexes of so many days ago. They are valid for 30.
make_old_sites() {
    local days
    cp -r --link "$WORK/pool" "$WORK/old-pool"
    cp --remove-destination "$WORK/pool/ledger.jsonl" "$WORK/old-pool/"
    for days in 29 31; do
        pack --time "$(date --date "$days days ago" +%s)" refresh --keys "$WORK/keys" --pool "$WORK/old-pool" --site "$WORK/site-of-$days" \
            --url "$URL" >/dev/null
    done
}

ask_apt() {
    inside sh -ec 'rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb; apt-get -q update && apt-get -q install --reinstall --download-only myelin' </dev/null
}

claims_of_attacks_on_apt() {
    say "attacks on what apt reads: $(inside apt-get --version | head -n 1)"
    local suite=debian/dists/stable client=apt
    claim 'the repository is good' ask_apt
    attack 'a byte of the signed index' 'BADSIG|manipulated|OpenPGP signature verification failed' change_byte "$suite/InRelease"
    attack 'a byte of its signature' 'BADSIG|NODATA|NO_PUBKEY|not signed|invalid|verif' change_byte_at $(($(stat -Lc %s "$WORK/site/$suite/InRelease") - 150)) "$suite/InRelease"
    attack 'a byte of the signature beside the index' 'BADSIG|NODATA|not signed|invalid|verif' without_clear_signature change_byte "$suite/Release.gpg"
    attack 'no signature at all' 'is not signed|does not have a Release file' rm "$suite/InRelease" "$suite/Release.gpg"
    attack 'the signature of a foreign key' 'NO_PUBKEY|Missing key|is not signed' replace "$WORK/foreign-site" debian
    attack 'a byte of a list of packages' 'Hash Sum mismatch|unexpected size' change_byte "$suite/main/binary-amd64/Packages*" "$suite/main/binary-amd64/by-hash/SHA256/*"
    attack 'a byte of a package' 'Hash Sum mismatch|unexpected size' change_byte "debian/pool/main/m/myelin/*.deb"
    claim 'the repository is still good' ask_apt
    attack 'an index that nobody renewed for 31 days' 'Release file for .* is expired' replace "$WORK/site-of-31" debian/dists
    altered replace "$WORK/site-of-29" debian/dists
    claim 'one of 29 days ago is good' inside sh -ec 'rm -rf /var/lib/apt/lists/*; apt-get -q update'
    show site
    older_index_of_apt
}

without_clear_signature() { rm debian/dists/stable/InRelease && "$@"; }

# apt stays with the newest index that it has seen, whoever shows it an older one.
older_index_of_apt() {
    cp -r --link "$WORK/site/." "$WORK/older"
    # An index says its date in seconds.
    sleep 1
    site refresh >/dev/null
    claim 'a refreshed index is taken' ask_apt
    local newest
    newest=$(apt_has)
    show older
    inside apt-get -q update >"$WORK/update.log" 2>&1 || true
    claim 'an older index put back is not taken' test "$(apt_has)" = "$newest"
    show site
    rm -rf "$WORK/older"
}

# apt_has: which index of the repository apt goes by.
apt_has() { inside sh -c 'cat /var/lib/apt/lists/*debian_dists_stable_InRelease' | sha256sum; }

# site_killed_after SECONDS COMMAND: as `site` does it, as far as it comes.
site_killed_after() {
    timeout --signal=KILL "$1" "$PACK" "$2" \
        --keys "$WORK/keys" --pool "$WORK/pool" --site "$WORK/site" --url "$URL" >/dev/null
}

# uploaded LINES: what is there after so many lines of the list that `pack publish` wrote, onto the site as it was.
uploaded() {
    rm -rf "$WORK/altered"
    cp -r --link "$WORK/before-upload" "$WORK/altered"
    head -n "$1" "$WORK/upload" | cut -f2 |
        (cd "$WORK/site" && xargs cp --link --parents --remove-destination --target-directory "$WORK/altered")
    show altered
}

# The lines of the list at which a publishing is stopped: within each phase, and between them.
stops() {
    awk '{ last[$1] = NR; first[$1] = first[$1] ? first[$1] : NR }
        END { for (phase in last) { print int((first[phase] + last[phase]) / 2); print last[phase] } }' "$WORK/upload" | sort -nu
}

# claims_of_a_stopped_publishing CLIENT…: it is killed on this machine, or stopped while it is copied to where nothing can be
# renamed.
claims_of_a_stopped_publishing() {
    say 'a publishing that stops half-way'
    local client stop repomd after rpm_root
    local -a good=()
    cp -r --link "$WORK/site/." "$WORK/before-upload"
    publish_next deb
    publish_next rpm
    site publish --upload-list "$WORK/upload" >/dev/null
    for after in 0.02 0.05 0.1 0.2; do
        (site_killed_after "$after" refresh || true) 2>/dev/null
        pack verify "$WORK/site" --keys "$WORK/keys" >/dev/null 2>&1 && good+=("$after")
    done
    claim 'killed at four moments, it leaves a good site' test "${#good[@]}" = 4
    site publish --upload-list "$WORK/upload" >/dev/null
    repomd=$(grep -n 'rpm/stable/x86_64/repodata/repomd.xml$' "$WORK/upload" | cut -d: -f1)
    for client in "$@"; do
        of_client "$client"
        good=()
        for stop in $(stops); do
            uploaded "$stop"
            if "ask_$client" >"$WORK/answer.log" 2>&1; then good+=("$stop"); else tail -n 3 "$WORK/answer.log"; fi
        done
        claim "$client goes on wherever the copying of $(wc -l <"$WORK/upload") files stopped" test "${good[*]}" = "$(stops | paste -sd ' ')"
        [[ $client != apt ]] || continue
        uploaded "$repomd"
        refused "but between the index and its signature, $client waits for the next file" "$BAD_SIGNATURE" "ask_$client"
        uploaded "$((repomd + 1))"
        claim 'with which all is well' "ask_$client"
    done
    show site
    rm -rf "$WORK/altered" "$WORK/before-upload"
}
