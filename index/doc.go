// Package index answers which members an audience selects (package audience), among members that have labels (package
// label). It has never heard of connections or sockets: a member is a small number that its owner chooses, as that of a
// slot. What it is for is that the cost of a choice grows with the members chosen, not with those that are there.
//
//	x := index.New()
//	x.Join(7, label.New(label.Label{Key: "page", Value: "home"}))
//	members := x.Select(to, nil)
//
// # The structure
//
//	text                    label                      posting                       member
//
//	            hash   ┌─▶ item 41: page=home  ──▶ bits  0110100111010110…  ◀─┬── 41
//	page=home ─▶ table ┤      ▲ key page            a bit for every member     │   97, at 3 ──┐
//	            bucket │      ▼                                                │   13         │
//	            by     ├─▶ item 42: page=back  ──▶ bits  1001011000100001…     └─ 7: its      │
//	            bucket │                                                           entries    │
//	                   ├─▶ item 97: order=17   ──▶ list  3, 9, 12, 7, …                       │
//	                   │                                          ▲───────────────────────────┘
//	                   └─▶ item 13: user=42    ──▶ one   7
//
// Labels are interned: a label is an id, the number of its item, for as long as a member has it. The items of a key are
// linked, for has(), startsWith and Values. An item has its label's posting, that is who has it: one member, in the item
// itself; or a list, in no order, while that is less memory than a bit for every member, which is up to 3 % of the members;
// or else a bitset. A bitset becomes a list again when half of that is left.
//
// Of each member there are its entries: its labels' ids and, where the label has a long list, its place in the list, so
// that it leaves a list of any length at once, its place taken by the last of the list.
//
// Nothing of this is a pointer: items, entries, lists and texts are blocks in slabs, which are pages of blocks of one
// size, and are named by number. Where a million members are there, the collector sees some ten thousand pages and looks
// into none. Pages without a block in use are given back, and the hash table grows and shrinks bucket by bucket, so nothing
// ever stops to be copied at large but a bitset or a long list, which is 128 KB for a million members.
//
// # What it costs
//
// With l the labels of a member, of a million members, on a machine on which a cache miss takes 0.2 µs:
//
//	Join, Leave       O(l), 1 to 1.5 µs for five labels
//	Relabel           O(l) to look the labels up, and the labels that differ
//	Select, Count     the members of the smallest operand of an && and a test of each; of an || the sum; where an audience
//	                  is a large part of the members (a negation is), a walk over bitsets, 64 members at a time
//	has, startsWith   as much as the key has values; but beside an operand that selects few members, a test of these
//	Values            O(values of the key)
//	Labels            O(l)
//	memory            23 bytes for each label of each member, where one in five is unique
//
// A label that grows or shrinks over the border between list and bitset is made anew, in the time that its members take;
// half as many as it has must leave, or as many again must join, before that can happen the next time.
//
// A plan comes first (plan.go): everything is looked up, and the costs of the ways to answer each node are added up from
// the counts (cost.go), which are exact for labels. Then it is followed (select.go).
package index
