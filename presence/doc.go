// Package presence knows who is in which scene, over all nodes of a cluster.
//
// A scene is a value of a label key that the app declares: order=7. A member of it is a user, the label @user: all connections of one
// user, in any tab and on any node, are one member. Connections without a user are counted and not named. A member whose last
// connection has ended stays for a while, the key's linger, so that a reload is neither a leave nor a join.
//
// State is the merged state of all nodes, without a goroutine, a clock, or a network. Each node owns the records of its own connections:
// for each member one, whatever the number of connections. It tells the others which records have changed, in numbered messages. A
// member is present while any node has a record of it, so each node finds out by itself who has joined and left, without a leader.
// A node that has missed a message learns that from the number in the next one, or in the digest that every node sends each second, and asks
// for a snapshot. The records of a node that is gone linger as if their connections had ended.
//
// What backends are told of a scene one node tells, which rendezvous hashing chooses (telling.go); the stamps of events are a logical clock's, so
// that they sort also over nodes.
//
// Service runs a State: it observes the hub's connections, carries the messages, and tells pages that watch.
package presence
