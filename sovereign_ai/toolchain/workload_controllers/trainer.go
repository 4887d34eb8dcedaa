// trainer is Kubeflow Trainer's own controllers and webhooks: it makes a JobSet of a TrainJob and its runtime. Its plugin for MPI reads
// every secret and config map of the cluster, and that for Flux every config map: here both see a single name, which nobody uses, and
// need no right to anything else. Jobs of these two runtimes are not run.
package main

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	controllerruntime "sigs.k8s.io/controller-runtime/pkg/controller"

	configapi "github.com/kubeflow/trainer/v2/pkg/apis/config/v1alpha1"
	trainer "github.com/kubeflow/trainer/v2/pkg/apis/trainer/v1alpha1"
	"github.com/kubeflow/trainer/v2/pkg/controller"
	runtimecore "github.com/kubeflow/trainer/v2/pkg/runtime/core"
	"github.com/kubeflow/trainer/v2/pkg/webhooks"
	jobset "sigs.k8s.io/jobset/api/jobset/v1alpha2"
	schedulerplugins "sigs.k8s.io/scheduler-plugins/apis/scheduling/v1alpha1"
	volcano "volcano.sh/apis/pkg/apis/scheduling/v1beta1"
)

// unread is the name of the only secret and config map that may be read.
const unread = "sovereign-ai-unread"

func main() {
	onlyUnread := cache.ByObject{Field: fields.OneTermEqualSelector("metadata.name", unread)}
	serve(program{
		name: "trainer",
		kinds: []func(*runtime.Scheme) error{
			configapi.AddToScheme, trainer.AddToScheme, jobset.AddToScheme, schedulerplugins.AddToScheme, volcano.AddToScheme,
		},
		cache: cache.Options{ByObject: map[client.Object]cache.ByObject{
			&corev1.Secret{}: onlyUnread, &corev1.ConfigMap{}: onlyUnread,
		}},
		setUp: setUp,
	})
}

// setUp adds Trainer's runtimes, controllers and webhooks to the manager.
func setUp(ctx context.Context, shared ctrl.Manager) error {
	runtimes, err := runtimecore.New(ctx, shared.GetClient(), shared.GetFieldIndexer(), &configapi.Configuration{})
	if err != nil {
		return fmt.Errorf("runtimes: %w", err)
	}
	if name, err := controller.SetupControllers(shared, runtimes, controllerruntime.Options{}); err != nil {
		return fmt.Errorf("controller %s: %w", name, err)
	}
	if name, err := webhooks.Setup(shared, runtimes); err != nil {
		return fmt.Errorf("webhook %s: %w", name, err)
	}
	return nil
}
