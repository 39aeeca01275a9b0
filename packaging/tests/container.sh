# shellcheck shell=bash
# Systems that are booted with systemd as their first process, each with a network of its own that has only a loopback
# interface. Source it; it wants $WORK and $CACHE, and scripts/lib.sh.

# Where the machine has version 2 of control groups: beside version 1 or alone.
CGROUPS=/sys/fs/cgroup
[[ ! -d $CGROUPS/unified ]] || CGROUPS=$CGROUPS/unified
readonly CGROUPS
# Of this run alone: another one may be under way, or may have left something when it was killed.
readonly RUN=myelin-$$
readonly BASE_PACKAGES=systemd,systemd-sysv,dbus,libpam-systemd,iproute2,curl,ca-certificates,procps,debconf,gpgv,adduser,expect

# mirror SUITE: where this machine itself gets Debian from, for any release of it.
mirror() {
    local uri
    # shellcheck disable=SC2016 # apt expands it
    uri=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Label: Debian' 'Created-By: Packages' | sort -u | head -n1)
    [[ $uri ]] || die 'apt knows no source of Debian'
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$uri" "$1"
}

# archive_of SYSTEM PACKAGES: the file of a system in $CACHE.
archive_of() { printf '%s/roots/%s-%s.tar\n' "$CACHE" "$1" "$(printf '%s' "$2" | sha256sum | head -c 12)"; }

