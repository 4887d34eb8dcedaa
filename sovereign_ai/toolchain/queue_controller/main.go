// kueue is Kueue's own controllers, scheduler and webhooks, composed for a control plane of one machine. Kueue's own program answers
// everybody who reaches its webhook, metrics, health and visibility ports, and wants to write every webhook configuration and custom
// resource definition of the cluster for the certificates that it makes. This one has one listener, which wants a certificate of the
// control plane's authority, and takes its own certificate from a folder. Its settings name the kinds of work that it admits; it sends work
// to other clusters only where their gate for MultiKueue is open, and knows them by kubeconfigs in Secrets of its own namespace alone.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"sync/atomic"

	resourceapi "k8s.io/api/resource/v1"
	schedulingapi "k8s.io/api/scheduling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/discovery"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/flowcontrol"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/webhook"

	configapi "sigs.k8s.io/kueue/apis/config/v1beta2"
	kueue "sigs.k8s.io/kueue/apis/kueue/v1beta2"
	queuecache "sigs.k8s.io/kueue/pkg/cache/queue"
	schedulercache "sigs.k8s.io/kueue/pkg/cache/scheduler"
	"sigs.k8s.io/kueue/pkg/config"
	"sigs.k8s.io/kueue/pkg/constants"
	"sigs.k8s.io/kueue/pkg/controller/admissionchecks/multikueue"
	"sigs.k8s.io/kueue/pkg/controller/core"
	"sigs.k8s.io/kueue/pkg/controller/core/indexer"
	"sigs.k8s.io/kueue/pkg/controller/jobframework"
	_ "sigs.k8s.io/kueue/pkg/controller/jobs/job"
	_ "sigs.k8s.io/kueue/pkg/controller/jobs/jobset"
	_ "sigs.k8s.io/kueue/pkg/controller/jobs/leaderworkerset"
	_ "sigs.k8s.io/kueue/pkg/controller/jobs/pod"
	_ "sigs.k8s.io/kueue/pkg/controller/jobs/trainjob"
	"sigs.k8s.io/kueue/pkg/controller/tas"
	tasindexer "sigs.k8s.io/kueue/pkg/controller/tas/indexer"
	"sigs.k8s.io/kueue/pkg/dra"
	"sigs.k8s.io/kueue/pkg/features"
	"sigs.k8s.io/kueue/pkg/metrics"
	"sigs.k8s.io/kueue/pkg/scheduler"
	preemption "sigs.k8s.io/kueue/pkg/scheduler/preemption/expectations"
	"sigs.k8s.io/kueue/pkg/scheduler/preemption/fairsharing"
	"sigs.k8s.io/kueue/pkg/util/expectations"
	"sigs.k8s.io/kueue/pkg/util/kubeversion"
	"sigs.k8s.io/kueue/pkg/util/roletracker"
	"sigs.k8s.io/kueue/pkg/webhooks"
)

// version is set at link time.
var version = "unknown"

// controller holds what Kueue's parts share.
type controller struct {
	settings     configapi.Configuration
	manager      ctrl.Manager
	role         *roletracker.RoleTracker
	cache        *schedulercache.Cache
	queues       *queuecache.Manager
	expectations *expectations.Store
}

func main() {
	file := flag.String("config", "", "file with a Configuration of config.kueue.x-k8s.io")
	kubeconfig := flag.String("identity", "", "kubeconfig of the controller")
	shows := flag.Bool("version", false, "print the version and end")
	flag.Parse()
	if *shows {
		fmt.Println("kueue version v" + version)
		return
	}
	ctrl.SetLogger(zap.New(zap.UseDevMode(false)))
	if err := run(ctrl.SetupSignalHandler(), *file, *kubeconfig); err != nil {
		fmt.Fprintln(os.Stderr, "kueue:", err)
		os.Exit(1)
	}
}

