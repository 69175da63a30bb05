// Package client is how a Go program talks to Scenecast. A Page is a page's end of the native wire (docs/protocol.md): it is
// known by its labels, gets the pushes that match them, and comes back to where it was when its connection is lost. A Backend
// is a backend's end of the HTTP API (docs/api.md).
//
// A Backend is a struct to be filled in; each method is a call, and takes a context. NewPage makes a Page, and Page.Run connects, comes back and
// calls what PageOptions has, one callback at a time, until its context ends. Page.Set, Call and Watch wait for the server's answer and may
// be called from any goroutine but a callback's.
//
// What a server refuses is an *Error, with a stable Kind, the place in what was sent, and the setting that decides.
//
// A page gets each push once, and in order, except late ones: pushes with a ttl that were sent before the page had the labels.
// What it cannot get any more is told as a Gap.
package client

// Subprotocol is the WebSocket subprotocol of the native wire.
const Subprotocol = "scenecast.v1"

// The parameters of a page's address that are no labels.
const (
	paramToken  = "token"
	paramSince  = "since"
	paramPageID = "page_id"
)
