package language

import "testing"

func TestNegotiate(t *testing.T) {
	for _, c := range []struct {
		header string
		want   Tag
	}{
		{"", English},
		{"zh", Chinese},
		{"zh-CN,zh;q=0.9,en;q=0.8", Chinese},
		{"ZH-hans", Chinese},
		{"zh-Hant-TW", Chinese},
		{"en-US,en;q=0.9,zh-CN;q=0.8", English},
		{"en;q=0.8,zh;q=0.9", Chinese},
		{"en;q=0.899,zh;q=0.9", Chinese},
		{"en ; q=0.2 , zh ; q=0.3", Chinese},
		{"en;Q=0.2,zh;Q=0.3", Chinese},
		{"zh,en", Chinese},
		{"en,zh", English},
		{"fr", English},
		{"fr,zh;q=0.1", Chinese},
		{"fr,*;q=0.1", English},
		{"*", English},
		{"*,zh", Chinese},
		{"zh;q=0.5,*", English},
		{"en;q=0,*", Chinese},
		{"en;q=0,zh;q=0", English},
		{"zh;q=0", English},
		{"zha", English},
		{"zh-CN;q=0.2,en;q=0.5,zh-TW;q=0.9", Chinese},
		{"zh;q=2,en;q=0.1", English},
		{"zh;q=1.001,en;q=0.1", English},
		{"zh;q=NaN,en;q=0.1", English},
		{"zh;q=-1,en;q=0.1", English},
		{"zh;q=0.1234,en;q=0.1", English},
		{"zh;q=,en;q=0.1", English},
		{"zh;level=1,en;q=0.1", English},
		{",;,q=,zh;q=1.000", Chinese},
	} {
		if got := negotiate(c.header); got != c.want {
			t.Errorf("negotiate(%q) = %s, want %s", c.header, got, c.want)
		}
	}
}

func FuzzNegotiate(f *testing.F) {
	f.Add("zh-CN,zh;q=0.9,en;q=0.8")
	f.Add("en;q=0,*;q=0.")
	f.Fuzz(func(t *testing.T, header string) {
		if got := negotiate(header); got != Chinese && got != English {
			t.Errorf("negotiate(%q) = %q", header, got)
		}
	})
}

func TestOfLocale(t *testing.T) {
	for _, c := range []struct {
		environ map[string]string
		want    Tag
	}{
		{nil, English},
		{map[string]string{"LANG": "zh_CN.UTF-8"}, Chinese},
		{map[string]string{"LANG": "zh_TW.utf8"}, Chinese},
		{map[string]string{"LANG": "zh"}, Chinese},
		{map[string]string{"LANG": "zh_CN.UTF-8@pinyin"}, Chinese},
		{map[string]string{"LANG": "zh_CN.GB18030"}, English},
		{map[string]string{"LANG": "zha.UTF-8"}, English},
		{map[string]string{"LANG": "C.UTF-8"}, English},
		{map[string]string{"LANG": "de_DE.UTF-8"}, English},
		{map[string]string{"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_CN.UTF-8"}, Chinese},
		{map[string]string{"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, English},
		{map[string]string{"LANG": "en_US.UTF-8", "LC_MESSAGES": "en_US.UTF-8", "LC_ALL": "zh_CN.UTF-8"}, Chinese},
		{map[string]string{"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, English},
		{map[string]string{"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, Chinese},
	} {
		if got := OfLocale(func(name string) string { return c.environ[name] }); got != c.want {
			t.Errorf("%v: %s, want %s", c.environ, got, c.want)
		}
	}
}
