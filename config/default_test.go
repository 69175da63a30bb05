package config_test

import (
	"testing"
	"time"

	"scenecast/config"
	"scenecast/label"
	"scenecast/protocol/tutorial"
	"scenecast/push"
)

// TestDefaultsOfPackages: where nothing is set, packages do what they do in a program that gives them no options.
func TestDefaultsOfPackages(t *testing.T) {
	c := config.Default()
	if got, want := c.Labels.Limits(), label.DefaultLimits; got != want {
		t.Errorf("labels: %+v, want %+v", got, want)
	}
	limits := push.Limits{
		TTL:          time.Duration(c.Push.MaxTTL),
		Timeout:      time.Duration(c.Push.MaxTimeout),
		Frame:        int(c.Outbox.MaxBytes),
		FrameSetting: push.SettingOutbox,
	}
	if got, want := limits, push.DefaultLimits; got != want {
		t.Errorf("pushes: %+v, want %+v", got, want)
	}
	if got, want := c.Tutorial.Welcome, tutorial.DefaultWelcome; got != want {
		t.Errorf("the tutorial's welcome: %s, want %s", got, want)
	}
}
