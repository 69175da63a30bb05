package container

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerui"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Image is files, and how they run.
type Image struct {
	Root   string // empty: the programs of this machine, in the place of an image that cannot be pulled
	Config dockerspec.DockerOCIImageConfig
}

// Platform is the only one that is built for.
var Platform = ocispecs.Platform{OS: "linux", Architecture: runtime.GOARCH}

// base answers for images that a Dockerfile begins with: nothing is asked of a registry. They have no configuration.
type base struct{}

func (base) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	config, err := json.Marshal(dockerspec.DockerOCIImage{Image: ocispecs.Image{Platform: Platform}})
	return ref, digest.FromBytes(config), config, err
}

func options(file string, text []byte, args map[string]string) dockerfile2llb.ConvertOpt {
	source := llb.NewSourceMap(nil, file, "Dockerfile", text)
	source.Definition = new(llb.Definition)
	return dockerfile2llb.ConvertOpt{
		Config: dockerui.Config{
			BuildArgs: args, BuildPlatforms: []ocispecs.Platform{Platform}, LinterConfig: &linter.Config{},
		},
		TargetPlatform: &Platform,
		SourceMap:      source,
		MetaResolver:   base{},
	}
}

// Lint is what BuildKit's checks (docker build --check) find wrong with a Dockerfile.
func Lint(ctx context.Context, file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	results, err := dockerfile2llb.DockerfileLint(ctx, text, options(file, text, nil))
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	if results.Error != nil {
		fmt.Fprintln(&b, results.Error.Message)
	}
	for _, w := range results.Warnings {
		fmt.Fprintf(&b, "%s: %s\n", w.RuleName, w.Detail)
	}
	return b.String(), nil
}

// configure is the configuration of the image of a Dockerfile, as BuildKit has it.
func configure(ctx context.Context, file string, text []byte, args map[string]string) (config dockerspec.DockerOCIImageConfig, err error) {
	result, err := dockerfile2llb.Dockerfile2LLB(ctx, text, options(file, text, args))
	if err != nil {
		return config, err
	}
	return result.Image.Config, nil
}
