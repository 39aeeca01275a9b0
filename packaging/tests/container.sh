# shellcheck shell=bash
# Systems that are booted with systemd as their first process, each with a network of its own that has only a loopback
# interface. Source it; it wants $WORK and $CACHE, and scripts/lib.sh.

readonly CGROUPS=/sys/fs/cgroup/unified
readonly BASE_PACKAGES=systemd,systemd-sysv,dbus,libpam-systemd,iproute2,curl,ca-certificates,procps,debconf,gpgv,adduser,expect

# mirror SUITE: where this machine itself gets Debian from, for any release of it.
mirror() {
    local uri
    # shellcheck disable=SC2016 # apt expands it
    uri=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Label: Debian' 'Created-By: Packages' | sort -u | head -n1)
    [[ $uri ]] || die 'apt knows no source of Debian'
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$uri" "$1"
}

# make_root SUITE [PACKAGES]: a minimal system in $CACHE with these packages, made once, and unpacked as $WORK/SUITE.
make_root() {
    local suite=$1 packages=${2:-$BASE_PACKAGES} archive
    archive=$CACHE/roots/$suite-$(printf '%s' "$packages" | sha256sum | head -c 12).tar
    if [[ ! -e $archive ]]; then
        say "a system of Debian $suite"
        mkdir -p "$CACHE/roots"
        mmdebstrap --quiet --mode=root --variant=minbase --include="$packages" \
            --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
            --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/locale/*' \
            "$suite" "$archive.unfinished.tar" "$(mirror "$suite")"
        mv "$archive.unfinished.tar" "$archive"
    fi
    mkdir -p "$WORK/$suite"
    tar -xf "$archive" -C "$WORK/$suite"
    # Nothing but our repository can be reached from within.
    rm -f "$WORK/$suite"/etc/apt/sources.list "$WORK/$suite"/etc/apt/sources.list.d/*
}

# need_nspawn: systemd-nspawn, without an upgrade of the machine's own systemd.
need_nspawn() {
    nspawn=(systemd-nspawn)
    command -v systemd-nspawn >/dev/null && return
    local folder=$CACHE/nspawn
    if [[ ! -e $folder/usr/bin/systemd-nspawn ]]; then
        mkdir -p "$folder/packages"
        (cd "$folder/packages" && apt-get -q download systemd-container libsystemd-shared)
        local package
        for package in "$folder"/packages/*.deb; do dpkg -x "$package" "$folder"; done
    fi
    nspawn=(env "LD_LIBRARY_PATH=$folder/usr/lib/$(uname -m)-linux-gnu/systemd" "$folder/usr/bin/systemd-nspawn")
}

# boot NAME SUITE: starts a system and waits until it is up. Sets $leader.
boot() {
    local name=$1 suite=$2 group=$CGROUPS/myelin-$1
    mkdir -p "$group" "$WORK/$name/upper" "$WORK/$name/work" "$WORK/$name/root"
    ip netns add "myelin-$name"
    ip -n "myelin-$name" link set lo up
    # shellcheck disable=SC2016 # expanded by the inner shell
    setsid unshare --mount --propagation private bash -c '
        echo $$ >"$1/cgroup.procs"
        mkdir -p /run/systemd/nspawn
        mount -t tmpfs tmpfs /run/systemd/nspawn
        umount -R /sys/fs/cgroup
        mount -t cgroup2 cgroup2 /sys/fs/cgroup
        mount -t overlay overlay -o "lowerdir=$2,upperdir=$3/upper,workdir=$3/work" "$3/root"
        exec "${@:5}" --quiet --directory="$3/root" --boot --register=no --keep-unit --machine="$4" \
            --console=read-only --link-journal=no --resolv-conf=off --timezone=off --kill-signal=SIGRTMIN+4 \
            --network-namespace-path="/run/netns/myelin-$4"' \
        _ "$group" "$WORK/$suite" "$WORK/$name" "$name" "${nspawn[@]}" </dev/null >"$WORK/$name.log" 2>&1 &
    disown $!
    booted+=("$name")
    local try
    for ((try = 0; try < 600; try++)); do
        leader=$(head -n1 "$group/payload/init.scope/cgroup.procs" 2>/dev/null || true)
        if [[ $leader ]]; then
            case $(inside systemctl is-system-running 2>/dev/null || true) in running | degraded) return ;; esac
        fi
        sleep 0.2
    done
    tail -n 20 "$WORK/$name.log" >&2
    die "$name did not start"
}

# inside COMMAND…: runs a command in the system that was booted last.
inside() {
    nsenter -t "$leader" -m -u -i -n -p -C -r -w -- env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
        LC_ALL=C.UTF-8 DEBIAN_FRONTEND="${frontend-noninteractive}" "$@"
}

# halt NAME: ends a system, abruptly, and all that ran in it.
halt() {
    local group=$CGROUPS/myelin-$1 try
    [[ ! -e $group/cgroup.kill ]] || echo 1 >"$group/cgroup.kill"
    for ((try = 0; try < 100; try++)); do
        grep -q 'populated 0' "$group/cgroup.events" 2>/dev/null && break
        sleep 0.1
    done
    find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
    ip netns del "myelin-$1" 2>/dev/null || true
}

# serve NAME FOLDER PORT: an HTTP server within the network of a system.
serve() {
    ip netns exec "myelin-$1" python3 -m http.server --bind 127.0.0.1 --directory "$2" "$3" >/dev/null 2>&1 &
    servers+=($!)
    local try
    for ((try = 0; try < 100; try++)); do
        ! ip netns exec "myelin-$1" curl -fs -o /dev/null "http://127.0.0.1:$3/" || return 0
        sleep 0.1
    done
    die "no HTTP server in $1"
}
