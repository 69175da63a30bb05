package push_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"scenecast/push"
)

// TestCallContext: a call knows what its request knows, and ends by its own time or with the server.
func TestCallContext(t *testing.T) {
	type key struct{}
	synctest.Test(t, func(t *testing.T) {
		request, hangUp := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
		server, stop := context.WithCancel(t.Context())
		byTime, cancel := push.CallContext(request, nil, time.Minute)
		defer cancel()
		byServer, cancel := push.CallContext(request, server, time.Minute)
		defer cancel()
		hangUp()
		synctest.Wait()
		for name, ctx := range map[string]context.Context{"by time": byTime, "by server": byServer} {
			if ctx.Err() != nil || ctx.Value(key{}) != "value" {
				t.Errorf("%s: when the client has gone, %v, and the value is %v", name, ctx.Err(), ctx.Value(key{}))
			}
		}
		stop()
		synctest.Wait()
		if byTime.Err() != nil || byServer.Err() == nil {
			t.Errorf("when the server has stopped: %v and %v", byTime.Err(), byServer.Err())
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if byTime.Err() == nil {
			t.Error("after its time it goes on")
		}
	})
}
