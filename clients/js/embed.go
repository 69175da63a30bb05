// Package js holds the page script, the browser's end of the native protocol, for the server to serve at /scenecast.js.
// What it does and what a page may call is written at the head of scenecast.js, where the people who use it look.
package js

import _ "embed"

// Script is scenecast.js: UTF-8 JavaScript, served as text/javascript. Read only.
//
//go:embed scenecast.js
var Script []byte
