package demo

import _ "embed"

// Triggers are the two triggers that the back page's buttons run, as the value of the setting triggers.
//
//go:embed triggers.yaml
var Triggers string