// run starts everything and returns when the context ends, or when something failed.
func run(ctx context.Context, file, kubeconfig string) error {
	kinds, err := knownKinds()
	if err != nil {
		return err
	}
	options, settings, err := config.Load(kinds, file)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if err := utilfeature.DefaultMutableFeatureGate.SetFromMap(settings.FeatureGates); err != nil {
		return fmt.Errorf("%s: feature gates: %w", file, err)
	}
	if err := countClaims(settings.Resources); err != nil {
		return fmt.Errorf("%s: resources.deviceClassMappings: %w", file, err)
	}
	client, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client.UserAgent = "kueue/v" + version
	client.RateLimiter = flowcontrol.NewTokenBucketRateLimiter(*settings.ClientConnection.QPS, int(*settings.ClientConnection.Burst))
	// Both of these ports would answer everybody who reaches them.
	options.Metrics = metricsserver.Options{BindAddress: "0"}
	options.HealthProbeBindAddress = "0"
	options.WebhookServer = webhook.NewServer(webhook.Options{
		Host:         settings.Webhook.Host,
		Port:         *settings.Webhook.Port,
		CertDir:      settings.Webhook.CertDir,
		ClientCAName: "ca.crt",
	})
	shared, err := ctrl.NewManager(client, options)
	if err != nil {
		return err
	}
	versions, err := serverVersion(shared)
	if err != nil {
		return err
	}
	all := compose(ctx, settings, shared)
	if err := all.setUp(ctx, versions); err != nil {
		return err
	}
	if err := answerProbes(shared); err != nil {
		return err
	}
	return shared.Start(ctx)
}

// countClaims makes known which device classes count against which resource of a quota, where the gate for claims is open.
func countClaims(resources *configapi.Resources) error {
	if resources == nil || !features.Enabled(features.DynamicResourceAllocation) {
		return nil
	}
	return dra.CreateMapperFromConfiguration(resources.DeviceClassMappings)
}

// knownKinds returns the kinds that Kueue reads and writes.
func knownKinds() (*runtime.Scheme, error) {
	kinds := runtime.NewScheme()
	adders := []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme, schedulingapi.AddToScheme, resourceapi.AddToScheme, kueue.AddToScheme, configapi.AddToScheme,
	}
	for _, add := range adders {
		if err := add(kinds); err != nil {
			return nil, err
		}
	}
	err := jobframework.ForEachIntegration(func(_ string, kind jobframework.IntegrationCallbacks) error {
		if kind.AddToScheme == nil {
			return nil
		}
		return kind.AddToScheme(kinds)
	})
	return kinds, err
}

// serverVersion asks the API server for its version once, and follows it from then on.
func serverVersion(shared ctrl.Manager) (*kubeversion.ServerVersionFetcher, error) {
	client, err := discovery.NewDiscoveryClientForConfig(shared.GetConfig())
	if err != nil {
		return nil, err
	}
	versions := kubeversion.NewServerVersionFetcher(client)
	if err := versions.FetchServerVersion(); err != nil {
		return nil, fmt.Errorf("the API server's version: %w", err)
	}
	return versions, shared.Add(versions)
}

// compose makes the caches of queues and quotas.
func compose(ctx context.Context, settings configapi.Configuration, shared ctrl.Manager) *controller {
	all := &controller{settings: settings, manager: shared, expectations: preemption.New()}
	if election := settings.LeaderElection; election != nil && election.LeaderElect != nil && *election.LeaderElect {
		all.role = roletracker.NewRoleTracker(shared.Elected())
		go all.role.Start(ctx, shared.GetLogger())
	}
	queueOptions := []queuecache.Option{queuecache.WithRoleTracker(all.role), queuecache.WithPreemptionExpectations(all.expectations)}
	cacheOptions := []schedulercache.Option{schedulercache.WithRoleTracker(all.role)}
	if settings.FairSharing != nil {
		cacheOptions = append(cacheOptions, schedulercache.WithFairSharing(fairsharing.Enabled(settings.FairSharing)))
	}
	requeuer := queuecache.NewRequeuer()
	all.cache = schedulercache.New(shared.GetClient(), cacheOptions...)
	all.queues = queuecache.NewManager(shared.GetClient(), all.cache, requeuer, queueOptions...)
	// Neither fails: the manager has not started, and takes every part until then.
	_ = shared.Add(requeuer)
	go all.queues.CleanUpOnContext(ctx)
	go all.cache.CleanUpOnContext(ctx)
	return all
}

