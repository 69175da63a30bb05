package server

import (
	"strings"
	"testing"

	"scenecast/redisclient/redistest"
)

// redisOfMoves is the server that the tests within TestHandoverOnRedis have.
var redisOfMoves *redistest.Server

// onRedis are the settings of servers within TestHandoverOnRedis; of others there are none.
func onRedis(t *testing.T) map[string]string {
	_, name, within := strings.Cut(t.Name(), "TestHandoverOnRedis/")
	if !within {
		return make(map[string]string)
	}
	return map[string]string{"engine": "redis", "redis.url": redisOfMoves.URL(), "cluster.name": name}
}

// TestHandoverOnRedis: what goes along with pages where the log is in a Redis, and stays there. What no engine has a part in is left out.
func TestHandoverOnRedis(t *testing.T) {
	redisOfMoves = redistest.Start(t)
	for name, test := range map[string]func(t *testing.T){
		"load":     TestHandoverUnderLoad,
		"log":      TestHandoverKeepsTheLog,
		"receipts": TestHandoverOfReceipts,
		"presence": TestHandoverOfPresence,
		"failures": TestHandoverFails,
	} {
		t.Run(name, test)
	}
}
