// pulumi-language-nodejs is the project's own Pulumi language host for Node.js, on the published LanguageRuntime protocol.
// The vendor's host is not served as a Go module. This one runs programs through the launcher in npm's @pulumi/pulumi, writes
// SDKs with Pulumi's own generator, and links and installs them with npm. It runs neither policy packs nor components.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/pulumi/pulumi/pkg/v3/codegen/nodejs"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	"github.com/pulumi/pulumi/pkg/v3/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/version"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
)

const (
	launcher = "node_modules/@pulumi/pulumi/cmd/run"
	// The launcher ends with this code when it has reported the program's error itself.
	reported = 32
	grace    = 10 * time.Second
)

type host struct {
	pulumirpc.UnimplementedLanguageRuntimeServer
	engine string
}

func (h *host) Handshake(_ context.Context, request *pulumirpc.LanguageHandshakeRequest,
) (*pulumirpc.LanguageHandshakeResponse, error) {
	if request.EngineAddress != "" {
		h.engine = request.EngineAddress
	}
	return &pulumirpc.LanguageHandshakeResponse{}, nil
}

func (h *host) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: strings.TrimPrefix(version.Version, "v")}, nil
}

func (h *host) About(ctx context.Context, _ *pulumirpc.AboutRequest) (*pulumirpc.AboutResponse, error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return nil, errors.New("node is not on PATH: install Node.js")
	}
	said, err := exec.CommandContext(ctx, node, "--version").Output()
	if err != nil {
		return nil, fmt.Errorf("%s --version: %w", node, err)
	}
	return &pulumirpc.AboutResponse{Executable: node, Version: strings.TrimSpace(string(said))}, nil
}

// packageJSON is what is read of a package.json.
type packageJSON struct {
	Name            string            `json:"name"`
	Version         string            `json:"version"`
	Dependencies    map[string]string `json:"dependencies"`
	DevDependencies map[string]string `json:"devDependencies"`
	Pulumi          *struct {
		Resource         bool   `json:"resource"`
		Name             string `json:"name"`
		Version          string `json:"version"`
		Server           string `json:"server"`
		Parameterization *struct {
			Name    string `json:"name"`
			Version string `json:"version"`
			Value   []byte `json:"value"`
		} `json:"parameterization"`
	} `json:"pulumi"`
}

func readPackage(folder string) (*packageJSON, error) {
	content, err := os.ReadFile(filepath.Join(folder, "package.json"))
	if err != nil {
		return nil, err
	}
	var found packageJSON
	if err := json.Unmarshal(content, &found); err != nil {
		return nil, fmt.Errorf("%s/package.json: %w", folder, err)
	}
	return &found, nil
}

// installed lists the packages of a node_modules folder; a linked SDK is followed.
func installed(folder string) []*packageJSON {
	modules := filepath.Join(folder, "node_modules")
	plain, _ := filepath.Glob(filepath.Join(modules, "*", "package.json"))
	scoped, _ := filepath.Glob(filepath.Join(modules, "@*", "*", "package.json"))
	var found []*packageJSON
	for _, file := range append(plain, scoped...) {
		if one, err := readPackage(filepath.Dir(file)); err == nil { // a broken package fails when it is imported
			found = append(found, one)
		}
	}
	return found
}

func (h *host) GetRequiredPackages(_ context.Context, request *pulumirpc.GetRequiredPackagesRequest,
) (*pulumirpc.GetRequiredPackagesResponse, error) {
	response := &pulumirpc.GetRequiredPackagesResponse{}
	for _, one := range installed(directory(request.Info)) {
		if one.Pulumi == nil || !one.Pulumi.Resource {
			continue
		}
		dependency := &pulumirpc.PackageDependency{
			Name: one.Pulumi.Name, Kind: "resource", Version: one.Pulumi.Version, Server: one.Pulumi.Server,
		}
		if dependency.Name == "" {
			dependency.Name = strings.TrimPrefix(one.Name, "@pulumi/")
		}
		if dependency.Version == "" {
			dependency.Version = one.Version
		}
		if parameter := one.Pulumi.Parameterization; parameter != nil {
			dependency.Parameterization = &pulumirpc.PackageParameterization{
				Name: parameter.Name, Version: parameter.Version, Value: parameter.Value,
			}
		}
		response.Packages = append(response.Packages, dependency)
	}
	return response, nil
}