// setUp adds Kueue's indexes, controllers, webhooks and scheduler to the manager.
func (all *controller) setUp(ctx context.Context, versions *kubeversion.ServerVersionFetcher) error {
	metrics.Register()
	fields, frameworks := all.manager.GetFieldIndexer(), all.settings.Integrations.Frameworks
	err := errors.Join(
		indexer.Setup(ctx, fields),
		tasindexer.SetupIndexes(ctx, fields),
		jobframework.SetupIndexes(ctx, fields, jobframework.WithEnabledFrameworks(frameworks)),
	)
	if err != nil {
		return fmt.Errorf("indexes: %w", err)
	}
	if name, err := core.SetupControllers(all.manager, all.queues, all.cache, &all.settings, all.role, all.expectations, nil); err != nil {
		return fmt.Errorf("controller %s: %w", name, err)
	}
	if name, err := tas.SetupControllers(all.manager, all.queues, all.cache, &all.settings, all.role); err != nil {
		return fmt.Errorf("controller %s: %w", name, err)
	}
	if err := all.dispatch(ctx); err != nil {
		return fmt.Errorf("multikueue: %w", err)
	}
	managed, err := metav1.LabelSelectorAsSelector(all.settings.ManagedJobsNamespaceSelector)
	if err != nil {
		return fmt.Errorf("managedJobsNamespaceSelector: %w", err)
	}
	err = jobframework.SetupControllers(ctx, all.manager, all.manager.GetLogger(),
		jobframework.WithManageJobsWithoutQueueName(all.settings.ManageJobsWithoutQueueName),
		jobframework.WithManagedJobsNamespaceSelector(managed),
		jobframework.WithKubeServerVersion(versions),
		jobframework.WithEnabledFrameworks(frameworks),
		jobframework.WithManagerName(constants.KueueName),
		jobframework.WithCache(all.cache),
		jobframework.WithQueues(all.queues),
		jobframework.WithRoleTracker(all.role),
	)
	if err != nil {
		return fmt.Errorf("job controllers: %w", err)
	}
	if name, err := webhooks.Setup(all.manager, all.role); err != nil {
		return fmt.Errorf("webhook %s: %w", name, err)
	}
	return all.manager.Add(scheduler.New(all.queues, all.cache, all.manager.GetClient(),
		all.manager.GetEventRecorderFor(constants.AdmissionName),
		scheduler.WithFairSharing(all.settings.FairSharing),
		scheduler.WithRoleTracker(all.role),
		scheduler.WithPreemptionExpectations(all.expectations),
	))
}

// dispatch adds what sends admitted work to other clusters, all of them at once, where the gate for it is open.
func (all *controller) dispatch(ctx context.Context) error {
	if !features.Enabled(features.MultiKueue) {
		return nil
	}
	if err := multikueue.SetupIndexer(ctx, all.manager.GetFieldIndexer(), *all.settings.Namespace); err != nil {
		return err
	}
	adapters, err := jobframework.GetMultiKueueAdapters(sets.New(all.settings.Integrations.Frameworks...))
	if err != nil {
		return err
	}
	return multikueue.SetupControllers(all.manager, *all.settings.Namespace,
		multikueue.WithAdapters(adapters),
		multikueue.WithGCInterval(all.settings.MultiKueue.GCInterval.Duration),
		multikueue.WithOrigin(*all.settings.MultiKueue.Origin),
		multikueue.WithRoleTracker(all.role),
		multikueue.WithWorkerLostTimeout(all.settings.MultiKueue.WorkerLostTimeout.Duration),
	)
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
