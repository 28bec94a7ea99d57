#!/usr/bin/env bash
# Runs a command in a fresh clone of HEAD on a bare Debian, as somebody would who has just installed it:
#
#   fresh_machine.sh [bookworm | trixie] COMMAND...     such as: trixie bash cmake/quick_start.sh
#
# The bare Debian is a directory that debootstrap makes, with an empty environment. Of this machine it
# has what reaches packages: mirrors, proxies, certificates and pip's index. Needs root. What is
# downloaded is kept in build/fresh_machine, and a base of a week at most.

source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

suite=bookworm
case ${1:-} in bookworm | trixie) suite=$1 && shift ;; esac
(($#)) || fail "no command; for example: bash cmake/fresh_machine.sh $suite bash cmake/quick_start.sh"
((EUID == 0)) || fail "only root can change root directories; try sudo"

readonly cache=$PWD/build/fresh_machine
readonly base=$cache/$suite.tar
host_suite=$(. /etc/os-release && echo "$VERSION_CODENAME")

# "<address> <suite> <component>" of this machine's distribution, with the suite replaced by ours.
# Other sources have other suites or components.
package_sources() {
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    sort --unique | grep -E "^[^ ]+ $host_suite(-updates|-security)? (main|universe)$" |
    sed "s/ $host_suite/ $suite/"
}

# What of apt's configuration reaches the sources: proxies, certificates, dates of snapshots.
apt_settings() {
  apt-config dump --format '%f "%v";%n' Acquire |
    grep -E '^Acquire::(https?|Check-|Retries|ForceIPv|AllowReleaseInfoChange)[^ ]* "[^"]+";'
}

# make_base: a bare root, as a tar file.
make_base() {
  local mirror root
  mirror=$(package_sources | awk -v suite="$suite" '$2 == suite { print $1; exit }')
  [[ -n $mirror ]] || fail "apt of this machine names no mirror of $host_suite"
  install_packages debootstrap
  say "making a bare $suite from $mirror"
  root=$(mktemp -d "$cache/base.XXXXXX")
  chmod 755 "$root"
  mkdir -p "$cache/$suite.debs/partial"
  quietly debootstrap --variant=minbase --cache-dir="$cache/$suite.debs" "$suite" "$root" "$mirror" ||
    { rm -rf "$root"; fail "debootstrap could not make $suite from $mirror"; }
  rm -f "$root"/var/cache/apt/archives/*.deb
  tar --create --file "$base.new" --directory "$root" --one-file-system .
  rm -rf "$root"
  mv "$base.new" "$base"
}

# copy_to <root> <path>...: those that are there, links followed.
copy_to() {
  local root=$1 path
  shift
  for path in "$@"; do
    [[ -e $path ]] || continue
    mkdir -p "$root$(dirname "$path")"
    cp --recursive --dereference --no-target-directory "$path" "$root$path"
  done
}

# connect <root>: lets it reach packages the way this machine does.
connect() {
  local root=$1
  copy_to "$root" /etc/resolv.conf /etc/hosts /etc/apt/auth.conf /etc/apt/auth.conf.d \
    /usr/local/share/ca-certificates /etc/ssl/certs/ca-certificates.crt /etc/pip.conf \
    "$HOME/.config/pip" "$HOME/.pip"
  package_sources | sed 's/^/deb /' >"$root/etc/apt/sources.list"
  apt_settings >"$root/etc/apt/apt.conf.d/90fresh_machine"
  # The root's programs look in the usual place.
  local bundle=${SSL_CERT_FILE:-${PIP_CERT:-}}
  if [[ -r $bundle ]]; then cp --dereference "$bundle" "$root/etc/ssl/certs/ca-certificates.crt"; fi
}

# The environment of a login, and of this one what names a proxy or an index.
login_environment() {
  printf '%s\n' HOME=/root USER=root LOGNAME=root SHELL=/bin/bash "TERM=${TERM:-dumb}" LANG=C.UTF-8 \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  env | grep -E '^(https?_proxy|HTTPS?_PROXY|no_proxy|NO_PROXY|all_proxy|ALL_PROXY)=' || true
  env | grep -E '^PIP_(INDEX_URL|EXTRA_INDEX_URL|TRUSTED_HOST|PROXY|DEFAULT_TIMEOUT)=' || true
  if [[ -n ${PIP_CERT:-} ]]; then echo PIP_CERT=/etc/ssl/certs/ca-certificates.crt; fi
}

mkdir -p "$cache/$suite.debs" "$cache/pip"
[[ -n $(find "$base" -mtime -7 2>/dev/null) ]] || make_base

root=$(mktemp -d "$cache/root.XXXXXX")
chmod 755 "$root"
trap 'rm -rf --one-file-system "$root"' EXIT
tar --extract --file "$base" --directory "$root" --no-overwrite-dir
connect "$root"
[[ -z $(git status --porcelain) ]] || say "what is not committed is not part of this"
git clone --quiet --no-hardlinks "$PWD" "$root/root/qlinear"
mkdir -p "$root/root/.cache/pip"

say "on a bare $suite: $*"
mapfile -t environment < <(login_environment)
export root cache suite
# Mounts and processes of their own, which end with the command.
unshare --mount --pid --fork --kill-child bash -euc '
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mount --bind "$cache/$suite.debs" "$root/var/cache/apt/archives"
  mount --bind "$cache/pip" "$root/root/.cache/pip"
  exec chroot "$root" env -i "$@" ' bash "${environment[@]}" \
  bash -c 'cd ~/qlinear && exec "$@"' bash "$@"
