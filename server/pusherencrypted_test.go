package server_test

import "testing"

// TestPusherEncrypted: who has the signature is subscribed to an encrypted channel, and gets what is published there as it came.
func TestPusherEncrypted(t *testing.T) {
	s := start(t, pusherSettings(""), nil)
	page := s.pusherPage()
	page.subscribe("private-encrypted-a", "")
	const event = `{"name":"e","channel":"private-encrypted-a","data":"{\"nonce\":\"4sVYwy4j/8dCcjyxtPCWyk19GaaViaW9\",\"ciphertext\":\"/GMESnFGlbNn01BuBjp31XYa3i9vZsGKR8fgR9EDhXKx3lzGiUD501A=\"}"}`
	if got := s.pusher("POST", "/apps/3/events", event); got != "200 {}" {
		t.Fatalf("publish: %s", got)
	}
	page.expect(`{"event":"e","channel":"private-encrypted-a","data":"{\"nonce\":\"4sVYwy4j/8dCcjyxtPCWyk19GaaViaW9\",\"ciphertext\":\"/GMESnFGlbNn01BuBjp31XYa3i9vZsGKR8fgR9EDhXKx3lzGiUD501A=\"}"}`)
	page.say(`{"event":"client-x","channel":"private-encrypted-a","data":{}}`)
	page.expect(`{"event":"pusher:error","data":{"code":null,"message":"Client event rejected - not supported on encrypted channels"}}`)
	page.quiet()
}
