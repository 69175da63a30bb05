package deploy_test

import (
	"archive/tar"
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"scenecast/deploy/container"
)

var (
	releaseDir     = flag.String("release", "", "the directory of a release, which `make release` has left")
	releaseVersion = flag.String("version", "", "its version")
)

// TestRelease: a release has what it should. `make test-release` runs it.
func TestRelease(t *testing.T) {
	if *releaseDir == "" {
		t.Skip("no release (-release)")
	}
	for _, heading := range []string{"### Packages\n", "### The program\n"} { // the docs name files of it
		for _, word := range strings.Fields(strings.Join(shellLines(t, operations, heading), " ")) {
			if name, isFile := strings.CutPrefix(word, "bin/release/"); isFile {
				one(t, name)
			}
		}
	}
	for _, target := range []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64"} {
		t.Run(target, func(t *testing.T) {
			system, arch, _ := strings.Cut(target, "/")
			file := filepath.Join(*releaseDir, fmt.Sprintf("scenecast_%s_%s_%s", *releaseVersion, system, arch))
			if system == "windows" {
				file += ".exe"
			}
			checkProgram(t, file, system, arch)
			checkComponents(t, file)
			if system == "linux" {
				checkPackages(t, file, arch)
			}
		})
	}
}

// checkProgram looks after how a program was built.
func checkProgram(t *testing.T, file, system, arch string) {
	t.Helper()
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	for key, want := range map[string]string{"GOOS": system, "GOARCH": arch, "CGO_ENABLED": "0", "-trimpath": "true"} {
		if settings[key] != want {
			t.Errorf("%s is %q; want %q", key, settings[key], want)
		}
	}
	switch system {
	case "linux":
		f, err := elf.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		want := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[arch]
		interpreter := slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })
		libraries, _ := f.ImportedLibraries()
		if f.Class != elf.ELFCLASS64 || f.Machine != want || f.Type != elf.ET_EXEC || interpreter || len(libraries) > 0 || f.Section(".symtab") != nil {
			t.Errorf("%v, interpreter %t, libraries %v; want a static one for %v without symbols", f.FileHeader, interpreter, libraries, want)
		}
	case "darwin":
		f, err := macho.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if want := map[string]macho.Cpu{"amd64": macho.CpuAmd64, "arm64": macho.CpuArm64}[arch]; f.Cpu != want || f.Type != macho.TypeExec {
			t.Errorf("%v; want %v", f.FileHeader, want)
		}
	case "windows":
		f, err := pe.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if f.Machine != pe.IMAGE_FILE_MACHINE_AMD64 {
			t.Errorf("%+v", f.FileHeader)
		}
	}
}

// checkComponents: the list names each module that was linked, with its licence, and the version.
func checkComponents(t *testing.T, program string) {
	t.Helper()
	text, err := os.ReadFile(program + ".cdx.json")
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		BOMFormat, SpecVersion, SerialNumber string
		Metadata                             struct {
			Timestamp string
			Component struct{ Name, Version string }
		}
		Components []struct {
			Name, Version string
			Evidence      struct{ Licenses []any }
		}
	}
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	if c := list.Metadata.Component; list.BOMFormat != "CycloneDX" || list.SpecVersion != "1.6" || c.Name != "scenecast" || c.Version != *releaseVersion ||
		list.SerialNumber != "" || list.Metadata.Timestamp != "" {
		t.Errorf("the list is %s %s of %+v", list.BOMFormat, list.SpecVersion, list.Metadata)
	}
	listed := map[string]bool{}
	for _, c := range list.Components {
		listed[c.Name+"@"+c.Version] = true
		if len(c.Evidence.Licenses) == 0 && c.Name != "std" {
			t.Errorf("%s: no licence", c.Name)
		}
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	for _, dep := range info.Deps {
		if !listed[dep.Path+"@"+dep.Version] {
			t.Errorf("%s %s was linked, and is not listed", dep.Path, dep.Version)
		}
	}
	if want := len(info.Deps) + 1; len(list.Components) != want {
		t.Errorf("%d components; want %d: each module, and the standard library", len(list.Components), want)
	}
}

