package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

// TestLanguage: what commands print is in the language of the locale, what the server says as well; the log, kinds and names are not.
func TestLanguage(t *testing.T) {
	chinese := []string{"LANG=zh_CN.UTF-8"}
	server := launch(t, chinese, "serve", "--listen", "127.0.0.1:0", "--api-key", "a-key-that-is-long")
	if got := line(t, server.stdout, `^(没有设置页面令牌（client_tokens）。本次运行使用：)`); got == "" {
		t.Error("serve does not tell the token in Chinese")
	}
	url := "http://" + line(t, server.stderr, `msg=listening addr=(\S+)`) // the log stays English
	mistaken := t.TempDir()
	file := "log:\n  level: loud\nwebsocket:\n  pong: 1s\n  pong_wait: 0s\ntriggers:\n  t: {to: 'page ==', message: 1}\nredis:\n  url: redis://a:b%zz@c\n"
	if err := os.WriteFile(filepath.Join(mistaken, "scenecast.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := t.TempDir()
	for _, c := range []struct {
		name, dir string
		env, args []string
		want      string
	}{
		{"the server's", empty, chinese, []string{"push", "--url", url, "--api-key", "x", "--to", "*", "1"},
			"scenecast: 缺少请求头 `Authorization: Bearer KEY`，或其中不是已知的 API 密钥（服务器的设置：api_keys）；此密钥来自 --api-key [unauthorized]\n"},
		{"the server's, with a place", empty, []string{"LANG=en_US.UTF-8", "LC_ALL=zh_CN.UTF-8"},
			[]string{"push", "--url", url, "--api-key", "a-key-that-is-long", "--to", "page = 1", "1"},
			"scenecast: to.column 6: 此处应为 page 之后的 ==、!=、in 或 .startsWith，实际为 =；相等写作 == [invalid]\n"},
		{"English", empty, []string{"LANG=zh_CN.UTF-8", "LC_MESSAGES=C"}, []string{"push", "--url", url, "--api-key", "a-key-that-is-long", "--to", "page = 1", "1"},
			"scenecast: to.column 6: expected ==, !=, in, or .startsWith after page, found =; equality is written == [invalid]\n"},
		{"mistakes of the configuration", mistaken, chinese, []string{"config", "check"}, "scenecast: " +
			"scenecast.yaml:2: log.level: \"loud\" 不是日志级别；可用的级别有 debug、info、warn 和 error\n" +
			"scenecast.yaml:4: websocket.pong: 没有这个设置；可用的有 max_message, message_timeout, ping_interval, pong_wait, close_wait 和 compression\n" +
			"scenecast.yaml:5: websocket.pong_wait: 须大于 0\n" +
			"scenecast.yaml:7: triggers.t.to.column 8: 此处应为 == 之后加引号的字符串，实际为 结尾\n" +
			"scenecast.yaml:9: redis.url: 密码中有 % 而其后不是百分号编码；% 本身写作 %25\n"},
		{"a command that there is none of", empty, chinese, []string{"pusch"}, "scenecast: \"scenecast\" 没有命令 \"pusch\"；是不是 push？\n"},
		{"a flag that there is none of", empty, chinese, []string{"push", "--too"}, "scenecast: 未知的选项：--too\n"},
		{"a flag without a value", empty, chinese, []string{"push", "--to"}, "scenecast: 选项缺少值：--to\n"},
		{"a flag with a wrong value", empty, chinese, []string{"push", "--ttl", "x"}, "scenecast: 选项 --ttl 的值 \"x\" 无效：须为时间，如 90s 或 1m30s\n"},
		{"a flag with no number", empty, chinese, []string{"bench", "--pages", "nine"}, "scenecast: 选项 --pages 的值 \"nine\" 无效：须为整数\n"},
		{"a command of config that there is none of", empty, chinese, []string{"config", "chek"}, "scenecast: \"scenecast config\" 没有命令 \"chek\"；是不是 check？\n"},
		{"a topic of help that there is none of", empty, chinese, []string{"help", "token", "jwt"}, "scenecast: \"scenecast token\" 没有命令 \"jwt\"\n"},
		{"too many arguments", empty, chinese, []string{"config", "check", "a", "b"}, "scenecast: 最多 1 个参数，而给出了 2 个\n"},
		{"an argument too many", empty, chinese, []string{"health", "a"}, "scenecast: \"scenecast health\" 没有命令 \"a\"\n"},
		{"no audience", empty, chinese, []string{"push", "1"}, "scenecast: 哪些页面？请用 --to 指定，如 --to '{\"page\":\"home\"}'；所有人为 --to '*'\n"},
		{"no file", empty, chinese, []string{"config", "check", "none.yaml"}, "scenecast: open none.yaml: no such file or directory\n"}, // the system's words
	} {
		if _, errs, code := run(t, c.dir, c.env, c.args...); code != 1 || errs != c.want {
			t.Errorf("%s: exit %d\n%s want\n%s", c.name, code, errs, c.want)
		}
	}
	server.terminate()
	for want, env := range map[string][]string{"# Scenecast's settings, ": {"LC_ALL=C"}, "# Scenecast 的全部设置，": chinese} {
		dir := t.TempDir()
		_, errs, code := run(t, dir, env, "config", "init")
		if text, err := os.ReadFile(filepath.Join(dir, "scenecast.yaml")); code != 0 || !strings.HasPrefix(string(text), want) {
			t.Errorf("config init under %q wrote %.40q (%v, %d, %s)", env, text, err, code, errs)
		}
	}
}

// TestHelpInChinese: no line of any command's help is English, but for examples and names, and none has English words for a default.
func TestHelpInChinese(t *testing.T) {
	chinese := []string{"LC_MESSAGES=zh_CN.UTF-8"}
	for _, command := range []string{"", "serve", "demo", "push", "listen", "nodes", "top", "health", "doctor", "reload", "drain", "handover",
		"log", "log verify", "log export", "bench", "config", "config init", "config check", "config print", "token", "token key", "version"} {
		out, errs, code := run(t, t.TempDir(), chinese, append(strings.Fields(command), "--help")...)
		if code != 0 || errs != "" || !strings.Contains(out, "\n用法：\n  scenecast") {
			t.Errorf("%s: exit %d, %s%s", command, code, errs, out)
		}
		examples := false
		for text := range strings.Lines(out) {
			text = strings.TrimSpace(text)
			examples = text == "示例：" || examples && text != ""
			isName := !strings.Contains(text, "  ") && (strings.HasPrefix(text, "scenecast ") || text == "scenecast [command]" || text == "api_keys:" || strings.HasPrefix(text, "- {"))
			if !examples && !isName && text != "" && !strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
				t.Errorf("%s: the help has the line %q", command, text)
			}
			if strings.Contains(text, "(default ") {
				t.Errorf("%s: the help has the default in English: %q", command, text)
			}
		}
	}
}
