// Package websocket is the WebSocket protocol (RFC 6455) with permessage-deflate (RFC 7692), server side, without sockets:
// it checks the handshake, builds and compresses frames, and decodes the bytes that a page sent, wherever they were read
// from. Frames are checked, built and unmasked by github.com/gobwas/ws.
//
// A page that has nothing under way costs no memory here. One decoder is enough for all pages of an event loop: while it
// is Idle it can be fed the bytes of the next page, and only a page that has sent half a frame or message needs a decoder
// of its own.
package websocket
