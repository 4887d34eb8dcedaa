// pulumi-language-yaml is Pulumi's language host for YAML, with the one call that its pinned module lacks: an engine of 3.259 asks a
// host to link a generated SDK to a program. A YAML program has nothing to link: Pulumi.yaml names its packages. Schemas are loaded by
// the engine, which knows the packages of the project.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/pulumi/pulumi-yaml/pkg/server"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
)

type host struct {
	pulumirpc.LanguageRuntimeServer
}

func (host) Link(context.Context, *pulumirpc.LinkRequest) (*pulumirpc.LinkResponse, error) {
	text := "Programs name the package's resources by their type, and Pulumi.yaml names the package."
	return &pulumirpc.LinkResponse{ImportInstructions: text}, nil
}

func main() {
	tracing := flag.String("tracing", "", "Emit tracing to a Zipkin-compatible tracing endpoint")
	flag.String("root", "", "Root of the program execution")
	flag.Parse()
	engine := flag.Arg(0)
	err := serve(engine, func(listener *grpc.Server) {
		pulumirpc.RegisterLanguageRuntimeServer(listener, host{server.NewLanguageHost(engine, *tracing, true)})
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
