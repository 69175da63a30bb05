package listener

import (
	"fmt"
	"net/http"
)

// lastAnswer is what a visitor is told before the connection is closed, in the form that the tutorial's wire has.
func lastAnswer(status int, message string) []byte {
	body := fmt.Sprintf(`{"code":%d,"message":%q}`, status, message)
	return fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nContent-Type: application/json; charset=utf-8\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s",
		status, http.StatusText(status), len(body), body)
}

// noFiles is for a page that is one too many for the process. The client should try again, maybe elsewhere.
var noFiles = lastAnswer(http.StatusServiceUnavailable, "the server has no file descriptor left for a page; its operator can raise the file limit")
