package push

import (
	"context"
	"time"
)

// CallContext is the context of a call that a client has made by a request with the context ctx. It has the values of ctx and not
// its end, which net/http brings about when the client goes away, and also when it only half-closes its connection behind its
// request: what was done would be told as not done. It ends after the timeout, or when server ends; nil: that never does.
func CallContext(ctx, server context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	if server == nil {
		return ctx, cancel
	}
	stop := context.AfterFunc(server, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}
