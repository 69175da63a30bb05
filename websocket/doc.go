// Package websocket is the WebSocket protocol (RFC 6455), server side, without sockets: it checks the handshake, builds
// frames, and decodes the bytes that a page sent, wherever they were read from. Frame heads are parsed, checked and
// unmasked by github.com/gobwas/ws.
package websocket