# make_archive SYSTEM PACKAGES: a minimal system in $CACHE with these packages, made once. SYSTEM is a suite of Debian, or
# SUITE-ARCHITECTURE where the kernel has an emulator for that.
make_archive() {
    local suite=${1%%-*} architecture=${1#"${1%%-*}"} packages=$2 archive
    local -a options=()
    archive=$(archive_of "$1" "$packages")
    [[ ! -e $archive ]] || return 0
    say "a system of Debian $suite${architecture/-/ for }"
    mkdir -p "$CACHE/roots"
    # Its own trial wants one more program, and knows the handler of one name only.
    [[ ! $architecture ]] || options+=(--architectures="${architecture#-}" --skip=check/qemu)
    # The index of a Debian that changes every day may be older than it says it may be, where a mirror is a copy of a day.
    [[ $suite != sid ]] || options+=(--aptopt='Acquire::Check-Valid-Until "false"')
    mmdebstrap --quiet --mode=root --variant=minbase --include="$packages" "${options[@]}" \
        --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
        --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/locale/*' \
        "$suite" "$archive.unfinished.tar" "$(mirror "$suite")"
    mv "$archive.unfinished.tar" "$archive"
}

# make_root SYSTEM [PACKAGES]: unpacks such a system as $WORK/SYSTEM.
make_root() {
    local base=$1 packages=${2:-$BASE_PACKAGES}
    make_archive "$base" "$packages"
    mkdir -p "$WORK/$base"
    tar -xf "$(archive_of "$base" "$packages")" -C "$WORK/$base"
    # Nothing but our repository can be reached from within.
    rm -f "$WORK/$base"/etc/apt/sources.list "$WORK/$base"/etc/apt/sources.list.d/*
}

# in_root FOLDER COMMAND: a shell command in a system that is not booted. It has no network, and processes of its own,
# which end with it.
in_root() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    unshare --mount --net --pid --fork --propagation private bash -ec '
        mount --bind "$1" "$1"
        mount --bind /dev "$1/dev"
        mount -t proc proc "$1/proc"
        mkdir -p "$1/.old"
        cd "$1"
        pivot_root . .old
        umount -l /.old
        exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 sh -ec "$2"
    ' bash "$@"
}

# need_namespaces: ends the test where the kernel does not let us make a system, as a trial shows: devices, mounts, an
# overlay, a network and processes of its own.
need_namespaces() {
    [[ $(uname -m) == x86_64 && $(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}") == bookworm ]] ||
        impossible 'it is written for Debian 12 on amd64'
    ((EUID == 0)) || impossible 'it needs root'
    # shellcheck disable=SC2016 # expanded by the inner shell
    unshare --mount --net --pid --fork --propagation private sh -ec '
        mkdir -p "$0/upper" "$0/work" "$0/root"
        mount -t overlay -o "lowerdir=/usr/share,upperdir=$0/upper,workdir=$0/work" overlay "$0/root"
        mount -t proc proc "$0/root"
        mknod "$0/null" c 1 3
        echo >"$0/null"' "$WORK/try" 2>"$WORK/try.log" ||
        impossible "the kernel gives no namespaces, mounts or devices: $(tail -n 1 "$WORK/try.log")"
}

# need_boot: the same where systems cannot be booted: a control group is made, and entered with the mounts of a system.
need_boot() {
    need_namespaces
    [[ -e $CGROUPS/cgroup.procs ]] || impossible 'there is no version 2 of control groups'
    mkdir "$CGROUPS/$RUN" 2>"$WORK/try.log" || impossible "no control group can be made: $(tail -n 1 "$WORK/try.log")"
    if [[ ! -e $CGROUPS/$RUN/cgroup.kill ]]; then
        rmdir "$CGROUPS/$RUN"
        impossible 'the kernel cannot end a control group at once'
    fi
    local status=0
    # shellcheck disable=SC2016 # expanded by the inner shell
    unshare --mount --cgroup --propagation private sh -ec '
        echo $$ >"$1/cgroup.procs"
        mount -t cgroup2 cgroup2 "$0"' "$WORK/try/root" "$CGROUPS/$RUN" 2>"$WORK/try.log" || status=$?
    rmdir "$CGROUPS/$RUN" || true
    ((status == 0)) || impossible "the kernel gives no control group of version 2: $(tail -n 1 "$WORK/try.log")"
}

# need_nspawn: systemd-nspawn, without an upgrade of the machine's own systemd.
need_nspawn() {
    nspawn=(systemd-nspawn)
    command -v systemd-nspawn >/dev/null && return
    local folder=$CACHE/nspawn libraries
    libraries=/usr/lib/$(uname -m)-linux-gnu
    need libip4tc2="$libraries/libip4tc.so.2" libkmod2="$libraries/libkmod.so.2" libapparmor1="$libraries/libapparmor.so.1"
    if [[ ! -e $folder/usr/bin/systemd-nspawn ]]; then
        mkdir -p "$folder/packages"
        apt-get -q update
        (cd "$folder/packages" && apt-get -q download systemd-container libsystemd-shared)
        local package
        for package in "$folder"/packages/*.deb; do dpkg -x "$package" "$folder"; done
    fi
    nspawn=(env "LD_LIBRARY_PATH=$folder/usr/lib/$(uname -m)-linux-gnu/systemd" "$folder/usr/bin/systemd-nspawn")
}

# boot NAME BASE: starts a system and waits until it is up. Sets $leader.
boot() {
    local name=$1 base=$2 group=$CGROUPS/$RUN-$1
    booted+=("$name")
    mkdir -p "$group" "$WORK/$name/upper" "$WORK/$name/work" "$WORK/$name/root"
    ip netns add "$RUN-$name"
    ip -n "$RUN-$name" link set lo up
    # shellcheck disable=SC2016 # expanded by the inner shell
    setsid unshare --mount --propagation private bash -c '
        echo $$ >"$1/cgroup.procs"
        mkdir -p /run/systemd/nspawn
        mount -t tmpfs tmpfs /run/systemd/nspawn
        umount -R /sys/fs/cgroup
        mount -t cgroup2 cgroup2 /sys/fs/cgroup
        mount -t overlay overlay -o "lowerdir=$2,upperdir=$3/upper,workdir=$3/work" "$3/root"
        exec "${@:6}" --quiet --directory="$3/root" --boot --register=no --keep-unit --machine="$4" \
            --console=read-only --link-journal=no --resolv-conf=off --timezone=off --kill-signal=SIGRTMIN+4 \
            --network-namespace-path="/run/netns/$5"' \
        _ "$group" "$WORK/$base" "$WORK/$name" "$name" "$RUN-$name" "${nspawn[@]}" </dev/null >"$WORK/$name.log" 2>&1 &
    disown $!
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
    local group=$CGROUPS/$RUN-$1 try
    [[ -e $group ]] || return 0
    echo 1 >"$group/cgroup.kill" || true
    for ((try = 0; try < 100; try++)); do
        grep -q 'populated 0' "$group/cgroup.events" 2>/dev/null && break
        sleep 0.1
    done
    find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
    ip netns del "$RUN-$1" 2>/dev/null || true
}

# serve NAME FOLDER PORT [CERTIFICATE]: a server of files within the network of a system.
serve() {
    in_background "$1" python3 packaging/tests/site.py "$3" "$2" "${@:4}" >/dev/null 2>&1
    listening "$1" "$3"
}

# in_network NAME COMMAND…: a program of this machine in the network of a system.
in_network() { ip netns exec "$RUN-$1" "${@:2}"; }

# in_background NAME COMMAND…: the same, until the run ends. $! is its process.
in_background() {
    ip netns exec "$RUN-$1" "${@:2}" &
}

# listening NAME PORT: waits until somebody listens there.
listening() {
    local try
    for ((try = 0; try < 100; try++)); do
        # shellcheck disable=SC2016 # expanded by the inner shell
        ! in_network "$1" bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0"' "$2" 2>/dev/null || return 0
        sleep 0.1
    done
    die "nobody listens at port $2 of $1"
}
