# SPDX-License-Identifier: MIT
# shellcheck shell=dash source=tests/lab/lib.sh
# Side by side with mdevctl on one kernel: both list, create and remove the same devices, and we import its definitions.
. /lab/lib.sh

# Lines "UUID PARENT TYPE" of what is there, as each of the two says.
theirs() { mdevctl list | awk 'NF { print $1, $2, $3 }' | sort; }
ours() {
	openforbc partition list -o csv >"$tmp/listed"
	for f in handle gpu type; do column "$tmp/listed" $f >"$tmp/$f"; done
	paste -d' ' "$tmp/handle" "$tmp/gpu" "$tmp/type" | sed 's/mdev://' | sort
}
# agree NAME N: so many, and both say the same.
agree() {
	same "$1: both list the same" "$(ours)" "$(theirs)"
	same "$1: it is $2" "$(theirs | wc -l)" "$2"
}
# they_say NAME STATUS ARGUMENTS...: of mdevctl.
they_say() {
	local name=$1 want=$2
	shift 2
	rc=0
	mdevctl "$@" >"$tmp/out" 2>"$tmp/err" || rc=$?
	same "$name" "$rc" "$want"
}
free_theirs() { mdevctl types | awk '/^  [^ ]/ { t = $1 } /Available instances/ { print t, $3 }' | sort; }
free_ours() {
	for parent in mbochs mdpy mtty; do
		openforbc type list $parent-0 -o csv | awk -F, 'NR > 1 { sub("mdev:", "", $2); print $2, $7 }'
	done | sort
}

# --- each makes, both see; each removes what the other one made ---
agree "nothing" 0
for type in mbochs-small mbochs-medium mdpy-xga mtty-2; do
	parent=${type%%-*}
	they_say "mdevctl makes $type" 0 start -u "$(uuid 1)" -p "$parent" -t $type
	expect "we make $type" 0 partition create "$parent-0" $type --uuid "$(uuid 2)"
	agree "$type" 2
	same "$type: both say the same of the room" "$(free_ours)" "$(free_theirs)"
	same "$type: owners" "$(field "$(uuid 1)" owner) $(field "$(uuid 2)" owner)" "foreign ours"
	expect "we remove theirs" 0 partition destroy --foreign "$(uuid 1)"
	they_say "they remove ours" 0 stop -u "$(uuid 2)"
	same "$type: the kernel has none" "$(n_mdevs)" 0
	same "$type: ours is lost, not forgotten" "$(listed state)" lost
	expect "$type: and restored" 0 host restore
	agree "$type: restored" 1
	they_say "mdevctl will not make it twice" 1 start -u "$(uuid 2)" -p "$parent" -t $type
	expect "we remove ours" 0 partition destroy "$(uuid 2)"
	agree "$type: the end" 0
done

# --- until it is full, both in turn ---
i=10
while mdevctl start -u "$(uuid $i)" -p mdpy -t mdpy-hd 2>/dev/null && openforbc partition create mdpy-0 mdpy-hd >/dev/null 2>&1; do
	i=$((i + 1))
done
agree "full" 4
expect "full: we are refused" 5 partition create mdpy-0 mdpy-hd
they_say "full: they are refused" 1 start -u "$(uuid 99)" -p mdpy -t mdpy-hd
expect "full: ours go" 0 partition destroy --all
agree "full: theirs stay" 2
expect "full: theirs, too" 0 partition destroy --all --foreign
agree "full: the end" 0

# --- what it has defined, imported ---
they_say "a definition" 0 define -u "$(uuid 21)" -p mbochs -t mbochs-large
they_say "one for every boot" 0 define -u "$(uuid 22)" -p mdpy -t mdpy-vga --auto
they_say "one more" 0 define -u "$(uuid 23)" -p mtty -t mtty-1 --auto
mdevctl list -d --dumpjson >"$tmp/definitions.json"
expect "import" 0 layout import --from mdevctl "$tmp/definitions.json"
cp "$tmp/out" "$tmp/layout.yaml"
expect "its layout differs" 9 layout check "$tmp/layout.yaml"
expect "apply" 0 layout apply "$tmp/layout.yaml"
same "the same devices as defined" "$(ours)" "$(mdevctl list -d | awk 'NF { print $1, $2, $3 }' | sort)"
agree "applied" 3
expect "and nothing more is to be done" 0 layout check "$tmp/layout.yaml"
they_say "mdevctl stops one" 0 stop -u "$(uuid 22)"
they_say "and starts it from its definition" 0 start -u "$(uuid 22)"
expect "it is ours as before" 0 layout check "$tmp/layout.yaml"
agree "started again" 3
expect "ours go" 0 partition destroy --all

# --- one that runs already ---
they_say "mdevctl starts one" 0 start -u "$(uuid 21)"
expect "ours cannot be made beside it" 8 layout apply "$tmp/layout.yaml"
err "it is named" "$(uuid 21)"
err "what to do is said" "^hint: .*partition adopt"
agree "nothing was made" 1
expect "adopt" 0 partition adopt "$(uuid 21)"
expect "then the rest is made" 0 layout apply "$tmp/layout.yaml"
agree "all three" 3
expect "everything goes" 0 partition destroy --all
same "the definitions stay theirs" "$(mdevctl list -d | grep -c .)" 3
for i in 21 22 23; do mdevctl undefine -u "$(uuid $i)"; done

summary
