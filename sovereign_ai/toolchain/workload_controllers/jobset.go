// jobset is JobSet's own controllers and webhooks: it makes Jobs of a JobSet, and keeps them together.
package main

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"

	jobset "sigs.k8s.io/jobset/api/jobset/v1alpha2"
	"sigs.k8s.io/jobset/pkg/controllers"
	"sigs.k8s.io/jobset/pkg/webhooks"
)

func main() {
	serve(program{name: "jobset", kinds: []func(*runtime.Scheme) error{jobset.AddToScheme}, setUp: setUp})
}

// setUp adds JobSet's indexes, controllers and webhooks to the manager.
func setUp(ctx context.Context, shared ctrl.Manager) error {
	client, kinds := shared.GetClient(), shared.GetScheme()
	judge, err := webhooks.NewJobSetWebhook(client)
	if err != nil {
		return err
	}
	return errors.Join(
		controllers.SetupJobSetIndexes(ctx, shared.GetFieldIndexer()),
		controllers.SetupPodIndexes(ctx, shared.GetFieldIndexer()),
		controllers.NewJobSetReconciler(client, kinds, shared.GetEventRecorderFor("jobset")).SetupWithManager(shared),
		controllers.NewPodReconciler(client, kinds, shared.GetEventRecorderFor("pod")).SetupWithManager(shared),
		judge.SetupWebhookWithManager(shared),
		webhooks.NewPodWebhook(client).SetupWebhookWithManager(shared),
	)
}
