# SPDX-License-Identifier: MIT
# shellcheck shell=dash source=tests/lab/lib.sh
# Mediated devices of the kernel's sample drivers: mbochs (three types share 256 MB), mdpy (four devices of any type),
# mtty (24 ports, types of one or two).
. /lab/lib.sh

# agree NAME PARENT: our numbers of all its types are the kernel's.
agree() {
	local key bad=
	ofbc type list "$2-0" -o csv
	for key in $(column "$tmp/out" key); do
		ours=$(awk -F, -v k="$key" '$2 == k { print $7 }' "$tmp/out")
		theirs=$(available "${key#mdev:}")
		[ "$ours" = "$theirs" ] || bad="$bad $key: $ours, the kernel says $theirs;"
	done
	if [ -z "$bad" ]; then pass "$1"; else fail "$1" "$bad"; fi
}

# --- what is there ---
expect "GPUs are listed" 0 gpu list
for parent in mbochs mdpy mtty; do out "$parent is a GPU" "^$parent-0 "; done
for parent in mbochs mdpy mtty; do
	ofbc type list $parent-0 -q
	same "types of $parent" "$(sed 's/^mdev://' "$tmp/out" | sort)" "$(ls "$(mdev_types $parent)" | sort)"
	agree "room of $parent" $parent
done
expect "nothing is there" 0 partition list -q
same "no partition" "$(cat "$tmp/out")" ""

# --- create, and a pool that types share ---
expect "five small ones" 0 partition create mbochs-0 mbochs-small --count 5 --name vm -q
same "the kernel has the UUIDs that were printed" "$(sort "$tmp/out")" "$(mdevs | sort)"
same "they are listed" "$(listed)" "$(mdevs | sort)"
same "their names" "$(listed name | tr '\n' ' ')" "vm vm-2 vm-3 vm-4 vm-5 "
agree "the pool after five small ones" mbochs
expect "a large one" 0 partition create mbochs-0 mbochs-large -q
large=$(cat "$tmp/out")
agree "the pool after a large one" mbochs
same "it is of the kernel's type" "$(readlink "/sys/bus/mdev/devices/$large/mdev_type" | sed 's,.*/,,')" mbochs-large
expect "a medium one" 0 partition create mbochs-0 mbochs-medium
agree "the pool after a medium one" mbochs
expect "by need: 10 MB is a medium one" 0 partition create mbochs-0 --memory 10M -q
same "and it is" "$(readlink "/sys/bus/mdev/devices/$(cat "$tmp/out")/mdev_type" | sed 's,.*/,,')" mbochs-medium
expect "two large ones more" 0 partition create mbochs-0 mbochs-large --count 2
expect "a fourth large one is refused" 5 partition create mbochs-0 mbochs-large
err "and said to be" "mbochs-large"
err "with a hint" "^hint: "
agree "nothing was lost by the refusal" mbochs
expect "half a request is refused as a whole" 5 partition create mbochs-0 mbochs-medium --count 16
agree "and nothing of it stays" mbochs
expect "the table of types says why not" 0 type list mbochs-0
out "no room is said" "no room"
expect "destroy one" 0 partition destroy "$large"
that "it is gone" test ! -e "/sys/bus/mdev/devices/$large"
agree "the pool after a removal" mbochs
expect "destroy it again" 3 partition destroy "$large"
expect "destroy all" 0 partition destroy --all
same "the kernel has none" "$(n_mdevs)" 0
agree "the pool is whole" mbochs

# --- until it is full ---
for key in mdpy-vga:4 mtty-1:24 mtty-2:12; do
	parent=${key%%-*} type=${key%:*} n=${key#*:}
	expect "$n of $type" 0 partition create "$parent-0" "$type" --count "$n"
	same "$n of $type stand" "$(n_mdevs)" "$n"
	agree "room of $parent when it is full" "$parent"
	expect "one more $type is refused" 5 partition create "$parent-0" "$type"
	err "one more $type: the type is named" "$type"
	expect "all $type go" 0 partition destroy --all
	same "all $type are gone" "$(n_mdevs)" 0
done
expect "three ports of 24" 0 partition create mtty-0 mtty-1 --count 3
agree "types of several ports" mtty
expect "all ports go" 0 partition destroy --all
i=0; while by_hand mdpy-vga "$(uuid $((500 + i)))" 2>/dev/null; do i=$((i + 1)); done
same "by hand the same number fits" "$i" 4
expect "what others took counts" 5 partition create mdpy-0 mdpy-hd
for u in $(mdevs); do echo 1 >"/sys/bus/mdev/devices/$u/remove"; done

# --- what somebody else made ---
by_hand mbochs-small "$(uuid 1)"
by_hand mdpy-vga "$(uuid 2)"
same "foreign ones are listed" "$(listed)" "$(mdevs | sort)"
same "and are foreign" "$(listed owner | sort -u)" foreign
expect "they are left alone" 6 partition destroy "$(uuid 1)"
expect "--all means ours" 0 partition destroy --all
same "they are still there" "$(n_mdevs)" 2
cat >"$tmp/layout.yaml" <<L
version: 1
gpus:
  - match: {alias: mbochs-0}
    partitions: [{type: mbochs-small, uuid: $(uuid 2)}]
L
ofbc layout apply "$tmp/layout.yaml"
that "a UUID that lives elsewhere is refused" test "$rc" != 0
err "a UUID that lives elsewhere: it is named" "$(uuid 2)"
same "and nothing was made" "$(n_mdevs)" 2
sed -i "s/$(uuid 2)/$(uuid 3)/" "$tmp/layout.yaml"
expect "a UUID of our own" 0 layout apply "$tmp/layout.yaml"
same "the kernel has it" "$(mdevs | sort)" "$(uuid 1; uuid 2; uuid 3)"
expect "adopt" 0 partition adopt "$(uuid 1)" --name mine
expect "what was adopted can go" 0 partition destroy mine
expect "--foreign" 0 partition destroy --all --foreign
same "nothing is left" "$(n_mdevs)" 0

# --- eight at once ---
pids=
for i in 1 2 3 4 5 6 7 8; do
	openforbc partition create mbochs-0 mbochs-small -q >"$tmp/c$i" 2>&1 &
	pids="$pids $!"
done
bad=0
for p in $pids; do wait "$p" || bad=$((bad + 1)); done
same "eight creates at once: all succeed" $bad 0
same "eight creates at once: eight devices" "$(cat "$tmp"/c? | sort)" "$(mdevs | sort)"
same "eight creates at once: all are ours" "$(listed owner | sort | uniq -c | tr -s ' ')" " 8 ours"
pids=
for u in $(mdevs); do
	openforbc partition destroy "$u" >"$tmp/d" 2>&1 &
	pids="$pids $!"
done
bad=0
for p in $pids; do wait "$p" || bad=$((bad + 1)); done
same "eight destroys at once: all succeed" $bad 0
same "eight destroys at once: nothing is left" "$(n_mdevs)$(listed)" 0

summary
