package scenecast

import (
	"net/netip"
	"time"

	"scenecast/label"
)

// Admission is what an authenticated connection joins the hub with: its app, its labels by their source, its credential and its protocol. It is
// not changed once it was handed over.
type Admission struct {
	App      string
	Labels   label.Set // those that the page has given itself
	Trusted  label.Set // those of its token; no key of theirs is among Labels, and the page cannot change them
	Token    Token     // … and what that says of itself
	Backend  Given     // what the backend has given it, as it came
	PageID   string    // which the page keeps over reconnects; empty: it has none
	Watch    []string  // keys whose presence it watches from the beginning
	Resume   Resume
	Protocol Protocol
	Idle     IdlePolicy
	Deflate  bool       // its frames are compressed: permessage-deflate was agreed on
	From     netip.Addr // where it comes from, behind proxies that are trusted; not valid: that is not known
	Lease    Lease      // under which the quota counts the connection; whoever owns the socket releases it when the socket is gone
}

// Given is what the backend's answer to hooks.connect gives a page that comes in. The zero value gives nothing.
type Given struct {
	Labels label.Set // which the page cannot change. No key of theirs is among those of the page, or of its token
	MaySet []string  // the keys that the page may set itself, whatever its token says; nil: the backend does not say
}

// Lease is one connection's share of a quota (package admission). Whoever owns the socket releases it once. The zero value counts nothing.
type Lease uint32

// Resume says where in the log a page that comes back goes on. The zero value is a page that begins with what is pushed from now on.
type Resume struct {
	Wanted    bool     // the page has given a position
	After     Position // … which is this one: it gets the pushes behind it
	Malformed bool     // it gave something that is no position
}

// The labels that the server itself gives a connection.
const (
	LabelID       = "@id"       // its ConnID
	LabelProtocol = "@protocol" // the name of its protocol
	LabelUser     = label.User  // who its token says that it is; only of tokens that do
	LabelPage     = "@page"     // the page's own ID, the same over reconnects; only of pages that give one
	LabelWatch    = "@watch"    // keys whose presence the page watches
	LabelWatching = "@watching" // … those of which it has been told who is in its scenes, so that it is told what changes
)

// IdlePolicy bounds how long a page may send nothing at all; any frame, a pong too, is a sign of life.
type IdlePolicy struct {
	CheckEvery time.Duration // how often to look
	Allowed    time.Duration // older than this at a look: closed with CauseIdle. 0 allows any silence
}

// Slot addresses one socket of a loop: an index into the loop's tables, and a generation so that a stale address is
// noticed when the index is used again.
type Slot struct{ Index, Generation uint32 }