// checkPackages: the .deb and the .rpm have the program, manual, completions and unit.
func checkPackages(t *testing.T, program, arch string) {
	t.Helper()
	output := func(name string, args ...string) string {
		t.Helper()
		out, err := exec.Command(name, args...).Output()
		if err != nil {
			t.Fatalf("%s %q: %v", name, args, err)
		}
		return string(out)
	}
	deb := one(t, "scenecast_*_"+arch+".deb")
	if got := strings.TrimSpace(output("dpkg-deb", "--field", deb, "Architecture")); got != arch {
		t.Errorf("%s is for %s", deb, got)
	}
	version := strings.TrimSpace(output("dpkg-deb", "--field", deb, "Version"))
	if !strings.Contains(version, strings.ReplaceAll(strings.TrimPrefix(*releaseVersion, "v"), "-", ".")) {
		t.Errorf("%s is of version %s", deb, version)
	}
	want := []string{"/usr/bin/scenecast", "/etc/scenecast/scenecast.env", "/usr/share/bash-completion/completions/scenecast", "/usr/share/fish/vendor_completions.d/scenecast.fish",
		"/usr/share/doc/scenecast/NEWS.md.gz", "/usr/share/doc/scenecast/copyright", "/usr/share/doc/scenecast/scenecast.yaml"}
	for _, command := range []string{"", "-serve", "-push", "-listen", "-health", "-reload", "-drain", "-handover", "-config-check", "-config-init", "-config-print"} {
		want = append(want, "/usr/share/man/man1/scenecast"+command+".1.gz")
	}
	files := filesOf(t, []byte(output("dpkg-deb", "--fsys-tarfile", deb)))
	for _, name := range append(slices.Clone(want), "/lib/systemd/system/scenecast.service", "/usr/share/zsh/vendor-completions/_scenecast") {
		if len(files[name]) == 0 {
			t.Errorf("%s has no %s", deb, name)
		}
	}
	if own, err := os.ReadFile(program); err != nil || !bytes.Equal(own, files["/usr/bin/scenecast"]) {
		t.Errorf("the program in %s is another one: %v", deb, err)
	}
	if _, err := exec.LookPath("rpm"); err != nil {
		t.Log("no rpm, which reads the .rpm")
		return
	}
	rpmArch := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[arch]
	rpm := one(t, "scenecast-*."+rpmArch+".rpm")
	if got := output("rpm", "-qp", "--queryformat", "%{ARCH} %{VERSION}", rpm); got != rpmArch+" "+version {
		t.Errorf("%s is for %s", rpm, got)
	}
	list := strings.Split(output("rpm", "-qlp", rpm), "\n")
	for _, name := range append(slices.Clone(want), "/usr/lib/systemd/system/scenecast.service", "/usr/share/zsh/site-functions/_scenecast") {
		if !slices.Contains(list, name) {
			t.Errorf("%s has no %s", rpm, name)
		}
	}
}

// one is the file of the release with a name of this form.
func one(t *testing.T, form string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(*releaseDir, form))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %q, %v", form, found, err)
	}
	return found[0]
}

// filesOf are the regular files of an archive, by their paths.
func filesOf(t *testing.T, archive []byte) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := r.Next()
		if err == io.EOF {
			return files
		} else if err != nil {
			t.Fatal(err)
		}
		if header.Typeflag == tar.TypeReg {
			if files[strings.TrimPrefix(header.Name, ".")], err = io.ReadAll(r); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestReleaseImage: the image of a release's version has that release's program, byte for byte.
func TestReleaseImage(t *testing.T) {
	if *releaseDir == "" {
		t.Skip("no release (-release)")
	}
	image, err := container.Build(t.Context(), "docker/Dockerfile", "..", t.TempDir(), map[string]string{"VERSION": *releaseVersion})
	if err != nil {
		t.Fatal(err)
	}
	built, err := os.ReadFile(filepath.Join(image.Root, "usr/bin/scenecast"))
	if err != nil {
		t.Fatal(err)
	}
	released, err := os.ReadFile(filepath.Join(*releaseDir, "scenecast_"+*releaseVersion+"_linux_"+container.Platform.Architecture))
	if err != nil || !bytes.Equal(built, released) {
		t.Errorf("another program: %v", err)
	}
}