func (h *host) GetProgramDependencies(_ context.Context, request *pulumirpc.GetProgramDependenciesRequest,
) (*pulumirpc.GetProgramDependenciesResponse, error) {
	folder := directory(request.Info)
	own, err := readPackage(folder)
	if err != nil {
		return nil, err
	}
	response := &pulumirpc.GetProgramDependenciesResponse{}
	for _, one := range installed(folder) {
		_, direct := own.Dependencies[one.Name]
		_, development := own.DevDependencies[one.Name]
		if direct || development || request.TransitiveDependencies {
			response.Dependencies = append(response.Dependencies, &pulumirpc.DependencyInfo{Name: one.Name, Version: one.Version})
		}
	}
	sort.Slice(response.Dependencies, func(i, j int) bool { return response.Dependencies[i].Name < response.Dependencies[j].Name })
	return response, nil
}

func (h *host) RuntimeOptionsPrompts(context.Context, *pulumirpc.RuntimeOptionsRequest) (*pulumirpc.RuntimeOptionsResponse, error) {
	return &pulumirpc.RuntimeOptionsResponse{}, nil
}

func directory(info *pulumirpc.ProgramInfo) string {
	if info == nil {
		return "."
	}
	return info.ProgramDirectory
}

// Run starts the program with the launcher that its own @pulumi/pulumi carries.
func (h *host) Run(ctx context.Context, request *pulumirpc.RunRequest) (*pulumirpc.RunResponse, error) {
	run, err := above(directory(request.Info), launcher)
	if err != nil {
		return &pulumirpc.RunResponse{Error: err.Error()}, nil
	}
	entry := request.Program
	if request.Info != nil && request.Info.EntryPoint != "" {
		entry = request.Info.EntryPoint
	}
	if entry == "" {
		entry = "."
	}
	arguments := []string{run}
	for _, pair := range [][2]string{
		{"monitor", request.MonitorAddress}, {"engine", h.engine}, {"organization", request.Organization},
		{"project", request.Project}, {"stack", request.Stack}, {"pwd", request.Pwd},
		{"root-directory", request.Info.GetRootDirectory()}, {"parallel", strconv.Itoa(int(request.Parallel))},
	} {
		if pair[1] != "" {
			arguments = append(arguments, "--"+pair[0], pair[1])
		}
	}
	if request.DryRun {
		arguments = append(arguments, "--dry-run")
	}
	config, err := json.Marshal(request.Config)
	if err != nil {
		return nil, err
	}
	secrets, err := json.Marshal(request.ConfigSecretKeys)
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, "node", append(append(arguments, entry), request.Args...)...)
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = grace
	command.Dir = request.Pwd
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	// The SDK reads its configuration from the environment and knows no other way.
	command.Env = append(os.Environ(), "PULUMI_CONFIG="+string(config), "PULUMI_CONFIG_SECRET_KEYS="+string(secrets),
		"PULUMI_NODEJS_TYPESCRIPT="+strconv.FormatBool(typescript(request.Info)))
	err = command.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return &pulumirpc.RunResponse{}, nil
	case errors.As(err, &exit) && exit.ExitCode() == reported:
		return &pulumirpc.RunResponse{Bail: true}, nil
	case errors.As(err, &exit):
		return &pulumirpc.RunResponse{Error: fmt.Sprintf("the program ended with %s", exit)}, nil
	default:
		return &pulumirpc.RunResponse{Error: fmt.Sprintf("node does not start: %s", err)}, nil
	}
}

