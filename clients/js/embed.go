// Package js holds the page script, the browser's end of the native protocol, for the server to serve at /scenecast.js. It is
// built from src by `make js`, and committed, so that `go build` needs no npm. What a page may call is in docs/client.md.
package js

import _ "embed"

// Script is scenecast.js: ASCII JavaScript, served as text/javascript. Read only.
//
//go:embed scenecast.js
var Script []byte

// Presence is scenecast-presence.js, which pages load behind Script that show who else is there. As Script.
//
//go:embed scenecast-presence.js
var Presence []byte

// Call is scenecast-call.js, which pages load behind Script that call the backend. As Script.
//
//go:embed scenecast-call.js
var Call []byte
