// What the controllers of jobs and gangs have in common on a control plane of one machine. The programs that their projects publish
// answer everybody who reaches their webhook, metrics and health ports, and want to write webhook configurations and secrets for the
// certificates that they make. Each of these has one listener, which wants a certificate of the control plane's authority, and takes its
// own certificate from a folder.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/flowcontrol"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
)

// Requests a second, and at once: the machines are simulated, and a gang of thousands of pods starts at once.
const steadyRate, burst = 1000, 2000

// version is set at link time.
var version = "unknown"

// program is a controller: its name, the kinds that it reads and writes beside those of Kubernetes, and what it consists of.
type program struct {
	name  string
	kinds []func(*runtime.Scheme) error
	cache cache.Options
	setUp func(context.Context, ctrl.Manager) error
}

// serve runs a program until it is told to end, or until something failed.
func serve(each program) {
	kubeconfig := flag.String("identity", "", "kubeconfig of the controller")
	address := flag.String("host", "127.0.0.1", "address of the webhooks' listener")
	port := flag.Int("port", 0, "port of the webhooks' listener")
	certificates := flag.String("certificates", "", "folder with tls.crt, tls.key and ca.crt, the authority of its clients")
	shows := flag.Bool("version", false, "print the version and end")
	flag.Parse()
	if *shows {
		fmt.Printf("%s version v%s\n", each.name, version)
		return
	}
	ctrl.SetLogger(zap.New(zap.UseDevMode(false)))
	listener := webhook.Options{Host: *address, Port: *port, CertDir: *certificates, ClientCAName: "ca.crt"}
	if err := each.run(ctrl.SetupSignalHandler(), *kubeconfig, listener); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", each.name, err)
		os.Exit(1)
	}
}

// run starts everything and returns when the context ends, or when something failed.
func (each program) run(ctx context.Context, kubeconfig string, listener webhook.Options) error {
	kinds := runtime.NewScheme()
	for _, add := range append([]func(*runtime.Scheme) error{clientgoscheme.AddToScheme}, each.kinds...) {
		if err := add(kinds); err != nil {
			return err
		}
	}
	client, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client.UserAgent = each.name + "/v" + version
	client.RateLimiter = flowcontrol.NewTokenBucketRateLimiter(steadyRate, burst)
	shared, err := ctrl.NewManager(client, ctrl.Options{
		Scheme: kinds,
		Cache:  each.cache,
		// One process, which its supervisor restarts: with an election it would wait for its own old lease.
		LeaderElection: false,
		// Both of these ports would answer everybody who reaches them.
		Metrics:                metricsserver.Options{BindAddress: "0"},
		HealthProbeBindAddress: "0",
		WebhookServer:          webhook.NewServer(listener),
	})
	if err != nil {
		return err
	}
	if err := each.setUp(ctx, shared); err != nil {
		return err
	}
	if err := answerProbes(shared); err != nil {
		return err
	}
	return shared.Start(ctx)
}

// answerProbes answers `/readyz` beside the webhooks, and so to nobody without a certificate: 200 when every cache is filled.
func answerProbes(shared ctrl.Manager) error {
	var ready atomic.Bool
	shared.GetWebhookServer().Register("/readyz", http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
		if !ready.Load() {
			answer.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	return shared.Add(manager.RunnableFunc(func(ctx context.Context) error {
		ready.Store(shared.GetCache().WaitForCacheSync(ctx))
		<-ctx.Done()
		return nil
	}))
}
