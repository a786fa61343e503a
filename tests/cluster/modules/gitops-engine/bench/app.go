package main

import (
	"context"
	"fmt"
	"time"

	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/cache"
	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/diff"
	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/health"
	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/sync"
	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/sync/common"
	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/utils/kube"
	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/utils/tracing"
	"github.com/go-logr/logr"
	"golang.org/x/sync/semaphore"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
)

// tracking is how Argo CD knows its objects again.
const tracking = "argocd.argoproj.io/tracking-id"

// app is one application: its objects, and the cluster as the cache sees it.
type app struct {
	settings settings
	config   *rest.Config
	kubectl  kube.Kubectl
	cache    cache.ClusterCache
	objects  []*unstructured.Unstructured
	changed  chan struct{}
	passes   int
}

// info is what the cache remembers of an object.
type info struct{ tracking string }

func newApp(config *rest.Config, s settings, objects []*unstructured.Unstructured) *app {
	kubectl := &kube.KubectlCmd{Log: logr.Discard(), Tracer: tracing.NopTracer{}}
	turns := semaphore.NewWeighted(s.applies)
	kubectl.SetOnKubectlRun(func(string) (kube.CleanupFunc, error) {
		if err := turns.Acquire(context.Background(), 1); err != nil {
			return nil, err
		}
		return func() { turns.Release(1) }, nil
	})
	namespaces := []string{s.namespace}
	if s.everywhere {
		namespaces = nil
	}
	clusterCache := cache.NewClusterCache(config,
		cache.SetKubectl(kubectl),
		cache.SetNamespaces(namespaces),
		cache.SetBatchEventsProcessing(true),
		cache.SetLogr(logr.Discard()),
		cache.SetPopulateResourceInfoHandler(func(un *unstructured.Unstructured, _ bool) (any, bool) {
			id := un.GetAnnotations()[tracking]
			return &info{id}, id != ""
		}),
	)
	for _, object := range objects {
		annotations := object.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		gvk := object.GroupVersionKind()
		annotations[tracking] = fmt.Sprintf("bench:%s/%s:%s/%s", gvk.Group, gvk.Kind, s.namespace, object.GetName())
		object.SetAnnotations(annotations)
		// Without one the cache takes it for an object of the cluster.
		if object.GetNamespace() == "" {
			object.SetNamespace(s.namespace)
		}
	}
	a := &app{settings: s, config: config, kubectl: kubectl, cache: clusterCache, objects: objects, changed: make(chan struct{}, 1)}
	clusterCache.OnResourceUpdated(func(next, last *cache.Resource, _ map[kube.ResourceKey]*cache.Resource) {
		if isOurs(next) || isOurs(last) {
			select {
			case a.changed <- struct{}{}:
			default:
			}
		}
	})
	return a
}

func isOurs(r *cache.Resource) bool {
	if r == nil {
		return false
	}
	known, ok := r.Info.(*info)
	return ok && known.tracking != ""
}

// sync makes passes until the operation is complete.
func (a *app) sync(ctx context.Context) error {
	phase, message := common.OperationRunning, ""
	var results []common.ResourceSyncResult
	started := metav1.Now()
	for {
		a.passes++
		var err error
		phase, message, results, err = a.pass(ctx, phase, message, results, started)
		if err != nil {
			return err
		}
		if phase == common.OperationSucceeded {
			return nil
		}
		if phase.Completed() {
			return fmt.Errorf("the sync ended as %s: %s", phase, message)
		}
		if err := a.wait(ctx); err != nil {
			return fmt.Errorf("%w: %s", err, message)
		}
	}
}

// pass compares and takes one step, as Argo CD's SyncAppState does.
func (a *app) pass(
	ctx context.Context, phase common.OperationPhase, message string, results []common.ResourceSyncResult, started metav1.Time,
) (common.OperationPhase, string, []common.ResourceSyncResult, error) {
	live, err := a.cache.GetManagedLiveObjs(a.objects, isOurs)
	if err != nil {
		return phase, message, results, fmt.Errorf("look at what is live: %w", err)
	}
	reconciled := sync.Reconcile(a.objects, live, a.settings.namespace, a.cache)
	differences, err := diff.DiffArray(ctx, reconciled.Target, reconciled.Live, diff.WithLogr(logr.Discard()))
	if err != nil {
		return phase, message, results, fmt.Errorf("compare: %w", err)
	}
	syncContext, cleanup, err := sync.NewSyncContext("1", reconciled, a.config, a.config, a.kubectl, a.settings.namespace,
		sync.WithLogr(logr.Discard()),
		sync.WithOperationSettings(false, false, false, false),
		sync.WithInitialState(phase, message, results, started),
		sync.WithManifestValidation(true),
		sync.WithResourceModificationChecker(false, differences),
		sync.WithSyncWaveHook(func(_ common.SyncPhase, _ int, final bool) error {
			if !final {
				time.Sleep(a.settings.waveDelay)
			}
			return nil
		}),
	)
	if err != nil {
		return phase, message, results, fmt.Errorf("make a sync context: %w", err)
	}
	defer cleanup()
	syncContext.Sync(ctx)
	phase, message, results = syncContext.GetState()
	return phase, message, results, nil
}

// awaitHealth waits until every object is healthy that has a health.
func (a *app) awaitHealth(ctx context.Context) error {
	for {
		live, err := a.cache.GetManagedLiveObjs(a.objects, isOurs)
		if err != nil {
			return fmt.Errorf("look at what is live: %w", err)
		}
		healthy := len(live) >= len(a.objects)
		for _, object := range live {
			status, err := health.GetResourceHealth(object, nil)
			if err != nil {
				return fmt.Errorf("judge %s: %w", object.GetName(), err)
			}
			if status != nil && status.Status != health.HealthStatusHealthy {
				healthy = false
			}
		}
		if healthy {
			return nil
		}
		if err := a.wait(ctx); err != nil {
			return err
		}
	}
}

// wait waits for a change, and a second at most.
func (a *app) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-a.changed:
	case <-time.After(time.Second):
	}
	return nil
}
