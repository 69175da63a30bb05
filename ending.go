package scenecast

// Cause says why a connection has ended. Each ending has one: it is counted in metrics by it, logged with it, and passed to the
// connection's protocol.
type Cause uint8

// The causes. Those behind CauseIdle are the server's decisions about a page that did nothing wrong.
const (
	CauseUnknown           Cause = iota
	CausePageClosed              // the page closed: a close frame with Ending.Code, or the end of its event stream
	CauseReset                   // the connection broke off without a close frame, or the kernel would not write to it
	CauseViolation               // the page broke RFC 6455 or RFC 7692; Detail says how
	CauseBadMessage              // the page sent what its protocol cannot read; Detail says what
	CauseMessageTimeout          // the page did not end a message within websocket.message_timeout of its beginning
	CauseMessageRate             // the page sent more messages in a second than it may (limits.page_messages)
	CauseInboundBudget           // all pages together had begun messages of more bytes than the server holds, and this one's for longest
	CauseOutboxFull              // the page reads too slowly: its own outbox limit (outbox.max_bytes, outbox.max_frames)
	CauseOutboxBudget            // the page reads too slowly: the limit of all outboxes together (outbox.max_total)
	CauseReplayBacklog           // the page changes its labels faster than it reads what it has missed
	CauseWriteTimeout            // the page took no byte of what waits for it for outbox.write_timeout
	CauseCloseTimeout            // the page did not answer the server's close frame within websocket.close_wait: counted besides the cause of that, and not reported to handlers
	CauseNoPong                  // no frame followed a ping within websocket.pong_wait
	CauseIdle                    // no frame within the protocol's IdlePolicy
	CauseDisconnected            // a backend disconnected it; Detail is its reason
	CauseTokenExpired            // the page's token has ended, and the page has shown no other one
	CauseTokenRevoked            // a backend has revoked the page's token
	CauseRefused                 // it was refused behind its handshake, because browsers cannot read the status of a failed one
	CauseCredentialRemoved       // the configuration was read anew, and the page's token or its app is not in it any more
	CauseDraining                // the server drains
	CauseStopped                 // the server stopped while the page was open
	causes
)

// causeTable is the one table of causes: the name in logs and metrics, and the close code that the server sends, unless the ending
// brings its own. 0: nothing can be sent any more, or the page's own code counts.
var causeTable = [causes]struct {
	name string
	code CloseCode
}{
	CauseUnknown:           {"unknown", CloseInternalError},
	CausePageClosed:        {"page_closed", 0},
	CauseReset:             {"reset", 0},
	CauseViolation:         {"protocol_violation", CloseProtocolError},
	CauseBadMessage:        {"bad_message", CloseBadMessage},
	CauseMessageTimeout:    {"message_timeout", CloseIdle},
	CauseMessageRate:       {"message_rate", CloseTooMany},
	CauseInboundBudget:     {"inbound_budget", CloseTooMany},
	CauseOutboxFull:        {"outbox_full", CloseSlowConsumer},
	CauseOutboxBudget:      {"outbox_budget", CloseSlowConsumer},
	CauseReplayBacklog:     {"replay_backlog", CloseSlowConsumer},
	CauseWriteTimeout:      {"write_timeout", 0},
	CauseCloseTimeout:      {"close_timeout", 0},
	CauseNoPong:            {"no_pong", CloseIdle},
	CauseIdle:              {"idle", CloseIdle},
	CauseDisconnected:      {"disconnected", CloseNormal},
	CauseTokenExpired:      {"token_expired", CloseUnauthorized},
	CauseTokenRevoked:      {"token_revoked", CloseUnauthorized},
	CauseRefused:           {"refused", CloseForbidden},
	CauseCredentialRemoved: {"credential_removed", CloseUnauthorized},
	CauseDraining:          {"draining", CloseShuttingDown},
	CauseStopped:           {"stopped", 0},
}

// String is the cause's name in logs and metrics.
func (c Cause) String() string { return causeTable[c].name }

// Causes lists all causes in the order of their values, CauseUnknown first, for counters that have a slot for each.
func Causes() []Cause {
	all := make([]Cause, causes)
	for i := range all {
		all[i] = Cause(i)
	}
	return all
}

// Ending is how a connection has ended, or is to end: its cause, and the close frame that went or is to go with it. EndingBy makes one.
type Ending struct {
	Cause  Cause
	Code   CloseCode // of the close frame, whoever has sent it; 0: there was none
	Detail string    // for the close frame's reason and the log; at most 123 bytes reach the page. May be empty
}

// EndingBy is the ending that a cause has, with the cause's own close code.
func EndingBy(c Cause, detail string) Ending {
	return Ending{Cause: c, Code: causeTable[c].code, Detail: detail}
}
