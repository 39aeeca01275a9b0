#!/bin/sh
# Says which of the things that the unit's restrictions are to prevent can be done: restrictions.sh FINIT_MODULE
#
# apt.sh has the unit run it, where nothing may come out but the end; and the same user outside of the unit, where all
# must: else it would be permissions that prevent it. The argument is the number of that call, which differs between
# processors.

# can WORDS COMMAND…
can() {
    words=$1
    shift
    if "$@" >/dev/null 2>&1; then printf '%s\n' "$words"; fi
}

without() { ! grep -qE "$1" /proc/self/status; }

# opens FAMILY: whether there is such a socket.
opens() { perl -MSocket -e 'socket(my $one, $ARGV[0], SOCK_RAW, 0) or exit 1' "$1"; }

# passes_the_filter CALL: whether it comes to the kernel, which says no by another number than the unit (ENOANO).
passes_the_filter() { perl -e 'syscall($ARGV[0] + 0, -1, 0, 0); exit($! == 55)' "$1"; }

can 'write into /etc' touch /etc/restrictions/new
can 'write into /usr' touch /usr/restrictions/new
can 'look into /home' ls /home/restrictions
can 'look into /tmp' ls /tmp/restrictions
can 'see devices' ls /dev/restrictions
can 'see what the kernel says of itself' ls /proc/sys/kernel
can 'see processes of others' ls /proc/1
can 'make a namespace' unshare --user true
can 'make a file that others run as it' chmod u+s /var/lib/myelin/restrictions
can 'open a socket to the kernel' opens 16
can 'load a module' passes_the_filter "$1"
can 'hold capabilities' without '^CapBnd:.0+$'
can 'gain privileges' without '^NoNewPrivs:.1$'
can 'call all of the kernel' without '^Seccomp:.2$'
# Where nothing of perl came out, perl has to run.
opens 1 && echo end
