// lws is LeaderWorkerSet's own controllers and webhooks: it makes a group of pods of each replica, and restarts it whole. Groups are kept
// together by Kueue, and by no other scheduler: pod groups of Volcano are not made.
package main

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"

	leaderworkerset "sigs.k8s.io/lws/api/leaderworkerset/v1"
	"sigs.k8s.io/lws/pkg/controllers"
	"sigs.k8s.io/lws/pkg/webhooks"
)

func main() {
	serve(program{name: "lws", kinds: []func(*runtime.Scheme) error{leaderworkerset.AddToScheme}, setUp: setUp})
}

// setUp adds LeaderWorkerSet's indexes, controllers and webhooks to the manager.
func setUp(_ context.Context, shared ctrl.Manager) error {
	client, kinds, events := shared.GetClient(), shared.GetScheme(), shared.GetEventRecorderFor("leaderworkerset")
	return errors.Join(
		controllers.SetupIndexes(shared.GetFieldIndexer()),
		controllers.NewLeaderWorkerSetReconciler(client, kinds, events).SetupWithManager(shared),
		controllers.NewPodReconciler(client, kinds, events, nil).SetupWithManager(shared),
		webhooks.SetupLeaderWorkerSetWebhook(shared),
		webhooks.NewPodWebhook(nil).Setup(shared),
	)
}
