package listener

import (
	"fmt"
	"net/http"
)

// errorResponse is a whole response, head and all, for a connection that is closed behind it. Its body has the form of the
// tutorial's messages.
func errorResponse(status int, message string) []byte {
	body := fmt.Sprintf(`{"code":%d,"message":%q}`, status, message)
	return fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nContent-Type: application/json; charset=utf-8\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s",
		status, http.StatusText(status), len(body), body)
}

const outOfDescriptorsText = "the server has no file descriptor left for a page; its operator can raise the file limit"

// outOfDescriptors refuses a page that the process has no descriptor for. The client should try again, maybe elsewhere.
var outOfDescriptors = errorResponse(http.StatusServiceUnavailable, outOfDescriptorsText)

// headerTimeout answers a request whose head has not come in time (RFC 9110, 15.5.9).
var headerTimeout = errorResponse(http.StatusRequestTimeout, "the request head did not come in time (setting: http.head_timeout)")
