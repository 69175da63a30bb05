package scenecast

// CloseCode is the code of a WebSocket close frame. Those from 4400 on are Scenecast's, named after the HTTP status that
// they resemble; a browser can read them, which it cannot with the status of a refused upgrade.
type CloseCode uint16

// The close codes, and what a client does about each.
const (
	CloseNormal        CloseCode = 1000 // RFC 6455: done. Do not reconnect.
	CloseGoingAway     CloseCode = 1001 // RFC 6455: the page was left. (A client's code; the server says 4503.)
	CloseProtocolError CloseCode = 1002 // RFC 6455: a frame that the protocol forbids. A bug of the client's.
	CloseInvalidUTF8   CloseCode = 1007 // RFC 6455: text that is not UTF-8. A bug of the client's.
	CloseTooBig        CloseCode = 1009 // RFC 6455: a message over websocket.max_message. Do not send it again.
	CloseInternalError CloseCode = 1011 // RFC 6455: the server's fault; its log says more. Reconnect with backoff.

	CloseBadMessage   CloseCode = 4400 // a message that the protocol cannot read. A bug of the client's.
	CloseUnauthorized CloseCode = 4401 // the token is missing or wrong. Do not reconnect with the same.
	CloseForbidden    CloseCode = 4403 // the token is right and does not allow this. Do not reconnect.
	CloseSlowConsumer CloseCode = 4408 // the outbox was full. Reconnect with backoff.
	CloseIdle         CloseCode = 4410 // taken for gone: no frame, or no pong, for too long. Reconnect at once.
	CloseTooMany      CloseCode = 4429 // as many pages are connected as a limit allows, or this one talks faster than it may. Reconnect with backoff.
	CloseShuttingDown CloseCode = 4503 // the server goes away. Reconnect later, spread over some seconds.
)
