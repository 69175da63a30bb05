package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"scenecast"
	"scenecast/engine/cluster"
	"scenecast/language"
	"scenecast/server"
)

// printedIn is what a command prints in a language.
func printedIn(tag language.Tag, print func(out *strings.Builder)) string {
	var out strings.Builder
	before := reader
	reader = tag
	defer func() { reader = before }()
	print(&out)
	return out.String()
}

// TestLanguageOfScan: the figures of a log, with damage and without pushes.
func TestLanguageOfScan(t *testing.T) {
	at := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	whole := cluster.Scan{Records: 5, Bytes: 700, Begun: at, Ended: at.Add(time.Hour), Epochs: 1, Pushes: 4, Happened: 3, Void: 1,
		First: scenecast.Position{Epoch: 35, Seq: 2}, Last: scenecast.Position{Epoch: 35, Seq: 4}, Damage: []error{errors.New("x")}}
	for _, c := range []struct {
		tag  language.Tag
		scan cluster.Scan
		want string
	}{
		{language.English, whole, "5 records, 700 bytes, stored from 2026-01-02T15:04:05Z to 2026-01-02T16:04:05Z\n3 pushes, from z-2 to z-4\n" +
			"epochs that begin: 1; not counted: records of epochs that had ended: 1, pushes that were there before: 1\ndamage: x\n"},
		{language.Chinese, whole, "5 条记录，700 字节，存储时间从 2026-01-02T15:04:05Z 到 2026-01-02T16:04:05Z\n3 次推送，位置从 z-2 到 z-4\n" +
			"开始的纪元：1；未计入：已结束的纪元的记录 1 条，先前已有的推送 1 次\n损坏：x\n"},
		{language.Chinese, cluster.Scan{Damage: make([]error, maxDamage+2)}, "0 条记录，0 字节\n0 次推送\n" +
			"开始的纪元：0；未计入：已结束的纪元的记录 0 条，先前已有的推送 0 次\n" + strings.Repeat("损坏：<nil>\n", maxDamage) + "损坏：……另有 2 处\n"},
	} {
		if got := printedIn(c.tag, func(out *strings.Builder) { printScan(out, c.scan) }); got != c.want {
			t.Errorf("%s: got\n%s want\n%s", c.tag, got, c.want)
		}
	}
}

// TestLanguageOfDemo: both texts have the same addresses and secrets, at the same places.
func TestLanguageOfDemo(t *testing.T) {
	login := &server.DashboardCode{Code: "a-code", Secret: "a-secret"}
	print := func(out *strings.Builder) { printDemo(out, "http://a/dashboard/", login) }
	english, chinese := printedIn(language.English, print), printedIn(language.Chinese, print)
	for _, want := range []string{"http://a/demo/home ", "http://a/demo/list ", "http://a/demo/back ", "http://a/demo/playground ",
		"\n  http://a/dashboard/#login=a-code\n", "a-secret\n", "\n  curl 'http://a/?func=pushHomeLogic&token=" + demoToken + "&page=back'\n"} {
		if !strings.Contains(english, want) || !strings.Contains(chinese, want) {
			t.Errorf("%q is not in both of\n%s%s", want, english, chinese)
		}
	}
	if !strings.HasSuffix(english, "\nCtrl+C ends it.\n") || !strings.HasSuffix(chinese, "\n按 Ctrl+C 结束。\n") {
		t.Errorf("the end of\n%s%s", english, chinese)
	}
}
