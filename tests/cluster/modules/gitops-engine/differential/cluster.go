package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/cache"
	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/utils/kube"
	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/utils/tracing"
	"github.com/go-logr/logr"
	"golang.org/x/sync/semaphore"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
)

// tracking is how Argo CD knows its objects again: application:group/kind:namespace/name.
const tracking = "argocd.argoproj.io/tracking-id"

// atOnce is how many kubectl commands Argo CD runs at once.
const atOnce = 20

// cluster is the cluster as a controller sees it, with one cache for all applications.
type cluster struct {
	config  *rest.Config
	kubectl kube.Kubectl
	cache   cache.ClusterCache

	lock sync.Mutex
	// changed tells running operations, by application, that one of their objects changed.
	changed map[string]chan struct{}
}

// info is what the cache remembers of an object.
type info struct{ app string }

func watchCluster(config *rest.Config) (*cluster, error) {
	kubectl := &kube.KubectlCmd{Log: logr.Discard(), Tracer: tracing.NopTracer{}}
	turns := semaphore.NewWeighted(atOnce)
	kubectl.SetOnKubectlRun(func(string) (kube.CleanupFunc, error) {
		if err := turns.Acquire(context.Background(), 1); err != nil {
			return nil, err
		}
		return func() { turns.Release(1) }, nil
	})
	c := &cluster{config: config, kubectl: kubectl, changed: map[string]chan struct{}{}}
	c.cache = cache.NewClusterCache(config,
		cache.SetKubectl(kubectl),
		cache.SetBatchEventsProcessing(true),
		cache.SetEventProcessingInterval(20*time.Millisecond),
		cache.SetLogr(logr.Discard()),
		cache.SetPopulateResourceInfoHandler(func(object *unstructured.Unstructured, _ bool) (any, bool) {
			app := appOf(object)
			return &info{app}, app != ""
		}),
	)
	c.cache.OnResourceUpdated(func(next, last *cache.Resource, _ map[kube.ResourceKey]*cache.Resource) {
		c.tell(next)
		c.tell(last)
	})
	if err := c.cache.EnsureSynced(); err != nil {
		return nil, fmt.Errorf("fill the cluster cache: %w", err)
	}
	return c, nil
}

func appOf(object *unstructured.Unstructured) string {
	app, _, _ := strings.Cut(object.GetAnnotations()[tracking], ":")
	return app
}

func trackingOf(app string, object *unstructured.Unstructured) string {
	gvk := object.GroupVersionKind()
	return fmt.Sprintf("%s:%s/%s:%s/%s", app, gvk.Group, gvk.Kind, object.GetNamespace(), object.GetName())
}

// belongs says whether the cache knows an object as one of the application.
func belongs(object *cache.Resource, app string) bool {
	known, ok := object.Info.(*info)
	return ok && known.app == app
}

// tell wakes the operation of the application to which an object belongs.
func (c *cluster) tell(object *cache.Resource) {
	if object == nil {
		return
	}
	known, ok := object.Info.(*info)
	if !ok || known.app == "" {
		return
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	select {
	case c.changed[known.app] <- struct{}{}:
	default:
	}
}

// awaitLive waits until the cache knows what is there, and nothing of the application that isn't: a controller that compares with what
// was is a race that nobody asks about here.
func (c *cluster) awaitLive(ctx context.Context, app string, live map[string]int64) error {
	for {
		missing := c.unlike(app, live)
		if missing == "" {
			return nil
		}
		if err := wait(ctx, nil, 20*time.Millisecond); err != nil {
			return fmt.Errorf("%w: the cache isn't up to date about %s", err, missing)
		}
	}
}

// unlike names an object about which the cache isn't up to date, if there is one.
func (c *cluster) unlike(app string, live map[string]int64) string {
	known := map[string]int64{}
	for key, object := range c.cache.FindResources("") {
		name := fmt.Sprintf("%s/%s/%s", key.Kind, key.Namespace, key.Name)
		version, err := strconv.ParseInt(object.ResourceVersion, 10, 64)
		if _, ok := live[name]; !ok && (!belongs(object, app) || len(object.OwnerRefs) > 0) {
			continue
		}
		if err == nil {
			known[name] = version
		}
	}
	for name, version := range live {
		if known[name] < version {
			return name
		}
	}
	for name := range known {
		if _, ok := live[name]; !ok {
			return name
		}
	}
	return ""
}

// listen returns what wakes an application's operation.
func (c *cluster) listen(app string) <-chan struct{} {
	c.lock.Lock()
	defer c.lock.Unlock()
	changed := make(chan struct{}, 1)
	c.changed[app] = changed
	return changed
}