// above finds a path below a folder or the nearest folder around it, as Node.js finds modules.
func above(folder, path string) (string, error) {
	start, err := filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	for current := start; ; current = filepath.Dir(current) {
		if found := filepath.Join(current, path); exists(found) {
			return found, nil
		}
		if current == filepath.Dir(current) {
			return "", fmt.Errorf("%s has no @pulumi/pulumi: run `npm install` there", start)
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func typescript(info *pulumirpc.ProgramInfo) bool {
	if value, ok := info.GetOptions().GetFields()["typescript"]; ok {
		return value.GetBoolValue()
	}
	return true
}

func (h *host) InstallDependencies(request *pulumirpc.InstallDependenciesRequest,
	stream pulumirpc.LanguageRuntime_InstallDependenciesServer,
) error {
	folder := directory(request.Info)
	if request.Info == nil {
		folder = request.Directory
	}
	command := exec.CommandContext(stream.Context(), "npm", "install", "--no-audit", "--no-fund", "--loglevel=error")
	command.Dir = folder
	output, err := command.CombinedOutput()
	if len(output) > 0 {
		if sent := stream.Send(&pulumirpc.InstallDependenciesResponse{Stdout: output}); sent != nil {
			return sent
		}
	}
	if err != nil {
		return fmt.Errorf("npm install in %s: %w", folder, err)
	}
	return nil
}

// GeneratePackage writes an SDK with Pulumi's own generator.
func (h *host) GeneratePackage(_ context.Context, request *pulumirpc.GeneratePackageRequest,
) (*pulumirpc.GeneratePackageResponse, error) {
	loader, err := schema.NewLoaderClient(request.LoaderTarget)
	if err != nil {
		return nil, err
	}
	defer loader.Close()
	cached := schema.NewCachedLoader(loader)
	var spec schema.PackageSpec
	if err := json.Unmarshal([]byte(request.Schema), &spec); err != nil {
		return nil, fmt.Errorf("the schema is not JSON: %w", err)
	}
	bound, problems, err := schema.BindSpec(spec, cached, schema.ValidationOptions{})
	if err != nil {
		return nil, err
	}
	response := &pulumirpc.GeneratePackageResponse{Diagnostics: plugin.HclDiagnosticsToRPCDiagnostics(problems)}
	if problems.HasErrors() {
		return response, nil
	}
	files, err := nodejs.GeneratePackage(
		"pulumi-language-nodejs", bound, request.ExtraFiles, request.LocalDependencies, request.Local, cached)
	if err != nil {
		return nil, err
	}
	for name, content := range files {
		path := filepath.Join(request.Directory, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return nil, err
		}
	}
	return response, nil
}

// Link makes generated SDKs dependencies of the program.
func (h *host) Link(ctx context.Context, request *pulumirpc.LinkRequest) (*pulumirpc.LinkResponse, error) {
	root := directory(request.Info)
	arguments := []string{"pkg", "set"}
	var text bytes.Buffer
	for _, one := range request.Packages {
		sdk, err := readPackage(filepath.Join(root, one.Path))
		if err != nil {
			return nil, err
		}
		arguments = append(arguments, fmt.Sprintf("dependencies[%s]=file:%s", sdk.Name, filepath.ToSlash(one.Path)))
		fmt.Fprintf(&text, "You can import the SDK in TypeScript:\n\n  import * as %s from %q;\n", identifier(one.Package.Name), sdk.Name)
	}
	command := exec.CommandContext(ctx, "npm", arguments...)
	command.Dir = root
	if output, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("npm pkg set in %s: %w: %s", root, err, strings.TrimSpace(string(output)))
	}
	return &pulumirpc.LinkResponse{ImportInstructions: text.String()}, nil
}

func identifier(name string) string {
	return strings.ReplaceAll(name, "-", "_")
}

func main() {
	ours := &host{}
	for _, argument := range os.Args[1:] {
		if !strings.HasPrefix(argument, "-") {
			ours.engine = argument
		}
	}
	err := serve(ours.engine, func(server *grpc.Server) { pulumirpc.RegisterLanguageRuntimeServer(server, ours) })
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
