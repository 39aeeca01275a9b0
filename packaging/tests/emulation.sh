# shellcheck shell=bash disable=SC2154,SC2034 # what releases.sh sets
# The packages for arm64 in a whole machine of arm64: Debian 13 with its own kernel, which enforces the restrictions of
# the unit. Sourced by releases.sh, after common.sh and apt.sh.
#
# Debian's programs of arm64 can be run one by one on this machine's kernel, too, which hands them to qemu-aarch64. That
# makes the system. It does not boot it: systemd starts as process 1, and then starts no service, because qemu 7.2 knows
# no CLONE_PIDFD; by qemu 10, those with credentials or mounts of their own fail, among them journald, logind and ours.

readonly EMULATED=trixie-arm64
readonly EMULATED_PACKAGES=$BASE_PACKAGES,linux-image-cloud-arm64,openssh-server
# Where the machine finds the site.
readonly URL=http://127.0.0.1:18100

# make_emulated: the system, in the cache. Its packages' own scripts run on this machine's kernel.
make_emulated() {
    [[ ! -e $(archive_of "$EMULATED" "$EMULATED_PACKAGES") ]] || return 0
    hand_over
    make_archive "$EMULATED" "$EMULATED_PACKAGES"
    forget_emulation
}

# hand_over: has the kernel hand programs of arm64 to qemu, or ends the test. Our handler comes before any other that is
# there. By its flag F the kernel opens qemu now, so that the system needs none in it.
hand_over() {
    local handlers=$WORK/handlers
    mkdir "$handlers"
    mount -t binfmt_misc binfmt_misc "$handlers" 2>"$WORK/try.log" ||
        impossible "the kernel hands no programs to emulators: $(tail -n 1 "$WORK/try.log")"
    # What Debian's systemd tells the kernel of such programs, under our name.
    sed "s/^:[^:]*:/:$RUN:/" /usr/lib/binfmt.d/qemu-aarch64.conf >"$handlers/register" || true
    grep -qs '^flags: .*F' "$handlers/$RUN" || impossible 'the kernel takes no handler for programs of arm64'
}

forget_emulation() {
    [[ ! -e $WORK/handlers/$RUN ]] || echo -1 >"$WORK/handlers/$RUN"
    ! mountpoint -q "$WORK/handlers" || umount "$WORK/handlers"
}

# make_disk: the system with a way in for us alone.
make_disk() {
    local root=$WORK/$EMULATED home=$WORK/$EMULATED/root
    ssh-keygen -q -t ed25519 -N '' -f "$WORK/identity"
    install -D -m 600 "$WORK/identity.pub" "$home/.ssh/authorized_keys"
    printf '[Match]\nType=ether\n[Network]\nAddress=10.0.2.15/24\n' >"$root/etc/systemd/network/machine.network"
    ln -sf /usr/lib/systemd/system/systemd-networkd.service "$root/etc/systemd/system/multi-user.target.wants/"
    truncate --size=3G "$WORK/disk"
    mkfs.ext4 -q -d "$root" "$WORK/disk"
}

# start NAME BASE: as common.sh has it, for a machine. Through the way in it reaches our site, and nothing else.
start() {
    local try door site
    system=$1
    door=$(free_port)
    site=$(free_port)
    ((site != door)) || site=$((site + 1))
    make_disk
    qemu-system-aarch64 -machine virt -cpu cortex-a72 -smp 2 -m 1024 -display none -monitor none \
        -serial "file:$WORK/$1.log" -device virtio-rng-pci -device virtio-net-pci,netdev=net,romfile= \
        -netdev "user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:$door-:22" \
        -drive "file=$WORK/disk,format=raw,if=virtio,cache=unsafe" \
        -kernel "$WORK/$2/vmlinuz" -initrd "$WORK/$2/initrd.img" -append 'root=/dev/vda rw console=ttyAMA0' \
        </dev/null >&2 &
    machine=$!
    python3 packaging/tests/site.py "$site" "$WORK/served" >/dev/null 2>&1 &
    for ((try = 0; try < 200; try++)); do
        kill -0 "$machine" || break
        if enter -p "$door" -M -N -f -o ExitOnForwardFailure=yes -R "${URL##*:}:127.0.0.1:$site" root@127.0.0.1; then
            inside timeout 600 systemctl is-system-running --wait >/dev/null || true
            return
        fi
        sleep 3
    done
    tail -n 20 "$WORK/$1.log" >&2
    die "$1 did not start"
}

# enter ARGUMENT…: by ssh, as nobody but this run does.
enter() {
    ssh -q -F none -i "$WORK/identity" -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
        -o ConnectTimeout=10 -o ControlPath="$WORK/entrance" "$@"
}

# inside COMMAND…: as container.sh has it. Where the way in is gone, no other machine is asked.
inside() {
    enter -o ProxyCommand=false root@127.0.0.1 "$(printf '%q ' env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
        LC_ALL=C.UTF-8 DEBIAN_FRONTEND="${frontend-noninteractive}" "$@")"
}

leave() { kill "$machine" || true; }

# publish_emulated: what was built for it, and nothing for another processor.
publish_emulated() {
    pack publish --keys "$WORK/keys" --pool "$WORK/pool" --site "$WORK/site" --url "$URL" \
        "$WORK"/packages-aarch64/*.deb && ln -s site "$WORK/served"
}

claims_of_an_emulated_system() {
    say 'the packages for arm64 in a machine of arm64'
    claim 'they are published' publish_emulated
    [[ -e $WORK/served ]] || return 0
    make_root "$EMULATED" "$EMULATED_PACKAGES"
    claims_of_a_bare_installation "$EMULATED"
    claim 'it is a machine of arm64' test "$(inside uname -m)" = aarch64
    claim 'with a package of arm64' inside sh -c 'dpkg-query --status myelin | grep -x "Architecture: arm64"'
    claim 'it runs' inside sh -c 'systemctl status myelin | grep -F "active (running)"'
    claims_of_a_removal
    leave
}
