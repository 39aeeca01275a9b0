#!/bin/sh
# Lays out the files of the packages as packaging/files.list says: below a folder for a package builder, or into the
# system. Every recipe calls it, so that all of them hold the same files.
#
#   scripts/install.sh --destdir DIR [--binary FILE] [--runner FILE] [--prefix DIR] [--sysconfdir DIR] [--unitdir DIR]
#                      [--family NAME] [--package NAME] [--list]
#
# --binary   the server; else target/release/myelin
# --runner   what prints manual pages and completions where the binary is for another machine; else the binary
# --family   deb, rpm, …: whose files (deb)
# --package  only the files of this package
# --list     print PACKAGE, KIND, MODE, OWNER, PATH and TARGET of each, separated by tabs, and lay out nothing
#
# Modes are set, owners are not: a builder knows no user of the system that installs. The commands look for settings in
# /etc/myelin; with another --sysconfdir only the unit knows where they are, and commands want -c.
set -eu

die() {
    printf 'install.sh: %s\n' "$1" >&2
    exit 1
}

destdir='' binary='' runner='' prefix=/usr sysconfdir=/etc unitdir='' family=deb package='' list=''
while [ $# -gt 0 ]; do
    case $1 in
        --list)
            list=1
            shift
            continue
            ;;
        --destdir | --binary | --runner | --prefix | --sysconfdir | --unitdir | --family | --package)
            [ $# -ge 2 ] || die "$1 needs a value"
            ;;
        *) die "unknown option $1" ;;
    esac
    case $1 in
        --destdir) destdir=$2 ;;
        --binary) binary=$2 ;;
        --runner) runner=$2 ;;
        --prefix) prefix=$2 ;;
        --sysconfdir) sysconfdir=$2 ;;
        --unitdir) unitdir=$2 ;;
        --family) family=$2 ;;
        --package) package=$2 ;;
    esac
    shift 2
done
case $prefix$sysconfdir$unitdir in *[\|\&\\]*) die 'no folder of an installation may have | & or \ in its name' ;; esac
[ -n "$destdir$list" ] || die '--destdir says where to (use --destdir / for this system)'

tree=$(cd "$(dirname "$0")/.." && pwd)
: "${binary:=$tree/target/release/myelin}"
: "${runner:=$binary}"
: "${unitdir:=$prefix/lib/systemd/system}"
[ -n "$list" ] || [ -x "$runner" ] || die "no $runner: build the server first, or name it with --binary"

# The places that destinations begin with.
place() {
    zsh=$prefix/share/zsh/site-functions
    [ "$family" != deb ] || zsh=$prefix/share/zsh/vendor-completions
    printf '%s\n' "$1" | sed \
        -e "s|{bindir}|$prefix/bin|" -e "s|{libdir}|$prefix/lib|" -e "s|{sysconfdir}|$sysconfdir|" \
        -e "s|{unitdir}|$unitdir|" -e "s|{mandir}|$prefix/share/man|" -e "s|{docdir}|$prefix/share/doc|" \
        -e "s|{zshdir}|$zsh|" -e "s|{datadir}|$prefix/share|"
}

# placed FILE: a text of the tree, in which the places of the default are named, with those that were chosen.
placed() { sed -e "s|/etc/myelin|$sysconfdir/myelin|g" -e "s|/usr/bin/myelin|$prefix/bin/myelin|g" "$1"; }

# The content of a file, on standard output.
content() {
    case $1 in
        binary) cat "$binary" ;;
        !*)
            # shellcheck disable=SC2086 # words of a command line
            "$runner" ${1#!}
            ;;
        *) placed "$tree/$1" ;;
    esac
}

lay() {
    kind=$1 mode=$2 path=$3 source=$4
    mkdir -p "$(dirname "$path")"
    case $kind in
        dir)
            mkdir -p "$path"
            chmod "$mode" "$path"
            ;;
        link) ln -sfn "$source" "$path" ;;
        file | config | page)
            # Never through a file that is there: it may be running, or somebody's.
            if [ "$kind" = config ] && [ -e "$path" ]; then return; fi
            rm -f "$path"
            if [ "$kind" = page ]; then content "$source" | gzip -9n >"$path"; else content "$source" >"$path"; fi
            chmod "$mode" "$path"
            ;;
        *) die "files.list: unknown kind $kind" ;;
    esac
}

umask 022
table=$(sed -e '/^#/d' -e '/^[[:space:]]*$/d' -e 's/ *| */|/g' "$tree/packaging/files.list")
printf '%s\n' "$table" | while IFS='|' read -r owner_package families source destination mode owner kind; do
    case ,$families, in *,all,* | *,"$family",*) ;; *) continue ;; esac
    [ -z "$package" ] || [ "$package" = "$owner_package" ] || continue
    path=$(place "$destination")
    if [ -n "$list" ]; then
        target=''
        [ "$kind" != link ] || target=$source
        printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$owner_package" "$kind" "$mode" "$owner" "$path" "$target"
    else
        lay "$kind" "$mode" "${destdir%/}$path" "$source"
    fi
done
